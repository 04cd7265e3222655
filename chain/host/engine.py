"""The engine that compiles and runs WebAssembly: settings that make results equal everywhere, and deadlines.

Deadlines are epochs: a thread that lives only while some call has a deadline counts them up every 10 ms, and
compiled code looks at the count in loops and functions. A call without a deadline is never interrupted.
"""

import functools
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import wasmtime
import wasmtime._ffi as ffi

MAX_STACK_BYTES = 1 << 20

TICK_S = 0.01
"""How finely deadlines are kept."""

NO_DEADLINE_TICKS = 1 << 48


@functools.cache
def engine() -> wasmtime.Engine:
    """The one engine of this process, with the settings that make results equal everywhere."""
    config = wasmtime.Config()
    config.cranelift_nan_canonicalization = True
    config.max_wasm_stack = MAX_STACK_BYTES
    config.epoch_interruption = True
    config.memory_may_move = False
    ffi.wasmtime_config_wasm_component_model_async_set(config.ptr(), False)  # needs reference types
    config.wasm_bulk_memory = False
    config.wasm_component_model = False
    config.wasm_exceptions = False
    config.wasm_function_references = False
    config.wasm_gc = False
    config.wasm_memory64 = False
    config.wasm_multi_memory = False
    config.wasm_multi_value = False
    config.wasm_reference_types = False
    config.wasm_relaxed_simd = False
    config.wasm_simd = False
    config.wasm_tail_call = False
    config.wasm_threads = False
    config.wasm_wide_arithmetic = False
    return wasmtime.Engine(config)


def ticks(deadline_s: float | None) -> int:
    """How many epochs a store may see."""
    return NO_DEADLINE_TICKS if deadline_s is None else max(1, round(deadline_s / TICK_S)) + 1


class _Ticker:
    """Advances the engine's epoch while some call has a deadline."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting = 0
        self._idle = threading.Event()

    def _run(self, idle: threading.Event) -> None:
        while not idle.wait(TICK_S):
            engine().increment_epoch()

    def enter(self) -> None:
        with self._lock:
            self._waiting += 1
            if self._waiting == 1:
                self._idle = threading.Event()
                threading.Thread(
                    target=self._run, args=(self._idle,), name="wasm deadlines", daemon=True
                ).start()

    def leave(self) -> None:
        with self._lock:
            self._waiting -= 1
            if self._waiting == 0:
                self._idle.set()


_ticker = _Ticker()


@contextmanager
def deadlines(deadline_s: float | None) -> Iterator[None]:
    """Let time pass for the instances started inside; without a deadline nothing happens at all."""
    if deadline_s is None:
        yield
        return
    _ticker.enter()
    try:
        yield
    finally:
        _ticker.leave()
