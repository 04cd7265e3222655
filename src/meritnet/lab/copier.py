"""Weight copying: what a validator earns that measures nothing and submits an old consensus.

The network: 8 honest validators with 90 % of the stake and a copier with the rest; 64 miners whose
log-quality is a first-order autoregression (0.97) with `volatility` as the deviation of its innovations;
weights are quality squared, measured with an error of e**(0.2 N) each epoch; bonds renew by a tenth. A copy
of age a is what a copier can have under commit and reveal with a period of a - 1 epochs; age 0 is copied in
the same epoch.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import product

import numpy as np

from meritnet.consensus.agents import Agent, Copier, Noisy, play
from meritnet.consensus.commit import ONE_Q32
from meritnet.consensus.simulate import UNCOMMITTED, Floats, Rules, World
from meritnet.lab.study import Line, Picture, Table, each, mean

STAKE_RAO = 10**15
PERSISTENCE = 0.97
YUMA2 = replace(UNCOMMITTED, yuma3=False)
REVEAL_TARGET = 26_214
"""0.4 of 65,535: about how much of the consensus must have moved before a copy stops paying here."""
COUNTER_RULES = {
    "Yuma 2": Rules(YUMA2, reveal_period=1),
    "Yuma 3": Rules(UNCOMMITTED, reveal_period=1),
    "Yuma 3, liquid_alpha": Rules(replace(UNCOMMITTED, liquid_alpha=True), reveal_period=1),
    "Yuma 3, deviation_cost 1": Rules(replace(UNCOMMITTED, deviation_cost=65_535), reveal_period=1),
    "Yuma 3, period chosen": Rules(UNCOMMITTED, reveal_target=REVEAL_TARGET),
}
"""Rules against which a copier that takes the newest published consensus is run."""


@dataclass(frozen=True)
class Options:
    """The grid and the network."""

    volatilities: tuple[float, ...] = (0.0, 0.05, 0.1, 0.2, 0.4)
    ages: tuple[int, ...] = (0, 1, 2, 3, 5, 10, 20)
    noise: float = 0.2
    copier_stake: float = 0.1
    honest: int = 8
    miners: int = 64
    epochs: int = 100
    burn_in: int = 40
    repeats: int = 2
    seed: int = 0
    jobs: int = 1


@dataclass(frozen=True)
class Copied:
    """The copier's dividends per stake over the honest validators', at one volatility by age of the copy.
    `break_even` is the age at which the two are level, interpolated; None where copying always pays or
    never does."""

    volatility: float
    ages: tuple[int, ...]
    ratios: tuple[float, ...]
    break_even: float | None


@dataclass(frozen=True)
class Countered:
    """The same under a rule, copying the newest consensus under commit and reveal: `period` is the average
    reveal period in epochs, `measured` the chain's average volatility, and `trust` what the honest keep of
    their weights after clipping."""

    rule: str
    volatility: float
    ratio: float
    period: float
    measured: float
    trust: float


@dataclass(frozen=True)
class Copying:
    """Both tables."""

    points: tuple[Copied, ...]
    rules: tuple[Countered, ...]
    seed: int
    repeats: int
    meaning: str = field(
        default="Commit and reveal costs a copier only what the miners have changed meanwhile: with stable "
        "miners and noisy validators copying pays at any age, under any of these rules.\n"
        "A longer period helps where miners change. Yuma 3 is harder on copies than Yuma 2; liquid "
        "alpha forgives them; a deviation cost rewards the copier of stable miners, who deviates "
        "least, and hurts only stale copies. The chosen period's target (0.4 of the consensus moved) was "
        "found on these very networks.",
    )

    def tables(self) -> tuple[Table, ...]:
        """Ratios by age, and by rule."""
        ages = self.points[0].ages if self.points else ()
        by_age = tuple(
            (
                f"{point.volatility:g}",
                *(f"{ratio:.2f}" for ratio in point.ratios),
                "-" if point.break_even is None else f"{point.break_even:.1f}",
            )
            for point in self.points
        )
        by_rule = tuple(
            (
                found.rule,
                *(f"{value:g}" for value in (found.volatility,)),
                f"{found.ratio:.2f}",
                f"{found.period:.1f}",
                f"{found.measured:.2f}",
                f"{found.trust:.2f}",
            )
            for found in self.rules
        )
        titles = ("volatility>", *(f"age {age}>" for age in ages), "break-even>")
        return (
            Table("Copier's dividends per stake over the honest ones', Yuma 2", titles, by_age),
            Table(
                "The same under commit and reveal, copying the newest consensus",
                ("rule", "volatility>", "ratio>", "period>", "measured>", "honest trust>"),
                by_rule,
            ),
        )

    def picture(self) -> Picture:
        """The ratio over the age, a curve a volatility."""
        lines = tuple(
            Line(f"volatility {point.volatility:g}", tuple(map(float, point.ages)), point.ratios)
            for point in self.points
        )
        return Picture("What copying pays", "age of the copy, epochs", "copier / honest", lines, level=1.0)


def qualities(options: Options, volatility: float, seed: int) -> list[Floats]:
    """What each uid is worth in each epoch: log-quality begins in its stationary distribution."""
    random = np.random.default_rng((options.seed, seed))
    log = random.standard_normal(options.miners) * volatility / np.sqrt(1 - PERSISTENCE**2)
    path = []
    for _ in range(options.burn_in + options.epochs):
        path.append(np.concatenate([np.zeros(options.honest + 1), np.exp(log)]))
        log = PERSISTENCE * log + volatility * random.standard_normal(options.miners)
    return path


def ratio(options: Options, rules: Rules, volatility: float, age: int, repeat: int) -> tuple[float, ...]:
    """The copier's dividends per stake over the honest ones', the average reveal period, the measured
    volatility, and the honest validators' trust."""
    count, share = options.honest, options.copier_stake
    honest_stake = int(STAKE_RAO * (1 - share)) // count
    world = World([honest_stake] * count + [int(STAKE_RAO * share)] + [0] * options.miners, rules)
    seed = 1_000 * options.seed + repeat
    agents: list[Agent] = [Noisy(uid, options.noise, 2, seed) for uid in range(count)]
    agents.append(Copier(count, age))
    path, periods = qualities(options, volatility, repeat), []
    for worth in path:
        periods.append(world.reveal_period)
        play(world, agents, 1, [worth])
    counted = world.past[options.burn_in :]
    earned = np.sum([found.earned for found in counted], axis=0)
    found = earned[count] / share / (earned[:count].sum() / (1 - share))
    trust = np.mean([epoch.trust[:count].mean() for epoch in counted]) / 65_535
    period = mean(periods[options.burn_in :])
    return float(found), period, world.volatility_q32 / ONE_Q32, float(trust)


