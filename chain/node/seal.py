"""When blocks are made, and what time they carry: the one place where the clock comes in.

With ``interval`` of exactly one slot, chain time is wall time. In every other mode each block advances chain
time by one slot from a fixed start, so that the same transactions give the same blocks, bit for bit.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from meritnet.chain.errors import UsageError

GENESIS_TIME_MS = 1_735_689_600_000
"""2025-01-01 00:00 UTC, where chain time starts when it is not wall time."""


@dataclass(frozen=True)
class Manual:
    """A block only when somebody asks for one."""


@dataclass(frozen=True)
class Instant:
    """A block as soon as a transaction is ready."""


@dataclass(frozen=True)
class Interval:
    """A block every ``seconds``."""

    seconds: float

    def __post_init__(self) -> None:
        if not 0.01 <= self.seconds <= 3_600:
            raise UsageError(f"a block every {self.seconds} s is not possible", "use 0.01 to 3600 seconds")


Seal = Manual | Instant | Interval


def parse_seal(text: str) -> Seal:
    """The mode that ``interval:SECONDS``, ``instant`` or ``manual`` names."""
    mode, _, seconds = text.partition(":")
    if text == "manual":
        return Manual()
    if text == "instant":
        return Instant()
    try:
        if mode == "interval":
            return Interval(float(seconds))
    except ValueError:
        pass  # said below
    raise UsageError(f"{text!r} is no way of sealing", "use interval:SECONDS, instant or manual")


@dataclass(frozen=True)
class Moment:
    """The slot that a block claims and the time that it carries."""

    slot: int
    timestamp_ms: int


def next_moment(seal: Seal, parent_slot: int | None, slot_ms: int, not_before_ms: int = 0) -> Moment:
    """The moment of the next block: a later slot than its parent's, and not before ``not_before_ms``."""
    first = GENESIS_TIME_MS // slot_ms + 1
    slot = max(first if parent_slot is None else parent_slot + 1, -(-not_before_ms // slot_ms))
    if isinstance(seal, Interval) and round(seal.seconds * 1000) == slot_ms:
        now_ms = time.time_ns() // 1_000_000
        if now_ms // slot_ms >= slot:
            return Moment(now_ms // slot_ms, now_ms)
    return Moment(slot, slot * slot_ms)


class Sealer:
    """Calls ``seal`` every ``seconds``, at whole multiples of the interval, until stopped or told False."""

    def __init__(self, seal: Callable[[], bool], seconds: float) -> None:
        self._seal = seal
        self._seconds = seconds
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sealer", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._stopping.wait(self._seconds - time.time() % self._seconds):
            if not self._seal():
                return

    def stop(self) -> None:
        """Make no more blocks; returns when the last one is done."""
        self._stopping.set()
        if self._thread is not threading.current_thread():
            self._thread.join()
