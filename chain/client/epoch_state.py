"""What an epoch of a subnet starts from, as the chain stores it.

The names are those of the consensus specification's input and parameters, so that a validator can hand them
over as they are and predict what the chain will pay.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from meritnet.chain.client.epoch_rules import EpochRules, decoded
from meritnet.chain.client.storage_key import blake2_128_concat, item_prefix, twox_64_concat
from meritnet.chain.client.subnets import LIQUID_ALPHA_MODES, no_such_subnet
from meritnet.chain.client.weights import WeightCommit, commits_key, decoded_commits, rows
from meritnet.chain.keys import ss58_encode
from meritnet.chain.scale import Reader, u16
from meritnet.chain.types import BlockNumber, NetUid, Ss58Address, Uid

if TYPE_CHECKING:
    from meritnet.chain.client.client import Chain

PALLET = "SubtensorModule"

Row = list[tuple[Uid, int]]


@dataclass(frozen=True)
class EpochParameters:
    """The hyperparameters that an epoch depends on, in the chain's units."""

    tempo: int
    kappa: int
    bonds_penalty: int
    bonds_moving_average: int
    yuma3: bool
    liquid_alpha: bool
    alpha_low: int
    alpha_high: int
    alpha_sigmoid_steepness: int
    max_allowed_validators: int
    activity_cutoff: int
    stake_threshold: int
    tao_weight: int
    commit_reveal: bool
    liquid_alpha_mode: str
    absent_as_zero: bool
    deviation_cost: int


@dataclass(frozen=True)
class EpochState:
    """One subnet at one block. Lists have one entry a uid; stake and emission are in rao."""

    netuid: NetUid
    block: BlockNumber
    last_epoch_block: BlockNumber
    last_step: BlockNumber
    epoch_index: int
    reveal_period_epochs: int
    hotkeys: tuple[Ss58Address, ...]
    owner_uid: Uid | None
    alpha_stake: tuple[int, ...]
    tao_stake: tuple[int, ...]
    last_update: tuple[int, ...]
    registered_at: tuple[int, ...]
    permits: tuple[bool, ...]
    weights: tuple[Row, ...]
    bonds: tuple[Row, ...]
    commits: tuple[tuple[WeightCommit, ...], ...]
    pending_server_rao: int
    pending_validator_rao: int
    pending_owner_cut_rao: int
    consensus: tuple[int, ...]
    weights_at: tuple[int, ...]
    """Block in which each uid's weights were made, where weights are dated; else none at all."""
    rules: EpochRules
    stake_histories: tuple[tuple[int, int] | None, ...]
    """Stake × blocks since the last epoch, and up to which block, of uids whose stake changed; kept where
    stake counts by its average."""
    parameters: EpochParameters


_DEFAULTS = {
    "Tempo": 360,
    "Kappa": 32_767,
    "BondsPenalty": 65_535,
    "BondsMovingAverage": 900_000,
    "AlphaSigmoidSteepness": 1_000,
    "MaxAllowedValidators": 128,
    "ActivityCutoffFactorMilli": 13_889,
    "CommitRevealWeightsEnabled": 1,
    "AlphaValues": 45_875 | 58_982 << 16,
    "RevealPeriodEpochs": 1,
    "TaoWeight": 971_718_665_099_567_868,
    "LiquidAlphaConsensusMode": 2,
}
"""What the runtime reads where nothing is stored; 0 for the others."""

_BY_SUBNET = (
    *("NetworksAdded", "SubnetworkN", "SubnetOwnerHotkey", "LastUpdate", "ValidatorPermit"),
    *("LastEpochBlock", "LastMechansimStepBlock", "SubnetEpochIndex"),
    *("PendingServerEmission", "PendingValidatorEmission", "PendingOwnerCut"),
    *("Tempo", "Kappa", "BondsPenalty", "BondsMovingAverage", "AlphaSigmoidSteepness", "AlphaValues"),
    *("MaxAllowedValidators", "ActivityCutoffFactorMilli", "CommitRevealWeightsEnabled"),
    *("Consensus", "LiquidAlphaConsensusMode", "EpochRules"),
)
_GLOBAL = ("StakeThreshold", "TaoWeight")


