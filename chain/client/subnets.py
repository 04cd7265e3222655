"""Subnets: reading them, registering one, starting it, setting its hyperparameters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from meritnet.chain.client import epoch_rules
from meritnet.chain.client.storage_key import blake2_128_concat, item_prefix
from meritnet.chain.errors import ChainError, CodecError, UsageError
from meritnet.chain.keys import KeyPair, ss58_encode
from meritnet.chain.scale import Reader, u16
from meritnet.chain.types import BlockNumber, NetUid, Rao, Ss58Address

if TYPE_CHECKING:
    from meritnet.chain.client.client import Chain
    from meritnet.chain.client.codec import Call
    from meritnet.chain.client.submission import Receipt

PALLET = "SubtensorModule"


@dataclass(frozen=True)
class SubnetInfo:
    """A subnet as lists show it. ``emission_rao`` is what the last block gave it."""

    netuid: NetUid
    name: str
    description: str
    symbol: str
    owner_coldkey: Ss58Address
    owner_hotkey: Ss58Address
    is_started: bool
    neurons: int
    max_neurons: int
    tempo: int
    last_epoch_block: BlockNumber
    registered_at_block: BlockNumber
    registration_price_rao: Rao
    staked_rao: Rao
    locked_rao: Rao
    emission_rao: Rao
    pending_rao: Rao


@dataclass(frozen=True)
class Hyperparameters:
    """The hyperparameters of a subnet under the chain's names and units; shares are of 65,535."""

    rho: int
    kappa: int
    immunity_period: int
    min_allowed_weights: int
    max_weights_limit: int
    tempo: int
    weights_version: int
    weights_rate_limit: int
    activity_cutoff: int
    activity_cutoff_factor: int
    registration_allowed: bool
    target_regs_per_interval: int
    min_burn: int
    max_burn: int
    burn_half_life: int
    burn_increase_mult: float
    bonds_moving_avg: int
    max_regs_per_block: int
    serving_rate_limit: int
    max_validators: int
    commit_reveal_period: int
    commit_reveal_weights_enabled: bool
    alpha_high: int
    alpha_low: int
    liquid_alpha_enabled: bool
    alpha_sigmoid_steepness: float
    yuma_version: int
    subnet_is_active: bool
    transfers_enabled: bool
    bonds_reset_enabled: bool
    owner_cut_enabled: bool


SETTERS: Mapping[str, str] = {
    "activity_cutoff_factor": "SubtensorModule.set_activity_cutoff_factor",
    "alpha_sigmoid_steepness": "AdminUtils.sudo_set_alpha_sigmoid_steepness",
    "bonds_moving_avg": "AdminUtils.sudo_set_bonds_moving_average",
    "bonds_penalty": "AdminUtils.sudo_set_bonds_penalty",
    "burn_half_life": "AdminUtils.sudo_set_burn_half_life",
    "commit_reveal_period": "AdminUtils.sudo_set_commit_reveal_weights_interval",
    "commit_reveal_weights_enabled": "AdminUtils.sudo_set_commit_reveal_weights_enabled",
    "emission_enabled": "AdminUtils.sudo_set_subnet_emission_enabled",
    "immunity_period": "AdminUtils.sudo_set_immunity_period",
    "kappa": "AdminUtils.sudo_set_kappa",
    "liquid_alpha_enabled": "AdminUtils.sudo_set_liquid_alpha_enabled",
    "max_allowed_uids": "AdminUtils.sudo_set_max_allowed_uids",
    "max_burn": "AdminUtils.sudo_set_max_burn",
    "max_validators": "AdminUtils.sudo_set_max_allowed_validators",
    "min_allowed_uids": "AdminUtils.sudo_set_min_allowed_uids",
    "min_allowed_weights": "AdminUtils.sudo_set_min_allowed_weights",
    "min_burn": "AdminUtils.sudo_set_min_burn",
    "min_non_immune_uids": "AdminUtils.sudo_set_min_non_immune_uids",
    "owner_cut_enabled": "AdminUtils.sudo_set_owner_cut_enabled",
    "owner_immune_neuron_limit": "AdminUtils.sudo_set_owner_immune_neuron_limit",
    "registration_allowed": "AdminUtils.sudo_set_network_registration_allowed",
    "rho": "AdminUtils.sudo_set_rho",
    "serving_rate_limit": "AdminUtils.sudo_set_serving_rate_limit",
    "subnet_is_active": "AdminUtils.sudo_set_subtoken_enabled",
    "tempo": "SubtensorModule.set_tempo",
    "transfers_enabled": "AdminUtils.sudo_set_toggle_transfer",
    "weights_rate_limit": "AdminUtils.sudo_set_weights_set_rate_limit",
    "weights_version": "AdminUtils.sudo_set_weights_version_key",
    "yuma3_enabled": "AdminUtils.sudo_set_yuma3_enabled",
}
"""Hyperparameter → the call that sets it: the subnet's number first, then the value."""

