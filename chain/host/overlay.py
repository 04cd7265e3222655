"""What a runtime call has changed so far, over a state that stays as it was; transactions nest.

``Overlay`` answers reads from its own changes first and from the state below otherwise, and in the end
gives the changes themselves and the root of the state with them made. The child storage of each name is a
``Changes`` of its own.
"""

from bisect import bisect_left, bisect_right, insort
from dataclasses import dataclass
from typing import Final

from meritnet.chain.host.trie import CHILD_STORAGE, Trie
from meritnet.chain.scale import compact


class _Untouched:
    """The type of the mark that a key has no entry; None is taken: it means that the key is deleted."""


UNTOUCHED: Final = _Untouched()

FEW_NEW_KEYS = 32
"""Up to so many new keys are sorted in one by one; more are cheaper to sort with all the others."""


class Appended:
    """A SCALE list after one more item: the list before, and the item.

    Appending is one small object, and taking it back is forgetting it; the bytes are put together when they
    are read.
    """

    __slots__ = ("before", "count", "item")

    before: "Appended | bytes"
    count: int

    def __init__(self, before: "Appended | bytes", item: bytes) -> None:
        if isinstance(before, Appended):
            self.before, self.count = before, before.count + 1
        else:
            count, start = _list_length(before)
            self.before, self.count = before[start:], count + 1
        self.item = item

    def joined(self) -> bytes:
        """The list as bytes. The parts are kept joined, so that the next reading starts from here."""
        parts = []
        step: Appended | bytes = self
        while isinstance(step, Appended):
            parts.append(step.item)
            step = step.before
        parts.append(step)
        parts.reverse()
        body = b"".join(parts)
        self.before, self.item = body, b""
        return compact(self.count) + body


Stored = bytes | Appended | None


@dataclass(frozen=True, slots=True)
class Removal:
    """What ``clear_prefix`` did, in the words of the host API.

    ``cursor`` is the first key left, None when all are gone; ``backend`` counts the keys of the state that
    were deleted, ``unique`` these and the keys that existed only in the overlay, ``loops`` the keys of the
    state that were looked at.
    """

    cursor: bytes | None
    backend: int
    unique: int
    loops: int


class Changes:
    """Changes to one key space, in nested transactions; the state that lies below is never written."""

    def __init__(self, state: Trie) -> None:
        self._state = state
        self._values: dict[bytes, Stored] = {}
        self._undo: list[dict[bytes, Stored | _Untouched]] = []
        self._sorted: list[bytes] = []
        self._new_keys: list[bytes] = []
        self._revision = 0

    def get(self, key: bytes) -> bytes | None:
        """The value of ``key`` as of now; None if it has none."""
        value = self._values.get(key, UNTOUCHED)
        if value is UNTOUCHED:
            return self._state.get(key)
        if isinstance(value, Appended):
            return value.joined()
        return value  # type: ignore[return-value]

    def __contains__(self, key: bytes) -> bool:
        value = self._values.get(key, UNTOUCHED)
        return key in self._state if value is UNTOUCHED else value is not None

    def _set(self, key: bytes, value: Stored) -> None:
        old = self._values.get(key, UNTOUCHED)
        if self._undo:
            self._undo[-1].setdefault(key, old)
        if old is UNTOUCHED:
            self._new_keys.append(key)
        self._values[key] = value
        self._revision += 1

    def put(self, key: bytes, value: bytes) -> None:
        """Set ``key``."""
        self._set(key, value)

    def delete(self, key: bytes) -> None:
        """Remove ``key``, whether it is there or not."""
        self._set(key, None)

    def append(self, key: bytes, item: bytes) -> None:
        """Add an encoded item to the SCALE list at ``key``; what is no list counts as an empty one."""
        current = self._values.get(key, UNTOUCHED)
        if current is UNTOUCHED:
            current = self._state.get(key)
        self._set(key, Appended(current or b"", item))  # type: ignore[arg-type]

    def next_key(self, key: bytes) -> bytes | None:
        """The smallest key larger than ``key`` that has a value."""
        below = self._state.next_key(key)
        keys = self._sorted_keys()
        for index in range(bisect_right(keys, key), len(keys)):
            candidate = keys[index]
            while below is not None and below < candidate:
                if below not in self._values:
                    return below
                below = self._state.next_key(below)
            if self._values[candidate] is not None:
                return candidate
            if below == candidate:
                below = self._state.next_key(below)
        return below

    def _sorted_keys(self) -> list[bytes]:
        """The keys with an entry, in order."""
        if len(self._new_keys) > FEW_NEW_KEYS:
            self._sorted = sorted(self._values)
        else:
            for key in self._new_keys:
                insort(self._sorted, key)
        self._new_keys.clear()
        return self._sorted

    def clear_prefix(self, prefix: bytes, limit: int | None = None, cursor: bytes | None = None) -> Removal:
        """Remove the keys that begin with ``prefix``: all of the overlay, and up to ``limit`` of the state
        below.

        A limited removal goes on where ``cursor`` says. The counting is that of Substrate's
        ``Ext::clear_prefix``.
        """
        only_here = 0
        keys = self._sorted_keys()
        start = bisect_left(keys, prefix)
        stop = start
        while stop < len(keys) and keys[stop].startswith(prefix):
            stop += 1
        for key in keys[start:stop]:
            if self._values[key] is not None:
                only_here += 1
                self._set(key, None)
        backend = loops = 0
        first = prefix if cursor is None else cursor
        below = first if first in self._state else self._state.next_key(first)
        while below is not None and below.startswith(prefix):
            if loops == limit:
                return Removal(below, backend, only_here + backend, loops)
            if self._values.get(below, UNTOUCHED) is not None:
                self._set(below, None)
                backend += 1
            loops += 1
            below = self._state.next_key(below)
        return Removal(None, backend, only_here + backend, loops)

    @property
    def depth(self) -> int:
        """How many transactions are open."""
        return len(self._undo)

    def begin(self) -> None:
        """Open a transaction inside those that are open."""
        self._undo.append({})

    def commit(self) -> None:
        """Close the innermost transaction and keep its changes. ``IndexError`` if none is open."""
        done = self._undo.pop()
        if self._undo:
            outer = self._undo[-1]
            for key, value in done.items():
                outer.setdefault(key, value)

    def rollback(self) -> None:
        """Close the innermost transaction and take its changes back. ``IndexError`` if none is open."""
        undone = self._undo.pop()
        if not undone:
            return
        for key, value in undone.items():
            if isinstance(value, _Untouched):
                del self._values[key]
            else:
                self._values[key] = value
        self._sorted = []
        self._new_keys = list(self._values)
        self._revision += 1

    def changes(self) -> dict[bytes, bytes | None]:
        """Every key written and its value, None if deleted, in the order of first writing."""
        return {
            key: value.joined() if isinstance(value, Appended) else value
            for key, value in self._values.items()
        }


