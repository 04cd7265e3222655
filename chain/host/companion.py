"""WebAssembly that runs beside the runtime, on its memory: the heap, and the hashes that keys are made of.

A call from module to module costs next to nothing, a call into Python a microsecond or several, and most
calls of a runtime are for these. The ``.wat`` files are parts of one module.
"""

from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

import wasmtime

from meritnet.chain.errors import HostError
from meritnet.chain.host import cache
from meritnet.chain.host.vm import Arguments, HostFunction, Instance

SOURCES = ("allocator.wat", "twox.wat", "blake2.wat")

MALLOC = "ext_allocator_malloc_version_1"
FREE = "ext_allocator_free_version_1"

MAX_BLOCK_BYTES = 1 << 25

_REASONS = (
    "the runtime's memory is exhausted",
    f"the runtime asked for more than {MAX_BLOCK_BYTES} bytes at once",
    "the runtime freed what was not allocated",
)


def module(directory: Path, first_pages: int, most_pages: int) -> wasmtime.Module:
    """The compiled companion, with a memory of so many pages; kept in ``directory``."""
    sources = (files(__package__).joinpath(name).read_text("utf-8") for name in SOURCES)
    fields = "\n".join(sources).replace("$PAGES", f"{first_pages} {most_pages}")
    return cache.module_of(f"(module {fields})".encode(), directory)


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
