"""Dust: what the floors of an epoch leave, and whose it is."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from meritnet.consensus.agents import play
from meritnet.consensus.simulate import Rules, Settle, by_specification
from meritnet.lab.arena import Arena
from meritnet.lab.study import Picture, Table, each, mean


@dataclass(frozen=True)
class Options:
    """Honest subnets of several sizes, each so many validators and miners."""

    sizes: tuple[tuple[int, int], ...] = ((2, 4), (8, 24), (64, 192))
    epochs: int = 20
    repeats: int = 2
    seed: int = 0
    jobs: int = 1
    on_chain: bool = False


@dataclass(frozen=True)
class Left:
    """What floors leave of an epoch's pay, in rao: to the owner, or waiting where it is carried. With
    `carry_dust` an epoch leaves as much, but pays what the last one left."""

    validators: int
    miners: int
    to_owner: float
    owner_when_carried: float
    waiting: float
    of_pay: float
    """The dust of an epoch as a part of its pay."""


@dataclass(frozen=True)
class Dust:
    """A row for each size."""

    points: tuple[Left, ...]
    on_chain: bool
    seed: int
    repeats: int
    meaning: str = field(
        default="The public network drops what floors leave; here it is the owner's, and never lost.\n"
        "With `carry_dust` the owner has nothing from it, and what waits stays as small as one epoch's dust.",
    )

    def tables(self) -> tuple[Table, ...]:
        """One row a size."""
        rows = tuple(
            (
                str(found.validators),
                str(found.miners),
                f"{found.to_owner:.1f}",
                f"{found.owner_when_carried:.1f}",
                f"{found.waiting:.1f}",
                f"{found.of_pay:.1e}",
            )
            for found in self.points
        )
        titles = ("validators>", "miners>", "to the owner>", "carried>", "waiting>", "of the pay>")
        return (Table("Rao an epoch that floors leave", titles, rows),)

    def picture(self) -> Picture | None:
        """The table says it."""
        return None


def left(arena: Arena, rules: Rules, epochs: int, seed: int, settle: Settle) -> tuple[float, float, float]:
    """Rao to the owner an epoch, rao that wait at the end, and the former as a part of the pay."""
    found = play(arena.world(rules, settle), arena.crew(seed), epochs)
    to_owner = mean(epoch.owner for epoch in found)
    return to_owner, found[-1].pending.total, to_owner / mean(int(epoch.earned.sum()) for epoch in found)


def _one(case: tuple[Options, int, int, Settle]) -> Left:
    options, validators, miners, settle = case
    arena = Arena(validators, 0, miners, 0, 0.0, 1.0)
    rules = Rules(block_emission=10**9)

    def means(rules: Rules) -> list[float]:
        seeds = (1_000 * options.seed + repeat for repeat in range(options.repeats))
        runs = [left(arena, rules, options.epochs, seed, settle) for seed in seeds]
        return [mean(column) for column in zip(*runs, strict=True)]

    owner, _, of_pay = means(rules)
    carried, waiting, _ = means(replace(rules, carry_dust=True))
    return Left(validators, miners, owner, carried, waiting, of_pay)


def run(options: Options, settle: Settle = by_specification) -> Dust:
    """Runs every size, with and without the rule."""
    found = each(_one, [(options, *size, settle) for size in options.sizes], options.jobs)
    return Dust(tuple(found), options.on_chain, options.seed, options.repeats)
