"""The state as a persistent Patricia-Merkle trie: every version stays readable, and versions share nodes.

A block changes some fifty keys out of perhaps a hundred thousand. ``Trie.apply`` copies the nodes on the
way to those keys and no others; the root is computed from the copies and from the remembered references of
the rest. A ``Trie`` is immutable, so that keeping a snapshot costs nothing and threads may read one while
the next is made.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from meritnet.chain.host.edit import Edit
from meritnet.chain.host.node import EMPTY_TRIE, Hash, Node, Value, blake2_256, settle
from meritnet.chain.scale import compact

CHILD_STORAGE = b":child_storage:default:"
"""The state keeps the root of the child trie ``name`` under this prefix followed by ``name``."""


class Trie:
    """Keys and values in order, with a root; child tries beside them, whose roots are among the values."""

    __slots__ = ("_children", "_encoding", "_hash", "_root")

    def __init__(self, hash_of: Hash = blake2_256) -> None:
        self._root: Node | None = None
        self._children: dict[bytes, Trie] = {}
        self._hash = hash_of
        self._encoding: bytes | None = None

    @classmethod
    def from_items(
        cls,
        items: Mapping[bytes, bytes] | Iterable[tuple[bytes, bytes]],
        version: int = 1,
        *,
        children: Mapping[bytes, Mapping[bytes, bytes]] | None = None,
        hash_of: Hash = blake2_256,
    ) -> "Trie":
        """The trie of ``items`` in layout ``version`` (0 or 1); ``children`` are child tries by name."""
        return cls(hash_of).apply(dict(items), version, children or {})

    def apply(
        self,
        changes: Mapping[bytes, bytes | None],
        version: int = 1,
        child_changes: Mapping[bytes, Mapping[bytes, bytes | None]] | None = None,
    ) -> "Trie":
        """This trie with ``changes`` made: None deletes a key. Values written get the layout ``version``."""
        successor = Trie(self._hash)
        successor._children = self._children
        edit = Edit(self._root)
        for key, value in changes.items():
            if value is None:
                edit.delete(key.hex())
            else:
                edit.put(key.hex(), Value(value, version))
        if child_changes:
            successor._children = dict(self._children)
            for name, inner in child_changes.items():
                child = self.child(name).apply(inner, version)
                if child.is_empty:
                    successor._children.pop(name, None)
                    edit.delete((CHILD_STORAGE + name).hex())
                else:
                    successor._children[name] = child
                    edit.put((CHILD_STORAGE + name).hex(), Value(child.root(), version))
        successor._root = edit.root
        return successor

    @property
    def is_empty(self) -> bool:
        """Whether there is no key at all."""
        return self._root is None

    def child(self, name: bytes) -> "Trie":
        """The child trie ``name``; an empty one if there is none."""
        return self._children.get(name) or Trie(self._hash)

    def child_names(self) -> list[bytes]:
        """The names of the child tries that hold anything, in order."""
        return sorted(self._children)

    def root(self) -> bytes:
        """The 32-byte hash of the root node, inline or not."""
        return self._hash(self._root_encoding())

    def _root_encoding(self) -> bytes:
        if self._encoding is None:
            if self._root is None:
                self._encoding = EMPTY_TRIE
            else:
                settle(self._root, self._hash)
                self._encoding = self._root.encode(self._hash)
        return self._encoding

    def get(self, key: bytes) -> bytes | None:
        """The value of ``key``."""
        digits = key.hex()
        end = len(digits)
        position = 0
        node = self._root
        while node is not None:
            partial = node.partial
            if not digits.startswith(partial, position):
                return None
            position += len(partial)
            if position == end:
                return node.value.data if node.value is not None else None
            if node.children is None:
                return None
            node = node.children.get(digits[position])
            position += 1
        return None

    def __contains__(self, key: bytes) -> bool:
        return self.get(key) is not None

    def next_key(self, key: bytes) -> bytes | None:
        """The smallest key that is larger than ``key``."""
        digits = key.hex()
        node = self._root
        path = ""
        turns: list[tuple[Node, str, str]] = []  # each branch passed, its path, the child taken
        while node is not None:
            rest = digits[len(path) :]
            partial = node.partial
            if not rest.startswith(partial):
                if partial > rest:
                    return _first_key(node, path)
                break
            path += partial
            if len(rest) == len(partial):
                turns.append((node, path, ""))
                break
            taken = rest[len(partial)]
            turns.append((node, path, taken))
            path += taken
            node = node.children.get(taken) if node.children else None
        for branch, at, taken in reversed(turns):
            for digit, child in sorted((branch.children or {}).items()):
                if digit > taken:
                    return _first_key(child, at + digit)
        return None

    def items(self, prefix: bytes = b"") -> Iterator[tuple[bytes, bytes]]:
        """The keys that begin with ``prefix`` and their values, in the order of the keys."""
        start = prefix.hex()
        pending = [(self._root, "")] if self._root else []
        while pending:
            node, path = pending.pop()
            path += node.partial
            if not (path.startswith(start) or start.startswith(path)):
                continue
            if node.value is not None and path.startswith(start):
                yield bytes.fromhex(path), node.value.data
            if node.children:
                below = sorted(node.children.items(), reverse=True)
                pending.extend((child, path + digit) for digit, child in below)

    def keys(self, prefix: bytes = b"") -> Iterator[bytes]:
        """The keys that begin with ``prefix``, in order."""
        return (key for key, _ in self.items(prefix))

    def proof(self, keys: Iterable[bytes]) -> list[bytes]:
        """The nodes from the root to ``keys``, and hashed values: what shows a key's value or its absence.

        The form is that of the RPC method ``state_getReadProof``: each encoding once, in order of its bytes.
        """
        if self._root is None:
            return [EMPTY_TRIE]
        nodes = {self._root_encoding()}
        for key in keys:
            nodes.update(self._proof_of(key.hex()))
        return sorted(nodes)

    def _proof_of(self, digits: str) -> Iterator[bytes]:
        node = self._root
        while node is not None:
            if node.reference is not None and node.reference[0] == 0x80:
                yield node.encode(self._hash)
            if not digits.startswith(node.partial):
                return
            digits = digits[len(node.partial) :]
            if not digits:
                if node.value is not None and node.value.is_hashed:
                    yield node.value.data
                return
            node = node.children.get(digits[0]) if node.children else None
            digits = digits[1:]


def _first_key(node: Node, path: str) -> bytes:
    """The smallest key at or below ``node``, to which ``path`` leads."""
    path += node.partial
    while node.value is None:
        assert node.children is not None
        digit = min(node.children)
        node = node.children[digit]
        path += digit + node.partial
    return bytes.fromhex(path)


def ordered_root(values: Sequence[bytes], version: int = 1, hash_of: Hash = blake2_256) -> bytes:
    """The root of the trie of a list, as of extrinsics; its keys are the indices, SCALE compact."""
    items = {compact(index): value for index, value in enumerate(values)}
    return Trie.from_items(items, version, hash_of=hash_of).root()
