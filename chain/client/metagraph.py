"""One subnet at one block as frozen numpy arrays, read in two requests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from meritnet.chain.client.storage_key import item_prefix
from meritnet.chain.client.subnets import no_such_subnet
from meritnet.chain.errors import CodecError
from meritnet.chain.scale import Reader, u16
from meritnet.chain.types import U16_MAX, BlockNumber, NetUid, Ss58Address, Uid

if TYPE_CHECKING:
    from meritnet.chain.client.client import Chain


Number = TypeVar("Number", bound=np.generic)


@dataclass(frozen=True)
class Axon:
    """Where a neuron serves. Port 0: it has not announced anything."""

    ip: str
    port: int
    block: BlockNumber
    version: int
    protocol: int

    @property
    def is_serving(self) -> bool:
        """Whether the neuron has announced an address."""
        return self.port != 0

    def __str__(self) -> str:
        if not self.is_serving:
            return "-"
        return f"[{self.ip}]:{self.port}" if ":" in self.ip else f"{self.ip}:{self.port}"


@dataclass(frozen=True)
class Metagraph:
    """The neurons of a subnet. Arrays are read-only, indexed by uid, as long as there are neurons.

    Shares come twice: as the chain's u16 (``…_u16``, 65,535 is all) and as a float (0 to 1). Stake and
    emission are in rao; ``emission_rao`` is what the last epoch paid.
    """

    netuid: NetUid
    block: BlockNumber
    name: str
    symbol: str
    owner_hotkey: Ss58Address
    owner_coldkey: Ss58Address
    tempo: int
    last_epoch_block: BlockNumber
    registered_at_block: BlockNumber
    max_uids: int
    burn_rao: int
    hotkeys: tuple[Ss58Address, ...]
    coldkeys: tuple[Ss58Address, ...]
    axons: tuple[Axon, ...]
    active: NDArray[np.bool_]
    validator_permit: NDArray[np.bool_]
    last_update: NDArray[np.int64]
    registered_at: NDArray[np.int64]
    emission_rao: NDArray[np.int64]
    stake_rao: NDArray[np.int64]
    alpha_stake_rao: NDArray[np.int64]
    tao_stake_rao: NDArray[np.int64]
    incentive_u16: NDArray[np.uint16]
    dividends_u16: NDArray[np.uint16]
    consensus_u16: NDArray[np.uint16]
    validator_trust_u16: NDArray[np.uint16]

    def __len__(self) -> int:
        return len(self.hotkeys)

    @property
    def uids(self) -> NDArray[np.uint16]:
        """0, 1, … up to the number of neurons."""
        return np.arange(len(self), dtype=np.uint16)

    @property
    def incentive(self) -> NDArray[np.float64]:
        """Each neuron's share of what miners get."""
        return self.incentive_u16 / U16_MAX

    @property
    def dividends(self) -> NDArray[np.float64]:
        """Each neuron's share of what validators get."""
        return self.dividends_u16 / U16_MAX

    @property
    def consensus(self) -> NDArray[np.float64]:
        """The weight on each neuron that the majority of stake agrees on."""
        return self.consensus_u16 / U16_MAX

    @property
    def validator_trust(self) -> NDArray[np.float64]:
        """How much of each validator's weight the consensus did not clip."""
        return self.validator_trust_u16 / U16_MAX

    def uid_of(self, hotkey: str) -> Uid | None:
        """The uid of a hotkey, or ``None`` when it is not registered here."""
        try:
            return Uid(self.hotkeys.index(Ss58Address(hotkey)))
        except ValueError:
            return None


def metagraph(chain: Chain, netuid: NetUid, at: str | None = None) -> Metagraph:
    """Read a subnet. Raises ``ChainError`` when there is none of that number."""
    at = at or chain.block_hash()
    answer = chain.call_api("SubnetInfoRuntimeApi_get_metagraph", u16(netuid), at)
    trust = chain.storage(item_prefix("SubtensorModule", "ValidatorTrust") + u16(netuid), at)
    found = Reader(answer)
    if not found.boolean():
        raise no_such_subnet(netuid)
    return _decoded(found, trust)


def ip_text(number: int, kind: int) -> str:
    """An address as text: ``kind`` is 4 or 6, ``number`` its integer value."""
    return str(IPv6Address(number) if kind == 6 else IPv4Address(number & 0xFFFF_FFFF))


