"""What an epoch reads and what it writes. Every vector has one entry a uid."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import TypeAlias

Row: TypeAlias = tuple[tuple[int, int], ...]
"""A sparse row: (uid, value of 65,535); a uid at most once, the order is free."""


@dataclass(frozen=True)
class EpochInput:
    """One subnet's state at the block of its epoch.

    Raises ValueError if the vectors differ in length or a row names a uid twice or beyond the end.
    """

    block: int
    """The block in which the epoch runs."""
    last_step: int
    """The block of the previous epoch that paid (`LastMechansimStepBlock`), 0 if there was none."""
    alpha_stake: Sequence[int]
    """Alpha behind each uid's hotkey, in rao."""
    tao_stake: Sequence[int]
    """TAO on the root network behind each uid's hotkey, in rao."""
    last_update: Sequence[int]
    """Block of each uid's last weights."""
    registered_at: Sequence[int]
    """Block at which each uid's present holder registered."""
    permits: Sequence[bool]
    """Validator permits as the previous epoch issued them."""
    owner_uid: int | None
    """The subnet owner's uid, if it has one."""
    oldest_commit_block: Sequence[int | None]
    """Block of each uid's oldest commit that can still be revealed."""
    weights: Sequence[Row]
    """Weights as stored: row = validator, column = miner."""
    bonds: Sequence[Row]
    """Bonds as stored: row = validator, column = miner."""
    emission: int
    """What the epoch has to pay to miners and validators together, in rao."""
    consensus: Sequence[int] = ()
    """The consensus that the previous epoch stored, of 65,535: one entry a uid, or none at all yet."""
    weights_at: Sequence[int] = ()
    """Block in which each uid's weights were made, that is set or committed; none at all where the chain goes
    by `last_update` instead."""

    def __post_init__(self) -> None:
        n = len(self.alpha_stake)
        for field in fields(self):
            value = getattr(self, field.name)
            optional = field.name in ("consensus", "weights_at") and not value
            if isinstance(value, Sequence) and len(value) != n and not optional:
                raise ValueError(f"{field.name} has {len(value)} entries for {n} uids")
        for row in (*self.weights, *self.bonds):
            uids = [uid for uid, _ in row]
            if len(set(uids)) != len(uids) or not all(0 <= uid < n for uid in uids):
                raise ValueError(f"a row must name uids below {n} once each, not {uids}")


@dataclass(frozen=True)
class EpochOutput:
    """What the chain stores and pays after the epoch. Proportions are of 65,535, amounts in rao."""

    active: tuple[bool, ...]
    """Whether each uid set weights within the activity cutoff."""
    consensus: tuple[int, ...]
    """Stake-weighted median of each miner's weights."""
    incentive: tuple[int, ...]
    """Each miner's share of the miners' pay."""
    dividends: tuple[int, ...]
    """Each validator's share of the validators' pay."""
    validator_trust: tuple[int, ...]
    """How much of each validator's weights the consensus left."""
    stake_weight: tuple[int, ...]
    """Each uid's share of the subnet's stake."""
    stake: tuple[int, ...]
    """Alpha plus weighted TAO behind each uid, in rao."""
    permits: tuple[bool, ...]
    """Validator permits for the next epoch."""
    server_emission: tuple[int, ...]
    """What each uid earned as a miner, in rao."""
    validator_emission: tuple[int, ...]
    """What each uid earned as a validator, before delegators and take, in rao."""
    combined_emission: tuple[int, ...]
    """Both together as the chain displays them (`Emission`), in rao."""
    bonds: tuple[Row, ...]
    """Bonds to store; rows are sorted by uid and empty without a new permit."""
