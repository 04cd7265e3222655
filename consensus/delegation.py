"""Whose stake counts where, and who shares in what a validator earns: child keys, root stakers, takes.

Amounts are rao; what a hotkey hands on is a proportion of 2**64 - 1. Formed in U96F32, as subtensor's
`staking/stake_utils.rs` and `coinbase/run_coinbase.rs` at 14bc6f9f do.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from meritnet.consensus.fixed import U16_MAX, U64_MAX, U96F32

_ONE = 1 << 32


def fraction(of_u64_max: int) -> int:
    """A proportion, a TAO weight or a burn as U96F32: x / (2**64 - 1)."""
    return U96F32.div(U96F32.integer(of_u64_max), U96F32.integer(U64_MAX))


def inherited_stake(own: int, given: Sequence[int], received: Sequence[tuple[int, int]]) -> int:
    """What counts as a hotkey's stake on a subnet: its own, less what it gave to children, plus what it
    received from parents.

    `given` are its children's proportions of `own`, `received` the proportions it has of its parents and
    these parents' stakes. The same for alpha and for TAO on the root network.
    """
    stake = U96F32.integer(own)
    gave = U96F32.saturate(sum(U96F32.mul(stake, fraction(part)) for part in given))
    got = U96F32.saturate(sum(U96F32.mul(U96F32.integer(held), fraction(part)) for part, held in received))
    return U96F32.floor(U96F32.saturate(max(stake - gave, 0) + got))


def contribution(alpha: int, tao: int, part: int, tao_weight: int) -> int:
    """What a stake adds to a hotkey's weight: alpha × part + tao × part × weight, in U96F32.

    `part` is U96F32, `tao_weight` of 2**64 - 1.
    """
    weighted = U96F32.mul(U96F32.mul(U96F32.integer(tao), part), fraction(tao_weight))
    return U96F32.saturate(U96F32.mul(U96F32.integer(alpha), part) + weighted)


def own_contribution(alpha: int, tao: int, given: Sequence[int], tao_weight: int) -> int:
    """What a hotkey's own stake adds to its weight after its children have theirs, in whole rao."""
    kept = max(_ONE - sum(fraction(part) for part in given), 0)
    return U96F32.floor(contribution(alpha, tao, kept, tao_weight))


@dataclass(frozen=True)
class Parent:
    """A hotkey that handed stake on to a child."""

    alpha: int
    """Alpha behind it on the subnet, in rao."""
    tao: int
    """TAO behind it on the root network, in rao."""
    proportion: int
    """What the child has of both, of 2**64 - 1."""
    same_owner: bool = False
    """Whether one coldkey owns both: then the child takes nothing and nothing is burned."""


@dataclass(frozen=True)
class ChildDividends:
    """Who gets the dividends of a hotkey with parents, in rao; own + Σ parents + burned is what it earned."""

    own: int
    """To the child: for its own stake, its take, and the dust of all floors."""
    parents: tuple[int, ...]
    burned: int


def child_dividends(
    dividends: int, own: int, parents: Sequence[Parent], child_take: int, burn: int, tao_weight: int
) -> ChildDividends:
    """Splits what a hotkey earned between it and its parents by what each contributed.

    `own` is its `own_contribution`. A parent of another coldkey leaves `child_take` (of 65,535) of its part
    to the child and `burn` (CKBurn, of 2**64 - 1) to nobody. Each parent's part is floored.
    """
    parts = [contribution(p.alpha, p.tao, fraction(p.proportion), tao_weight) for p in parents]
    total = U96F32.saturate(U96F32.integer(own) + sum(parts))
    take = U96F32.div(U96F32.integer(child_take), U96F32.integer(U16_MAX))
    paid, burned = [], 0
    for parent, part in zip(parents, parts, strict=True):
        earned = U96F32.mul(U96F32.integer(dividends), U96F32.div(part, total))
        lost = 0 if parent.same_owner else U96F32.mul(fraction(burn), earned)
        taken = 0 if parent.same_owner else U96F32.mul(take, earned)
        burned += U96F32.floor(lost)
        paid.append(U96F32.floor(max(earned - lost - taken, 0)))
    return ChildDividends(dividends - sum(paid) - burned, tuple(paid), burned)


def split_by_stake(dividends: int, alpha: int, tao: int, tao_weight: int) -> tuple[int, int]:
    """A validator's dividends as the part of its alpha and the part of its TAO on root, in U96F32.

    d × alpha / (alpha + tao × weight) for the alpha; both 0 rao of stake make it all the alpha's.
    """
    weighted = U96F32.mul(U96F32.integer(tao), fraction(tao_weight))
    ratio = U96F32.div(weighted, U96F32.saturate(U96F32.integer(alpha) + weighted))
    root = U96F32.mul(U96F32.integer(dividends), ratio)
    return U96F32.integer(dividends) - root, root


@dataclass(frozen=True)
class Earner:
    """A hotkey with a claim on the validators' pots."""

    dividends: int
    """What it earned as a validator and as a parent, in rao."""
    alpha: int
    """Alpha behind it on the subnet, in rao."""
    tao: int
    """TAO behind it on the root network, in rao."""
    take: int
    """What its owner takes of either, of 65,535."""


@dataclass(frozen=True)
class Payout:
    """Who gets a pot, in rao: Σ take + Σ dividends + left is the pot. Vectors have one entry an earner."""

    take: tuple[int, ...]
    """To the owner of each hotkey."""
    dividends: tuple[int, ...]
    """To all who stake with each hotkey."""
    left: int
    """What floors left, or the whole pot if nobody has a claim on it."""


def pay_validators(
    pot: int, root_pot: int, earners: Sequence[Earner], tao_weight: int
) -> tuple[Payout, Payout]:
    """Pays the validators' pot by the earners' alpha parts and the root network's by their root parts."""
    parts = [split_by_stake(e.dividends, e.alpha, e.tao, tao_weight) for e in earners]
    takes = [earner.take for earner in earners]
    alpha, root = ([part[side] for part in parts] for side in (0, 1))
    return pay_by_parts(pot, alpha, takes), pay_by_parts(root_pot, root, takes)


def pay_by_parts(pot: int, parts: Sequence[int], takes: Sequence[int]) -> Payout:
    """Pays a pot in proportion to the parts (U96F32), each less its delegate take (of 65,535); take and
    rest are floored each."""
    total = U96F32.saturate(sum(parts))
    paid = [
        delegate_take(U96F32.mul(U96F32.integer(pot), U96F32.div(part, total)), take)
        for part, take in zip(parts, takes, strict=True)
    ]
    taken, rest = tuple(taken for taken, _ in paid), tuple(rest for _, rest in paid)
    return Payout(taken, rest, pot - sum(taken) - sum(rest))


def delegate_take(amount: int, take: int) -> tuple[int, int]:
    """The owner's take of an amount (U96F32) and what is left to those who stake, floored each."""
    taken = U96F32.mul(U96F32.div(U96F32.integer(take), U96F32.integer(U16_MAX)), amount)
    return U96F32.floor(taken), U96F32.floor(max(amount - taken, 0))