LIQUID_ALPHA_MODES = ("current", "previous", "auto")
"""Which consensus liquid alpha goes by, in the chain's order: this epoch's, the previous one's, or the
previous one's at a bonds penalty of 1 only."""

ROOT_SETTERS: Mapping[str, str] = {"tempo": "AdminUtils.sudo_set_tempo"}
"""Where root has a call of its own: it is bound by fewer limits."""


def subnets(chain: Chain, at: str | None = None) -> list[SubnetInfo]:
    """Every subnet by number, in three requests whatever their number."""
    at = at or chain.block_hash()
    added = chain.storage_map(item_prefix(PALLET, "NetworksAdded"), at)
    netuids = sorted(int.from_bytes(key, "little") for key, value in added.items() if value == b"\1")
    items = [_subnet_keys(NetUid(netuid)) for netuid in netuids]
    values = chain.storage_many([key for keys in items for key in keys], at)
    width = len(_SUBNET_ITEMS) + 1
    return [
        _subnet_info(NetUid(netuid), values[index * width : (index + 1) * width])
        for index, netuid in enumerate(netuids)
    ]


def hyperparameters(chain: Chain, netuid: NetUid, at: str | None = None) -> Hyperparameters:
    """The hyperparameters of a subnet. Raises ``ChainError`` when there is none of that number."""
    reader = Reader(chain.call_api("SubnetInfoRuntimeApi_get_subnet_hyperparams_v3", u16(netuid), at))
    if not reader.boolean():
        raise no_such_subnet(netuid)
    entries = dict(reader.vector(lambda: (reader.text(), _hyperparameter(reader))))
    names = [field.name for field in fields(Hyperparameters)]
    missing = [name for name in names if name not in entries]
    if missing:
        raise CodecError(f"the chain does not tell these hyperparameters: {', '.join(missing)}")
    return Hyperparameters(**{name: entries[name] for name in names})  # type: ignore[arg-type]


def liquid_alpha_mode(chain: Chain, netuid: NetUid, at: str | None = None) -> str:
    """Which consensus a subnet's liquid alpha goes by."""
    value = chain.storage(item_prefix(PALLET, "LiquidAlphaConsensusMode") + u16(netuid), at)
    return "auto" if value is None else LIQUID_ALPHA_MODES[value[0]]


def no_such_subnet(netuid: int) -> ChainError:
    """What every read of a subnet says when there is none of that number."""
    return ChainError(f"there is no subnet {netuid}", "`meritnet subnet list` shows those that exist")


def lock_cost(chain: Chain, at: str | None = None) -> Rao:
    """What registering a subnet locks now."""
    answer = chain.call_api("SubnetRegistrationRuntimeApi_get_network_registration_cost", b"", at)
    return Rao(Reader(answer).unsigned(8))


