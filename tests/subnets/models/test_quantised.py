"""Models loaded in 8 and 4 bits: they answer, measure and carry adapters. Wants the extra ``quantize``."""

import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from meritnet.chain.errors import UsageError
from meritnet.subnets.fine_tuning.training import Recipe, train
from meritnet.subnets.models import lora
from meritnet.subnets.models.engine import Engine
from meritnet.subnets.models.fit import examine
from meritnet.subnets.models.loading import Loading
from meritnet.subnets.models.sampling import Sampling

pytest.importorskip("bitsandbytes", reason="the extra `quantize` is not installed")
Run = Callable[..., Any]
EXAMPLES = np.arange(8 * 20, dtype=np.int32).reshape(8, 20) % 200


@pytest.fixture(scope="module", params=["int8", "int4"])
def quantised(request: pytest.FixtureRequest, tiny_folder: Path) -> Iterator[Engine]:
    loaded = Engine.load(Loading(str(tiny_folder), quantize=request.param))
    yield loaded
    loaded.close()


@pytest.fixture(autouse=True)
def advice_ignored() -> Iterator[None]:
    """The library warns of the casts that it makes."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def adapter_of(engine: Engine) -> lora.Adapter:
    generator = torch.Generator().manual_seed(1)
    shapes = lora.expected_shapes(engine.model)
    tensors = {name: torch.randn(shape, generator=generator) / 4 for name, shape in shapes.items()}
    return lora.Adapter("random", tensors)


def test_its_weights_take_what_was_said(quantised: Engine, tiny_folder: Path) -> None:
    bits = "int4" if getattr(quantised.model, "is_loaded_in_4bit", False) else "int8"
    said = examine(Loading(str(tiny_folder), quantize=bits)).estimate.weights_bytes
    held = 0
    for weight in (*quantised.model.parameters(), *quantised.model.buffers()):
        state, scales = getattr(weight, "quant_state", None), getattr(weight, "SCB", None)
        held += weight.nbytes
        held += 0 if state is None else state.absmax.nbytes + state.code.nbytes
        held += 0 if scales is None else scales.nbytes
    assert said == held


def test_it_answers_and_is_near_the_whole_model(quantised: Engine, engine: Engine, run: Run) -> None:
    prompt = engine.encode_chat([{"role": "user", "content": "Say hello."}])
    assert run(quantised.generate(prompt, Sampling(bytes(32), 0.8, 8)))
    gap = np.abs(run(quantised.losses(EXAMPLES)) - run(engine.losses(EXAMPLES))).mean()
    assert 0 < gap < 0.5


def test_it_carries_an_adapter_and_shares_its_weights(quantised: Engine, run: Run) -> None:
    adapter = adapter_of(quantised)
    base, adapted = run(quantised.losses(EXAMPLES)), run(quantised.losses(EXAMPLES, adapter))
    assert np.abs(base - adapted).min() > 1e-3
    pointers = {weight.data_ptr() for weight in quantised.model.parameters()}
    applied = lora.applied(quantised.model, adapter)
    assert all(w.data_ptr() in pointers for name, w in applied.named_parameters() if "lora_" not in name)


def test_it_cannot_be_rounded_once_more(quantised: Engine, run: Run) -> None:
    with pytest.raises(UsageError, match="quantised already"):
        run(quantised.generate([1, 2, 3], Sampling(bytes(32), 0, 2), variant="int8"))


def test_an_adapter_is_trained_on_it_after_it_has_answered(quantised: Engine, run: Run) -> None:
    run(quantised.generate([1, 2, 3], Sampling(bytes(32), 0.8, 4)))
    steps = train(
        quantised.model, np.tile(EXAMPLES, (4, 1)), "hotkey", Recipe(steps=8), lambda progress: None
    )
    encoded = run(quantised.run(steps))
    adapter = lora.decode(encoded, "trained", lora.expected_shapes(quantised.model))
    assert (run(quantised.losses(EXAMPLES)) - run(quantised.losses(EXAMPLES, adapter))).mean() > 0.1
