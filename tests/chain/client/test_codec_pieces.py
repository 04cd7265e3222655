"""SCALE pieces, storage keys and eras against known values and in round trips."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meritnet.chain.client.extrinsic import mortal_era
from meritnet.chain.client.storage_key import (
    blake2_128_concat,
    bytes_of,
    hex_of,
    item_prefix,
    twox_64_concat,
)
from meritnet.chain.errors import CodecError
from meritnet.chain.keys import KeyPair
from meritnet.chain.scale import Reader, compact, u16, u64


@given(st.integers(0, 2**536 - 1))
def test_a_compact_number_survives(value: int) -> None:
    reader = Reader(compact(value))
    assert reader.compact() == value
    assert reader.at_end


@pytest.mark.parametrize(
    ("value", "encoded"),
    # From the SCALE specification's examples.
    [(0, "00"), (1, "04"), (42, "a8"), (69, "1501"), (65_535, "feff0300"), (10**14, "0b00407a10f35a")],
)
def test_compact_numbers_are_those_of_the_specification(value: int, encoded: str) -> None:
    assert compact(value).hex() == encoded


@pytest.mark.parametrize("value", [-1, 2**536])
def test_what_no_compact_number_can_hold_is_refused(value: int) -> None:
    with pytest.raises(CodecError):
        compact(value)


@pytest.mark.parametrize(("encode", "limit"), [(u16, 2**16), (u64, 2**64)])
def test_fixed_numbers_do_not_wrap(encode, limit: int) -> None:
    assert Reader(encode(limit - 1)).unsigned(limit.bit_length() // 8) == limit - 1
    for value in (-1, limit):
        with pytest.raises(CodecError, match="does not fit"):
            encode(value)


READS = [
    lambda reader: reader.compact(),
    lambda reader: reader.boolean(),
    lambda reader: reader.text(),
    lambda reader: reader.wide_text(),
    lambda reader: reader.account(),
    lambda reader: reader.signed(16),
    lambda reader: reader.vector(reader.compact),
    lambda reader: reader.option(lambda: reader.vector(reader.account)),
]


@given(st.binary(max_size=80), st.sampled_from(READS))
def test_any_bytes_are_a_value_or_a_codec_error(data: bytes, read) -> None:
    with contextlib.suppress(CodecError):
        read(Reader(data))


def test_a_list_longer_than_its_bytes_is_refused_before_it_is_built() -> None:
    reader = Reader(compact(2**60) + bytes(8))
    with pytest.raises(CodecError, match="a list of"):
        reader.vector(reader.compact)


def test_storage_keys_are_frame_s() -> None:
    # System.Account of Alice, as every Substrate chain has it.
    key = item_prefix("System", "Account") + blake2_128_concat(KeyPair.from_uri("//Alice").public)
    assert key.hex() == (
        "26aa394eea5630e07c48ae0c9558cef7b99d880ec681799c0cf30e8886371da9"
        "de1e86a9a8c739864cf3cc5ec2bea59fd43593c715fdd31c61141abd04a99fd6822c8558854ccde39a5684e7a56da27d"
    )
    assert twox_64_concat(b"").hex() == "99e9d85137db46ef"


@pytest.mark.parametrize("text", [None, 5, "0x1", "zz", {"a": 1}])
def test_hex_from_the_node_is_checked(text: object) -> None:
    with pytest.raises(CodecError, match="hex"):
        bytes_of(text)
    assert bytes_of(hex_of(b"\x01\xff")) == b"\x01\xff"


def test_eras_are_substrate_s() -> None:
    # sp_runtime's own example: Era::mortal(64, 42), and period 4 at its first phase.
    assert mortal_era(42, 64).hex() == "a502"
    assert mortal_era(0, 4).hex() == "0100"
    assert mortal_era(20_000, 32_768).hex() == "4e9c"


@pytest.mark.parametrize("period", [2, 48, 131_072])
def test_an_era_is_a_power_of_two(period: int) -> None:
    with pytest.raises(CodecError, match="power of two"):
        mortal_era(1, period)
