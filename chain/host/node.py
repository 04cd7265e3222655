"""One node of the Patricia-Merkle trie and its encoding, which the parent refers to.

The encoding is Substrate's: a header with the kind and the length of the partial key, the partial key, the
bitmap of children, the value, the references of the children. Layout V0 keeps every value in its node;
layout V1 keeps only the BLAKE2b hash of a value longer than 32 bytes (Polkadot specification, "Node
Encoding"; sp-trie ``node_codec``).
"""

import hashlib
from collections.abc import Callable

from meritnet.chain.scale import compact

Hash = Callable[[bytes], bytes]
"""A 32-byte hash function: BLAKE2b, except in the Keccak tries that a runtime may ask for."""

LONGEST_INLINE = 32
"""Bytes: longer values are hashed in layout V1; encodings not shorter are referred to by their hash."""

EMPTY_TRIE = b"\x00"
"""The encoding of a trie that holds nothing."""

DIGITS = "0123456789abcdef"
CHILD_BIT = {digit: 1 << bit for bit, digit in enumerate(DIGITS)}


def blake2_256(data: bytes) -> bytes:
    """The 32-byte BLAKE2b hash of ``data``."""
    return hashlib.blake2b(data, digest_size=32).digest()


class Value:
    """What a key holds: the bytes themselves and whether the node keeps only their hash.

    The layout is settled when the value is written, so that a chain that moves from V0 to V1 keeps the
    roots of what it wrote before, as Substrate does.
    """

    __slots__ = ("data", "encoded", "is_hashed")

    def __init__(self, data: bytes, version: int) -> None:
        self.data = data
        self.is_hashed = version > 0 and len(data) > LONGEST_INLINE
        self.encoded: bytes | None = None

    def encode(self, hash_of: Hash) -> bytes:
        """The value as its node carries it; computed once, for a value outlives many copies of its node."""
        if self.encoded is None:
            self.encoded = hash_of(self.data) if self.is_hashed else compact(len(self.data)) + self.data
        return self.encoded


class Node:
    """A leaf or a branch. ``partial`` is a string of hexadecimal digits, one a nibble; so are the
    children's names.

    ``owner`` is the mark of the edit that made the node and may still write to it; others copy it first.
    ``reference`` is how the parent mentions the node: a length byte and its encoding, or its hash if that
    is shorter.
    """

    __slots__ = ("children", "owner", "partial", "reference", "value")

    def __init__(
        self, partial: str, value: Value | None, children: "dict[str, Node] | None", owner: object
    ) -> None:
        self.partial = partial
        self.value = value
        self.children = children
        self.owner = owner
        self.reference: bytes | None = None

    def encode(self, hash_of: Hash) -> bytes:
        """The node's bytes; every child's ``reference`` has to be known."""
        partial = self.partial
        digits = len(partial)
        packed = bytes.fromhex("0" + partial if digits & 1 else partial)
        value = self.value
        if not self.children:
            assert value is not None, "a leaf has a value"
            header = _header(0x20, 31, digits) if value.is_hashed else _header(0x40, 63, digits)
            return header + packed + value.encode(hash_of)
        bitmap = 0
        references = []
        for digit in sorted(self.children):
            bitmap |= CHILD_BIT[digit]
            references.append(self.children[digit].reference or b"")
        if value is None:
            header, stored = _header(0x80, 63, digits), b""
        else:
            header = _header(0x10, 15, digits) if value.is_hashed else _header(0xC0, 63, digits)
            stored = value.encode(hash_of)
        return b"".join((header, packed, bitmap.to_bytes(2, "little"), stored, *references))


def refer(encoding: bytes, hash_of: Hash) -> bytes:
    """How a parent mentions a child with this encoding."""
    if len(encoding) < LONGEST_INLINE:
        return bytes((len(encoding) << 2,)) + encoding
    return b"\x80" + hash_of(encoding)


def _header(kind: int, largest: int, digits: int) -> bytes:
    """A node's kind, in the top bits, and the length of its partial key, in the others and in more bytes."""
    if digits < largest:
        return bytes((kind | digits,))
    full, last = divmod(digits - largest, 255)
    return bytes((kind | largest,)) + b"\xff" * full + bytes((last,))


def settle(root: Node, hash_of: Hash) -> None:
    """Compute the references of every node below ``root`` that lacks one, children before parents.

    Written without recursion: a trie is as deep as its longest chain of keys that begin with one another.
    """
    pending = [root]
    order = []
    while pending:
        node = pending.pop()
        order.append(node)
        if node.children:
            pending.extend(child for child in node.children.values() if child.reference is None)
    for node in reversed(order):
        node.reference = refer(node.encode(hash_of), hash_of)
