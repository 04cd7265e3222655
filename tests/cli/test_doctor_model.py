"""``meritnet doctor --model`` and the options that say how a model is loaded."""

from pathlib import Path
from typing import Any

import pytest

from meritnet.cli import options
from meritnet.cli.loading import KEYS, check, loading_of
from meritnet.subnets.models import fit
from meritnet.subnets.models.fit import Room
from meritnet.subnets.models.loading import Loading
from meritnet.subnets.models.sources import ModelUnavailable
from meritnet.subnets.models.tiny import save_tiny


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for key in KEYS:
        monkeypatch.delenv(f"MERITNET_{key.upper()}", raising=False)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(save_tiny(tmp_path_factory.mktemp("models") / "tiny"))


def test_it_says_what_a_model_takes_and_that_it_fits(meritnet: Any, tiny: str) -> None:
    found = meritnet("doctor", "--model", tiny)
    assert found.code == 0
    assert "tiny, 90,496 parameters" in found.out
    assert "verdict  fits" in found.out
    told = meritnet("doctor", "--model", tiny, "--context", "100", "--batch", "2", "--json").json
    assert told["fits"]
    assert told["estimate"]["cache_bytes"] == 2 * 100 * told["estimate"]["cache_bytes_per_token"]
    assert told["weights_bytes_by"].keys() == {"float32", "bfloat16", "float16", "int8", "int4"}


def test_what_does_not_fit_is_exit_code_1_and_what_would(
    meritnet: Any, tiny: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = meritnet("doctor", "--model", tiny, "--dtype", "bfloat16", "--json").json["estimate"]
    needed = parts["weights_bytes"] + parts["cache_bytes"] + parts["work_bytes"]
    monkeypatch.setattr(fit, "room_for", lambda loading: Room("memory", needed + 1))
    found = meritnet("doctor", "--model", tiny)
    assert found.code == 1
    assert "does not fit; these would: --dtype bfloat16" in found.out


def test_a_run_that_cannot_fit_ends_before_anything_starts(
    meritnet: Any, tiny: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fit, "room_for", lambda loading: Room("memory", 1_000))
    found = meritnet("up", "--model", tiny, "--epochs", "1", "--rpc-port", "0", "--json")
    assert found.code == 1
    assert "tiny in float32 takes" in found.json["error"]
    assert "meritnet doctor --model" in found.json["hint"]


@pytest.mark.parametrize("role", ["miner", "validator"])
def test_a_neuron_refuses_what_cannot_fit(
    meritnet: Any, local_chain: str, tiny: str, role: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(fit, "room_for", lambda loading: Room("memory", 1_000))
    where = ("--netuid", "1", "--kind", "text_generation", "--data-dir", str(tmp_path))
    found = meritnet(role, "run", *where, "--wallet", "//Alice", "--model", tiny)
    assert found.code == 1
    assert found.err.startswith("error: tiny in float32 takes")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--dtype", "float8"], "it is one of float32, bfloat16, float16"),
        (["--quantize", "int3"], "it is one of none, int8, int4"),
        (["--attention", "flash"], "it is one of auto, sdpa, eager"),
        (["--device-map", "tpu"], "it is cpu, cuda, cuda:N or auto"),
        (["--context", "0"], "Invalid value"),
    ],
    ids=" ".join,
)
def test_a_wrong_word_is_exit_code_2_and_one_line(
    meritnet: Any, tiny: str, arguments: list[str], words: str
) -> None:
    for command in (("doctor",), ("up", "--epochs", "1", "--rpc-port", "0")):
        if command[0] == "up" and arguments[0] == "--context":
            continue
        found = meritnet(*command, "--model", tiny, *arguments)
        assert found.code == 2
        assert words in found.err
        assert found.err.count("\n") == 1


def test_a_model_that_is_nowhere_is_one_line(meritnet: Any) -> None:
    found = meritnet("doctor", "--model", "nothing")
    assert found.code == 1
    assert "neither a folder nor a known name" in found.err


def test_flag_beats_environment_beats_config_beats_default(
    meritnet: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, tiny: str
) -> None:
    def dtype(*arguments: str) -> str:
        options.config.cache_clear()
        told = meritnet("doctor", "--model", tiny, "--json", *arguments).json
        return str(told["estimate"]["loading"]["dtype"])

    assert dtype() == "float32"
    (tmp_path / "config.toml").write_text('dtype = "float16"\n')
    monkeypatch.setenv("MERITNET_CONFIG", str(tmp_path / "config.toml"))
    assert dtype() == "float16"
    monkeypatch.setenv("MERITNET_DTYPE", "bfloat16")
    assert dtype() == "bfloat16"
    assert dtype("--dtype", "float32") == "float32"


def test_a_model_of_the_config_file_is_looked_at_and_the_default_is_not(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def looked(loading: Loading, processes: int) -> None:
        raise ModelUnavailable(f"{loading.model} in {processes}")

    monkeypatch.setattr(fit, "refuse_unfit", looked)
    check(loading_of(None))
    (tmp_path / "config.toml").write_text('model = "owner/name"\n')
    monkeypatch.setenv("MERITNET_CONFIG", str(tmp_path / "config.toml"))
    options.config.cache_clear()
    with pytest.raises(ModelUnavailable, match="owner/name in 3"):
        check(loading_of(None), processes=3)