def next_epoch_block(chain: Chain, netuid: int, at: str | None = None) -> BlockNumber | None:
    """The block in which a subnet's next epoch runs; ``None`` where epochs never run."""
    if chain.storage(item_prefix(PALLET, "NetworksAdded") + u16(netuid), at) != b"\1":
        raise no_such_subnet(netuid)
    reader = Reader(chain.call_api("SubnetInfoRuntimeApi_get_next_epoch_start_block", u16(netuid), at))
    found = reader.option(lambda: reader.unsigned(8))
    return None if found is None else BlockNumber(found)


def sudo_key(chain: Chain, at: str | None = None) -> Ss58Address | None:
    """The account that may call as root, if there is one."""
    value = chain.storage(item_prefix("Sudo", "Key"), at)
    return None if value is None else ss58_encode(value)


def register_subnet(chain: Chain, coldkey: KeyPair, hotkey: str) -> tuple[NetUid, Receipt]:
    """Register a subnet that the coldkey owns and pays the lock for; the hotkey becomes its first neuron."""
    from meritnet.chain.client.codec import Call

    receipt = chain.submit(Call(PALLET, "register_network", {"hotkey": hotkey}), coldkey)
    event = receipt.event(PALLET, "NetworkAdded")
    if event is None:
        raise CodecError("the subnet was registered, but the chain did not tell its number")
    netuid, _mechanism = event.fields
    return NetUid(netuid), receipt


def start_subnet(chain: Chain, coldkey: KeyPair, netuid: int) -> Receipt:
    """Start a subnet: from the next block on it takes stake and gets emission. Its owner signs."""
    from meritnet.chain.client.codec import Call

    return chain.submit(Call(PALLET, "start_call", {"netuid": netuid}), coldkey)


def set_identity(chain: Chain, coldkey: KeyPair, netuid: int, name: str, description: str = "") -> Receipt:
    """Give a subnet a name and a description. Its owner signs."""
    from meritnet.chain.client.codec import Call

    texts = dict.fromkeys(
        ("github_repo", "subnet_contact", "subnet_url", "discord", "logo_url", "additional"), ""
    )
    arguments = {"netuid": netuid, "subnet_name": name, "description": description} | texts
    return chain.submit(Call(PALLET, "set_subnet_identity", arguments), coldkey)


def set_hyperparameter(
    chain: Chain, signer: KeyPair, netuid: int, name: str, value: int | bool | str, *, as_root: bool = False
) -> Receipt:
    """Set a hyperparameter; the owner signs, or with ``as_root`` the chain's sudo key.

    Raises ``UsageError`` for a name that cannot be set.
    """
    from meritnet.chain.client.codec import Call

    call = _setting(chain, netuid, name, value, as_root)
    return chain.submit(Call("Sudo", "sudo", {"call": call}) if as_root else call, signer)


def _setting(chain: Chain, netuid: int, name: str, value: int | bool | str, as_root: bool) -> Call:
    """The call that sets a hyperparameter; values that stand together are read first."""
    from meritnet.chain.client.codec import Call

    if name == "liquid_alpha_mode":
        if value not in LIQUID_ALPHA_MODES:
            modes = ", ".join(LIQUID_ALPHA_MODES)
            raise UsageError(f"{value!r} is no mode of liquid alpha", f"write one of {modes}")
        mode = str(value).capitalize()
        return Call("AdminUtils", "sudo_set_liquid_alpha_consensus_mode", {"netuid": netuid, "mode": mode})
    if isinstance(value, str):
        raise UsageError(f"{value!r} is no value", "write a whole number, or true or false")
    if name in ("alpha_low", "alpha_high"):
        now = hyperparameters(chain, NetUid(netuid))
        pair = {"alpha_low": now.alpha_low, "alpha_high": now.alpha_high, name: value}
        return Call("AdminUtils", "sudo_set_alpha_values", {"netuid": netuid} | pair)
    if name in epoch_rules.NAMES:
        rules = epoch_rules.with_rule(chain, NetUid(netuid), name, value)
        return Call("AdminUtils", "sudo_set_epoch_rules", {"netuid": netuid, "rules": rules})
    if name not in SETTERS:
        others = ("alpha_high", "alpha_low", "liquid_alpha_mode", *epoch_rules.NAMES)
        known = ", ".join(sorted([*SETTERS, *others]))
        raise UsageError(f"{name!r} is no hyperparameter that can be set", f"these can: {known}")
    setter = ROOT_SETTERS.get(name, SETTERS[name]) if as_root else SETTERS[name]
    pallet, function = setter.split(".")
    _, argument = chain.codec.arguments(pallet, function)
    return Call(pallet, function, {"netuid": netuid, argument: value})


