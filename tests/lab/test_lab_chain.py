"""The same world on the specification and on the real runtime."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from meritnet.chain.errors import UsageError
from meritnet.consensus.agents import Apathetic, Cabal, HalfBlind, StakeFlasher, UidSniper, play
from meritnet.consensus.simulate import UNCOMMITTED, Places, Rules, Settle
from meritnet.lab import apathy, cabal, flash
from meritnet.lab.arena import Arena
from meritnet.lab.chain import runtime

PLACE = Arena(honest=3, attackers=2, miners=5, attackers_miners=2)
LIQUID = replace(UNCOMMITTED, liquid_alpha=True, bonds_penalty=65_534)
FIELDS = ("consensus", "incentive", "dividends", "trust", "permits", "earned")


@pytest.fixture(scope="module")
def on_runtime() -> Iterator[Settle]:
    """The packaged runtime, once."""
    with runtime() as settle:
        yield settle


@pytest.mark.parametrize(
    "rules",
    [
        Rules(),
        Rules(replace(UNCOMMITTED, yuma3=False, bonds_penalty=30_000)),
        Rules(LIQUID),
        Rules(
            replace(UNCOMMITTED, commit_reveal=True, kappa=40_000, max_allowed_validators=4), reveal_period=1
        ),
        Rules(
            replace(
                UNCOMMITTED, commit_reveal=True, liquid_alpha=True, absent_as_zero=True, deviation_cost=9
            ),
            average_stake=True,
            carry_dust=True,
            dated_weights=True,
            reveal_period=1,
        ),
    ],
    ids=["yuma3", "yuma2", "liquid", "commits", "ours"],
)
def test_the_runtime_makes_of_a_world_what_the_specification_makes(on_runtime: Settle, rules: Rules) -> None:
    rules = replace(rules, places=Places(min_non_immune=0))
    worlds = [PLACE.world(rules), PLACE.world(rules, on_runtime)]
    for world in worlds:
        seats: list[int] = []
        crew = [*PLACE.crew(1), HalfBlind(2, 0.3), Cabal(3, 0.4, 1, 1, PLACE.bad_miners, 0.6)]
        play(world, [*crew, StakeFlasher(4, PLACE.bad_miners, 10**14), UidSniper(9, 2, seats)], 5)
    specified, executed = worlds
    for first, second in zip(specified.past, executed.past, strict=True):
        for name in FIELDS:
            assert (getattr(first, name) == getattr(second, name)).all(), name
        assert (first.pending, first.owner) == (second.pending, second.owner)
        assert (first.bonds.values == second.bonds.values).all()
        assert (first.bonds.present == second.bonds.present).all()


def test_the_cutoff_is_the_runtimes(on_runtime: Settle) -> None:
    world = PLACE.world(Rules(), on_runtime)
    crew = [*PLACE.crew(0)[:1], *(Apathetic(uid) for uid in range(1, 5))]
    found = play(world, crew, 16)
    assert [bool(settled.incentive.any()) for settled in found] == [False] * 13 + [True] * 3


def test_experiments_run_on_the_runtime(on_runtime: Settle) -> None:
    options = cabal.Options(stakes=(0.51,), epochs=2, repeats=1, on_chain=True)
    found = cabal.run(options, on_runtime)
    specified = cabal.run(replace(options, on_chain=False))
    assert (found.points, found.withheld) == (specified.points, specified.withheld)
    flashed = flash.run(flash.Options(tempo=20, epochs=2, repeats=1, on_chain=True), on_runtime)
    at_once, _, averaged, _ = flashed.points
    assert at_once.captured > 0.99
    assert averaged.captured < 0.2
    silent = apathy.Options(silent=(6,), epochs=1, repeats=1)
    assert apathy.run(silent, on_runtime).points == apathy.run(silent).points


def test_what_the_runtime_cannot_do_is_said(on_runtime: Settle) -> None:
    patient = Rules(replace(UNCOMMITTED, activity_cutoff=401))
    with pytest.raises(UsageError, match="at most 400"):
        PLACE.world(patient, on_runtime).run_epoch()
