"""The honest-majority retention map: how much utility keeps an honest majority's stake from eroding.

The published method (subtensor docs/consensus.md, Monte Carlo simulations), read as it stands: 512 uids of
which 64 are validators; the honest part of validators and of miners is floor(S_H × count); stake ~ N(1, 0.3)
and weights ~ N(1, sigma), clamped at 0, each quadrant (honest or cabal validators on honest or cabal miners)
scaled to its share; one epoch from no bonds, bonds being column shares (Yuma 2); kappa 32,767;
E_H = xi D_H + (1 - xi) I_H. The needed utility W_H is the smallest at which E_H >= S_H for every self-weight
W_C of a grid; it is found by bisection in each sample apart (the worst case within a sample, as the contours
have it), on the same samples for all settings, and averaged over samples, which differ by less than 0.01.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import product

import numpy as np

from meritnet.consensus.fixed import ONE, U16_MAX
from meritnet.consensus.simulate import UNCOMMITTED, Floats, Rules, World
from meritnet.lab.study import Line, Picture, Table, each, mean

ROUNDING = 1e-6
"""By how much truncation may leave an emission below the stake that it equals."""
STAKE_RAO = 21 * 10**15
STAKE_DEVIATION = 0.3
PLAIN_MEAN = 0
"""At this kappa nothing is clipped: incentive is the plain stake-weighted mean."""


@dataclass(frozen=True)
class Setting:
    """Where a point of the map lies."""

    honest_stake: float = 0.6
    sigma: float = 0.4
    beta: float = 1.0
    xi: float = 0.5


PUBLISHED = {
    Setting(sigma=0.0): 0.60,
    Setting(sigma=0.2): 0.67,
    Setting(): 0.73,
    Setting(beta=0.5): 0.76,
    Setting(beta=0.0): 0.78,
    Setting(xi=0.25): 0.78,
    Setting(xi=0.0): 0.82,
    Setting(honest_stake=0.7): 0.75,
}
"""The public network's figures for the needed utility."""


@dataclass(frozen=True)
class Options:
    """What to map, and how finely."""

    settings: tuple[Setting, ...] = tuple(PUBLISHED)
    kappa: int = 32_767
    uids: int = 512
    validators: int = 64
    self_weights: int = 26
    """Points of the grid over the cabal's self-weight, from 0 to 1."""
    halvings: int = 10
    """Steps of the bisection: the answer is exact to 1 / 2**halvings."""
    repeats: int = 3
    seed: int = 0
    jobs: int = 1


@dataclass(frozen=True)
class Point:
    """The needed utility at one setting: mean, least and most over the samples, and the self-weight that
    demands it. `plain_mean` is what the plain stake-weighted mean needs, 1 where it never retains."""

    honest_stake: float
    sigma: float
    beta: float
    xi: float
    needed_utility: float
    least: float
    most: float
    worst_self_weight: float
    plain_mean: float
    published: float | None


@dataclass(frozen=True)
class Retention:
    """The map."""

    points: tuple[Point, ...]
    kappa: int
    seed: int
    repeats: int
    meaning: str = field(
        default="An honest majority keeps its share if its miners do at least this part of all useful work, "
        "whatever the rest says.\n"
        "The plain mean never retains: any cabal that weights itself grows.",
    )

    def tables(self) -> tuple[Table, ...]:
        """One row a setting."""
        rows = tuple(
            (
                *(f"{value:g}" for value in (point.honest_stake, point.sigma, point.beta, point.xi)),
                f"{point.needed_utility:.3f}",
                "-" if point.published is None else f"{point.published:.2f}",
                f"{point.least:.3f}-{point.most:.3f}",
                f"{point.worst_self_weight:.2f}",
                f"{point.plain_mean:.2f}",
            )
            for point in self.points
        )
        titles = (
            "S_H>",
            "sigma>",
            "beta>",
            "xi>",
            "needed>",
            "published>",
            "samples>",
            "worst W_C>",
            "mean>",
        )
        return (Table("Needed honest utility", titles, rows),)

    def picture(self) -> Picture:
        """Needed utility over honest stake, a curve for each sigma, beta and xi."""
        curves: dict[str, list[tuple[float, float]]] = {}
        for point in self.points:
            name = f"sigma {point.sigma:g}, beta {point.beta:g}, xi {point.xi:g}"
            curves.setdefault(name, []).append((point.honest_stake, point.needed_utility))
        lines = tuple(
            Line(name, *(tuple(values) for values in zip(*sorted(found), strict=True)))
            for name, found in curves.items()
        )
        return Picture("Honest utility that retains honest stake", "honest stake", "needed utility", lines)