class _Facts:
    """The values of one subnet at one block by the name of their storage item."""

    def __init__(self, chain: Chain, netuid: NetUid, at: str) -> None:
        subnet = u16(netuid)
        keys = {item: item_prefix(PALLET, item) + subnet for item in _BY_SUBNET}
        keys |= {item: item_prefix(PALLET, item) for item in _GLOBAL}
        keys["RevealPeriodEpochs"] = item_prefix(PALLET, "RevealPeriodEpochs") + twox_64_concat(subnet)
        for item in ("LiquidAlphaOn", "Yuma3On"):
            keys[item] = item_prefix(PALLET, item) + blake2_128_concat(subnet)
        self.values = dict(zip(keys, chain.storage_many(keys.values(), at), strict=True))
        if self.values["NetworksAdded"] != b"\1":
            raise no_such_subnet(netuid)

    def number(self, item: str) -> int:
        """A plain number."""
        value = self.values[item]
        return _DEFAULTS.get(item, 0) if value is None else int.from_bytes(value, "little")

    def vector(self, item: str, width: int, size: int) -> tuple[int, ...]:
        """A stored list of numbers of ``width`` bytes, cut or filled with zeros to ``size``."""
        reader = Reader(self.values[item] or b"\0")
        found = reader.vector(lambda: reader.unsigned(width))
        return tuple((found + [0] * size)[:size])


def epoch_state(chain: Chain, netuid: NetUid, at: str | None = None) -> EpochState:
    """Read everything at one block. Raises ``ChainError`` when there is no such subnet."""
    at = at or chain.block_hash()
    facts = _Facts(chain, netuid, at)
    size = facts.number("SubnetworkN")
    holders, registered = _holders(chain, netuid, size, at)
    alpha, tao, queues = _by_holder(chain, netuid, holders, at)
    rules = decoded(facts.values["EpochRules"])
    owner = facts.values["SubnetOwnerHotkey"]
    return EpochState(
        netuid=netuid,
        block=BlockNumber(int(chain.request("chain_getHeader", at)["number"], 16)),
        last_epoch_block=BlockNumber(facts.number("LastEpochBlock")),
        last_step=BlockNumber(facts.number("LastMechansimStepBlock")),
        epoch_index=facts.number("SubnetEpochIndex"),
        reveal_period_epochs=facts.number("RevealPeriodEpochs"),
        hotkeys=tuple(ss58_encode(holder) for holder in holders),
        owner_uid=Uid(holders.index(owner)) if owner in holders else None,
        alpha_stake=alpha,
        tao_stake=tao,
        last_update=facts.vector("LastUpdate", 8, size),
        registered_at=registered,
        permits=tuple(bool(permit) for permit in facts.vector("ValidatorPermit", 1, size)),
        weights=_rows(chain, "Weights", netuid, size, at),
        bonds=_rows(chain, "Bonds", netuid, size, at),
        commits=queues,
        pending_server_rao=facts.number("PendingServerEmission"),
        pending_validator_rao=facts.number("PendingValidatorEmission"),
        pending_owner_cut_rao=facts.number("PendingOwnerCut"),
        consensus=facts.vector("Consensus", 2, size),
        weights_at=_weights_at(chain, netuid, facts.vector("LastUpdate", 8, size), rules, at),
        rules=rules,
        stake_histories=_stake_histories(chain, netuid, holders, rules, at),
        parameters=_parameters(facts, rules),
    )


