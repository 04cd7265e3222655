"""The heap that the runtime asks the host for: ``allocator.wat``, which has the runtime's memory."""

import functools
from collections.abc import Callable
from importlib.resources import files

import wasmtime

from meritnet.chain.errors import HostError
from meritnet.chain.host.engine import ENGINE
from meritnet.chain.host.vm import Arguments, HostFunction, Instance

MALLOC = "ext_allocator_malloc_version_1"
FREE = "ext_allocator_free_version_1"

MAX_BLOCK_BYTES = 1 << 25

_REASONS = (
    "the runtime's memory is exhausted",
    f"the runtime asked for more than {MAX_BLOCK_BYTES} bytes at once",
    "the runtime freed what was not allocated",
)


@functools.lru_cache(maxsize=8)
def module(first_pages: int, most_pages: int) -> wasmtime.Module:
    """The allocator with a memory of so many pages, compiled; it takes some milliseconds, once a process."""
    text = files(__package__).joinpath("allocator.wat").read_text("utf-8")
    return wasmtime.Module(ENGINE, text.replace("$PAGES", f"{first_pages} {most_pages}"))


def _give_up(arguments: Arguments) -> None:
    raise HostError(_REASONS[arguments[0] & 0xFFFFFFFF])


HEAP_FAILURE = HostFunction("i32 ->", _give_up)
"""The import ``heap_failure``, through which the allocator gives up."""


def start_heap(instance: Instance) -> Callable[[int], int]:
    """Begin an empty heap in a fresh instance; the function that allocates bytes."""
    heap_base = instance.constant("__heap_base")
    if heap_base is None:
        raise HostError("the runtime exports no __heap_base")
    instance.function("heap_start", "i32 ->", of_companion=True)(heap_base)
    return instance.function(MALLOC, "i32 -> i32", of_companion=True)