_SUBNET_ITEMS = (
    "TokenSymbol",
    "SubnetOwner",
    "SubnetOwnerHotkey",
    "SubtokenEnabled",
    "SubnetworkN",
    "MaxAllowedUids",
    "Tempo",
    "LastEpochBlock",
    "NetworkRegisteredAt",
    "Burn",
    "SubnetTAO",
    "SubnetLocked",
    "SubnetTaoInEmission",
    "PendingServerEmission",
    "PendingValidatorEmission",
    "PendingOwnerCut",
)

_DEFAULTS = {"MaxAllowedUids": 256, "Tempo": 360, "Burn": 100_000_000}
"""What the runtime reads where nothing is stored; 0 for the others."""


def _subnet_keys(netuid: NetUid) -> list[bytes]:
    identity = item_prefix(PALLET, "SubnetIdentitiesV3") + blake2_128_concat(u16(netuid))
    return [item_prefix(PALLET, item) + u16(netuid) for item in _SUBNET_ITEMS] + [identity]


def _subnet_info(netuid: NetUid, values: list[bytes | None]) -> SubnetInfo:
    stored = dict(zip(_SUBNET_ITEMS, values, strict=False))
    name, *_, description, _logo, _additional = identity(Reader(values[-1])) if values[-1] else [""] * 8

    def number(item: str) -> int:
        value = stored[item]
        return _DEFAULTS.get(item, 0) if value is None else int.from_bytes(value, "little")

    def account(item: str) -> Ss58Address:
        return ss58_encode(stored[item] or bytes(32))

    pending = sum(
        number(item) for item in ("PendingServerEmission", "PendingValidatorEmission", "PendingOwnerCut")
    )
    symbol = stored["TokenSymbol"]
    return SubnetInfo(
        netuid=netuid,
        name=name or ("root" if netuid == 0 else ""),
        description=description,
        symbol=Reader(symbol).text() if symbol else "α",
        owner_coldkey=account("SubnetOwner"),
        owner_hotkey=account("SubnetOwnerHotkey"),
        is_started=bool(number("SubtokenEnabled")),
        neurons=number("SubnetworkN"),
        max_neurons=number("MaxAllowedUids"),
        tempo=number("Tempo"),
        last_epoch_block=BlockNumber(number("LastEpochBlock")),
        registered_at_block=BlockNumber(number("NetworkRegisteredAt")),
        registration_price_rao=Rao(number("Burn")),
        staked_rao=Rao(number("SubnetTAO")),
        locked_rao=Rao(number("SubnetLocked")),
        emission_rao=Rao(number("SubnetTaoInEmission")),
        pending_rao=Rao(pending),
    )


def identity(reader: Reader) -> list[str]:
    """Upstream's ``SubnetIdentityV3``: name, repository, contact, address, chat, description, logo, other."""
    return [reader.text() for _ in range(8)]


def _hyperparameter(reader: Reader) -> int | bool | float:
    """A value of upstream's ``HyperparamValue``: its kind, then the value."""
    kind = reader.unsigned(1)
    if kind == 0:
        return reader.boolean()
    if kind <= 5:
        return reader.compact()
    if kind == 6:
        return reader.signed(8) / 2**32
    if kind == 7:
        return reader.unsigned(16) / 2**64
    raise CodecError(f"a hyperparameter of unknown kind {kind}")
