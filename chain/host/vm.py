"""A WebAssembly machine that has never heard of Substrate.

It runs modules of the MVP instruction set (and sign extension, which wasmtime cannot refuse) so that every
machine comes to the same result: NaNs are canonical, the stack has a fixed size, and nothing with
implementation-defined results or with threads is let in. Each ``Instance`` is fresh: own memory, own
globals, so a call cannot see the one before it, and a trap leaves no trace.

Host functions are called through wasmtime's unchecked C interface, which costs 1 µs a call where
``wasmtime.Func`` costs 15 to 40; that is why this file reaches into ``wasmtime._ffi`` and why the version
of wasmtime is pinned.
"""

import ctypes
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import wasmtime
import wasmtime._ffi as ffi

from meritnet.chain.errors import HostError
from meritnet.chain.host.engine import ENGINE, MAX_PAGES, MAX_TABLE_ELEMENTS, PAGE_BYTES, ticks

SHOWN_FRAMES = 8

MAX_PARAMETERS = 4
"""Of functions that the host calls."""

Arguments = Any  # ctypes.POINTER(c_uint64): the value of parameter n is at [2 * n]; the result goes to [0]


@dataclass(frozen=True)
class HostFunction:
    """A function offered to modules. ``signature`` is written like ``"i32 i64 -> i64"``."""

    signature: str
    enter: Callable[[Arguments], None]


_Callback = ctypes.CFUNCTYPE(
    ctypes.c_size_t, ctypes.c_void_p, ctypes.c_void_p, ctypes.POINTER(ctypes.c_uint64), ctypes.c_size_t
)
_ENTRY = (
    ctypes.c_void_p,
    ctypes.c_void_p,
    ctypes.c_void_p,
    ctypes.c_void_p,
    ctypes.c_size_t,
    ctypes.c_void_p,
)
# Untyped: half the time of wasmtime's own. The first lets other threads run meanwhile, so that the clock of
# deadlines ticks. The second does not: each of a call's hundreds of ways back into Python would have to wait
# for its turn again, five milliseconds where another thread computes.
_enter_yielding = ctypes.CFUNCTYPE(*_ENTRY)(("wasmtime_func_call_unchecked", ffi.dll))
_enter_holding = ctypes.PYFUNCTYPE(*_ENTRY)(("wasmtime_func_call_unchecked", ctypes.PyDLL(ffi.dll._name)))
_no_finalizer = ctypes.cast(0, ctypes.CFUNCTYPE(None, ctypes.c_void_p))


class Memory:
    """The linear memory of an instance, read and written in place; all access is checked against its size."""

    __slots__ = ("_base", "_memory", "_store", "size")

    def __init__(self, store: wasmtime.Store, memory: ffi.wasmtime_memory_t) -> None:
        self._store = store
        self._memory = memory
        place = ffi.wasmtime_memory_data(store._context(), ctypes.byref(memory))
        self._base = ctypes.addressof(place.contents)  # stays: the engine does not move memories
        self.size = self._bytes()

    def _bytes(self) -> int:
        size: int = ffi.wasmtime_memory_data_size(self._store._context(), ctypes.byref(self._memory))
        return size

    def _require(self, pointer: int, length: int) -> None:
        """Trap unless ``length`` bytes are at ``pointer``; the module may have grown its memory unnoticed."""
        self.size = self._bytes()
        if pointer + length > self.size:
            raise HostError(f"{length} bytes at {pointer:#x} are outside the memory of {self.size} bytes")

    def read(self, pointer: int, length: int) -> bytes:
        """A copy of ``length`` bytes at ``pointer``."""
        if pointer + length > self.size:
            self._require(pointer, length)
        return ctypes.string_at(self._base + pointer, length)

    def write(self, pointer: int, data: bytes) -> None:
        """Put ``data`` at ``pointer``."""
        if pointer + len(data) > self.size:
            self._require(pointer, len(data))
        ctypes.memmove(self._base + pointer, data, len(data))


