"""Host functions on the top storage of the state."""

from typing import TYPE_CHECKING

from meritnet.chain.errors import HostError
from meritnet.chain.host.overlay import Removal
from meritnet.chain.scale import compact

if TYPE_CHECKING:
    from meritnet.chain.host.functions import Call

CHILD_STORAGE_KEYS = b":child_storage:"
"""What is kept under this prefix belongs to the host; a runtime may read it only."""

MAX_WRITTEN_BYTES = 512 << 20
"""Keys and values that a call may write; a block's weight ends far below."""

MAX_DEPTH = 255
"""Transactions may nest no deeper; FRAME itself stops at this depth."""


def get(call: "Call", key: bytes) -> bytes | None:
    """The value of a key."""
    return call.overlay.get(key)


def read(call: "Call", key: bytes, room: tuple[int, int], offset: int) -> int | None:
    """Copy the value from ``offset`` on into ``room``, as much as fits; the bytes left from ``offset`` on."""
    return read_into(call, call.overlay.get(key), room, offset)


def read_into(call: "Call", value: bytes | None, room: tuple[int, int], offset: int) -> int | None:
    """What ``read`` does, with the value at hand."""
    if value is None:
        return None
    pointer, length = room
    rest = value[offset:]
    call.memory.write(pointer, rest[:length])
    return len(rest)


def set_value(call: "Call", key: bytes, value: bytes) -> None:
    """Set a key. The roots of child storages belong to the host: writing to them does nothing."""
    if not key.startswith(CHILD_STORAGE_KEYS):
        count_written(call, key, value)
        call.overlay.put(key, value)


def clear(call: "Call", key: bytes) -> None:
    """Delete a key."""
    if not key.startswith(CHILD_STORAGE_KEYS):
        call.overlay.delete(key)


def exists(call: "Call", key: bytes) -> bool:
    """Whether a key has a value."""
    return key in call.overlay


def append(call: "Call", key: bytes, item: bytes) -> None:
    """Add an encoded item to the SCALE list at a key."""
    count_written(call, key, item)
    call.overlay.append(key, item)


def count_written(call: "Call", key: bytes, value: bytes) -> None:
    """Trap a call that writes without end: its changes are in the host's memory until it returns."""
    call.written_bytes += len(key) + len(value)
    if call.written_bytes > MAX_WRITTEN_BYTES:
        raise HostError(f"the runtime wrote more than {MAX_WRITTEN_BYTES} bytes to storage in one call")


def next_key(call: "Call", key: bytes) -> bytes | None:
    """The key after ``key``."""
    return call.overlay.next_key(key)


def _clear_prefix(call: "Call", prefix: bytes, limit: int | None, cursor: bytes | None) -> Removal:
    if prefix.startswith(CHILD_STORAGE_KEYS) or CHILD_STORAGE_KEYS.startswith(prefix):
        return Removal(None, 0, 0, 0)
    return call.overlay.clear_prefix(prefix, limit, cursor)


def clear_prefix_1(call: "Call", prefix: bytes) -> None:
    """Delete every key with a prefix."""
    _clear_prefix(call, prefix, None, None)


def clear_prefix_2(call: "Call", prefix: bytes, limit: int | None) -> bytes:
    """Delete keys with a prefix; a ``KillStorageResult``."""
    return kill_result(_clear_prefix(call, prefix, limit, None))


def clear_prefix_3(call: "Call", prefix: bytes, limit: int | None, cursor: bytes | None) -> bytes:
    """Delete keys with a prefix, going on at a cursor; a ``MultiRemovalResults``."""
    return removal_results(_clear_prefix(call, prefix, limit, cursor))


def kill_result(removal: Removal) -> bytes:
    """A removal as the enum ``AllRemoved(u32)`` or ``SomeRemaining(u32)``."""
    return bytes((removal.cursor is not None,)) + removal.loops.to_bytes(4, "little")


def removal_results(removal: Removal) -> bytes:
    """A removal as the struct of cursor, backend, unique, loops."""
    cursor = removal.cursor
    head = b"\x00" if cursor is None else b"\x01" + compact(len(cursor)) + cursor
    counts = (removal.backend, removal.unique, removal.loops)
    return head + b"".join(count.to_bytes(4, "little") for count in counts)


def root_1(call: "Call") -> bytes:
    """The state root in layout V0."""
    return call.overlay.root(0)


def root_2(call: "Call", version: int) -> bytes:
    """The state root; new values in the layout named."""
    return call.overlay.root(layout(version))


def layout(version: int) -> int:
    """A state version as the runtime passes it."""
    if version > 1:
        raise HostError(f"the runtime asked for state version {version}; 0 and 1 exist")
    return version


def changes_root(_call: "Call", _parent_hash: bytes) -> bytes | None:
    """The root of the changes trie, which no chain has any more."""
    return None


def start_transaction(call: "Call") -> None:
    """Open a transaction."""
    if call.overlay.depth >= call.outer_depth + MAX_DEPTH:
        raise HostError(f"the runtime opened more than {MAX_DEPTH} storage transactions inside one another")
    call.overlay.begin()


def rollback_transaction(call: "Call") -> None:
    """Take back the innermost transaction."""
    _require_open(call)
    call.overlay.rollback()


def commit_transaction(call: "Call") -> None:
    """Keep the innermost transaction."""
    _require_open(call)
    call.overlay.commit()


def _require_open(call: "Call") -> None:
    if call.overlay.depth <= call.outer_depth:
        raise HostError("the runtime closed a storage transaction that it had not opened")