def _parameters(facts: _Facts, rules: EpochRules) -> EpochParameters:
    tempo, alpha_values = facts.number("Tempo"), facts.number("AlphaValues")
    steepness = facts.number("AlphaSigmoidSteepness")
    return EpochParameters(
        tempo=tempo,
        kappa=facts.number("Kappa"),
        bonds_penalty=facts.number("BondsPenalty"),
        bonds_moving_average=facts.number("BondsMovingAverage"),
        yuma3=facts.number("Yuma3On") == 1,
        liquid_alpha=facts.number("LiquidAlphaOn") == 1,
        alpha_low=alpha_values & 0xFFFF,
        alpha_high=alpha_values >> 16,
        alpha_sigmoid_steepness=steepness - (1 << 16) if steepness >> 15 else steepness,
        max_allowed_validators=facts.number("MaxAllowedValidators"),
        activity_cutoff=facts.number("ActivityCutoffFactorMilli") * tempo // 1_000,
        stake_threshold=facts.number("StakeThreshold"),
        tao_weight=facts.number("TaoWeight"),
        commit_reveal=facts.number("CommitRevealWeightsEnabled") == 1,
        liquid_alpha_mode=LIQUID_ALPHA_MODES[facts.number("LiquidAlphaConsensusMode")],
        absent_as_zero=rules.absent_as_zero,
        deviation_cost=rules.deviation_cost,
    )


def _holders(chain: Chain, netuid: NetUid, size: int, at: str) -> tuple[list[bytes], tuple[int, ...]]:
    """The hotkey of each uid, and the block in which it was registered."""
    prefixes = [item_prefix(PALLET, item) + u16(netuid) for item in ("Keys", "BlockAtRegistration")]
    keys = [prefix + u16(uid) for prefix in prefixes for uid in range(size)]
    values = chain.storage_many(keys, at)
    registered = tuple(int.from_bytes(value or b"", "little") for value in values[size:])
    return [value or bytes(32) for value in values[:size]], registered


def _by_holder(
    chain: Chain, netuid: NetUid, holders: list[bytes], at: str
) -> tuple[tuple[int, ...], tuple[int, ...], tuple[tuple[WeightCommit, ...], ...]]:
    """Stake in the subnet, stake on root, and waiting commits of each hotkey."""
    stake = item_prefix(PALLET, "TotalHotkeyAlpha")
    keys = [stake + blake2_128_concat(holder) + u16(netuid) for holder in holders]
    keys += [stake + blake2_128_concat(holder) + u16(0) for holder in holders]
    keys += [commits_key(netuid, holder) for holder in holders]
    values = chain.storage_many(keys, at)
    size = len(holders)
    numbers = [int.from_bytes(value or b"", "little") for value in values[: 2 * size]]
    queues = tuple(tuple(decoded_commits(value)) for value in values[2 * size :])
    return tuple(numbers[:size]), tuple(numbers[size:]), queues


def _stake_histories(
    chain: Chain, netuid: NetUid, holders: list[bytes], rules: EpochRules, at: str
) -> tuple[tuple[int, int] | None, ...]:
    """Each hotkey's stake so far in this epoch, where it changed."""
    if not rules.average_stake:
        return (None,) * len(holders)
    prefix = item_prefix(PALLET, "StakeIntegral") + u16(netuid)
    values = chain.storage_many([prefix + blake2_128_concat(holder) for holder in holders], at)
    readers = [Reader(value) if value else None for value in values]
    return tuple(None if one is None else (one.unsigned(16), one.unsigned(8)) for one in readers)


def _weights_at(
    chain: Chain, netuid: NetUid, last_update: tuple[int, ...], rules: EpochRules, at: str
) -> tuple[int, ...]:
    """When each uid's weights were made; its last update where that is not known."""
    if not rules.dated_weights:
        return ()
    prefix = item_prefix(PALLET, "WeightsMadeAt") + u16(netuid)
    values = chain.storage_many([prefix + u16(uid) for uid in range(len(last_update))], at)
    return tuple(
        updated if value is None else int.from_bytes(value, "little")
        for value, updated in zip(values, last_update, strict=True)
    )


def _rows(chain: Chain, item: str, netuid: NetUid, size: int, at: str) -> tuple[Row, ...]:
    found = rows(chain, item, netuid, at)
    return tuple(found.get(Uid(uid), []) for uid in range(size))