class Machine:
    """A module with its imports bound, ready to make one fresh ``Instance`` after another, one at a time.

    ``functions`` are the host's, by import name. A function import that nobody offers traps only when it is
    called. ``companion`` makes a second module, which has a memory of so many pages, at first and at most,
    and whose exports are offered to the main module: that ``memory``, and functions that work on it.
    """

    def __init__(
        self,
        module: wasmtime.Module,
        functions: Mapping[str, HostFunction],
        companion: Callable[[int, int], wasmtime.Module],
    ) -> None:
        self.failure: BaseException | None = None
        self._module = module
        self._companion = companion(*_memory_pages(module))
        self.exports = {item.name: _signature(item.type) for item in module.exports}
        self.constants = {item.name for item in module.exports if _is_i32_global(item.type)}
        self.shared = {item.name: _signature(item.type) for item in self._companion.exports}
        self._linker = wasmtime.Linker(ENGINE)
        self._linker.allow_shadowing = True
        self._callbacks: list[object] = []  # wasmtime keeps addresses only
        for item in [*module.imports, *self._companion.imports]:
            if isinstance(item.type, wasmtime.FuncType) and item.name not in self.shared:
                self._offer(item, functions.get(item.name or "") or _missing(item))

    def _offer(self, item: wasmtime.ImportType, function: HostFunction) -> None:
        """Let the linker know a host function; what it raises is kept and becomes a trap."""
        if function.signature != _signature(item.type):
            stated = _signature(item.type)
            raise HostError(f"the module imports {item.name!r} as {stated}, it is {function.signature}")
        inner = function.enter

        def enter(_data: int, _caller: int, arguments: Arguments, _count: int) -> int:
            try:
                inner(arguments)
            except BaseException as error:  # noqa: BLE001 - C frames lie between here and the caller
                self.failure = error
                message = str(error).encode()
                trap = ffi.wasmtime_trap_new(message, len(message))
                return ctypes.cast(trap, ctypes.c_void_p).value or 0
            return 0

        callback = _Callback(enter)
        self._callbacks.append(callback)
        module, name = item.module.encode(), (item.name or "").encode()
        error = ffi.wasmtime_linker_define_func_unchecked(
            self._linker.ptr(),
            module,
            len(module),
            name,
            len(name),
            item.type.ptr(),
            ctypes.cast(callback, ffi.wasmtime_func_unchecked_callback_t),
            None,
            _no_finalizer,
        )
        if error:
            raise wasmtime.WasmtimeError._from_ptr(error)

    def start(self, deadline_s: float | None = None) -> "Instance":
        """A fresh instance, which traps once it has run for ``deadline_s`` in sum (inside ``deadlines``)."""
        store = wasmtime.Store(ENGINE)
        store.set_limits(MAX_PAGES * PAGE_BYTES, MAX_TABLE_ELEMENTS, instances=2, tables=1, memories=1)
        store.set_epoch_deadline(ticks(deadline_s))
        companion = self._instantiate(store, self._companion)
        refused = ffi.wasmtime_linker_define_instance(
            self._linker.ptr(), store._context(), b"env", 3, ctypes.byref(companion)
        )
        assert not refused, "the linker lets names be given anew"
        memory = Memory(store, _export(store, companion, "memory").of.memory)
        return Instance(self, store, memory, self._instantiate(store, self._module), companion)

    def _instantiate(self, store: wasmtime.Store, module: wasmtime.Module) -> ffi.wasmtime_instance_t:
        """An instance of ``module``; not wasmtime's own object, which looks at every export there is."""
        instance = ffi.wasmtime_instance_t()
        trap = ctypes.POINTER(ffi.wasm_trap_t)()
        error = ffi.wasmtime_linker_instantiate(
            self._linker.ptr(), store._context(), module.ptr(), ctypes.byref(instance), ctypes.byref(trap)
        )
        if error or trap:
            failure = self.failure_of(_address(error), _address(trap))
            raise HostError(f"the module cannot be started: {failure}")
        return instance

    def failure_of(self, error: int, trap: int) -> BaseException:
        """What went wrong in WebAssembly: what the host function raised, or else the error or trap there."""
        raised, self.failure = self.failure, None
        if error:
            place = ctypes.cast(error, ctypes.POINTER(ffi.wasmtime_error_t))
            reason = _first_line(wasmtime.WasmtimeError._from_ptr(place))
        else:
            reason = _describe(wasmtime.Trap._from_ptr(ctypes.cast(trap, ctypes.POINTER(ffi.wasm_trap_t))))
        return raised or HostError(reason)


