"""Calls into a runtime: its WebAssembly, the host functions and a state's overlay brought together.

The host has no clock, no randomness and no sockets: the same code, entry, argument and state give the same result and
the same changes everywhere. A deadline only ever ends a call with an error; blocks are executed without one.
"""

import functools
from collections import deque
from dataclasses import dataclass
from pathlib import Path

from meritnet.chain.errors import HostError
from meritnet.chain.host import allocator, cache
from meritnet.chain.host.code import wasm_of
from meritnet.chain.host.functions import Call, Current, bound
from meritnet.chain.host.functions.crypto import KeyStore
from meritnet.chain.host.overlay import Overlay
from meritnet.chain.host.trie import Trie
from meritnet.chain.host.version import RuntimeVersion
from meritnet.chain.host.vm import Instance, Machine, deadlines

MAX_VALUE_BYTES = 64 * 1024 * 1024
SHOWN_LOG_LINES = 3


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a call returned, SCALE-encoded, and what the runtime logged meanwhile."""

    value: bytes
    logs: tuple[str, ...]


class _Line:
    """A machine and the place through which its host functions see the call: one call at a time runs on it."""

    def __init__(self, executor: "Executor") -> None:
        self.current = Current()
        self.machine = Machine(executor.module, bound(self.current), allocator.module())


class Executor:
    """A runtime ready to be called, from any number of threads; each call has an instance of its own.

    ``code`` may be compressed. The compiled module is kept in ``cache_dir`` (the user's cache directory unless given;
    None keeps nothing). ``keys`` are the pairs that the runtime may sign with outside blocks.
    """

    def __init__(
        self, code: bytes, *, cache_dir: Path | None | str = "default", keys: KeyStore | None = None
    ) -> None:
        directory = cache.default_directory() if cache_dir == "default" else cache_dir
        self.module = cache.module_of(wasm_of(code), Path(directory) if directory is not None else None)
        self._cache_dir = cache_dir
        self._keys = {} if keys is None else keys
        self._idle: deque[_Line] = deque([_Line(self)])

    @functools.cached_property
    def version(self) -> RuntimeVersion:
        """What ``Core_version`` says."""
        return RuntimeVersion.decode(self.call("Core_version", b"", Overlay(Trie())).value)

    def call(
        self, entry: str, argument: bytes, overlay: Overlay, *, deadline_s: float | None = None
    ) -> Outcome:
        """Call the exported function ``entry`` with a SCALE-encoded argument; changes go to ``overlay``.

        ``HostError`` if it traps or takes longer than ``deadline_s``; the overlay then is as it was before.
        """
        try:
            line = self._idle.pop()
        except IndexError:
            line = _Line(self)
        depth = overlay.depth
        overlay.begin()
        logs: list[str] = []
        try:
            with deadlines(deadline_s):
                instance = line.machine.start(deadline_s)
                value = self._run(line, instance, entry, argument, overlay, logs)
            while overlay.depth > depth + 1:
                overlay.rollback()
            overlay.commit()
        except HostError as error:
            raise HostError(_told(entry, str(error), logs)) from None
        finally:
            while overlay.depth > depth:
                overlay.rollback()
            self._idle.append(line)
        return Outcome(value, tuple(logs))

    def _run(
        self,
        line: _Line,
        instance: Instance,
        entry: str,
        argument: bytes,
        overlay: Overlay,
        logs: list[str],
    ) -> bytes:
        """The call itself, in a fresh instance: argument in, value out."""
        heap_base = instance.constant("__heap_base")
        if heap_base is None:
            raise HostError("the runtime exports no __heap_base")
        allocator.start_heap(instance, heap_base & 0xFFFFFFFF)
        allocate = instance.function(allocator.MALLOC, "i32 -> i32", of_companion=True)
        function = instance.function(entry, "i32 i32 -> i64")
        line.current.call = Call(
            memory=instance.memory,
            overlay=overlay,
            allocate=allocate,
            version_of=self._version_of,
            keys=self._keys,
            outer_depth=overlay.depth,
            logs=logs,
        )
        pointer = allocate(len(argument))
        instance.memory.write(pointer, argument)
        packed = function(pointer, len(argument))
        if packed >> 32 > MAX_VALUE_BYTES:
            raise HostError(f"the runtime returned {packed >> 32} bytes, {MAX_VALUE_BYTES} are allowed")
        return instance.memory.read(packed & 0xFFFFFFFF, packed >> 32)

    def _version_of(self, code: bytes) -> bytes | None:
        """The encoded version of other code, for a runtime that is about to replace itself."""
        try:
            other = Executor(code, cache_dir=self._cache_dir)
            return other.call("Core_version", b"", Overlay(Trie()), deadline_s=10).value
        except HostError:
            return None


def _told(entry: str, reason: str, logs: list[str]) -> str:
    """The message of an error: what was called, what went wrong, what the runtime said last."""
    said = "".join(f" | {line}" for line in logs[-SHOWN_LOG_LINES:])
    return f"{entry}: {reason}{said}"
