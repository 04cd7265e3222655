"""``meritnet lab``: each experiment at small size, and everything that can be asked wrongly."""

import json
from dataclasses import asdict
from pathlib import Path
from random import Random
from typing import Any

import pytest

from meritnet.consensus import vectors
from meritnet.lab.replay import FORMAT

SMALL = {
    "retention": ("--uids", "24", "--validators", "6", "--sigma", "0.4", "--xi", "0.5", "--xi", "0"),
    "copier": ("--volatility", "0.4", "--age", "3", "--age", "0", "--epochs", "2"),
    "cabal": ("--stake", "0.3", "--epochs", "2"),
    "sybil": ("--epochs", "1"),
    "flash": ("--epochs", "1", "--tempo", "20"),
    "apathy": ("--epochs", "1"),
    "bonds": ("--epochs", "12"),
    "evict": (),
    "dust": ("--epochs", "2"),
}
COMMON = ("--repeats", "1", "--seed", "7", "--jobs", "1")
FIRST = {"copier": "points", "bonds": "absences"}


@pytest.fixture
def recorded(tmp_path: Path) -> Path:
    """Two epochs of random subnets in a file."""
    random, path = Random("lab commands"), tmp_path / "epochs.json"
    states = [vectors.random_epoch(random, 5) for _ in range(2)]
    epochs = [{"input": asdict(state), "params": {"kappa": 32_767}} for state in states]
    path.write_text(json.dumps({"format": FORMAT, "epochs": epochs}))
    return path


@pytest.mark.parametrize("name", SMALL)
def test_an_experiment_is_one_object(meritnet: Any, name: str) -> None:
    found = meritnet("lab", name, *SMALL[name], *COMMON, "--json")
    assert (found.code, found.err) == (0, "")
    assert (found.json["seed"], found.json["repeats"]) == (7, 1)
    assert found.json[FIRST.get(name, "points")]
    assert found.json["meaning"].count("\n") == 1


def test_the_map_has_the_points_that_were_asked_for(meritnet: Any) -> None:
    points = meritnet("lab", "retention", *SMALL["retention"], *COMMON, "--json").json["points"]
    assert [(one["honest_stake"], one["sigma"], one["beta"], one["xi"]) for one in points] == [
        (0.6, 0.4, 1.0, 0.5),
        (0.6, 0.4, 1.0, 0.0),
    ]
    assert all(0.5 < one["needed_utility"] < 1 for one in points)


@pytest.mark.slow
def test_the_duel_is_played_on_a_small_model_and_its_page_is_written(meritnet: Any, tmp_path: Path) -> None:
    from meritnet.subnets.models.tiny import save_tiny

    model, page = save_tiny(tmp_path / "tiny"), tmp_path / "duel.md"
    size = ("--rounds", "5", "--pool", "24", "--model", str(model), "--page", str(page))
    found = meritnet("lab", "duel", *COMMON, *size, "--json")
    assert found.code == 0, found.err
    shares = {one["name"]: one["share"] for one in found.json["met"]}
    assert shares["noise"] == shares["zero"] == shares["copy"] == 0 < shares["better"]
    assert page.read_text().startswith("# The duel of fine_tuning, measured")


def test_the_duel_s_page_must_have_a_folder(meritnet: Any, tmp_path: Path) -> None:
    found = meritnet("lab", "duel", "--page", str(tmp_path / "none" / "duel.md"))
    assert found.code == 2
    assert "there is no directory" in found.err


def test_an_experiment_is_tables_for_people(meritnet: Any) -> None:
    found = meritnet("lab", "evict", *COMMON)
    assert found.code == 0
    assert "Throwing out an honest miner" in found.out
    assert "registrations" in found.out
    assert found.out.endswith("dated by their commit end that.\n")


def test_a_picture_is_written_where_it_is_asked_for(meritnet: Any, tmp_path: Path) -> None:
    path = tmp_path / "evict.png"
    assert meritnet("lab", "evict", *COMMON, "--png", str(path)).code == 0
    assert path.read_bytes().startswith(b"\x89PNG")
    refused = meritnet("lab", "evict", *COMMON, "--png", str(tmp_path / "none" / "a.png"))
    assert (refused.code, refused.err.count("\n")) == (2, 1)


