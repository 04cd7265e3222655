"""A cabal of validators: it weights its own miners more than they deserve, or the best honest one less.

What it pays is what the cabal's validators and miners earn more than if they were honest, per unit of stake.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial

from meritnet.consensus.agents import Cabal, Noisy, play
from meritnet.consensus.simulate import UNCOMMITTED, Rules, Settle, by_specification, shares
from meritnet.lab.arena import PLAIN_MEAN, YUMA, Arena
from meritnet.lab.study import Line, Picture, Table, each, mean, percent

SELF_WEIGHTS = (0.15, 0.25, 0.5, 0.75, 1.0)
MINORITIES = (0.1, 0.3, 0.45)
DEVIATION_COSTS = (0.0, 0.5, 1.0)


@dataclass(frozen=True)
class Options:
    """How strong the cabal is, and where it stands."""

    stakes: tuple[float, ...] = (0.1, 0.2, 0.3, 0.4, 0.45, 0.49, 0.51, 0.6)
    utility: float = 0.9
    epochs: int = 10
    repeats: int = 2
    seed: int = 0
    jobs: int = 1
    on_chain: bool = False


@dataclass(frozen=True)
class Captured:
    """What a cabal with this stake gets at its best self-weight, by the rule and by the plain mean: the
    honest
    miners' part of the miners' pay, and the profit, in parts of all pay per part of all stake."""

    stake: float
    honest_share: float
    honest_miners: float
    honest_miners_plain: float
    self_weight: float
    profit: float
    profit_plain: float


@dataclass(frozen=True)
class Withheld:
    """What a cabal does to the best honest miner by giving it nothing: by how much that miner, the cabal's
    own miners and its validators earn more or less than with an honest cabal."""

    stake: float
    deviation_cost: float
    victim: float
    cabal_miners: float
    cabal_validators: float
    profit: float


@dataclass(frozen=True)
class Capture:
    """Both attacks."""

    points: tuple[Captured, ...]
    withheld: tuple[Withheld, ...]
    utility: float
    on_chain: bool
    seed: int
    repeats: int
    meaning: str = field(
        default="Clipping makes the plain mean's slope a cliff at kappa: well below it a cabal gains next to "
        "nothing by weighting itself, from kappa on it takes all.\n"
        "Withheld weight is never clipped and ruins the rival, but forgoes bonds; a deviation cost "
        "makes that dearer, close below kappa too.",
    )

    def tables(self) -> tuple[Table, ...]:
        """Self-weight, then withheld weight."""
        captured = tuple(
            (
                f"{point.stake:g}",
                percent(point.honest_share),
                percent(point.honest_miners),
                percent(point.honest_miners_plain),
                f"{point.self_weight:g}",
                f"{point.profit:+.3f}",
                f"{point.profit_plain:+.3f}",
            )
            for point in self.points
        )
        withheld = tuple(
            (
                f"{found.stake:g}",
                f"{found.deviation_cost:g}",
                *(
                    f"{100 * part:+.1f} %"
                    for part in (found.victim, found.cabal_miners, found.cabal_validators)
                ),
                f"{found.profit:+.4f}",
            )
            for found in self.withheld
        )
        titles = (
            "cabal stake>",
            "no attack>",
            "honest miners>",
            "plain mean>",
            "self-weight>",
            "profit>",
            "profit, mean>",
        )
        return (
            Table("Honest miners' part of the miners' pay; profit per stake", titles, captured),
            Table(
                "Weight withheld from the best honest miner",
                ("cabal stake>", "deviation cost>", "victim>", "cabal's miners>", "validators>", "profit>"),
                withheld,
            ),
        )

    def picture(self) -> Picture:
        """Honest miners' part over the cabal's stake."""
        stakes = tuple(point.stake for point in self.points)
        lines = (
            Line("no attack", stakes, tuple(point.honest_share for point in self.points)),
            Line("Yuma", stakes, tuple(point.honest_miners for point in self.points)),
            Line("plain mean", stakes, tuple(point.honest_miners_plain for point in self.points)),
        )
        return Picture(
            "What a cabal leaves", "cabal's stake", "honest miners' part of the miners' pay", lines
        )


@dataclass(frozen=True)
class Run:
    """What was earned, as parts of all pay."""

    cabal: float
    cabal_validators: float
    cabal_miners: float
    victim: float
    honest_miners: float
    """Of the miners' pay."""


