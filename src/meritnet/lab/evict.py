"""Attacks on places: registering so that others are thrown out, and taking a uid for the weights it has."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from meritnet.consensus.agents import Deregistrar, UidSniper, play
from meritnet.consensus.simulate import UNCOMMITTED, Places, Rules, Settled, World, shares
from meritnet.lab.arena import Arena
from meritnet.lab.study import Line, Picture, Table, each, mean, percent

PATIENCE = 60
"""Epochs after which an attacker that evicted nobody gives up."""


@dataclass(frozen=True)
class Options:
    """Who is to be thrown out, and how fast."""

    ranks: tuple[int, ...] = (1, 2, 4, 8)
    """The victim's place among the miners, 1 being the worst paid."""
    paces: tuple[int, ...] = (1, 4)
    """Registrations an epoch."""
    reveal_periods: tuple[int, ...] = (0, 1, 3)
    first_price: int = 10**9
    repeats: int = 2
    seed: int = 0
    jobs: int = 1


@dataclass(frozen=True)
class Evicted:
    """What it took to throw out the miner of a rank: registrations, their cost in first prices, epochs, and
    by how much the attacker's own miner, the best, earns more of the miners' pay afterwards."""

    rank: int
    pace: int
    registrations: float
    cost: float
    epochs: float
    gain: float
    cost_per_percent: float | None


@dataclass(frozen=True)
class Sniped:
    """What the taker of a uid earned before anybody measured it, of what the former holder earned in one
    epoch: without any mask, with `commit_reveal`'s on weights whose commit waits since before it came, and
    with ours, `dated_weights`, on all that were committed before it came."""

    rule: str
    reveal_period: int
    unmasked: float
    masked: float
    dated: float


@dataclass(frozen=True)
class Eviction:
    """Both tables."""

    points: tuple[Evicted, ...]
    snipes: tuple[Sniped, ...]
    seed: int
    repeats: int
    meaning: str = field(
        default="Whoever throws out the miner of rank r must first throw out all below it, as newcomers are "
        "immune, at a price that rises with each; the rivals' pay is shared by all who stay.\n"
        "The public network's mask on weights committed for a former holder ends when they are revealed, so "
        "the taker of a uid still gets an epoch's pay; weights that are dated by their commit end that.",
    )

    def tables(self) -> tuple[Table, ...]:
        """Eviction, then sniping."""
        points = tuple(
            (
                str(found.rank),
                str(found.pace),
                f"{found.registrations:.1f}",
                f"{found.cost:.2f}",
                f"{found.epochs:.1f}",
                f"{100 * found.gain:+.2f} %",
                "-" if found.cost_per_percent is None else f"{found.cost_per_percent:.2f}",
            )
            for found in self.points
        )
        snipes = tuple(
            (
                found.rule,
                str(found.reveal_period),
                *(percent(part) for part in (found.unmasked, found.masked, found.dated)),
            )
            for found in self.snipes
        )
        titles = ("rank>", "an epoch>", "registrations>", "cost>", "epochs>", "gain>", "cost per 1 %>")
        return (
            Table("Throwing out an honest miner; costs in first prices", titles, points),
            Table(
                "Taking a uid: what it earns unmeasured, of an epoch's pay of the former holder",
                ("rule", "reveal period>", "no mask>", "mask>", "dated_weights>"),
                snipes,
            ),
        )

    def picture(self) -> Picture:
        """Cost by rank, a curve a pace."""
        lines = tuple(
            Line(
                f"{pace} an epoch",
                tuple(float(found.rank) for found in self.points if found.pace == pace),
                tuple(found.cost for found in self.points if found.pace == pace),
            )
            for pace in dict.fromkeys(found.pace for found in self.points)
        )
        return Picture(
            "What it costs to throw out an honest miner", "rank, 1 is the worst", "first prices", lines
        )


def graded(options: Options, rules: Rules) -> tuple[Arena, World]:
    """A full subnet whose miners' worth rises with their uid from the first, the attacker's being the
    last."""
    arena = Arena(attackers=0, attackers_stake=0.0, attackers_miners=0, utility=1.0, noise=0.1)
    places = Places(min_price=options.first_price, max_price=10**6 * options.first_price, min_non_immune=0)
    world = arena.world(replace(rules, places=places))
    for number, uid in enumerate(arena.honest_miners):
        world.utility[uid] = 1 + number / 2
    return arena, world


def evict(options: Options, rank: int, pace: int, repeat: int) -> tuple[float, ...]:
    """Registrations, cost, epochs and gain of throwing out the miner of a rank. The first epoch is quiet."""
    arena, world = graded(options, Rules())
    crew = arena.crew(1_000 * options.seed + repeat)
    play(world, crew, 1)
    victim, own, seats = arena.honest_miners[rank - 1], arena.honest_miners[-1], list[int]()
    attacker = Deregistrar(own, pace, seats)
    for _ in range(PATIENCE):
        play(world, [attacker, *crew], 1)
        if victim in seats:
            break
    play(world, crew, 2)
    _, quiet = graded(options, Rules())
    play(quiet, crew, world.epoch_index)
    gain = _part(arena, world.past[-1:], own) - _part(arena, quiet.past[-1:], own)
    return len(seats), world.burned / options.first_price, world.epoch_index - 3, gain


def _part(arena: Arena, found: list[Settled], uid: int) -> float:
    return shares(found, [uid]) / shares(found, arena.honest_miners)


def snipe(options: Options, rules: Rules, repeat: int) -> float:
    """What the sniper earned until weights of its own can count, of the former holder's last epoch."""
    arena, world = graded(options, rules)
    period = rules.reveal_period
    seats: list[int] = []
    at = period + 3
    crew = [*arena.crew(1_000 * options.seed + repeat), UidSniper(arena.honest_miners[-1], at, seats)]
    found = play(world, crew, at + period + 2)
    (uid,) = seats
    return sum(int(epoch.earned[uid]) for epoch in found[at:]) / int(found[at - 1].earned[uid])


def _evict(case: tuple[Options, int, int]) -> Evicted:
    options, rank, pace = case
    found = [evict(options, rank, pace, repeat) for repeat in range(options.repeats)]
    registrations, cost, epochs, gain = (mean(column) for column in zip(*found, strict=True))
    return Evicted(rank, pace, registrations, cost, epochs, gain, cost / (100 * gain) if gain > 0 else None)


def _sniped(options: Options, name: str, kappa: int, period: int) -> Sniped:
    unmasked = Rules(replace(UNCOMMITTED, kappa=kappa), reveal_period=period)
    masked = replace(unmasked, params=replace(unmasked.params, commit_reveal=True))
    parts = (
        mean(snipe(options, rules, repeat) for repeat in range(options.repeats))
        for rules in (unmasked, masked, replace(masked, dated_weights=True))
    )
    return Sniped(name, period, *parts)


def run(options: Options) -> Eviction:
    """Runs both."""
    cases = [(options, rank, pace) for pace in options.paces for rank in options.ranks]
    points = each(_evict, cases, options.jobs)
    snipes = [
        _sniped(options, name, kappa, period)
        for name, kappa in (("Yuma", UNCOMMITTED.kappa), ("plain mean", 0))
        for period in options.reveal_periods
    ]
    return Eviction(tuple(points), tuple(snipes), options.seed, options.repeats)