class Instance:
    """One running copy of a machine's module."""

    def __init__(
        self,
        machine: Machine,
        store: wasmtime.Store,
        memory: Memory,
        main: ffi.wasmtime_instance_t,
        companion: ffi.wasmtime_instance_t,
    ) -> None:
        self.memory = memory
        self._machine = machine
        self._store = store
        self._main = main
        self._companion = companion

    def function(
        self, name: str, signature: str, *, of_companion: bool = False, yielding: bool = False
    ) -> Callable[..., int]:
        """The exported function ``name`` of this signature, taking and giving unsigned integers.

        While it runs no other Python thread does, unless it is ``yielding``, as one with a deadline must be.
        """
        enter = _enter_yielding if yielding else _enter_holding
        exports = self._machine.shared if of_companion else self._machine.exports
        if exports.get(name) != signature:
            found = exports.get(name) or "no function"
            raise HostError(f"the module exports {found} as {name}, {signature} is needed")
        item = _export(self._store, self._companion if of_companion else self._main, name)
        context = ctypes.cast(self._store._context(), ctypes.c_void_p)
        values = (ctypes.c_uint64 * (2 * MAX_PARAMETERS))()
        trap = ctypes.c_void_p()
        places = (context, ctypes.byref(item.of.func), values, MAX_PARAMETERS, ctypes.byref(trap))

        def call(*arguments: int) -> int:
            for index, argument in enumerate(arguments):
                values[2 * index] = argument
            error = enter(*places)
            if error or trap:
                sprung, trap.value = trap.value, None
                raise self._machine.failure_of(error or 0, sprung or 0)
            return values[0]

        return call

    def constant(self, name: str) -> int | None:
        """The exported 32-bit global ``name``, unsigned; None if there is none."""
        if name not in self._machine.constants:
            return None
        item = _export(self._store, self._main, name)
        value = ffi.wasmtime_val_t()
        ffi.wasmtime_global_get(self._store._context(), ctypes.byref(item.of.global_), ctypes.byref(value))
        number: int = value.of.i32
        return number & 0xFFFFFFFF


def _export(store: wasmtime.Store, instance: ffi.wasmtime_instance_t, name: str) -> ffi.wasmtime_extern_t:
    """An export that is known to exist."""
    item = ffi.wasmtime_extern_t()
    encoded = name.encode()
    found = ffi.wasmtime_instance_export_get(
        store._context(), ctypes.byref(instance), encoded, len(encoded), ctypes.byref(item)
    )
    assert found, f"{name} is among the exports of the module"
    return item


def _address(pointer: Any) -> int:
    """Where a pointer points; 0 for one that points nowhere."""
    return ctypes.cast(pointer, ctypes.c_void_p).value or 0


def _memory_pages(module: wasmtime.Module) -> tuple[int, int]:
    """How many pages of memory ``module`` begins with and may have."""
    for item in module.imports:
        if isinstance(item.type, wasmtime.MemoryType) and (item.module, item.name) == ("env", "memory"):
            limits = item.type.limits
            if limits.min > MAX_PAGES:
                raise HostError(f"the module asks for {limits.min} pages of memory, {MAX_PAGES} are allowed")
            return limits.min, MAX_PAGES if limits.max is None else min(limits.max, MAX_PAGES)
    raise HostError("the module does not import its memory as env.memory")


def _missing(item: wasmtime.ImportType) -> HostFunction:
    """What stands in for an import that the host does not offer."""

    def missing(_arguments: Arguments) -> None:
        raise HostError(f"the runtime called {item.name}, which this host does not offer")

    return HostFunction(_signature(item.type), missing)


def _signature(item: object) -> str:
    """A function type as ``"i32 i64 -> i64"``; for any other type, the empty string."""
    if not isinstance(item, wasmtime.FuncType):
        return ""
    return " ".join([*map(str, item.params), "->", *map(str, item.results)])


def _is_i32_global(item: object) -> bool:
    return isinstance(item, wasmtime.GlobalType) and str(item.content) == "i32"


def _first_line(error: object) -> str:
    return str(error).strip().splitlines()[0]


def _describe(trap: wasmtime.Trap) -> str:
    """The reason of a trap and the innermost functions, where the module names them."""
    if trap.trap_code == wasmtime.TrapCode.INTERRUPT:
        return "the call took longer than its deadline allows"
    lines = [line.strip() for line in str(trap.message).splitlines() if line.strip()]
    reason = re.sub(r"^(\d+: )?(wasm trap: )?", "", lines[-1]) if lines else "trap"
    frames = [frame.func_name for frame in trap.frames if frame.func_name][:SHOWN_FRAMES]
    return f"{reason} in {' < '.join(frames)}" if frames else reason
