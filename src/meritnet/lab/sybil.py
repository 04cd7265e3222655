"""One owner under many keys: a miner that answers under several uids, stake split over validators, and
dust."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from meritnet.consensus.agents import Noisy, SybilSplitter, play
from meritnet.consensus.registration import bump_price
from meritnet.consensus.simulate import Places, Rules, shares
from meritnet.lab.arena import PLAIN_MEAN, YUMA, Arena
from meritnet.lab.study import Line, Picture, Table, each, mean, percent


@dataclass(frozen=True)
class Options:
    """Numbers of further keys."""

    copies: tuple[int, ...] = (0, 1, 2, 4, 8, 12)
    validators: tuple[int, ...] = (1, 2, 4, 8)
    first_price: int = 10**9
    """Price of the first registration, in rao."""
    epochs: int = 10
    repeats: int = 2
    seed: int = 0
    jobs: int = 1


@dataclass(frozen=True)
class Copies:
    """A miner with so many further uids: its part of the miners' pay by the rule and by the plain mean, what
    the keys cost in all and per hundredth of the miners' pay that they add, in units of the first price."""

    copies: int
    captured: float
    captured_plain: float
    cost: float
    cost_per_percent: float


@dataclass(frozen=True)
class Split:
    """Stake over so many validators: dividends per stake, of the average validator's."""

    keys: int
    per_stake: float
    dust: int
    """What the owner of the subnet gets of floors in an epoch, in rao."""
    dust_carried: int
    """The same with `carry_dust`."""


@dataclass(frozen=True)
class Sybil:
    """Both tables."""

    points: tuple[Copies, ...]
    splits: tuple[Split, ...]
    seed: int
    repeats: int
    meaning: str = field(
        default="No rule of consensus sees that two keys are one owner's: a copy is paid like a miner, and "
        "throws an honest one out; only the rising price of places stands against it.\n"
        "Splitting stake over validators gains nothing, as one large validator agrees with a "
        "consensus that it largely makes; the dust of floors is a rao a key, and nobody's profit "
        "where it is carried.",
    )

    def tables(self) -> tuple[Table, ...]:
        """Miners, then validators."""
        miners = tuple(
            (
                str(found.copies),
                percent(found.captured),
                percent(found.captured_plain),
                f"{found.cost:.2f}",
                "-" if not found.copies else f"{found.cost_per_percent:.2f}",
            )
            for found in self.points
        )
        validators = tuple(
            (str(found.keys), f"{found.per_stake:.4f}", str(found.dust), str(found.dust_carried))
            for found in self.splits
        )
        return (
            Table(
                "One of 24 miners with further keys; costs in first prices",
                ("keys>", "of miners' pay>", "plain mean>", "cost>", "cost per 1 %>"),
                miners,
            ),
            Table(
                "Stake split over keys",
                ("keys>", "dividends per stake>", "dust, rao>", "dust carried>"),
                validators,
            ),
        )

    def picture(self) -> Picture:
        """What is captured, and what it costs."""
        keys = tuple(float(found.copies) for found in self.points)
        lines = (
            Line("part of the miners' pay, %", keys, tuple(100 * found.captured for found in self.points)),
            Line("cost in first prices", keys, tuple(found.cost for found in self.points)),
        )
        return Picture("One model under many keys", "further keys", "per cent, prices", lines)


def captured(options: Options, copies: int, rules: Rules, repeat: int) -> float:
    """The part of the miners' pay that one of 24 miners gets with so many copies."""
    arena = Arena(attackers=0, attackers_stake=0.0, attackers_miners=0, utility=1.0)
    seats = [arena.honest_miners[-1]]
    world = arena.world(replace(rules, places=Places(immunity=10**6, min_non_immune=0)))
    world.registered_at[seats[0]] = 1  # newer than the others, so that it does not throw itself out
    splitter = SybilSplitter(seats[0], copies, 1, seats)
    found = play(world, [splitter, *arena.crew(1_000 * options.seed + repeat)], options.epochs + 2)
    later = found[2:]  # in their first epoch the newcomers have no weights yet
    return shares(later, seats) / shares(later, arena.honest_miners)


def price_of(options: Options, copies: int) -> float:
    """What so many registrations in one block cost, in first prices."""
    places, price, total = Places(), options.first_price, 0
    for _ in range(copies):
        total += price
        price = bump_price(price, places.multiplier, places.min_price, places.max_price)
    return total / options.first_price


def split(options: Options, keys: int, repeat: int) -> tuple[float, int, int]:
    """Dividends per stake of an owner with 40 % of the stake, and the dust of the last epoch."""
    arena = Arena(attackers=keys, attackers_miners=0, utility=1.0)
    seed = 1_000 * options.seed + repeat
    crew = [*arena.crew(seed), *(Noisy(uid, arena.noise, seed=seed) for uid in arena.attacking)]
    world = arena.world(YUMA)
    found = play(world, crew, options.epochs)
    part = shares(found, arena.attacking) / shares(found, range(arena.validators))
    carried = arena.world(replace(YUMA, carry_dust=True))
    play(carried, crew, options.epochs)
    return part / arena.attackers_stake, found[-1].owner, carried.past[-1].owner


def _copies(case: tuple[Options, int]) -> Copies:
    options, copies = case
    repeats = range(options.repeats)
    alone = mean(captured(options, 0, YUMA, repeat) for repeat in repeats)
    with_copies = mean(captured(options, copies, YUMA, repeat) for repeat in repeats)
    plain = mean(captured(options, copies, PLAIN_MEAN, repeat) for repeat in repeats)
    cost, more = price_of(options, copies), 100 * (with_copies - alone)
    return Copies(copies, with_copies, plain, cost, cost / more if copies else 0.0)


def _split(case: tuple[Options, int]) -> Split:
    options, keys = case
    found = [split(options, keys, repeat) for repeat in range(options.repeats)]
    return Split(keys, mean(per_stake for per_stake, _, _ in found), found[0][1], found[0][2])


def run(options: Options) -> Sybil:
    """Runs both."""
    points = each(_copies, [(options, copies) for copies in options.copies], options.jobs)
    splits = each(_split, [(options, keys) for keys in options.validators], options.jobs)
    return Sybil(tuple(points), tuple(splits), options.seed, options.repeats)