def axon(reader: Reader) -> Axon:
    """The chain's ``AxonInfo``."""
    block, version, ip, port = (reader.unsigned(size) for size in (8, 4, 16, 2))
    kind, protocol, *_ = reader.take(4)
    return Axon(ip_text(ip, kind), port, BlockNumber(block), version, protocol)


def identity(reader: Reader, fields: int) -> tuple[str, ...]:
    """An identity record of so many texts."""
    return tuple(reader.text() for _ in range(fields))


def _frozen(values: Sequence[int], kind: type[Number]) -> NDArray[Number]:
    array = np.array(values, dtype=kind)
    array.setflags(write=False)
    return array


def _decoded(reader: Reader, trust: bytes | None) -> Metagraph:
    """The fields of upstream's ``Metagraph`` in their order; those that nothing here uses are skipped."""
    head = _head(reader)
    for _ in range(8):  # rho, kappa, weight rules, cutoff, validators
        reader.compact()
    reader.compact()  # number of neurons: the vectors below say it again
    max_uids, burn_rao, _difficulty = (reader.compact() for _ in range(3))
    reader.take(2)  # registration by burn and by work allowed
    for _ in range(10):  # immunity, bounds of difficulty and burn, adjustment, registrations, serving rate
        reader.compact()
    reader.boolean()  # commit-reveal
    reader.compact()
    reader.boolean()  # liquid alpha
    for _ in range(3):
        reader.compact()
    neurons = _neurons(reader, trust)
    if not reader.at_end:
        raise CodecError("the runtime's metagraph has another layout", "the chain is newer than this client")
    return Metagraph(**head, max_uids=max_uids, burn_rao=burn_rao, **neurons)


def _head(reader: Reader) -> dict[str, Any]:
    """The subnet itself, up to the moving price."""
    found: dict[str, Any] = {"netuid": NetUid(reader.compact())}
    found |= {"name": reader.wide_text(), "symbol": reader.wide_text()}
    reader.option(lambda: identity(reader, 8))
    found["registered_at_block"] = BlockNumber(reader.compact())
    found |= {"owner_hotkey": reader.account(), "owner_coldkey": reader.account()}
    found |= {"block": BlockNumber(reader.compact()), "tempo": reader.compact()}
    found["last_epoch_block"] = BlockNumber(reader.compact())
    for _ in range(11):  # blocks since the epoch, emission, six pool figures, two pending, volume
        reader.compact()
    reader.signed(16)  # moving price
    return found


def _neurons(reader: Reader, trust: bytes | None) -> dict[str, Any]:
    """The vectors by uid, up to the end; the dividends by hotkey, which come last, are told by `emission`."""
    hotkeys, coldkeys = reader.vector(reader.account), reader.vector(reader.account)
    reader.vector(lambda: reader.option(lambda: identity(reader, 7)))
    axons = reader.vector(lambda: axon(reader))
    active, permit = reader.vector(reader.boolean), reader.vector(reader.boolean)
    _pruning, last_update, emission, dividends, incentives, consensus, _trust, _rank = (
        reader.vector(reader.compact) for _ in range(8)
    )
    registered_at, alpha, tao, total = (reader.vector(reader.compact) for _ in range(4))
    for _ in range(2):
        reader.vector(lambda: (reader.take(32), reader.compact()))
    stored = Reader(trust or b"\0")
    size = len(hotkeys)
    vtrust = (stored.vector(lambda: stored.unsigned(2)) + [0] * size)[:size]
    return {
        "hotkeys": tuple(hotkeys),
        "coldkeys": tuple(coldkeys),
        "axons": tuple(axons),
        "active": _frozen(active, np.bool_),
        "validator_permit": _frozen(permit, np.bool_),
        "last_update": _frozen(last_update, np.int64),
        "registered_at": _frozen(registered_at, np.int64),
        "emission_rao": _frozen(emission, np.int64),
        "stake_rao": _frozen(total, np.int64),
        "alpha_stake_rao": _frozen(alpha, np.int64),
        "tao_stake_rao": _frozen(tao, np.int64),
        "incentive_u16": _frozen(incentives, np.uint16),
        "dividends_u16": _frozen(dividends, np.uint16),
        "consensus_u16": _frozen(consensus, np.uint16),
        "validator_trust_u16": _frozen(vtrust, np.uint16),
    }
