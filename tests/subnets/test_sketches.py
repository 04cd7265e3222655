"""A sketch sees an adapter through other forms: more layers, a higher rank, magnitudes beside it."""

from collections.abc import Mapping

import numpy as np
import pytest
import torch

from meritnet.subnets.fine_tuning.copies import COPY_COSINE, sketch
from meritnet.subnets.models import lora
from meritnet.subnets.models.engine import Engine
from meritnet.subnets.models.forms import Form


def cosine(one: lora.Adapter, other: lora.Adapter) -> float:
    left, right = np.array(sketch(one)), np.array(sketch(other))
    return float(left @ right / np.linalg.norm(left) / np.linalg.norm(right))


def adapter(engine: Engine, form: Form, seed: int) -> lora.Adapter:
    generator = torch.Generator().manual_seed(seed)
    shapes = lora.expected_shapes(engine.model, form)
    return lora.Adapter(str(seed), {n: torch.randn(s, generator=generator) for n, s in shapes.items()}, form)


def within(engine: Engine, tensors: Mapping[str, torch.Tensor], form: Form) -> lora.Adapter:
    """The same products in another form: more rows of zeros, layers of zeros, any magnitudes."""
    found = {n: torch.zeros(shape) for n, shape in lora.expected_shapes(engine.model, form).items()}
    for name, tensor in tensors.items():
        found[name][tuple(slice(size) for size in tensor.shape)] = tensor
    return lora.Adapter("hidden", found, form)


@pytest.mark.parametrize(
    "form", [Form(16), Form(8, ("k_proj", "q_proj", "up_proj", "v_proj")), Form(16, dora=True)], ids=str
)
def test_an_adapter_is_known_in_any_form(engine: Engine, form: Form) -> None:
    original = adapter(engine, Form(), seed=1)
    assert cosine(original, within(engine, original.tensors, form)) > 0.99


def test_noise_turns_a_copy_away_slowly(engine: Engine) -> None:
    original, apart = adapter(engine, Form(), seed=1), adapter(engine, Form(), seed=2)
    generator = torch.Generator().manual_seed(3)
    found = [cosine(original, apart)]
    for noise in (1.5, 1.0, 0.3):
        moved = {
            n: t + noise * t.std() * torch.randn(t.shape, generator=generator)
            for n, t in original.tensors.items()
        }
        found.append(cosine(original, lora.Adapter(f"noise {noise}", moved, Form())))
    assert found[0] < COPY_COSINE < found[1] < found[2] < found[3] < 1


def test_a_direction_that_changes_nothing_is_not_seen(engine: Engine) -> None:
    original = adapter(engine, Form(), seed=1)
    idle = {n: t.clone() for n, t in original.tensors.items()}
    for name, tensor in idle.items():
        if ".lora_B." in name:
            tensor[:, 4:] = 0
    half = lora.Adapter("half", {n: t.clone() for n, t in idle.items()}, Form())
    other = adapter(engine, Form(), seed=2)
    for name, tensor in idle.items():
        if ".lora_A." in name:
            tensor[4:] = other.tensors[name][4:]
    assert cosine(half, lora.Adapter("idle", idle, Form())) > 0.99


def test_adapters_of_other_forms_are_not_taken_for_each_other(engine: Engine) -> None:
    original = adapter(engine, Form(), seed=1)
    other = adapter(engine, Form(4, ("o_proj", "q_proj", "v_proj")), seed=2)
    assert abs(cosine(original, other)) < 0.5