def arena_of(options: Options, stake: float) -> Arena:
    """A cabal with a validator for every tenth of the stake or so."""
    return Arena(attackers_stake=stake, utility=options.utility)


def attack(
    options: Options,
    stake: float,
    rules: Rules,
    self_weight: float | None,
    repeat: int,
    withhold: bool = False,
    settle: Settle = by_specification,
) -> Run:
    """One world; without a self-weight the cabal's validators are honest, or only withhold."""
    arena, seed = arena_of(options, stake), 1_000 * options.seed + repeat
    world = arena.world(rules, settle)
    best = arena.honest_miners[0]
    world.utility[best] *= 3
    crew = arena.crew(seed)
    for uid in arena.attacking:
        if self_weight is not None:
            crew.append(Cabal(uid, arena.noise, 1, seed, arena.bad_miners, self_weight))
        elif withhold:
            crew.append(Cabal(uid, arena.noise, 1, seed, withheld=(best,)))
        else:
            crew.append(Noisy(uid, arena.noise, seed=seed))
    found = play(world, crew, options.epochs)
    share = partial(shares, found)
    miners = share(arena.honest_miners) + share(arena.bad_miners)
    return Run(
        cabal=share([*arena.attacking, *arena.bad_miners]),
        cabal_validators=share(arena.attacking),
        cabal_miners=share(arena.bad_miners),
        victim=share([best]),
        honest_miners=share(arena.honest_miners) / miners if miners else 0.0,
    )


def _captured(case: tuple[Options, float, Settle]) -> Captured:
    options, stake, settle = case
    repeats = range(options.repeats)

    def runs(rules: Rules, self_weight: float | None) -> list[Run]:
        return [attack(options, stake, rules, self_weight, repeat, settle=settle) for repeat in repeats]

    def gains(attacked: list[Run], honest: list[Run]) -> float:
        return mean(a.cabal - b.cabal for a, b in zip(attacked, honest, strict=True)) / stake

    honest, honest_plain = runs(YUMA, None), runs(PLAIN_MEAN, None)
    tried = {weight: runs(YUMA, weight) for weight in SELF_WEIGHTS}
    chosen = max(SELF_WEIGHTS, key=lambda weight: gains(tried[weight], honest))
    plain = runs(PLAIN_MEAN, 1.0)
    return Captured(
        stake=stake,
        honest_share=mean(run.honest_miners for run in honest),
        honest_miners=mean(run.honest_miners for run in tried[chosen]),
        honest_miners_plain=mean(run.honest_miners for run in plain),
        self_weight=chosen,
        profit=gains(tried[chosen], honest),
        profit_plain=gains(plain, honest_plain),
    )


def _withheld(case: tuple[Options, float, float, Settle]) -> Withheld:
    options, stake, cost, settle = case
    rules = Rules(replace(UNCOMMITTED, deviation_cost=round(65_535 * cost)))
    pairs = [
        (
            attack(options, stake, rules, None, repeat, settle=settle),
            attack(options, stake, rules, None, repeat, withhold=True, settle=settle),
        )
        for repeat in range(options.repeats)
    ]

    def change(name: str) -> float:
        return mean(getattr(after, name) / getattr(before, name) - 1 for before, after in pairs)

    profit = mean(after.cabal - before.cabal for before, after in pairs) / stake
    return Withheld(stake, cost, change("victim"), change("cabal_miners"), change("cabal_validators"), profit)


def run(options: Options, settle: Settle = by_specification) -> Capture:
    """Runs both attacks."""
    points = each(_captured, [(options, stake, settle) for stake in options.stakes], options.jobs)
    cases = [(options, stake, cost, settle) for stake in MINORITIES for cost in DEVIATION_COSTS]
    withheld = each(_withheld, cases, options.jobs)
    return Capture(
        tuple(points), tuple(withheld), options.utility, options.on_chain, options.seed, options.repeats
    )