class Overlay(Changes):
    """The changes to a whole state: its top storage, and one ``Changes`` for each child storage in use."""

    def __init__(self, state: Trie) -> None:
        super().__init__(state)
        self._children: dict[bytes, Changes] = {}
        self._applied: tuple[object, Trie] | None = None

    @property
    def state(self) -> Trie:
        """The state below, without any of the changes."""
        return self._state

    def child(self, name: bytes) -> Changes:
        """The child storage ``name``."""
        child = self._children.get(name)
        if child is None:
            child = self._children[name] = Changes(self._state.child(name))
            for _ in range(self.depth):
                child.begin()
        return child

    def begin(self) -> None:
        """Open a transaction, in the child storages as well."""
        super().begin()
        for child in self._children.values():
            child.begin()

    def commit(self) -> None:
        """Close the innermost transaction and keep its changes. ``IndexError`` if none is open."""
        super().commit()
        for child in self._children.values():
            child.commit()

    def rollback(self) -> None:
        """Close the innermost transaction and take its changes back. ``IndexError`` if none is open."""
        super().rollback()
        for child in self._children.values():
            child.rollback()

    def child_changes(self) -> dict[bytes, dict[bytes, bytes | None]]:
        """What ``changes`` says, for each child storage that has changes."""
        return {name: changes for name, child in self._children.items() if (changes := child.changes())}

    def applied(self, version: int = 1) -> Trie:
        """The state with the changes made, new values in layout ``version``; asked again, the same object."""
        revisions = [self._revision, *(child._revision for child in self._children.values()), version]
        if self._applied is None or self._applied[0] != revisions:
            self._applied = (revisions, self._state.apply(self.changes(), version, self.child_changes()))
        return self._applied[1]

    def root(self, version: int = 1) -> bytes:
        """The root of the state with the changes made; roots of changed child storages are part of it."""
        return self.applied(version).root()

    def child_root(self, name: bytes, version: int = 1) -> bytes:
        """The root of one child storage with the changes made, then readable in the top storage."""
        child = self.child(name)
        changes = child.changes()
        applied = child._state.apply(changes, version)
        if changes:
            self._set(CHILD_STORAGE + name, None if applied.is_empty else applied.root())
        return applied.root()


def _list_length(encoded: bytes) -> tuple[int, int]:
    """The count at the head of a SCALE list and where its items start; of what is no list, 0 and its end."""
    if not encoded:
        return 0, 0
    width = (1, 2, 4, 0)[encoded[0] & 3]
    if width == 0 or len(encoded) < width:
        return 0, len(encoded)
    return int.from_bytes(encoded[:width], "little") >> 2, width
