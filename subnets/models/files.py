"""The files of a model: which they are and what their headers say. No weight is read."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from safetensors import SafetensorError, safe_open

from meritnet.subnets.models.sources import ModelUnavailable

MAX_FILES = 1_000


@dataclass(frozen=True)
class Stored:
    """What safetensors files hold, by their headers."""

    tensors: int
    parameters: int
    size_bytes: int
    shapes: Mapping[str, tuple[int, ...]]


def gguf_of(place: Path) -> Path | None:
    """The GGUF file to load: the one named, or the only one of a folder without safetensors.

    Raises ModelUnavailable for a folder of several.
    """
    if place.suffix == ".gguf":
        return place
    found = sorted(place.glob("*.gguf"))
    if not found or any(place.glob("*.safetensors")):
        return None
    if len(found) > 1:
        raise ModelUnavailable(f"{place} holds {len(found)} GGUF files", f"name one, such as {found[0]}")
    return found[0]


def stored(folder: Path) -> Stored:
    """Read the headers of a folder's safetensors files. Raises ModelUnavailable."""
    files = sorted(folder.glob("*.safetensors"))
    if not files or len(files) > MAX_FILES:
        raise ModelUnavailable(f"{folder} holds {len(files) or 'no'} safetensors files")
    shapes: dict[str, tuple[int, ...]] = {}
    for file in files:
        try:
            with safe_open(file, framework="numpy") as opened:
                shapes |= {name: tuple(opened.get_slice(name).get_shape()) for name in opened.keys()}  # noqa: SIM118
        except (SafetensorError, OSError) as error:
            raise ModelUnavailable(f"{file} cannot be read: {error}", "fetch it again") from None
    size_bytes = sum(file.stat().st_size for file in files)
    return Stored(len(shapes), sum(map(math.prod, shapes.values())), size_bytes, shapes)
