"""Low-rank adapters (LoRA, DoRA) on a shared base model: attach, train, save, and load from strangers.

The subnet limits the form of an adapter and the header shows it, so a file can be compared with what it must
be before any of it is loaded: a bounded safetensors header, exactly the expected tensor names, shapes and
dtype, bytes laid out without holes or overlaps, only finite numbers. Nothing is ever unpickled. Names are
those of peft, which can load the same file.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import safetensors.torch
import torch
from peft import LoraConfig, inject_adapter_in_model
from peft.utils import get_peft_model_state_dict, set_peft_model_state_dict
from transformers import PreTrainedModel

from meritnet.subnets.models.forms import AdapterError as AdapterError
from meritnet.subnets.models.forms import Form, Limits, form_of
from meritnet.subnets.models.forms import Shapes as Shapes
from meritnet.subnets.models.variants import shell

SCALE = 2
"""The adapter's product is multiplied by this (peft's alpha / rank), whatever the form."""
PREFIX = "base_model.model."
"""Peft's files name tensors as seen from its wrapper, which we do without."""
MAX_HEADER_BYTES = 1024 * 1024
_LENGTH_BYTES = 8
_FLOAT32_BYTES = 4


@dataclass(frozen=True)
class Adapter:
    """Checked tensors of an adapter, and the content id under which engines remember it."""

    content_id: str
    tensors: Mapping[str, torch.Tensor]
    form: Form = field(default_factory=Form)


