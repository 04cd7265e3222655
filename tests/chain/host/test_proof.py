"""Proofs of presence and absence, and forged ones."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meritnet.chain.errors import CodecError
from meritnet.chain.host.node import EMPTY_TRIE, Node, blake2_256
from meritnet.chain.host.proof import decode, read, verify
from meritnet.chain.host.trie import Trie

KEYS = st.binary(max_size=3) | st.binary(min_size=30, max_size=33)
VALUES = st.sampled_from([b"x", b"y" * 31, b"z" * 33, b"z" * 100])


@given(st.dictionaries(KEYS, VALUES, max_size=20), KEYS, st.sampled_from([0, 1]))
def test_a_proof_shows_what_the_trie_holds(items: dict[bytes, bytes], key: bytes, version: int) -> None:
    trie = Trie.from_items(items, version)
    for asked in [key, *items]:
        assert read(trie.root(), trie.proof([asked]), asked) == items.get(asked)


def test_a_proof_that_lacks_a_node_shows_nothing() -> None:
    trie = Trie.from_items({bytes([number]) * 32: b"v" * 60 for number in range(40)})
    key = bytes([7]) * 32
    proof = trie.proof([key])
    assert len(proof) > 2
    for missing in proof:
        with pytest.raises(CodecError, match="lacks the node"):
            read(trie.root(), [node for node in proof if node != missing], key)


def test_a_changed_node_is_not_found_under_its_hash() -> None:
    trie = Trie.from_items({b"key": b"v" * 60, b"other": b"w" * 60})
    proof = [node.replace(b"v", b"u") for node in trie.proof([b"key"])]
    with pytest.raises(CodecError):
        read(trie.root(), proof, b"key")


def test_the_empty_trie_proves_that_nothing_is_there() -> None:
    assert Trie().proof([b"key"]) == [EMPTY_TRIE]
    assert read(Trie().root(), [EMPTY_TRIE], b"key") is None


@pytest.mark.parametrize(
    "encoding",
    [
        "",
        "00",
        "01",
        "0f",
        "7f",
        "42aa",
        "42aa08bb",
        "41ff04bb",
        "8000",
        "c00100",
        "c001000400",
        "20",
        "80010084" + "00" * 33,
    ],
    ids=lambda text: text or "empty",
)
def test_malformed_nodes_are_refused(encoding: str) -> None:
    with pytest.raises(CodecError):
        decode(bytes.fromhex(encoding))


@given(st.binary(max_size=80))
def test_any_bytes_are_a_node_or_refused(encoding: bytes) -> None:
    try:
        node = decode(encoding)
    except CodecError:
        return
    assert isinstance(node, Node)


def compact_proof(trie: Trie, key: bytes) -> list[bytes]:
    """The form that ``verify`` reads: nodes without their references to the next, and without the value."""
    digits, node, proof = key.hex(), trie._root, []
    inline = False
    while True:
        assert node is not None
        digits = digits[len(node.partial) :]
        copy = decode(node.encode(blake2_256))
        if digits:
            assert node.children is not None
            assert copy.children is not None
            follower = node.children[digits[0]]
            if follower.reference and follower.reference[0] == 0x80:
                copy.children[digits[0]].reference = b"\x00"
        elif copy.children:
            copy.value = None
        elif copy.value is not None:
            copy.value.data, copy.value.is_hashed, copy.value.encoded = b"", False, b"\x00"
        if not inline:
            proof.append(copy.encode(blake2_256))
        if not digits:
            return proof
        inline = follower.reference is not None and follower.reference[0] != 0x80
        node, digits = follower, digits[1:]


@pytest.mark.parametrize("version", [0, 1])
def test_a_compact_proof_shows_a_value(version: int) -> None:
    items = {bytes([number]) * 32: b"v" * (34 + number) for number in range(40)}
    items |= {bytes([7]) * 30: b"branch" * 10}
    trie = Trie.from_items(items, version)
    root = trie.root()
    for key in (bytes([7]) * 32, bytes([7]) * 30, bytes([39]) * 32):
        proof = compact_proof(trie, key)
        assert verify(root, proof, key, items[key], version)
        assert not verify(root, proof, key, items[key] + b"!", version)
        assert not verify(root, proof, bytes([8]) * 32, items[key], version)
        assert not verify(root, [*proof, b"\x00"], key, items[key], version)
        assert not verify(root, proof[:-1], key, items[key], version)
        assert not verify(bytes(32), proof, key, items[key], version)
