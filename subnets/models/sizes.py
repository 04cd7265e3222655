"""Count what a model takes, from its configuration alone: numbers of weights and cache, bytes of one pass.

The model is built and run with tensors that have shapes and no values, so this is exact for every
architecture that transformers knows, and costs no memory. Letters in shapes: B examples, T tokens.
"""

import weakref
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from transformers import AutoModelForCausalLM, DynamicCache, PretrainedConfig, PreTrainedModel

from meritnet.subnets.models.decoding import LOSS_BATCH, PREFILL_TOKENS
from meritnet.subnets.models.sources import ModelUnavailable

EXAMPLE_TOKENS = 128
"""Tokens of an example whose loss is measured, at most."""
JUDGED_TOKENS = 256
"""Tokens of an answer that is replayed, each with logits of its own."""


@dataclass(frozen=True)
class Weights:
    """Counts of a model's weights."""

    parameters: int
    packed: int
    """Of them in linear layers that quantisation rounds; embeddings and the output are left out."""
    layers: int
    """How many layers those are."""
    rows: int
    """Rows of their matrices: 8-bit weights have a scale a row."""
    buffer_bytes: int


@dataclass(frozen=True)
class Use:
    """What running a model takes, for one context."""

    cache_numbers: int
    """Keys and values of one request of that many tokens."""
    work_bytes: int
    """The most that one pass holds at once besides weights and cache, in float32."""


def weights(config: PretrainedConfig) -> Weights:
    """Count parameters; tied ones count once. Raises ModelUnavailable."""
    with torch.device("meta"):
        model = _built(config)
    unique = {id(weight): weight for weight in model.parameters()}
    linear = [
        module
        for module in model.modules()
        if isinstance(module, torch.nn.Linear) and module is not model.get_output_embeddings()
    ]
    return Weights(
        parameters=sum(weight.numel() for weight in unique.values()),
        packed=sum(module.weight.numel() for module in linear),
        layers=len(linear),
        rows=sum(module.out_features for module in linear),
        buffer_bytes=sum(buffer.nbytes for buffer in model.buffers()),
    )


def use(config: PretrainedConfig, context: int, batch: int, attention: str) -> Use:
    """Count cache and work of `batch` requests of `context` tokens. Raises ModelUnavailable."""
    with FakeTensorMode(), torch.device("cpu"), torch.no_grad():
        model = _built(config, **({"attn_implementation": "eager"} if attention == "eager" else {})).eval()
        cache = DynamicCache(config=config)
        try:
            replayed = _peak(model, lambda: _pass(model, 1, context, JUDGED_TOKENS, cache))
            held = sum(tensor.nbytes for layer in cache.layers for tensor in _tensors(vars(layer).values()))
            read = (
                _peak(model, lambda: _pass(model, batch, min(context, PREFILL_TOKENS), 1)) if batch > 1 else 0
            )
            measured = _peak(model, lambda: _losses(model, min(context, EXAMPLE_TOKENS)))
        except (RuntimeError, TypeError, ValueError, AttributeError, NotImplementedError) as error:
            reason = str(error).strip().splitlines()[0][:200]
            raise ModelUnavailable(f"what the model takes cannot be counted: {reason}") from error
    return Use(held // 4, max(replayed - held, read, measured))


def _built(config: PretrainedConfig, **named: Any) -> PreTrainedModel:
    try:
        return AutoModelForCausalLM.from_config(config, dtype=torch.float32, trust_remote_code=False, **named)
    except (ValueError, KeyError, RuntimeError, ImportError) as error:
        reason = str(error).strip().splitlines()[0]
        raise ModelUnavailable(f"no language model can be made of its configuration: {reason}") from error


def _pass(
    model: PreTrainedModel, batch: int, tokens: int, kept: int, cache: DynamicCache | None = None
) -> torch.Tensor:
    """Read (B, T) tokens."""
    ids = torch.zeros(batch, tokens, dtype=torch.long)
    named = {"cache": cache} if cache is not None else {"use_cache": False}
    logits: torch.Tensor = model(input_ids=ids, logits_to_keep=kept, **named).logits
    return logits


def _losses(model: PreTrainedModel, tokens: int) -> torch.Tensor:
    """Measure the losses of a batch of examples, as a validator does."""
    ids = torch.zeros(LOSS_BATCH, tokens, dtype=torch.long)
    logits = model(input_ids=ids, use_cache=False).logits
    return torch.nn.functional.cross_entropy(logits.transpose(1, 2).float(), ids, reduction="none")


def _tensors(values: Iterable[object]) -> list[torch.Tensor]:
    return [value for value in values if isinstance(value, torch.Tensor)]


def _peak(model: PreTrainedModel, work: Callable[[], torch.Tensor]) -> int:
    """Bytes that some work holds at its worst moment, the model's own not counted."""
    ledger = _Ledger(_tensors([*model.parameters(), *model.buffers()]))
    with ledger:
        work()
    return ledger.peak_bytes


class _Ledger(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts the bytes of storages that operations make and let go."""

    def __init__(self, known: list[torch.Tensor]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._seen = {tensor.untyped_storage()._cdata for tensor in known}
        self._live_bytes = 0
        self.peak_bytes = 0

    def __torch_dispatch__(
        self, function: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        made = function(*args, **(kwargs or {}))
        for tensor in _tensors(tree_leaves(made)):
            storage = tensor.untyped_storage()
            if storage._cdata not in self._seen:
                self._take(storage)
        return made

    def _take(self, storage: torch.UntypedStorage) -> None:
        key, size_bytes = storage._cdata, storage.nbytes()
        self._seen.add(key)
        self._live_bytes += size_bytes
        self.peak_bytes = max(self.peak_bytes, self._live_bytes)

        def gone() -> None:
            self._seen.discard(key)
            self._live_bytes -= size_bytes

        weakref.finalize(storage, gone)
