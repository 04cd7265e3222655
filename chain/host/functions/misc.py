"""Host functions for logging, tracing and printing, and notices that this host has no use for."""

from typing import TYPE_CHECKING

from meritnet.chain.errors import HostError

if TYPE_CHECKING:
    from meritnet.chain.host.functions import Call

MAX_LOG_LINES = 1_000
"""Lines that a call may log; later ones are dropped, so that a runtime cannot fill the host's memory."""

MAX_LOG_CHARACTERS = 4_096

LEVELS = ("error", "warn", "info", "debug", "trace")
INFO = 3
"""The filter: a runtime need not put together messages beyond this level."""


def add_line(call: "Call", line: str) -> None:
    """Keep a line of the runtime's log."""
    if len(call.logs) < MAX_LOG_LINES:
        call.logs.append(line[:MAX_LOG_CHARACTERS])


def log(call: "Call", level: int, target: str, message: str) -> None:
    """A line of the log, with its level and its source."""
    name = LEVELS[level] if level < len(LEVELS) else "trace"
    add_line(call, f"{name} {target}: {message}")


def max_level(_call: "Call") -> int:
    """The most detailed level that is kept."""
    return INFO


def print_num(call: "Call", number: int) -> None:
    """A number, for debugging."""
    add_line(call, f"debug runtime: {number}")


def print_utf8(call: "Call", text: str) -> None:
    """A text, for debugging."""
    add_line(call, f"debug runtime: {text}")


def print_hex(call: "Call", data: bytes) -> None:
    """Bytes, for debugging."""
    add_line(call, f"debug runtime: 0x{data.hex()}")


def abort_on_panic(_call: "Call", message: str) -> None:
    """The runtime's panic handler."""
    raise HostError(f"the runtime panicked: {message}")


def runtime_version(call: "Call", code: bytes) -> bytes | None:
    """The encoded ``RuntimeVersion`` of other code; None if it is no runtime. It runs without any state."""
    return call.version_of(code)


def tracing_enabled(_call: "Call", _metadata: bytes) -> bool:
    """Nobody listens to spans."""
    return False


def tracing_enter_span(_call: "Call", _span: bytes) -> int:
    """A span that nobody listens to."""
    return 0


def nothing(_call: "Call", *_arguments: object) -> None:
    """A notice that this host has no use for: indices for offchain workers, stored transactions, spans."""
