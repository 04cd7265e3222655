"""From issuance to pay: block reward, subnets' shares, pots, and who gets what at an epoch.

Amounts are rao. Every split is exact: what goes in comes out, to the rao.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from meritnet.consensus.fixed import FRACTION, U16_MAX, U96F32

MAX_SUPPLY_RAO = 21_000_000 * 10**9
"""The most that will ever be issued: 21 million TAO."""
FIRST_REWARD_RAO = 10**9
"""What a block mints before the first halving: 1 TAO."""
OWNER_CUT = 11_796
"""The owner's part of a subnet's emission, of 65,535: 18 %."""
MAX_TAKE = 11_796
"""The most a validator may take of its delegators' dividends, and the default, of 65,535: 18 %."""


def block_emission(issuance: int) -> int:
    """What one block mints at this issuance, in rao.

    floor(10**9 / 2**h), h = floor(log2(1 / (1 - issuance / supply))): h counts how often the part not
    yet issued has halved. Never more than that part itself.
    """
    remaining = MAX_SUPPLY_RAO - issuance
    if remaining <= 0:
        return 0
    halvings = (MAX_SUPPLY_RAO // remaining).bit_length() - 1
    return min(FIRST_REWARD_RAO >> halvings, remaining)


def split_by_price(amount: int, prices: Sequence[int]) -> tuple[int, ...]:
    """The subnets' shares of a block: in proportion to their prices, floored; what the floors leave goes
    to the first subnet. Prices are in any one unit; if all are 0 nothing is split."""
    total = sum(prices)
    if total == 0:
        return (0,) * len(prices)
    others = [amount * price // total for price in prices[1:]]
    return (amount - sum(others), *others)


@dataclass(frozen=True)
class Pots:
    """What a subnet has yet to pay, in rao."""

    owner: int = 0
    """To the subnet's owner."""
    server: int = 0
    """To miners."""
    validator: int = 0
    """To validators and their delegators."""

    def __add__(self, other: "Pots") -> "Pots":
        return Pots(self.owner + other.owner, self.server + other.server, self.validator + other.validator)

    @property
    def total(self) -> int:
        """All three together."""
        return self.owner + self.epoch_emission

    @property
    def epoch_emission(self) -> int:
        """What the epoch pays by consensus: everything but the owner's cut."""
        return self.server + self.validator


def split_block(amount: int, owner_cut: int = OWNER_CUT) -> Pots:
    """What one block gave a subnet: the owner's cut (of 65,535, floored), half of the rest to miners
    (floored), the other half to validators."""
    owner = amount * owner_cut // U16_MAX
    server = (amount - owner) // 2
    return Pots(owner, server, amount - owner - server)


@dataclass(frozen=True)
class Distribution:
    """Who gets what of a subnet's pots: owner + Σ incentive + Σ take + Σ dividends + pending is exactly
    what the pots held. Vectors have one entry a uid."""

    owner: int
    """To the subnet owner's stake on the owner hotkey: the cut and, unless it is carried, the dust."""
    incentive: tuple[int, ...]
    """To the stake of each uid's coldkey on its hotkey, as a miner."""
    take: tuple[int, ...]
    """To the stake of each uid's coldkey on its hotkey, as the validator's take."""
    dividends: tuple[int, ...]
    """To the share pool of each uid's hotkey: the validator's and delegators' stake grows alike."""
    pending: Pots
    """What stays in the pots because nobody could be paid, or as dust."""

    @property
    def neurons(self) -> tuple[int, ...]:
        """By how much the stake behind each uid's hotkey grows, the owner's part aside."""
        return tuple(map(sum, zip(self.incentive, self.take, self.dividends, strict=True)))


def distribute(
    pots: Pots,
    server: Sequence[int],
    validator: Sequence[int],
    takes: Sequence[int],
    carry_dust: bool = False,
) -> Distribution:
    """Pays out a subnet's pots after its epoch.

    `server` and `validator` are the epoch's emissions a uid, `takes` the delegate take of each uid's
    hotkey, of 65,535. Without any incentive validators share both pots; without anyone to pay both stay
    pending and only the owner's cut is paid. The validators' pot is what miners left where that is less,
    so that rounding never pays more than there is. The dust of all floors is the owner's, or with
    `carry_dust` (ours) waits in the validators' pot for the next epoch.
    """
    if not any(server) and not any(validator):
        nothing = (0,) * len(server)
        return Distribution(pots.owner, nothing, nothing, nothing, replace(pots, owner=0))
    left = pots.epoch_emission - sum(server)
    pot = min(pots.validator, left) if any(server) else left
    split = [
        dividends_and_take(pot, amount, sum(validator), take)
        for amount, take in zip(validator, takes, strict=True)
    ]
    dividends, taken = tuple(rest for rest, _ in split), tuple(take for _, take in split)
    dust = pots.epoch_emission - sum(server) - sum(dividends) - sum(taken)
    if carry_dust:
        return Distribution(pots.owner, tuple(server), taken, dividends, Pots(validator=dust))
    return Distribution(pots.owner + dust, tuple(server), taken, dividends, Pots())


def dividends_and_take(pot: int, amount: int, total: int, take: int) -> tuple[int, int]:
    """One validator's dividends to its share pool and the take to its owner, in rao.

    pot × amount / total, of which take / 65,535 is the take; formed in U96F32, then floored each.
    """
    share = U96F32.div(U96F32.integer(amount), U96F32.integer(total))
    dividends = U96F32.mul(U96F32.integer(pot), share)
    taken = U96F32.mul(U96F32.div(U96F32.integer(take), U96F32.integer(U16_MAX)), dividends)
    return (dividends - taken) >> FRACTION, taken >> FRACTION