def _one(case: tuple[Options, Rules, float, int, int]) -> tuple[float, ...]:
    return ratio(*case)


def run(options: Options) -> Copying:
    """Runs both grids."""
    repeats = range(options.repeats)
    plain = list(product(options.volatilities, options.ages))
    ruled = list(product(COUNTER_RULES.items(), options.volatilities))
    cases = [(options, Rules(YUMA2), *case, repeat) for case in plain for repeat in repeats]
    cases += [
        (options, rules, volatility, 1, repeat) for (_, rules), volatility in ruled for repeat in repeats
    ]
    found = np.array(each(_one, cases, options.jobs)).reshape(-1, options.repeats, 4).mean(axis=1)
    ratios = found[: len(plain), 0].reshape(len(options.volatilities), len(options.ages))
    points = tuple(
        Copied(volatility, options.ages, tuple(row), break_even(options.ages, tuple(row)))
        for volatility, row in zip(options.volatilities, ratios.tolist(), strict=True)
    )
    rules = tuple(
        Countered(name, volatility, *row)
        for ((name, _), volatility), row in zip(ruled, found[len(plain) :].tolist(), strict=True)
    )
    return Copying(points, rules, options.seed, options.repeats)


def break_even(ages: tuple[int, ...], ratios: tuple[float, ...]) -> float | None:
    """The age at which the ratio falls through 1, linear between the ages measured."""
    for place in range(1, len(ages)):
        before, after = ratios[place - 1], ratios[place]
        if before >= 1 > after:
            return ages[place - 1] + (ages[place] - ages[place - 1]) * (before - 1) / (before - after)
    return None
