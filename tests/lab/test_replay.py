"""Recorded epochs under other parameters, and files that are none."""

import json
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from random import Random
from typing import Any

import pytest

from meritnet.chain.errors import UsageError
from meritnet.consensus import vectors
from meritnet.consensus.agents import Cabal, Honest, play
from meritnet.consensus.params import LiquidAlphaMode
from meritnet.consensus.simulate import Case, Settled, by_specification
from meritnet.lab import replay
from meritnet.lab.arena import YUMA, Arena
from meritnet.lab.replay import FORMAT, Recorded


def record(path: Path, epochs: int = 3) -> list[Settled]:
    """A world's epochs with a cabal of 40 %, as a file; what the world paid."""
    kept: list[dict[str, Any]] = []

    def keeping(case: Case) -> Settled:
        rows = [
            [
                [[uid, int(values[uid]) >> 32] for uid in present.nonzero()[0].tolist()]
                for values, present in pairs
            ]
            for pairs in (
                zip(case.weights.values, case.weights.present, strict=True),
                zip(case.bonds.values, case.bonds.present, strict=True),
            )
        ]
        state = asdict(case.state) | dict(zip(("weights", "bonds"), rows, strict=True))
        kept.append({"input": state, "params": asdict(case.rules.params)})
        return by_specification(case)

    arena = Arena(honest=3, attackers=2, miners=4, attackers_miners=2)
    world = arena.world(YUMA, keeping)
    crew = [Honest(0), Honest(1), Honest(2), *(Cabal(uid, 0.0, miners=arena.bad_miners) for uid in (3, 4))]
    found = play(world, crew, epochs)
    path.write_text(json.dumps({"format": FORMAT, "netuid": 1, "epochs": kept}))
    return found


def test_the_same_parameters_pay_the_same(tmp_path: Path) -> None:
    paid = record(tmp_path / "epochs.json")
    found = replay.run(replay.read(tmp_path / "epochs.json"), {})
    assert found.moved == 0
    assert all(one.before_rao == one.after_rao for one in found.uids)
    total = sum(int(settled.earned.sum()) for settled in paid)
    assert sum(one.before_rao for one in found.uids) == pytest.approx(total, abs=100)


def test_the_plain_mean_pays_the_cabal(tmp_path: Path) -> None:
    record(tmp_path / "epochs.json")
    found = replay.run(replay.read(tmp_path / "epochs.json"), {"kappa": 0})
    gainers = {one.uid for one in found.uids if one.after_rao > one.before_rao}
    assert gainers == {3, 4, 9, 10}
    assert 0.2 < found.moved < 0.8
    (table,) = found.tables()
    assert int(table.rows[0][0]) in gainers
    assert found.picture().lines[0].xs == tuple(map(float, range(11)))


def test_bonds_of_a_new_holder_are_not_the_old_ones(tmp_path: Path) -> None:
    record(tmp_path / "epochs.json", 2)
    first, second = replay.read(tmp_path / "epochs.json")
    registered = [25 if uid == 0 else 0 for uid in range(11)]
    changed = Recorded(replace(second.state, registered_at=registered, bonds=[()] * 11), second.params)
    assert replay.earned([first, changed])[0] < replay.earned([first, second])[0]


@pytest.mark.parametrize("seed", range(5))
def test_any_epoch_of_the_specification_is_read_back(tmp_path: Path, seed: int) -> None:
    random = Random(f"replay {seed}")
    state, params = vectors.random_epoch(random, 4), vectors.random_params(random)
    path = tmp_path / "one.json"
    path.write_text(
        json.dumps({"format": FORMAT, "epochs": [{"input": asdict(state), "params": asdict(params)}]})
    )
    (found,) = replay.read(path)
    assert (found.state, found.params) == (state, params)


def broken(change: Callable[[dict[str, Any]], object]) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        record(path, 1)
        found = json.loads(path.read_text())
        change(found)
        path.write_text(json.dumps(found))

    return write


def entry(**fields: object) -> Callable[[Path], None]:
    return broken(lambda found: found["epochs"][0]["input"].update(fields))


BAD: dict[str, tuple[Callable[[Path], None], str]] = {
    "missing": (lambda path: None, "cannot be read"),
    "text": (lambda path: path.write_text("hello"), "no JSON"),
    "bytes": (lambda path: path.write_bytes(b"\xff\xfe"), "no JSON"),
    "deep": (lambda path: path.write_text("[" * 100_000), "no JSON"),
    "list": (lambda path: path.write_text("[]"), "no record"),
    "format": (broken(lambda found: found.update(format="x")), "no record"),
    "empty": (broken(lambda found: found.update(epochs=[])), "no epochs"),
    "epoch": (broken(lambda found: found.update(epochs=[3])), "nothing else"),
    "objects": (broken(lambda found: found["epochs"][0].update(input=1)), "must be objects"),
    "lacking": (broken(lambda found: found["epochs"][0]["input"].pop("bonds")), "input lacks bonds"),
    "field": (entry(colour=1), "unknown field 'colour'"),
    "rule": (broken(lambda found: found["epochs"][0]["params"].update(magic=1)), "no parameter 'magic'"),
    "value": (broken(lambda found: found["epochs"][0]["params"].update(kappa=70_000)), "65535"),
    "nan": (entry(emission=float("nan")), "NaN is no number"),
    "negative": (entry(emission=-1), "emission must be a whole number"),
    "no list": (entry(alpha_stake=1), "alpha_stake must be a list"),
    "text in list": (entry(last_update=["x"] * 11), "last_update cannot hold 'x'"),
    "number for flag": (entry(permits=[1] * 11), "permits cannot hold 1"),
    "pair": (entry(weights=[[[1, 2, 3]]] + [[]] * 10), "rows of"),
    "row": (entry(weights=[7] + [[]] * 10), "rows of"),
    "u16": (entry(weights=[[[1, 65_536]]] + [[]] * 10), "rows of"),
    "twice": (entry(weights=[[[1, 2], [1, 3]]] + [[]] * 10), "once each"),
    "beyond": (entry(bonds=[[[11, 2]]] + [[]] * 10), "below 11"),
    "longer": (entry(weights=[[]] * 12), "12 entries for 11 uids"),
    "owner": (entry(owner_uid=11), "no uid"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_file_that_is_no_record_is_one_line(tmp_path: Path, name: str) -> None:
    write, says = BAD[name]
    path = tmp_path / "epochs.json"
    write(path)
    with pytest.raises(UsageError, match=says) as refused:
        replay.read(path)
    assert "\n" not in str(refused.value)
    assert len(str(refused.value)) < 300


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("kappa=40000", 40_000),
        ("yuma3=false", False),
        ("liquid_alpha_mode=previous", LiquidAlphaMode.PREVIOUS),
        ("alpha_sigmoid_steepness=-500", -500),
    ],
)
def test_settings_are_read(text: str, value: object) -> None:
    name, found = replay.setting(text)
    assert replay.parameter(name, found) == value


@pytest.mark.parametrize(
    "text",
    [
        *("kappa", "kappa=", "kappa=x", "kappa=1.5", "kappa=true", "kappa=-1", "kappa=NaN"),
        *("yuma3=1", "tempo=0", "nope=1", "liquid_alpha_mode=sideways"),
    ],
)
def test_settings_that_make_no_sense_are_refused(text: str) -> None:
    with pytest.raises(UsageError):
        replay.parameter(*replay.setting(text))