def test_the_runtime_runs_an_experiment(meritnet: Any) -> None:
    found = meritnet("lab", "flash", "--chain", "--epochs", "2", *COMMON, "--json").json
    assert (found["on_chain"], found["tempo"]) == (True, 20)
    assert found["points"][0]["captured"] > 0.99
    refused = meritnet("lab", "flash", "--chain", "--tempo", "360", "--epochs", "1", *COMMON)
    assert (refused.code, refused.err.count("\n")) == (2, 1)


def test_a_replay_tells_who_gains(meritnet: Any, recorded: Path) -> None:
    found = meritnet(
        "lab", "replay", str(recorded), "--set", "kappa=0", "--set", "yuma3=false", "--json"
    ).json
    assert found["settings"] == {"kappa": 0, "yuma3": False}
    assert found["epochs"] == 2
    assert len(found["uids"]) == 5
    assert "of all pay moves" in meritnet("lab", "replay", str(recorded)).out


@pytest.mark.parametrize(
    "arguments",
    [
        ("retention", "--honest-stake", "1.5"),
        ("retention", "--uids", "10", "--validators", "9"),
        ("copier", "--age", "-1"),
        ("cabal", "--stake", "0"),
        ("apathy", "--epochs", "13"),
        ("sybil", "--repeats", "0"),
        ("replay", "FILE", "--set", "kappa"),
        ("replay", "FILE", "--set", "kappa=65536"),
        ("replay", "FILE", "--set", "beauty=1"),
        ("replay", "NOTHING"),
        ("replay",),
        ("record", "1", "FILE", "--epochs", "0"),
        ("report", "none/attacks.md"),
    ],
    ids=" ".join,
)
def test_what_makes_no_sense_is_one_line(meritnet: Any, recorded: Path, arguments: tuple[str, ...]) -> None:
    named = [str(recorded) if word == "FILE" else word for word in arguments]
    found = meritnet("lab", *named)
    assert (found.code, found.out) == (2, "")
    assert found.err.startswith("error: ")
    assert found.err.count("\n") == 1


def test_a_bad_file_is_one_object_when_asked_for_json(meritnet: Any, tmp_path: Path) -> None:
    path = tmp_path / "bad.json"
    path.write_text('{"format": "meritnet-epochs/1", "epochs": [{"input": {"block": NaN}, "params": {}}]}')
    found = meritnet("lab", "replay", str(path), "--json")
    assert (found.code, found.json["kind"]) == (2, "UsageError")
    assert "NaN" in found.json["error"]


def test_a_live_subnet_is_recorded_and_replayed(meritnet: Any, local_chain: str, tmp_path: Path) -> None:
    path, wallet = str(tmp_path / "live.json"), ("--wallet", "//Alice")
    assert local_chain
    early = meritnet("lab", "record", "1", path)
    made = meritnet("subnet", "register", *wallet, "--yes", "--json")
    assert (early.code, made.code) == (1, 0), made.err
    netuid = str(made.json["netuid"])
    assert meritnet("lab", "record", netuid, path).code == 1  # no epoch yet
    assert meritnet("subnet", "start", netuid, *wallet).code == 0
    staked = meritnet("stake", "add", "100", "--netuid", netuid, *wallet, "--yes", "--json")
    assert staked.code == 0, staked.err
    meritnet("chain", "advance", "100")
    told = meritnet("lab", "record", netuid, path, "--epochs", "3", "--json")
    assert told.code == 0, told.err
    assert told.json["epochs"] == 3
    assert told.json["blocks"] == sorted(told.json["blocks"])
    paid = sum(one["input"]["emission"] for one in json.loads(Path(path).read_text())["epochs"])
    replayed = meritnet("lab", "replay", path, "--set", "yuma3=false", "--json").json
    assert sum(one["before_rao"] for one in replayed["uids"]) == pytest.approx(paid, abs=10)
    assert paid > 10**9
    assert "3 epochs" in meritnet("lab", "record", netuid, path, "--epochs", "3").out


@pytest.mark.slow
def test_the_page_is_written(meritnet: Any, tmp_path: Path) -> None:
    path = tmp_path / "attacks.md"
    told = meritnet("lab", "report", str(path), "--repeats", "1", "--json").json
    assert path.read_text().count("**Protection ends**") == len(told["studies"]) == 9
