"""`meritnet lab duel`: whom it pays, on the two-layer model and on plain losses; its page."""

import re
from contextlib import closing
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from meritnet.lab import contestants, duel
from meritnet.lab.contestants import Field, Measured
from meritnet.subnets.fine_tuning.copies import PROBES
from meritnet.subnets.models import sources

PAGE = Path(__file__).resolve().parents[2] / "docs" / "duel.md"
POOL = 64
GAINS = {
    "honest a": 0.36,
    "honest b": 0.36,
    "honest c": 0.36,
    "one step": 0.04,
    "better": 0.5,
    "overfitted": 0.0,
    "trained on held-out text": 0.6,
    "copy": 0.36,
    "copy, scaled by 0.9": 0.34,
    "copy, noise 0.3": 0.35,
    "copy, noise 0.5": 0.34,
    "copy, noise 0.7": 0.3,
    "copy, noise 1": 0.2,
    "copy, noise 1.5": 0.2,
    "copy, noise 2": 0.15,
    "copy, noise 3": 0.1,
    "copy, hidden": 0.35,
    "blend of two honest ones": 0.36,
    "zero": 0.0,
    "noise": -0.1,
}
NEAR = ("copy", "copy, scaled by 0.9", "copy, noise 0.3", "copy, noise 0.5", "copy, noise 0.7")
"""Those whose sketch is the original's."""


@pytest.fixture(scope="module")
def world() -> Field:
    """The contestants as arrays: gains as the default model shows them, sketches near or far."""
    random = np.random.default_rng(0)
    base = random.normal(3.5, 0.8, POOL)
    direction = {name: random.standard_normal(PROBES) for name in GAINS}
    own = {name: random.standard_normal(POOL) for name in GAINS}
    adapters = {}
    for number, (name, gain) in enumerate(GAINS.items()):
        source = "honest a" if name in NEAR else name
        sketch = direction[source] / np.linalg.norm(direction[source])
        spread = 0.1 if gain > 0.1 else 0.01
        losses = base - gain - spread * (own[source] - own[source].mean())
        adapters[name] = Measured(f"{number:064x}", sketch.tolist(), losses)
    return Field("arrays", base, adapters)


OPTIONS = duel.Options(rounds=12, repeats=2)


@pytest.mark.parametrize("name", ["zero", "noise", "one step", "overfitted", *NEAR])
def test_who_brings_nothing_of_its_own_earns_nothing(world: Field, name: str) -> None:
    found = duel.met(world, OPTIONS, name)
    assert found.share == found.crowned == 0
    assert found.found_out == (name in NEAR)
    assert found.honest_share == pytest.approx(0.5)


def test_a_better_one_takes_the_crown_and_an_equal_one_a_part(world: Field) -> None:
    better, equal = (duel.met(world, OPTIONS, name) for name in ("better", "honest c"))
    assert better.crowned == 1
    assert better.rounds_to_crown is not None
    assert better.rounds_to_crown <= 4
    assert equal.crowned < 1
    assert 0.1 < equal.share < better.share


def test_one_owner_gains_by_better_work_and_not_by_more_files(world: Field) -> None:
    shares = {way: duel.owned(world, OPTIONS, way).share for way in duel.WAYS}
    assert shares["one adapter under three uids"] == pytest.approx(shares["one adapter"], abs=0.03)
    assert shares["a file anew at each round"] == 0
    assert shares["the better of the two"] > shares["one adapter"]
    assert shares["both under one uid, the one that suits the draw"] <= shares["the better of the two"]


def test_a_game_is_the_same_again_and_another_with_another_seed(world: Field) -> None:
    players = {1: duel.always("honest a"), 2: duel.always("better", 3)}
    games = [duel.game(world, players, 6, seed) for seed in ("one", "one", "other")]
    assert games[0] == games[1] != games[2]


def test_the_page_is_what_the_code_writes(world: Field) -> None:
    page = PAGE.read_text()
    stated = re.search(r"lab duel --seed (\d+) --rounds (\d+) --repeats (\d+)", page)
    assert stated is not None
    seed, rounds, repeats = map(int, stated.groups())
    assert (seed, rounds, repeats) == (0, duel.Options.rounds, duel.Options.repeats)
    small = duel.run(world, duel.Options(rounds=4, repeats=1))
    written = duel.page(small).replace("--rounds 4 --repeats 1", f"--rounds {rounds} --repeats {repeats}")
    written = written.replace("4 rounds", f"{rounds} rounds").replace("of 1 games", f"of {repeats} games")
    written = written.replace(" on arrays;", " on smollm2-135m-instruct;")
    assert without_figures(written) == without_figures(page)


def without_figures(text: str) -> list[str]:
    """The page's lines, of tables only the first cell."""
    return [re.sub(r"^(\| [^|]*[a-z][^|]*\|) .*\d.*", r"\1", line) for line in text.splitlines()]


def test_what_is_made_of_a_file_is_what_it_says() -> None:
    random = np.random.default_rng(5)
    names = ("x.lora_A.weight", "x.lora_B.weight")
    one, other = (
        dict(zip(names, (random.standard_normal((8, 20)), random.standard_normal((30, 8))), strict=True))
        for _ in range(2)
    )

    def product(tensors: contestants.Tensors) -> np.ndarray:
        return tensors[names[1]] @ tensors[names[0]]

    def cosine(left: np.ndarray, right: np.ndarray) -> float:
        return float((left * right).sum() / np.linalg.norm(left) / np.linalg.norm(right))

    whole = product(one)
    assert np.allclose(product(contestants.scaled(one, 0.9)), 0.9 * whole, atol=1e-4)
    assert 0.4 < cosine(product(contestants.noised(one, 1.0)), whole) < 0.6
    assert 0.6 < cosine(product(contestants.hidden(one, 1.0)), whole) < 0.75
    assert np.allclose(product(contestants.blended(one, one)), whole, atol=1e-3)
    assert cosine(product(contestants.blended(one, other)), whole) < 0.9


@pytest.mark.slow
def test_on_the_default_model_copies_earn_nothing_and_a_better_one_wins() -> None:
    from meritnet.subnets.models.engine import Engine

    if sources.cached(sources.DEFAULT_MODEL) is None:
        pytest.skip("meritnet model pull has not been run here")
    with closing(Engine.load()) as engine:
        world = contestants.field(engine, 64, seed=0)
    met = partial(duel.met, world, duel.Options(repeats=5))
    copies = ("copy", "copy, scaled by 0.9", "copy, noise 0.3", "copy, noise 1.5", "copy, hidden")
    nothing = ("zero", "noise", "one step", "overfitted", *copies)
    assert [met(name).share for name in nothing] == [0] * len(nothing)
    better, equal = met("better"), met("honest c")
    assert better.crowned >= 0.8
    assert better.share > 1.2 * equal.share > 0.1
