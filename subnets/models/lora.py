"""Low-rank adapters (LoRA) on a shared base model: attach, train, save, and load from strangers.

The subnet fixes the form of an adapter, so a file can be compared with what it must be before any of it is
loaded: a bounded safetensors header, exactly the expected tensor names, shapes and dtype, bytes laid out
without holes or overlaps, only finite numbers. Nothing is ever unpickled. Names are those of peft, which can
load the same file.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import safetensors.torch
import torch
from peft import LoraConfig, inject_adapter_in_model
from peft.utils import get_peft_model_state_dict, set_peft_model_state_dict
from transformers import PreTrainedModel

from meritnet.chain.errors import MeritnetError
from meritnet.subnets.models.variants import shell

RANK = 8
SCALE = 2.0
"""The adapter's product is multiplied by this (peft's alpha / rank)."""
TARGETS = ("q_proj", "v_proj")
PREFIX = "base_model.model."
"""Peft's files name tensors as seen from its wrapper, which we do without."""
MAX_HEADER_BYTES = 256 * 1024
_LENGTH_BYTES = 8
_FLOAT32_BYTES = 4

Shapes = Mapping[str, Sequence[int]]


class AdapterError(MeritnetError):
    """A file is not an adapter of the declared model; the message says what is wrong first."""


@dataclass(frozen=True)
class Adapter:
    """Checked tensors of an adapter, and the content id under which engines remember it."""

    content_id: str
    tensors: Mapping[str, torch.Tensor]


def attach(model: PreTrainedModel, seed: int) -> PreTrainedModel:
    """Put a fresh trainable adapter on a shell of `model`, whose own weights stay shared and frozen.

    A fresh adapter changes nothing: its A matrices are random (from `seed`), its B matrices zero.
    Raises AdapterError for a model that adapters of this form do not fit.
    """
    expected_shapes(model)
    config = LoraConfig(
        r=RANK,
        lora_alpha=int(RANK * SCALE),
        target_modules=list(TARGETS),
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
    adapted = attach(model, seed=0)
    set_peft_model_state_dict(
        adapted, {name.removeprefix(PREFIX): tensor for name, tensor in adapter.tensors.items()}
    )
    return adapted.eval()


def expected_shapes(model: PreTrainedModel) -> dict[str, tuple[int, ...]]:
    """Name and shape of every tensor that an adapter of `model` must have, no more and no fewer.

    Raises AdapterError for a model of another architecture, which no adapter of this form fits.
    """
    shapes: dict[str, tuple[int, ...]] = {}
    for name, module in model.named_modules():
        if name.rpartition(".")[2] in TARGETS and isinstance(module, torch.nn.Linear):
            shapes[f"{PREFIX}{name}.lora_A.weight"] = (RANK, module.in_features)
            shapes[f"{PREFIX}{name}.lora_B.weight"] = (module.out_features, RANK)
    if not shapes:
        raise AdapterError(f"the model has no layers named {' or '.join(TARGETS)} to adapt")
    return shapes


def encoded_size_bound(shapes: Shapes) -> int:
    """Bytes that no valid file of these shapes exceeds."""
    return sum(_tensor_bytes(shape) for shape in shapes.values()) + MAX_HEADER_BYTES + _LENGTH_BYTES


def encode(adapted: PreTrainedModel) -> bytes:
    """Write an adapter as safetensors; the same values always give the same bytes."""
    tensors = get_peft_model_state_dict(adapted)
    return safetensors.torch.save(
        {PREFIX + name: tensors[name].detach().contiguous() for name in sorted(tensors)}
    )


def decode(data: bytes, content_id: str, shapes: Shapes) -> Adapter:
    """Check a file against what it must be, then load it.

    Raises AdapterError before a tensor is made of bad bytes.
    """
    check_layout(data, shapes)
    tensors = safetensors.torch.load(data)
    for name in shapes:  # in an order of our own: whoever audits must be told the same tensor
        if not bool(torch.isfinite(tensors[name]).all()):
            raise AdapterError(f"tensor {name} holds values that are not finite")
    return Adapter(content_id, tensors)


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
