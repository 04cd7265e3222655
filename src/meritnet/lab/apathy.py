"""Validators who hold stake and say nothing: what is left for the others, and what silence is paid."""

from __future__ import annotations

from dataclasses import dataclass, field

from meritnet.consensus.agents import Agent, Apathetic, Noisy, play
from meritnet.consensus.simulate import Rules, Settle, Settled, by_specification, shares
from meritnet.lab.arena import PLAIN_MEAN, YUMA, Arena
from meritnet.lab.study import Line, Picture, Table, each, mean, percent

VALIDATORS = 10


@dataclass(frozen=True)
class Options:
    """How many of ten validators are silent; `epochs` are counted before and after the activity cutoff."""

    silent: tuple[int, ...] = (0, 2, 4, 5, 6, 8, 10)
    epochs: int = 5
    repeats: int = 2
    seed: int = 0
    jobs: int = 1
    on_chain: bool = False


@dataclass(frozen=True)
class Silence:
    """Parts of all pay by the silent part of the stake: while the silent count as active (`early`) and once
    they do not (`late`). `silent_…` is what silence earns per stake, of the whole pay's average; `plain` is
    the plain mean's, early."""

    stake: float
    miners_early: float
    miners_late: float
    miners_plain: float
    silent_early: float
    silent_late: float
    silent_plain: float


@dataclass(frozen=True)
class Apathy:
    """One point for each number of silent validators."""

    points: tuple[Silence, ...]
    cutoff_blocks: int
    on_chain: bool
    seed: int
    repeats: int
    meaning: str = field(
        default="While the silent count as active, a silent majority makes the consensus 0 and the whole pay "
        "goes to stake, theirs included: silence is then paid like work.\n"
        "The activity cutoff ends that for all but the last case: if nobody speaks, stake is paid for "
        "nothing, by any rule.",
    )

    def tables(self) -> tuple[Table, ...]:
        """One row a number."""
        rows = tuple(
            (
                percent(found.stake),
                *(percent(part) for part in (found.miners_early, found.miners_late, found.miners_plain)),
                *(f"{part:.2f}" for part in (found.silent_early, found.silent_late, found.silent_plain)),
            )
            for found in self.points
        )
        titles = (
            "silent stake>",
            "miners, early>",
            "late>",
            "plain mean>",
            "silence per stake, early>",
            "late>",
            "plain mean>",
        )
        return (Table(f"Parts of all pay; the cutoff is {self.cutoff_blocks} blocks", titles, rows),)

    def picture(self) -> Picture:
        """The miners' part over the silent stake."""
        stakes = tuple(found.stake for found in self.points)
        lines = (
            Line("within the cutoff", stakes, tuple(found.miners_early for found in self.points)),
            Line("after it", stakes, tuple(found.miners_late for found in self.points)),
            Line("plain mean", stakes, tuple(found.miners_plain for found in self.points)),
        )
        return Picture(
            "What silent stake leaves the miners", "silent stake", "miners' part of all pay", lines
        )


def phases(
    options: Options, silent: int, rules: Rules, repeat: int, settle: Settle
) -> tuple[list[Settled], list[Settled]]:
    """The first epochs, and as many after the activity cutoff; the silent speak once, never again.

    They have never set weights: they are active since their registration.
    """
    arena = Arena(honest=VALIDATORS, attackers=0, attackers_stake=0.0, attackers_miners=0, utility=1.0)
    seed = 1_000 * options.seed + repeat
    crew: list[Agent] = [Apathetic(uid) for uid in range(silent)]
    crew += [Noisy(uid, arena.noise, seed=seed) for uid in range(silent, VALIDATORS)]
    world = arena.world(rules, settle)
    early = play(world, crew, options.epochs)
    params = rules.params
    play(world, crew, params.activity_cutoff // params.tempo + 1 - options.epochs)
    return early, play(world, crew, options.epochs)


def _one(case: tuple[Options, int, Settle]) -> Silence:
    options, silent, settle = case
    stake, mute = silent / VALIDATORS, range(silent)
    parts = []
    for repeat in range(options.repeats):
        early, late = phases(options, silent, YUMA, repeat, settle)
        plain, _ = phases(options, silent, PLAIN_MEAN, repeat, settle)
        found = (early, late, plain)
        parts.append([1 - shares(epochs, range(VALIDATORS)) for epochs in found])
        parts[-1] += [shares(epochs, mute) / stake if silent else 0.0 for epochs in found]
    return Silence(stake, *(mean(values) for values in zip(*parts, strict=True)))


def run(options: Options, settle: Settle = by_specification) -> Apathy:
    """Silences more and more validators."""
    found = each(_one, [(options, silent, settle) for silent in options.silent], options.jobs)
    cutoff = YUMA.params.activity_cutoff
    return Apathy(tuple(found), cutoff, options.on_chain, options.seed, options.repeats)
