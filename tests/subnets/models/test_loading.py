"""How a model is loaded: words held against lists, names, what is missing said in one line."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from meritnet.chain.errors import UsageError
from meritnet.subnets.models import opening
from meritnet.subnets.models.engine import Engine
from meritnet.subnets.models.loading import Loading, as_loading
from meritnet.subnets.models.sampling import Sampling
from meritnet.subnets.models.sources import DEFAULT_MODEL, ModelUnavailable

Run = Callable[..., Any]


def drawn(engine: Engine, run: Run) -> tuple[list[int], float]:
    """An answer, and the largest gap of its own replay."""
    prompt = engine.encode_chat([{"role": "user", "content": "What is a lighthouse?"}])
    sampling = Sampling(bytes(32), 0.8, 24)
    answer = run(engine.generate(prompt, sampling))
    return answer, max(run(engine.replay(prompt, answer, sampling)).gaps)


def test_the_defaults_are_those_of_exact_replay() -> None:
    assert Loading() == Loading(DEFAULT_MODEL, "float32", "cpu", "auto", "none")
    assert as_loading(None) == Loading()
    assert as_loading(Path("folder")) == Loading("folder")
    assert as_loading(Loading("x")) == Loading("x")


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ({"dtype": "float8"}, "there is no dtype 'float8'"),
        ({"attention": "flash"}, "there is no attention implementation 'flash'"),
        ({"quantize": "int3"}, "there is no quantisation 'int3'"),
        ({"device_map": "gpu"}, "there is no device map 'gpu'"),
        ({"device_map": "cuda:one"}, "there is no device map 'cuda:one'"),
        ({"attention": "flash_attention_2"}, "works on a GPU in half precision only"),
    ],
)
def test_a_word_that_means_nothing_is_refused_with_those_that_do(setting: Any, words: str) -> None:
    with pytest.raises(UsageError, match=words) as caught:
        Loading(**setting)
    assert caught.value.hint


def test_options_ask_for_the_same_again() -> None:
    loading = Loading("owner/name", "bfloat16", "cuda:1", "sdpa", "int8")
    flags, values = loading.options[::2], loading.options[1::2]
    fields = [flag.removeprefix("--").replace("-", "_") for flag in flags]
    assert Loading(**dict(zip(fields, values, strict=True))) == loading


def test_a_model_is_called_by_its_folder_or_file_or_id(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "other.gguf").touch()
    names = [Loading(str(tmp_path / name)).name for name in ("mine", "other.gguf")]
    assert [*names, Loading("owner/name").name] == ["mine", "other", "owner/name"]


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
@pytest.mark.parametrize("device", ["cuda", "cuda:1"])
def test_a_gpu_that_is_not_there_is_one_line(tiny_folder: Path, device: str) -> None:
    with pytest.raises(ModelUnavailable, match=f"there is no device {device}: torch sees 0 GPUs"):
        Engine.load(Loading(str(tiny_folder), device_map=device))


def test_a_library_that_is_missing_is_named_with_its_extra(
    tiny_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opening, "find_spec", lambda name: None)
    with pytest.raises(ModelUnavailable, match="bitsandbytes") as caught:
        Engine.load(Loading(str(tiny_folder), quantize="int4"))
    assert "meritnet[quantize]" in caught.value.hint


@pytest.mark.parametrize("attention", ["eager", "sdpa"])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
def test_every_dtype_and_attention_answers(
    tiny_folder: Path, engine: Engine, run: Run, dtype: str, attention: str
) -> None:
    loaded = Engine.load(Loading(str(tiny_folder), dtype=dtype, attention=attention))
    assert {str(weight.dtype) for weight in loaded.model.parameters()} == {f"torch.{dtype}"}
    assert loaded.model.config._attn_implementation == attention
    answer, gap = drawn(loaded, run)
    assert gap < (1e-3 if dtype == "float32" else 0.5)
    if dtype == "float32":
        assert answer == drawn(engine, run)[0]
    loaded.close()


def test_a_device_map_on_the_cpu_changes_nothing(tiny_folder: Path, engine: Engine, run: Run) -> None:
    loaded = Engine.load(Loading(str(tiny_folder), device_map="auto"))
    assert drawn(loaded, run) == drawn(engine, run)
    loaded.close()
