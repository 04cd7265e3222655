"""The SCALE forms that a node reads itself."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meritnet.chain.errors import CodecError
from meritnet.chain.node.block import (
    Block,
    Header,
    decode_body,
    decode_extrinsic,
    decode_header,
    pre_digest,
)
from meritnet.chain.scale import Reader, compact, sized, vector

HASHES = st.binary(min_size=32, max_size=32)


# The examples of the SCALE specification (Polkadot specification, "Compact/general integers").
@pytest.mark.parametrize(
    ("number", "encoded"),
    [
        (0, "00"),
        (1, "04"),
        (42, "a8"),
        (69, "1501"),
        (65_535, "feff0300"),
        (100_000_000_000_000, "0b00407a10f35a"),
    ],
)
def test_compact_numbers_are_those_of_the_specification(number: int, encoded: str) -> None:
    assert compact(number).hex() == encoded
    assert Reader(bytes.fromhex(encoded)).compact() == number


@given(st.integers(min_value=0, max_value=2**536 - 1))
def test_a_compact_number_reads_back(number: int) -> None:
    reader = Reader(compact(number))
    assert reader.compact() == number
    reader.end()


@given(st.lists(st.binary(max_size=100), max_size=20))
def test_vectors_of_bytes_read_back(items: list[bytes]) -> None:
    reader = Reader(vector(map(sized, items)))
    assert reader.vector(reader.octets) == items
    reader.end()


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    for decode in (decode_header, decode_body, decode_extrinsic):
        try:
            decode(data)
        except CodecError:
            continue


def test_an_announced_length_is_not_believed() -> None:
    four_gib = compact(2**32)
    with pytest.raises(CodecError):
        Reader(four_gib + b"abc").octets()
    reader = Reader(four_gib)
    with pytest.raises(CodecError):
        reader.vector(reader.octets)


@given(HASHES, st.integers(0, 2**32 - 1), HASHES, HASHES, st.lists(st.integers(0, 2**64 - 1), max_size=3))
def test_a_header_reads_back(parent: bytes, number: int, state: bytes, body: bytes, slots: list[int]) -> None:
    header = Header(parent, number, state, body, tuple(pre_digest(slot) for slot in slots))
    sealed = header.sealed(bytes(64))
    assert decode_header(sealed.encoded) == sealed
    assert sealed.unsealed() == header
    assert sealed.hash != header.hash
    assert header.slot == (slots[0] if slots else None)


@given(st.lists(st.binary(max_size=100), max_size=5))
def test_a_body_keeps_the_length_of_every_extrinsic(items: list[bytes]) -> None:
    extrinsics = tuple(map(sized, items))
    block = Block(Header(bytes(32), 1, bytes(32), bytes(32), ()), extrinsics)
    assert decode_body(block.body) == extrinsics
    for extrinsic in extrinsics:
        assert decode_extrinsic(extrinsic) == extrinsic
        with pytest.raises(CodecError):
            decode_extrinsic(extrinsic + b"\0")
