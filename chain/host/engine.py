"""The engine that compiles and runs WebAssembly: settings that make results equal everywhere, and deadlines.

Deadlines are epochs: a thread that lives while calls have deadlines counts them up every 10 ms, and compiled
code looks at the count in loops and functions. A call without a deadline is never interrupted.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import wasmtime
import wasmtime._ffi as ffi

PAGE_BYTES = 65_536
MAX_PAGES = 4_096
"""256 MiB. A module that begins with more is refused; ``memory.grow`` beyond answers -1."""

MAX_STACK_BYTES = 1 << 20
MAX_TABLE_ELEMENTS = 100_000

MAX_RUNNING = 32
"""Instances at once in this process."""

KEPT_BYTES = 4 << 20
"""Of a memory that is given back: so much stays mapped, the rest goes back to the system."""

TICK_S = 0.01
"""How finely deadlines are kept."""

LINGER_TICKS = 100
NO_DEADLINE_TICKS = 1 << 48


def _engine() -> wasmtime.Engine:
    config = wasmtime.Config()
    config.cranelift_nan_canonicalization = True
    config.max_wasm_stack = MAX_STACK_BYTES
    config.epoch_interruption = True
    config.signals_based_traps = False  # the process may have signal handlers of its own, faulthandler's say
    config.memory_may_move = False
    config.memory_reservation = MAX_PAGES * PAGE_BYTES
    config.memory_guard_size = 0
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
    _keep_memories(config)
    return wasmtime.Engine(config)


def _keep_memories(config: wasmtime.Config) -> None:
    """Let instances take their memories from a pool, which zeroes and keeps them: mapping one anew costs more
    than most calls. The pool reserves addresses (not memory) for all of them, where addresses are free.
    """
    if not _addresses_are_free():
        return
    pool = ffi.wasmtime_pooling_allocation_config_new()
    ffi.wasmtime_pooling_allocation_config_total_core_instances_set(pool, 2 * MAX_RUNNING)
    ffi.wasmtime_pooling_allocation_config_total_memories_set(pool, MAX_RUNNING)
    ffi.wasmtime_pooling_allocation_config_total_tables_set(pool, MAX_RUNNING)
    ffi.wasmtime_pooling_allocation_config_max_memory_size_set(pool, MAX_PAGES * PAGE_BYTES)
    ffi.wasmtime_pooling_allocation_config_table_elements_set(pool, MAX_TABLE_ELEMENTS)
    ffi.wasmtime_pooling_allocation_config_linear_memory_keep_resident_set(pool, KEPT_BYTES)
    ffi.wasmtime_pooling_allocation_config_table_keep_resident_set(pool, KEPT_BYTES)
    ffi.wasmtime_pooling_allocation_strategy_set(config.ptr(), pool)
    ffi.wasmtime_pooling_allocation_config_delete(pool)


def _addresses_are_free() -> bool:
    """Whether this process may reserve as many addresses as it likes."""
    try:
        import resource
    except ImportError:  # not on Windows, where reserving is free
        return True
    return resource.getrlimit(resource.RLIMIT_AS)[0] == resource.RLIM_INFINITY


ENGINE = _engine()
"""The one engine of this process."""


def ticks(deadline_s: float | None) -> int:
    """How many epochs a store may see."""
    return NO_DEADLINE_TICKS if deadline_s is None else max(1, round(deadline_s / TICK_S)) + 1


class _Ticker:
    """Advances the engine's epoch while some call has a deadline, and for a second after."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting = 0
        self._is_running = False

    def _run(self) -> None:
        idle_ticks = 0
        while True:
            time.sleep(TICK_S)
            ENGINE.increment_epoch()
            with self._lock:
                idle_ticks = 0 if self._waiting else idle_ticks + 1
                if idle_ticks > LINGER_TICKS:
                    self._is_running = False
                    return

    def enter(self) -> None:
        with self._lock:
            self._waiting += 1
            if not self._is_running:
                self._is_running = True
                threading.Thread(target=self._run, name="wasm deadlines", daemon=True).start()

    def leave(self) -> None:
        with self._lock:
            self._waiting -= 1


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