class Sample:
    """One random network: stake and weights before the quadrants are scaled."""

    def __init__(self, options: Options, honest_stake: float, sigma: float, repeat: int) -> None:
        random = np.random.default_rng((options.seed, repeat))
        self.validators, miners = options.validators, options.uids - options.validators
        self.honest_validators = _part(honest_stake, options.validators)
        self.honest_miners = _part(honest_stake, miners)
        stake = np.clip(1 + STAKE_DEVIATION * random.standard_normal(options.validators), 0, None)
        weights = np.clip(1 + sigma * random.standard_normal((options.validators, miners)), 0, None)
        for part, share in ((self._honest, honest_stake), (self._cabal, 1 - honest_stake)):
            stake[part] *= share / stake[part].sum()
        self._quadrants = np.zeros((options.validators, options.uids))
        for columns in (self.honest_columns, self.cabal_columns):
            chosen = weights[:, columns.start - options.validators : columns.stop - options.validators]
            self._quadrants[:, columns] = chosen / chosen.sum(axis=1, keepdims=True)
        self._stake = [int(share * STAKE_RAO) for share in stake] + [0] * miners

    @property
    def _honest(self) -> slice:
        return slice(0, self.honest_validators)

    @property
    def _cabal(self) -> slice:
        return slice(self.honest_validators, self.validators)

    @property
    def honest_columns(self) -> slice:
        """The honest miners' uids."""
        return slice(self.validators, self.validators + self.honest_miners)

    @property
    def cabal_columns(self) -> slice:
        """The cabal's miners' uids."""
        return slice(self.validators + self.honest_miners, self._quadrants.shape[1])

    def world(self, kappa: int, beta: float) -> World:
        """The network before its first epoch, by Yuma 2."""
        params = replace(
            UNCOMMITTED,
            kappa=kappa,
            bonds_penalty=round(beta * U16_MAX),
            yuma3=False,
            max_allowed_validators=self.validators,
        )
        return World(self._stake, Rules(params))

    def weights(self, utility: float, self_weight: float) -> Floats:
        """Every validator's weights, (validators, n): `utility` is W_H, `self_weight` is W_C."""
        weights: Floats = self._quadrants.copy()
        for rows, on_honest in ((self._honest, utility), (self._cabal, 1 - self_weight)):
            weights[rows, self.honest_columns] *= on_honest
            weights[rows, self.cabal_columns] *= 1 - on_honest
        return weights

    def honest_emission(self, world: World, utility: float, self_weight: float, xi: float) -> float:
        """E_H = xi D_H + (1 - xi) I_H after one epoch."""
        for uid, row in enumerate(self.weights(utility, self_weight)):
            world.submit(uid, row)
        steps = world.steps()
        dividends = int(steps.dividends[self._honest].sum()) / ONE
        incentive = int(steps.incentive[self.honest_columns].sum()) / ONE
        return xi * dividends + (1 - xi) * incentive


def needed(
    sample: Sample, world: World, setting: Setting, grid: Sequence[float], halvings: int
) -> tuple[float, float]:
    """The smallest W_H that retains against every W_C of the grid, and the W_C that demands it; 1 where
    nothing below does."""
    low, high, hardest = 0.0, 1.0, grid[-1]
    for _ in range(halvings):
        middle = (low + high) / 2
        order = sorted(grid, key=lambda weight: abs(weight - hardest))
        broken = next(
            (
                weight
                for weight in order
                if sample.honest_emission(world, middle, weight, setting.xi) < setting.honest_stake - ROUNDING
            ),
            None,
        )
        if broken is None:
            high = middle
        else:
            low, hardest = middle, broken
    return high, hardest


def _one(case: tuple[Options, Setting, int]) -> tuple[float, float, float]:
    """The needed utility in one sample, the hardest self-weight, and what the plain mean needs."""
    options, setting, repeat = case
    sample = Sample(options, setting.honest_stake, setting.sigma, repeat)
    grid = np.linspace(0, 1, options.self_weights).tolist()
    found, hardest = needed(
        sample, sample.world(options.kappa, setting.beta), setting, grid, options.halvings
    )
    plain, _ = needed(sample, sample.world(PLAIN_MEAN, setting.beta), setting, [1.0], options.halvings)
    return found, hardest, plain


def run(options: Options) -> Retention:
    """Maps every setting."""
    cases = [(options, *case) for case in product(options.settings, range(options.repeats))]
    found = each(_one, cases, options.jobs)
    points = []
    for number, setting in enumerate(options.settings):
        samples = found[number * options.repeats : (number + 1) * options.repeats]
        values = [value for value, _, _ in samples]
        points.append(
            Point(
                setting.honest_stake,
                setting.sigma,
                setting.beta,
                setting.xi,
                needed_utility=mean(values),
                least=min(values),
                most=max(values),
                worst_self_weight=mean(weight for _, weight, _ in samples),
                plain_mean=mean(plain for _, _, plain in samples),
                published=PUBLISHED.get(setting) if options.kappa == Options.kappa else None,
            )
        )
    return Retention(tuple(points), options.kappa, options.seed, options.repeats)


def _part(ratio: float, count: int) -> int:
    """So many of a group, never none and never all."""
    return min(max(int(ratio * count), 1), count - 1)
