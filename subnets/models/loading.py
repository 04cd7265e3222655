"""How a model is loaded: which one, in what numbers, on which device. Importing this loads no torch.

The defaults are what replay wants: float32 on the CPU. docs/neurons.md says what the others mean for it.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from meritnet.chain.errors import UsageError
from meritnet.subnets.models.sources import DEFAULT_MODEL

DTYPES = {"float32": 4, "bfloat16": 2, "float16": 2}
"""Bytes of a number."""
ATTENTIONS = ("auto", "sdpa", "eager", "flash_attention_2", "flash_attention_3", "flex_attention")
QUANTISATIONS = ("none", "int8", "int4")
DEVICES = re.compile(r"cpu|cuda(:\d{1,2})?|auto")


@dataclass(frozen=True)
class Loading:
    """One way of loading a model. Raises UsageError for a setting that there is not."""

    model: str = DEFAULT_MODEL
    """A known name, a folder, a GGUF file, or a hub id."""
    dtype: str = "float32"
    """Of weights, cache and arithmetic."""
    device_map: str = "cpu"
    """``cpu``, ``cuda``, ``cuda:N``, or ``auto``: over all GPUs, and what they cannot hold in memory."""
    attention: str = "auto"
    """How attention is computed; ``auto`` leaves it to transformers."""
    quantize: str = "none"
    """Round the weights of all linear layers but the last one to 8 or 4 bits, by bitsandbytes."""

    def __post_init__(self) -> None:
        """Hold every word against its list."""
        _one_of("dtype", self.dtype, DTYPES)
        _one_of("attention implementation", self.attention, ATTENTIONS)
        _one_of("quantisation", self.quantize, QUANTISATIONS)
        if not DEVICES.fullmatch(self.device_map):
            raise UsageError(f"there is no device map {self.device_map!r}", "it is cpu, cuda, cuda:N or auto")
        if self.attention.startswith("flash") and (self.dtype == "float32" or self.device_map == "cpu"):
            raise UsageError(
                f"{self.attention} works on a GPU in half precision only",
                "add --device-map cuda --dtype bfloat16, or take sdpa",
            )

    @property
    def name(self) -> str:
        """What the model is called in messages, however it is loaded."""
        place = Path(self.model)
        if place.is_dir():
            return place.resolve().name
        return place.stem if place.is_file() else self.model

    @property
    def options(self) -> list[str]:
        """The options of the command line that ask for this, all of them."""
        return [word for name, value in vars(self).items() for word in (f"--{name.replace('_', '-')}", value)]


def as_loading(wanted: Loading | str | Path | None) -> Loading:
    """A model that is only named is loaded by the defaults."""
    if isinstance(wanted, Loading):
        return wanted
    return Loading() if wanted is None else replace(Loading(), model=str(wanted))


def _one_of(what: str, value: str, known: Iterable[str]) -> None:
    words = list(known)
    if value not in words:
        raise UsageError(f"there is no {what} {value!r}", f"it is one of {', '.join(words)}")
