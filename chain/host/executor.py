"""Calls into a runtime: its WebAssembly, the host functions and a state's overlay brought together.

The host has no clock, no randomness and no sockets: the same code, entry, argument and state give the same
result and the same changes everywhere. A deadline only ever ends a call with an error; blocks are executed
without one.
"""

import functools
from collections import deque
from dataclasses import dataclass
from pathlib import Path

from meritnet.chain.errors import HostError
from meritnet.chain.host import cache, companion
from meritnet.chain.host.code import wasm_of
from meritnet.chain.host.engine import deadlines
from meritnet.chain.host.functions import Call, Current, bound
from meritnet.chain.host.functions.crypto import KeyStore
from meritnet.chain.host.overlay import Overlay
from meritnet.chain.host.trie import Trie
from meritnet.chain.host.version import RuntimeVersion
from meritnet.chain.host.vm import Machine

MAX_VALUE_BYTES = 64 * 1024 * 1024
SHOWN_LOG_LINES = 3
VERSION_DEADLINE_S = 10.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a call returned, SCALE-encoded, and what the runtime logged meanwhile."""

    value: bytes
    logs: tuple[str, ...]


class _Line:
    """A machine, and the place where its host functions find the call; it runs one call at a time."""

    def __init__(self, executor: "Executor") -> None:
        self.current = Current()
        self.machine = Machine(executor.module, bound(self.current), executor.companion)


class Executor:
    """A runtime ready to be called, from any number of threads; each call has an instance of its own.

    ``code`` may be compressed. The compiled module is kept in ``cache_dir``, by default in the user's cache
    directory. ``keys`` are the pairs that the runtime may sign with outside blocks.
    """

    def __init__(self, code: bytes, *, cache_dir: Path | None = None, keys: KeyStore | None = None) -> None:
        self._cache_dir = cache_dir or cache.default_directory()
        self.module = cache.module_of(wasm_of(code), self._cache_dir)
        self.companion = functools.partial(companion.module, self._cache_dir)
        self._keys = {} if keys is None else keys
        self._idle: deque[_Line] = deque([_Line(self)])

    @functools.cached_property
    def version(self) -> RuntimeVersion:
        """What ``Core_version`` says."""
        outcome = self.call("Core_version", b"", Overlay(Trie()), deadline_s=VERSION_DEADLINE_S)
        return RuntimeVersion.decode(outcome.value)

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
        value, failure = b"", ""
        try:
            with deadlines(deadline_s):
                value = self._run(line, entry, argument, overlay, logs, deadline_s)
            while overlay.depth > depth + 1:
                overlay.rollback()
            overlay.commit()
        except HostError as error:
            failure = _told(entry, str(error), logs)
        finally:
            while overlay.depth > depth:
                overlay.rollback()
            line.current.call = None
            self._idle.append(line)
        if failure:  # raised here, so that whoever keeps the error does not keep the instance
            raise HostError(failure)
        return Outcome(value, tuple(logs))

    def _run(
        self,
        line: _Line,
        entry: str,
        argument: bytes,
        overlay: Overlay,
        logs: list[str],
        deadline_s: float | None,
    ) -> bytes:
        """The call itself, in a fresh instance: argument in, value out."""
        instance = line.machine.start(deadline_s)
        memory = instance.memory
        allocate = companion.start_heap(instance)
        function = instance.function(entry, "i32 i32 -> i64", yielding=deadline_s is not None)
        line.current.call = Call(
            memory, overlay, allocate, self._version_of, self._keys, logs, outer_depth=overlay.depth
        )
        pointer = allocate(len(argument))
        memory.write(pointer, argument)
        packed = function(pointer, len(argument))
        if packed >> 32 > MAX_VALUE_BYTES:
            raise HostError(f"the runtime returned {packed >> 32} bytes, {MAX_VALUE_BYTES} are allowed")
        return memory.read(packed & 0xFFFFFFFF, packed >> 32)

    def _version_of(self, code: bytes) -> bytes | None:
        """The encoded version of other code, for a runtime that is about to replace itself."""
        try:
            other = Executor(code, cache_dir=self._cache_dir)
            return other.call("Core_version", b"", Overlay(Trie()), deadline_s=VERSION_DEADLINE_S).value
        except HostError:
            return None


def _told(entry: str, reason: str, logs: list[str]) -> str:
    """The message of an error, in one line: what was called, what went wrong, what the runtime said last."""
    lines = " | ".join([reason, *logs[-SHOWN_LOG_LINES:]])
    return " ".join(f"{entry}: {lines}".split())