def attach(model: PreTrainedModel, seed: int, form: Form | None = None) -> PreTrainedModel:
    """Put a fresh trainable adapter on a shell of `model`, whose own weights stay shared and frozen.

    A fresh adapter changes nothing: its A matrices are random (from `seed`), its B matrices zero, its
    magnitudes those of the base. Raises AdapterError for a model that adapters of this form do not fit.
    """
    form = form or Form()
    expected_shapes(model, form)
    config = LoraConfig(
        r=form.rank,
        lora_alpha=form.rank * SCALE,
        target_modules=list(form.targets),
        use_dora=form.dora,
        lora_dropout=0.0,
        task_type="CAUSAL_LM",
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        adapted = inject_adapter_in_model(config, shell(model))
    for name, weight in adapted.named_parameters():
        if ".lora_" in name:  # peft takes the base's dtype, adapters are float32 whatever that is
            weight.data = weight.data.float()
    return adapted


def applied(model: PreTrainedModel, adapter: Adapter) -> PreTrainedModel:
    """Give base + adapter for evaluation; the base is shared, not copied."""
    adapted = attach(model, 0, adapter.form)
    set_peft_model_state_dict(
        adapted, {name.removeprefix(PREFIX): tensor for name, tensor in adapter.tensors.items()}
    )
    return adapted.eval()


def expected_shapes(model: PreTrainedModel, form: Form | None = None) -> dict[str, tuple[int, ...]]:
    """Name and shape of every tensor that an adapter of `model` must have, no more and no fewer.

    Raises AdapterError for a model of another architecture, which no adapter of this form fits.
    """
    form = form or Form()
    shapes: dict[str, tuple[int, ...]] = {}
    for name, module in model.named_modules():
        if name.rpartition(".")[2] in form.targets and isinstance(module, torch.nn.Linear):
            shapes[f"{PREFIX}{name}.lora_A.weight"] = (form.rank, module.in_features)
            shapes[f"{PREFIX}{name}.lora_B.weight"] = (module.out_features, form.rank)
            if form.dora:
                shapes[f"{PREFIX}{name}.lora_magnitude_vector"] = (module.out_features,)
    if not shapes:
        raise AdapterError(f"the model has no layers named {' or '.join(form.targets)} to adapt")
    return shapes


def size_bound(model: PreTrainedModel, limits: Limits) -> int:
    """Bytes that no admitted file exceeds."""
    return encoded_size_bound(expected_shapes(model, Form(limits.max_rank, limits.targets, limits.dora)))


def encoded_size_bound(shapes: Shapes) -> int:
    """Bytes that no valid file of these shapes exceeds."""
    return sum(_tensor_bytes(shape) for shape in shapes.values()) + MAX_HEADER_BYTES + _LENGTH_BYTES


def encode(adapted: PreTrainedModel) -> bytes:
    """Write an adapter as safetensors; the same values always give the same bytes."""
    tensors = get_peft_model_state_dict(adapted)
    return safetensors.torch.save(
        {PREFIX + name: tensors[name].detach().contiguous() for name in sorted(tensors)}
    )


def read(data: bytes, content_id: str, model: PreTrainedModel, limits: Limits) -> Adapter:
    """Find the form of a file, hold it against the limits and the model, then load it.

    Raises AdapterError before a tensor is made of bad bytes.
    """
    form = form_of({name: _shape(name, entry) for name, entry in _header(data).items()})
    limits.check(form)
    return decode(data, content_id, expected_shapes(model, form))


def decode(data: bytes, content_id: str, shapes: Shapes) -> Adapter:
    """Check a file against what it must be, then load it.

    Raises AdapterError before a tensor is made of bad bytes.
    """
    check_layout(data, shapes)
    tensors = safetensors.torch.load(data)
    for name in shapes:  # in an order of our own: whoever audits must be told the same tensor
        if not bool(torch.isfinite(tensors[name]).all()):
            raise AdapterError(f"tensor {name} holds values that are not finite")
    return Adapter(content_id, tensors, form_of(shapes))


def check_layout(data: bytes, shapes: Shapes) -> None:
    """Hold a safetensors file against the expected tensors, looking at the header and the length only."""
    header = _header(data)
    if names := sorted(shapes.keys() ^ header.keys()):
        raise AdapterError(
            f"{len(names)} tensor names are missing or unexpected, the first is {names[0][:80]!r}"
        )
    position = 0
    for name, entry in sorted(header.items(), key=lambda item: _offsets(*item)):
        if entry.get("dtype") != "F32":
            raise AdapterError(f"tensor {name} is not float32 (F32)")
        if entry.get("shape") != list(shapes[name]):
            raise AdapterError(f"tensor {name} must have the shape {list(shapes[name])}")
        begin, end = _offsets(name, entry)
        if begin != position or end - begin != _tensor_bytes(shapes[name]):
            raise AdapterError(f"tensor {name} overlaps another, leaves a hole, or has the wrong length")
        position = end
    if position != len(data) - _LENGTH_BYTES - int.from_bytes(data[:_LENGTH_BYTES], "little"):
        raise AdapterError("bytes follow the last tensor, or are missing")


def _header(data: bytes) -> dict[str, dict[str, object]]:
    """Parse the header under a bound, refusing repeated names; metadata is dropped."""
    size = int.from_bytes(data[:_LENGTH_BYTES], "little")
    if len(data) < _LENGTH_BYTES or size > min(MAX_HEADER_BYTES, len(data) - _LENGTH_BYTES):
        raise AdapterError("not a safetensors file: its header does not fit")
    try:
        header = json.loads(data[_LENGTH_BYTES : _LENGTH_BYTES + size], object_pairs_hook=_without_repeats)
    except (ValueError, RecursionError):
        raise AdapterError("not a safetensors file: its header is no JSON object with unique names") from None
    if not isinstance(header, dict):
        raise AdapterError("not a safetensors file: its header is no JSON object with unique names")
    header.pop("__metadata__", None)
    if not all(isinstance(entry, dict) for entry in header.values()):
        raise AdapterError("a tensor's entry in the header is no object")
    return header


def _shape(name: str, entry: Mapping[str, object]) -> Sequence[int]:
    """Shape of a tensor, as the header has it."""
    sizes = entry.get("shape")
    if not isinstance(sizes, list) or not all(type(size) is int for size in sizes):
        raise AdapterError(f"tensor {name[:80]!r} has no shape")
    return sizes


def _without_repeats(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name occurs twice")
    return found


def _offsets(name: str, entry: Mapping[str, object]) -> tuple[int, int]:
    match entry.get("data_offsets"):
        case [int(begin), int(end)] if not isinstance(begin, bool) and not isinstance(end, bool):
            return begin, end
    raise AdapterError(f"tensor {name} has no two data offsets")


def _tensor_bytes(shape: Sequence[int]) -> int:
    return math.prod(shape) * _FLOAT32_BYTES
