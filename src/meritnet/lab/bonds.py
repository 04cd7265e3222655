"""Gaming the bonds: entries of 0 that keep what no entry loses, and bonds bought before anybody else's."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from meritnet.consensus.agents import BondFrontRunner, HalfBlind, Noisy, play
from meritnet.consensus.simulate import UNCOMMITTED, Floats, Rules, Settled, shares
from meritnet.lab.arena import Arena
from meritnet.lab.study import Picture, Table, each, mean, percent

LIQUID = replace(UNCOMMITTED, liquid_alpha=True)
ABSENCE = {
    "liquid_alpha": Rules(LIQUID),
    "liquid_alpha, absent_as_zero": Rules(replace(LIQUID, absent_as_zero=True)),
    "liquid_alpha, plain mean": Rules(replace(LIQUID, kappa=0)),
    "Yuma 3": Rules(UNCOMMITTED),
}
PENALTIES = (0.0, 0.5, 1.0)


@dataclass(frozen=True)
class Options:
    """How long, and when the new miner is found to be good."""

    debut: int = 10
    """Epochs for which the front-runner alone weights it."""
    epochs: int = 40
    repeats: int = 2
    seed: int = 0
    jobs: int = 1


@dataclass(frozen=True)
class Absence:
    """Dividends per stake, over the honest validators', of one that measures half of the miners an epoch:
    honest itself (`whole`), leaving the others out, and giving them 0."""

    rule: str
    whole: float
    absent: float
    zeros: float


@dataclass(frozen=True)
class FrontRun:
    """The same of one that bonds with a new miner `debut` epochs before the others: while it is alone, and
    afterwards; `profit` is what it earns more than if it were honest, over all epochs, per stake."""

    rule: str
    beta: float
    alone: float
    afterwards: float
    profit: float


@dataclass(frozen=True)
class Bonds:
    """Both tables."""

    absences: tuple[Absence, ...]
    runs: tuple[FrontRun, ...]
    seed: int
    repeats: int
    meaning: str = field(
        default="Under liquid alpha a bond without a weight entry is gone at once while one with an entry of "
        "0 decays, so zeros are worth money; `absent_as_zero` makes the two the same.\n"
        "At a bonds penalty of 1 nobody can bond before the others agree: no front-running, but no "
        "reward for discovery either.",
    )

    def tables(self) -> tuple[Table, ...]:
        """Zeros, then front-running."""
        absences = tuple(
            (found.rule, *(f"{value:.3f}" for value in (found.whole, found.absent, found.zeros)))
            for found in self.absences
        )
        runs = tuple(
            (
                found.rule,
                f"{found.beta:g}",
                f"{found.alone:.3f}",
                f"{found.afterwards:.3f}",
                percent(found.profit),
            )
            for found in self.runs
        )
        return (
            Table(
                "Dividends per stake over the honest ones', measuring half of the miners",
                ("rule", "no attack>", "left out>", "zeros>"),
                absences,
            ),
            Table(
                "Bonding with a new miner before the others",
                ("rule", "beta>", "while alone>", "afterwards>", "profit>"),
                runs,
            ),
        )

    def picture(self) -> Picture | None:
        """The tables say it."""
        return None


def arena() -> Arena:
    """One attacker among nine equal validators."""
    return Arena(attackers=1, attackers_stake=1 / 9, attackers_miners=0, utility=1.0)


def per_stake(found: list[Settled], place: Arena) -> float:
    """The attacker's dividends per stake over the honest validators'."""
    attacker = shares(found, place.attacking) / place.attackers_stake
    return attacker / (shares(found, range(place.honest)) / (1 - place.attackers_stake))


def absence(options: Options, rules: Rules, repeat: int) -> tuple[float, ...]:
    """The honest, the one that leaves out and the one that gives zeros."""
    place, seed = arena(), 1_000 * options.seed + repeat
    (uid,) = place.attacking
    attackers = (
        Noisy(uid, place.noise, seed=seed),
        HalfBlind(uid, place.noise, seed=seed),
        HalfBlind(uid, place.noise, seed=seed, zeros=True),
    )
    return tuple(
        per_stake(play(place.world(rules), [*place.crew(seed), attacker], options.epochs), place)
        for attacker in attackers
    )


def front_run(options: Options, rules: Rules, repeat: int) -> tuple[float, ...]:
    """Dividends per stake while alone and afterwards, and the profit over being honest. A quarter of all
    useful work becomes the new miner's at its debut."""
    place, seed = arena(), 1_000 * options.seed + repeat
    (uid,), target = place.attacking, place.honest_miners[0]

    def worth(epoch: int) -> Floats:
        found = place.worth
        found[target] = found.sum() / 3 if epoch >= options.debut else 0.0
        return found

    path = [worth(epoch) for epoch in range(options.epochs)]
    honest = Noisy(uid, place.noise, seed=seed)
    runs = [
        play(place.world(rules), [*place.crew(seed), attacker], options.epochs, utilities=path)
        for attacker in (BondFrontRunner(uid, target), honest)
    ]
    early, late = (per_stake(part, place) for part in (runs[0][: options.debut], runs[0][options.debut :]))
    profit = shares(runs[0], [uid]) / shares(runs[1], [uid]) - 1
    return early, late, profit


def _absence(case: tuple[Options, str]) -> Absence:
    options, name = case
    found = [absence(options, ABSENCE[name], repeat) for repeat in range(options.repeats)]
    return Absence(name, *np.mean(found, axis=0).tolist())


def _run(case: tuple[Options, bool, float]) -> FrontRun:
    options, yuma3, beta = case
    rules = Rules(replace(UNCOMMITTED, yuma3=yuma3, bonds_penalty=round(65_535 * beta)))
    found = [front_run(options, rules, repeat) for repeat in range(options.repeats)]
    values = [mean(column) for column in zip(*found, strict=True)]
    return FrontRun("Yuma 3" if yuma3 else "Yuma 2", beta, *values)


def run(options: Options) -> Bonds:
    """Runs both."""
    absences = each(_absence, [(options, name) for name in ABSENCE], options.jobs)
    cases = [(options, yuma3, beta) for yuma3 in (True, False) for beta in PENALTIES]
    runs = each(_run, cases, options.jobs)
    return Bonds(tuple(absences), tuple(runs), options.seed, options.repeats)
