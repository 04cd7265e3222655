"""Rules of a subnet's epoch that Bittensor does not have; all are off until the owner sets them."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields, replace
from typing import TYPE_CHECKING, Any

from meritnet.chain.client.storage_key import item_prefix
from meritnet.chain.scale import Reader, u16
from meritnet.chain.types import NetUid

if TYPE_CHECKING:
    from meritnet.chain.client.client import Chain


@dataclass(frozen=True)
class EpochRules:
    """What `SubtensorModule.EpochRules` holds of a subnet, in the chain's order and units."""

    carry_dust: bool = False
    """What floors leave of the pots waits for the next epoch instead of going to the owner."""
    absent_as_zero: bool = False
    """Under liquid alpha a bond without a weight entry decays like one with an entry of 0."""
    average_stake: bool = False
    """Stake counts by its average over the epoch."""
    dated_weights: bool = False
    """Weights are as old as their commit: they miss whoever took a uid since, also once revealed."""
    deviation_cost: int = 0
    """How far a validator's bonds shrink with the part of the consensus it does not support, of 65,535."""
    reveal_target: int = 0
    """How much of the consensus, of 65,535, shall have moved before commits are revealed; 0: the owner sets
    the period."""


NAMES = tuple(field.name for field in fields(EpochRules))


def key(netuid: NetUid) -> bytes:
    """Where the rules of a subnet are stored."""
    return item_prefix("SubtensorModule", "EpochRules") + u16(netuid)


def decoded(value: bytes | None) -> EpochRules:
    """The stored rules; all off where nothing is stored."""
    if value is None:
        return EpochRules()
    reader = Reader(value)
    flags = [reader.boolean() for _ in range(4)]
    return EpochRules(*flags, *(reader.unsigned(2) for _ in range(2)))


def epoch_rules(chain: Chain, netuid: NetUid, at: str | None = None) -> EpochRules:
    """The rules of a subnet's epoch; the same for a subnet that does not exist as for a new one."""
    return decoded(chain.storage(key(netuid), at))


def with_rule(chain: Chain, netuid: NetUid, name: str, value: int | bool) -> dict[str, Any]:
    """The present rules with one of them changed, as the call that sets them all takes them."""
    now = epoch_rules(chain, netuid)
    kind = type(getattr(now, name))
    return asdict(replace(now, **{name: kind(value)}))
