"""``meritnet model``: what is here, what is not, and a clear line when something cannot be had."""

from pathlib import Path
from typing import Any

import pytest

from meritnet.subnets.models.sources import DEFAULT_MODEL, MANIFEST


@pytest.fixture(autouse=True)
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MERITNET_MODELS_DIR", str(tmp_path / "models"))
    return tmp_path / "models"


def put_model(models: Path) -> Path:
    folder = models / DEFAULT_MODEL
    folder.mkdir(parents=True)
    (folder / MANIFEST).write_text("{}")
    (folder / "model.safetensors").write_bytes(bytes(3 * 2**20))
    return folder


def test_a_model_that_is_not_here_names_the_command(meritnet: Any) -> None:
    done = meritnet("model", "list")
    assert done.code == 0
    assert "not here yet" in done.out
    assert "meritnet model pull" in done.out
    (row,) = meritnet("model", "list", "--json").json
    assert (row["model"], row["default"], row["path"], row["size_bytes"]) == (DEFAULT_MODEL, True, None, None)


def test_a_model_that_is_here_is_shown_and_not_fetched_again(meritnet: Any, models: Path) -> None:
    folder = put_model(models)
    (row,) = meritnet("model", "list", "--json").json
    assert row["path"] == str(folder)
    assert "3 MiB" in meritnet("model", "list").out
    pulled = meritnet("model", "pull", "--json")
    assert pulled.code == 0
    assert pulled.json == {"model": DEFAULT_MODEL, "path": str(folder), "size_bytes": 3 * 2**20 + 2}


def test_an_unknown_model_is_one_clear_line(meritnet: Any) -> None:
    done = meritnet("model", "pull", "no-such-model")
    assert done.code == 1
    assert done.err.count("\n") == 1
    assert "neither a folder nor a known name" in done.err
    assert DEFAULT_MODEL in done.err
