"""Host functions on child storages; ``name`` is a child's key without the common prefix."""

from typing import TYPE_CHECKING

from meritnet.chain.host.functions.storage import (
    count_written,
    kill_result,
    layout,
    read_into,
    removal_results,
)

if TYPE_CHECKING:
    from meritnet.chain.host.functions import Call


def get(call: "Call", name: bytes, key: bytes) -> bytes | None:
    """The value of a key."""
    return call.overlay.child(name).get(key)


def read(call: "Call", name: bytes, key: bytes, room: tuple[int, int], offset: int) -> int | None:
    """Copy the value from ``offset`` on into ``room``, as much as fits; the bytes left from ``offset`` on."""
    return read_into(call, call.overlay.child(name).get(key), room, offset)


def set_value(call: "Call", name: bytes, key: bytes, value: bytes) -> None:
    """Set a key."""
    count_written(call, key, value)
    call.overlay.child(name).put(key, value)


def clear(call: "Call", name: bytes, key: bytes) -> None:
    """Delete a key."""
    call.overlay.child(name).delete(key)


def exists(call: "Call", name: bytes, key: bytes) -> bool:
    """Whether a key has a value."""
    return key in call.overlay.child(name)


def next_key(call: "Call", name: bytes, key: bytes) -> bytes | None:
    """The key after ``key``."""
    return call.overlay.child(name).next_key(key)


def clear_prefix_1(call: "Call", name: bytes, prefix: bytes) -> None:
    """Delete every key with a prefix."""
    call.overlay.child(name).clear_prefix(prefix)


def clear_prefix_2(call: "Call", name: bytes, prefix: bytes, limit: int | None) -> bytes:
    """Delete keys with a prefix; a ``KillStorageResult``."""
    return kill_result(call.overlay.child(name).clear_prefix(prefix, limit))


def clear_prefix_3(
    call: "Call", name: bytes, prefix: bytes, limit: int | None, cursor: bytes | None
) -> bytes:
    """Delete keys with a prefix, going on at a cursor; a ``MultiRemovalResults``."""
    return removal_results(call.overlay.child(name).clear_prefix(prefix, limit, cursor))


def storage_kill_1(call: "Call", name: bytes) -> None:
    """Delete the whole child storage."""
    call.overlay.child(name).clear_prefix(b"")


def storage_kill_2(call: "Call", name: bytes, limit: int | None) -> bool:
    """Delete keys of the child storage; whether all are gone."""
    return call.overlay.child(name).clear_prefix(b"", limit).cursor is None


def storage_kill_3(call: "Call", name: bytes, limit: int | None) -> bytes:
    """Delete keys of the child storage; a ``KillStorageResult``."""
    return clear_prefix_2(call, name, b"", limit)


def storage_kill_4(call: "Call", name: bytes, limit: int | None, cursor: bytes | None) -> bytes:
    """Delete keys of the child storage, going on at a cursor; a ``MultiRemovalResults``."""
    return clear_prefix_3(call, name, b"", limit, cursor)


def root_1(call: "Call", name: bytes) -> bytes:
    """The root of the child storage in layout V0."""
    return call.overlay.child_root(name, 0)


def root_2(call: "Call", name: bytes, version: int) -> bytes:
    """The root of the child storage; new values in the layout named."""
    return call.overlay.child_root(name, layout(version))
