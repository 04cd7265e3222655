"""Work on a model that lies on a GPU, without one: tensors have a device and shapes but no values.

Torch refuses operations that mix devices on these tensors as on real ones. Whatever would wait for a value
gets a zero.
"""

from collections.abc import Generator, Iterator
from typing import Any

import numpy as np
import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from transformers import LlamaForCausalLM

from meritnet.subnets.fine_tuning.training import Recipe, train
from meritnet.subnets.models import decoding, lora, sampling
from meritnet.subnets.models.sampling import Sampling
from meritnet.subnets.models.tiny import tiny_model

NOISY = Sampling(bytes(32), 0.8, 4)


class Zeros(TorchDispatchMode):
    """Values that somebody waits for."""

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if function in (torch.ops.aten._local_scalar_dense.default, torch.ops.aten.item.default):
            return 0
        if function.overloadpacket is torch.ops.aten.to:  # in inference mode it comes whole
            with self:
                return function.decompose(*args, **(kwargs or {}))
        return function(*args, **(kwargs or {}))


def zeros(tensor: torch.Tensor) -> np.ndarray:
    """Stand in for `Tensor.numpy`."""
    assert tensor.device.type == "cpu"
    return np.zeros(tuple(tensor.shape))


def ended(steps: Generator[None, None, Any]) -> Any:
    """What stepwise work returns."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value


def moved(module: torch.nn.Module, change: Any, recurse: bool = True) -> torch.nn.Module:
    """Stand in for `Module._apply`, which cannot exchange the storage of such tensors."""
    for child in module.children():
        moved(child, change)
    for name, weight in module._parameters.items():
        if weight is not None:
            module._parameters[name] = torch.nn.Parameter(change(weight), requires_grad=weight.requires_grad)
    return module


@pytest.fixture
def gpu_model(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setattr(torch.nn.Module, "_apply", moved)
    monkeypatch.setattr(torch.Tensor, "numpy", zeros)
    config = tiny_model().config
    with FakeTensorMode(allow_non_fake_inputs=True), Zeros():
        with torch.device("cuda"):
            model = LlamaForCausalLM(config).eval().requires_grad_(False)
        assert model.device.type == "cuda"
        yield model


def test_the_mixing_of_devices_is_seen(gpu_model: Any) -> None:
    with pytest.raises(RuntimeError, match="same device"):
        gpu_model(input_ids=torch.zeros(1, 4, dtype=torch.long))


def test_answers_are_drawn_where_the_model_is(gpu_model: Any) -> None:
    prompts = [[1] * (decoding.PREFILL_TOKENS + 5), [2, 3]]
    requests = [
        decoding.Request(prompt, Sampling(bytes(32), 0.8, most), lambda token: None)
        for prompt, most in zip(prompts, (2, 4), strict=True)
    ]
    rows = decoding.Rows(gpu_model, requests[:1], frozenset([256]))
    late = decoding.Rows(gpu_model, requests[1:], frozenset([256]))
    ended(rows.read())
    ended(late.read())
    rows.take(late)
    while rows.requests:
        rows.draw()
    assert [len(request.future.result()) for request in requests] == [2, 4]


def test_noise_is_drawn_on_the_cpu_and_moved(gpu_model: Any) -> None:
    assert sampling.gumbel_noise(bytes(32), 0, 8).device.type == "cpu"
    assert sampling.noisy_logits(torch.zeros(257, device="cuda"), NOISY, 0).device.type == "cuda"


def test_answers_are_replayed_where_the_model_is(gpu_model: Any) -> None:
    steps = decoding.replay(gpu_model, [1, 2, 3], [4, 5], NOISY)
    assert len(ended(steps).gaps) == 2


def test_losses_are_measured_where_the_model_is(gpu_model: Any) -> None:
    steps = decoding.example_losses(gpu_model, np.zeros((6, 9), dtype=np.int32))
    assert ended(steps).shape == (6,)


def test_an_adapter_follows_the_model(gpu_model: Any) -> None:
    adapted = lora.attach(gpu_model, seed=1)
    assert {weight.device.type for weight in adapted.parameters()} == {"cuda"}
    tensors = {name: torch.zeros(shape) for name, shape in lora.expected_shapes(gpu_model).items()}
    applied = lora.applied(gpu_model, lora.Adapter("x", tensors))
    assert applied(input_ids=torch.zeros(1, 4, dtype=torch.long, device="cuda")).logits.device.type == "cuda"


def test_training_is_where_the_model_is(gpu_model: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.Tensor, "backward", lambda loss: None)  # autograd wants the driver
    monkeypatch.setattr(lora, "encode", lambda adapted: b"bytes need values")
    steps = train(
        gpu_model, np.zeros((4, 9), dtype=np.int32), "hotkey", Recipe(steps=2), lambda progress: None
    )
    assert ended(steps) == b"bytes need values"
