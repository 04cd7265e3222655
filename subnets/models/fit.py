"""What a model takes, what there is, and what would fit instead, before anything is fetched or loaded."""

import sys
from dataclasses import dataclass, replace
from typing import Any

import torch

from meritnet.subnets.models import machine, sizes
from meritnet.subnets.models.described import Described, Unknown, describe
from meritnet.subnets.models.loading import DTYPES, QUANTISATIONS, Loading
from meritnet.subnets.models.sources import ModelUnavailable

CONTEXT_TOKENS = 2_048
"""A request is taken to be this long, or as long as the model reads."""
SURELY = 4
"""Weights of a model that has this many times the room are not counted further when it is loaded."""
INT4_GROUP = 64
INT4_LEVELS = 16
"""4-bit weights have a scale a group, and a table of levels a layer, both float32."""
GIB = 2**30


@dataclass(frozen=True)
class Estimate:
    """What one way of loading a model takes, in bytes."""

    loading: Loading
    context: int
    batch: int
    parameters: int
    weights_bytes: int
    cache_bytes_per_token: int
    """On average over the context: some models keep the last tokens only, in some layers."""
    cache_bytes: int
    """For `batch` requests of `context` tokens."""
    work_bytes: int
    """The most that one pass holds besides."""

    @property
    def needed_bytes(self) -> int:
        """Of memory, beside what this process holds already."""
        return self.weights_bytes + self.cache_bytes + self.work_bytes


@dataclass(frozen=True)
class Room:
    """Where a model would go, and how much is free there."""

    place: str
    free_bytes: int


@dataclass(frozen=True)
class Fit:
    """The verdict."""

    estimate: Estimate
    room: Room
    weights_bytes_by: dict[str, int]
    """Of every dtype, and of int8 and int4 in the dtype asked for."""
    disk_needed_bytes: int
    disk_free_bytes: int
    where: str
    instead: list[str]
    """Options that would fit, if this does not."""
    longest_context: int
    """Tokens that each of `batch` requests may have beside weights and work; 0 if not even those fit."""
    missing_parameters: int
    """Parameters that the configuration has and the files have not."""

    @property
    def fits_memory(self) -> bool:
        """There is room to run it."""
        return self.estimate.needed_bytes <= self.room.free_bytes

    @property
    def fits_disk(self) -> bool:
        """There is room to fetch it."""
        return self.disk_needed_bytes <= self.disk_free_bytes


def examine(loading: Loading, context: int | None = None, batch: int = 1) -> Fit:
    """Say what a model takes and whether it fits. Raises ModelUnavailable, Unknown when the hub is silent."""
    found = describe(loading.model)
    counted = sizes.weights(found.config)
    length = min(context or CONTEXT_TOKENS, _longest(found))
    used = sizes.use(found.config, length, batch, loading.attention)
    estimate = _estimate(loading, found, counted, used, length, batch)
    room = room_for(loading)
    others = {name: replace(loading, dtype=name, quantize="none") for name in DTYPES}
    others |= {name: replace(loading, quantize=name) for name in QUANTISATIONS[1:]}
    estimates = {n: _estimate(o, found, counted, used, length, batch) for n, o in others.items()}
    spare = room.free_bytes - estimate.weights_bytes - estimate.work_bytes
    return Fit(
        estimate,
        room,
        {name: other.weights_bytes for name, other in estimates.items()},
        found.download_bytes,
        machine.free_disk(found.where),
        str(found.where),
        [_asked_for(other.loading) for other in estimates.values() if other.needed_bytes <= room.free_bytes],
        min(_longest(found), max(0, spare // (batch * max(1, estimate.cache_bytes_per_token)))),
        max(0, counted.parameters - found.stored.parameters) if found.stored else 0,
    )


def refuse_unfit(loading: Loading, processes: int = 1) -> None:
    """Refuse what cannot fit. Raises ModelUnavailable with what to do."""
    room = room_for(loading)
    try:
        found = describe(loading.model)
        least = processes * weights_bytes(found, sizes.weights(found.config), loading)
        if SURELY * least < room.free_bytes:
            return
        fit = examine(loading)
    except Unknown:
        return  # fetching it says more
    needed = processes * fit.estimate.needed_bytes
    if needed > fit.room.free_bytes:
        times = f"{processes} processes with " if processes > 1 else ""
        instead = f"try {' or '.join(fit.instead)}" if fit.instead else "take a smaller model"
        raise ModelUnavailable(
            f"{times}{loading.name} in {described_as(loading)} take{'s' * (processes == 1)} {gib(needed)}, "
            f"and {gib(fit.room.free_bytes)} of {fit.room.place} are free",
            f"{instead}; `meritnet doctor --model {loading.model}` says more",
        )
    if not fit.fits_disk:
        raise ModelUnavailable(
            f"{loading.name} takes {gib(fit.disk_needed_bytes)} of disk, and {gib(fit.disk_free_bytes)} are "
            f"free at {fit.where}",
            "make room, or choose another place by MERITNET_MODELS_DIR (hub ids: HF_HOME)",
        )


def room_for(loading: Loading) -> Room:
    """Where the weights go, and what is free there. Raises ModelUnavailable for a GPU that is not there."""
    if loading.device_map == "cpu":
        return Room("memory", machine.free_memory())
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    free = [torch.cuda.mem_get_info(number)[0] for number in range(count)]
    if loading.device_map == "auto":
        return Room("GPUs and memory" if count else "memory", sum(free) + machine.free_memory())
    number = int(loading.device_map.partition(":")[2] or 0)
    if number >= count:
        raise ModelUnavailable(
            f"there is no device {loading.device_map}: torch sees {count} GPUs",
            "leave out --device-map to stay on the CPU",
        )
    return Room(f"GPU {number}", free[number])


def weights_bytes(found: Described, counted: sizes.Weights, loading: Loading) -> int:
    """Bytes of the weights once they are loaded."""
    if found.packed_bytes:
        return found.packed_bytes
    each = DTYPES[loading.dtype]
    whole = (counted.parameters - counted.packed) * each + counted.buffer_bytes
    match loading.quantize:
        case "int8":
            return whole + counted.packed + 4 * counted.rows
        case "int4":
            scales = counted.packed // INT4_GROUP + INT4_LEVELS * counted.layers
            return whole + counted.packed // 2 + 4 * scales
    return whole + counted.packed * each


def described_as(loading: Loading) -> str:
    """Numbers in words."""
    return loading.dtype if loading.quantize == "none" else f"{loading.quantize} and {loading.dtype}"


def gib(size_bytes: int) -> str:
    """A size for people."""
    return f"{size_bytes / GIB:,.2f} GiB"


def _longest(found: Described) -> int:
    """Tokens that the model reads at most."""
    most: Any = getattr(found.config, "max_position_embeddings", None)
    return most if isinstance(most, int) else sys.maxsize


def _asked_for(loading: Loading) -> str:
    dtype = [] if loading.dtype == Loading.dtype else [f"--dtype {loading.dtype}"]
    bits = [] if loading.quantize == Loading.quantize else [f"--quantize {loading.quantize}"]
    return " ".join(dtype + bits) or "the defaults"


def _estimate(
    loading: Loading, found: Described, counted: sizes.Weights, used: sizes.Use, context: int, batch: int
) -> Estimate:
    one = used.cache_numbers * DTYPES[loading.dtype]
    return Estimate(
        loading,
        context,
        batch,
        counted.parameters,
        weights_bytes(found, counted, loading),
        one // context,
        one * batch,
        used.work_bytes,
    )
