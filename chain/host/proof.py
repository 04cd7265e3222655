"""Proofs of what a state holds: nodes of its trie, checked against its root.

``Trie.proof`` makes them and ``read`` reads a key from them, as light clients do with ``state_getReadProof``;
``verify`` checks the shorter form that a runtime may be given, in which what can be computed is left out.
"""

from collections.abc import Iterable, Mapping, Sequence

from meritnet.chain.errors import CodecError, HostError
from meritnet.chain.host.node import DIGITS, EMPTY_TRIE, Hash, Node, Value, blake2_256, refer
from meritnet.chain.host.scale import Decoder

HASHED = 0x80
"""The first byte of a reference by hash: the compact length 32."""

_KINDS = ((0xC0, 0xC0, 63), (0xC0, 0x80, 63), (0xC0, 0x40, 63), (0xE0, 0x20, 31), (0xF0, 0x10, 15))
"""Mask, bits, largest length: branch with value, branch, leaf, leaf with a hashed value, branch with one."""


def read(root: bytes, proof: Iterable[bytes], key: bytes, hash_of: Hash = blake2_256) -> bytes | None:
    """The value of ``key`` under ``root``, None if the proof shows that it has none.

    ``CodecError`` if the proof shows neither.
    """
    nodes = {hash_of(encoding): encoding for encoding in proof}
    digits = key.hex()
    encoding = _find(nodes, root)
    while encoding != EMPTY_TRIE:
        node = decode(encoding)
        if not digits.startswith(node.partial):
            return None
        digits = digits[len(node.partial) :]
        if not digits:
            value = node.value
            if value is None:
                return None
            return _find(nodes, value.data) if value.is_hashed else value.data
        child = (node.children or {}).get(digits[0])
        if child is None:
            return None
        encoding = _referred(child, nodes)
        digits = digits[1:]
    return None


def verify(
    root: bytes,
    proof: Sequence[bytes],
    key: bytes,
    value: bytes,
    version: int = 1,
    hash_of: Hash = blake2_256,
) -> bool:
    """Whether ``proof`` shows that ``key`` has ``value`` under ``root``.

    The form is that of sp-trie's ``verify_trie_proof`` for one key: the nodes from the root to the key and
    no others, without the references from one to the next and without the value itself.
    """
    try:
        trail, used = _walk(proof, key.hex())
    except CodecError:
        return False
    last = trail.pop()[0]
    last.value = Value(value, version)
    encoding = last.encode(hash_of)
    for node, digit in reversed(trail):
        assert node.children is not None
        node.children[digit].reference = refer(encoding, hash_of)
        encoding = node.encode(hash_of)
    return used == len(proof) and hash_of(encoding) == root


def _walk(proof: Sequence[bytes], digits: str) -> tuple[list[tuple[Node, str]], int]:
    """The nodes on the way to a key, each with the digit taken from it; how many items they took."""
    used = 0
    trail: list[tuple[Node, str]] = []
    encoding = b""
    while True:
        if not encoding:
            if used == len(proof):
                raise CodecError("the proof ends before its key")
            encoding = proof[used]
            used += 1
        node = decode(encoding)
        if not digits.startswith(node.partial):
            raise CodecError("the proof leads away from its key")
        digits = digits[len(node.partial) :]
        if not digits:
            if node.value is not None and (node.value.is_hashed or node.value.data):
                raise CodecError("the proof contains the value")
            return [*trail, (node, "")], used
        child = (node.children or {}).get(digits[0])
        if child is None or child.reference is None or child.reference[0] == HASHED:
            raise CodecError("the proof leads nowhere")
        trail.append((node, digits[0]))
        encoding = child.reference[1:]
        digits = digits[1:]


def _referred(child: Node, nodes: Mapping[bytes, bytes]) -> bytes:
    """The encoding behind a reference."""
    assert child.reference is not None
    return _find(nodes, child.reference[1:]) if child.reference[0] == HASHED else child.reference[1:]


def _find(nodes: Mapping[bytes, bytes], digest: bytes) -> bytes:
    try:
        return nodes[digest]
    except KeyError:
        raise CodecError(f"the proof lacks the node {digest.hex()}") from None


def decode(encoding: bytes) -> Node:
    """A node from its bytes, ``CodecError`` if malformed; its children know nothing but their references."""
    try:
        return _decode(Decoder(encoding))
    except HostError as error:
        raise CodecError(str(error)) from None


def _decode(data: Decoder) -> Node:
    first = data.take(1)[0]
    kind, largest = next(((bits, most) for mask, bits, most in _KINDS if first & mask == bits), (0, 0))
    if not kind:
        raise CodecError(f"a trie node cannot begin with {first:#04x}")
    count = first & largest
    while count >= largest:
        more = data.take(1)[0]
        count += more
        if more < 255:
            break
    packed = data.take((count + 1) // 2).hex()
    partial = packed[1:] if count & 1 else packed
    if count & 1 and packed[0] != "0":
        raise CodecError("the padding of a partial key is not zero")
    is_branch = kind in (0xC0, 0x80, 0x10)
    bitmap = int.from_bytes(data.take(2), "little") if is_branch else 0
    value = None
    if kind in (0x20, 0x10):
        value = Value(data.take(32), 0)
        value.is_hashed, value.encoded = True, value.data
    elif kind != 0x80:
        value = Value(data.bytes(), 0)
    children = {digit: _child(data.bytes()) for bit, digit in enumerate(DIGITS) if bitmap >> bit & 1}
    return Node(partial, value, children or None, None)


def _child(reference: bytes) -> Node:
    """A child of which no more is known than how its parent refers to it."""
    if len(reference) > 32:
        raise CodecError("a trie node refers to a child with more than 32 bytes")
    child = Node("", None, None, None)
    child.reference = bytes((len(reference) << 2,)) + reference
    return child
