"""Host functions that hash, against published outputs."""

import hashlib
from collections.abc import Callable
from typing import Any

import pytest
import xxhash

from meritnet.chain.errors import HostError
from meritnet.chain.host.functions.hashing import keccak_256_of
from meritnet.chain.host.overlay import Overlay
from meritnet.chain.host.trie import Trie, ordered_root

# The outputs for these inputs: w3f/polkadot-tests fixtures/host-api/HostApiOutputs.jl (cdc85c7)
PUBLISHED = {
    "keccak_256": {
        b"static": "d517392f8119f79c1623774b9346e00104a1d193f1fa641e6e659bf323c37967",
        b"Inverse": "7255f80dc5ed95295406be7f5521293b43ba2df0a39d609e6a31e357ed7e8018",
    },
    "sha2_256": {
        b"static": "2053dbbf6ec7135c4e994d3464c478db6f48d3ca21052c8f44915edc96e02c39",
        b"Inverse": "bfe272f94fb0a6e5b220dd7fe0b7d88345d7c8d2e54122d44cc93e0d51473619",
    },
    "blake2_128": {
        b"static": "440973e4e50902f1d0ec97de357eb2fd",
        b"Inverse": "d81f39ad0ab560c74fd47b88184fd40c",
    },
    "blake2_256": {
        b"static": "2c5774435a18ac7aa03d294838bafb5fc05181252adc4f56d4d2771f7346788c",
        b"Inverse": "f3198593ed759fce088bcefad9ad2297d5b66018f75b65eb54f90260d02c69fb",
    },
    "twox_256": {
        b"static": "50946b0f6af893d85f16c85eb1eb1724e268f07177959a25bc26ccc720e3b05a",
        b"Inverse": "af8418aaca2fede1c98960f89afd3e08ff3db5243130547a0834d6cf7d7d793b",
    },
    "twox_128": {
        b"static": "50946b0f6af893d85f16c85eb1eb1724",
        b"Inverse": "af8418aaca2fede1c98960f89afd3e08",
    },
    "twox_64": {b"static": "50946b0f6af893d8", b"Inverse": "af8418aaca2fede1"},
    # Keccak reference: the empty message
    "keccak_512": {
        b"": "0eab42de4c3ceb9235fc91acffe746b29c29a8c366b7c60e4e67c466f36a4304"
        "c00fa9caf9d87976ba469bcbe06713b435f091ef2769fb160cdab33d3670680e"
    },
}


@pytest.mark.parametrize(
    ("name", "data", "digest"),
    [(name, data, digest) for name, outputs in PUBLISHED.items() for data, digest in outputs.items()],
)
def test_published_hashes(host: Any, name: str, data: bytes, digest: str) -> None:
    assert host.call(f"ext_hashing_{name}_version_1", data).hex() == digest


def test_the_prefix_of_system_account(host: Any) -> None:
    """The two hashes at the head of every key of ``System.Account``, known from any Substrate chain."""
    assert host.call("ext_hashing_twox_128_version_1", b"System").hex() == "26aa394eea5630e07c48ae0c9558cef7"
    assert host.call("ext_hashing_twox_128_version_1", b"Account").hex() == "b99d880ec681799c0cf30e8886371da9"


def twox_256(data: bytes) -> bytes:
    return b"".join(xxhash.xxh64_intdigest(data, seed).to_bytes(8, "little") for seed in range(4))


def blake2b(size: int) -> Callable[[bytes], bytes]:
    return lambda data: hashlib.blake2b(data, digest_size=size).digest()


@pytest.mark.parametrize(
    ("name", "size", "expected"),
    [("twox_256", 32, twox_256), ("blake2_128", 16, blake2b(16)), ("blake2_256", 32, blake2b(32))],
)
def test_our_own_hashing_agrees_with_the_libraries(
    executor_of: Any, name: str, size: int, expected: Callable[[bytes], bytes]
) -> None:
    """0 to 130 bytes, and more than a block or two, pass through every branch of it."""
    executor = executor_of(
        '(func (export "run") (param i32 i32) (result i64)'
        f" (i64.or (i64.const {size << 32}) (i64.extend_i32_u (call $hash (i64.or"
        " (i64.extend_i32_u (local.get 0)) (i64.shl (i64.extend_i32_u (local.get 1)) (i64.const 32)))))))",
        imports=f'(import "env" "ext_hashing_{name}_version_1" (func $hash (param i64) (result i32)))',
    )
    data = hashlib.shake_256(b"bytes").digest(1_000)
    for length in (*range(131), 255, 256, 257, 1_000):
        assert executor.call("run", data[:length], Overlay(Trie())).value == expected(data[:length])


def test_hashing_outside_the_memory_traps(host: Any, executor_of: Any) -> None:
    executor = executor_of(
        '(func (export "run") (param i32 i32) (result i64) (drop (call $twox (i64.const 0x100fffffff8)))'
        " (i64.const 0))",
        imports='(import "env" "ext_hashing_twox_64_version_1" (func $twox (param i64) (result i32)))',
    )
    with pytest.raises(HostError, match="out of bounds memory access"):
        executor.call("run", b"", host.overlay)


PAIRS = [(b"foo", b"bar"), (b"foobar", b"baz" * 20)]
VALUES = [b"one", b"two" * 20]


def test_trie_roots_of_lists_that_are_given(host: Any) -> None:
    for version in (0, 1):
        root, ordered = Trie.from_items(PAIRS, version).root(), ordered_root(VALUES, version)
        assert host.call("ext_trie_blake2_256_root_version_2", PAIRS, version) == root
        assert host.call("ext_trie_blake2_256_ordered_root_version_2", VALUES, version) == ordered
    assert host.call("ext_trie_blake2_256_root_version_1", PAIRS) == Trie.from_items(PAIRS, 0).root()
    assert host.call("ext_trie_blake2_256_ordered_root_version_1", VALUES) == ordered_root(VALUES, 0)


def test_trie_roots_with_keccak(host: Any) -> None:
    root = Trie.from_items(PAIRS, 1, hash_of=keccak_256_of).root()
    assert root != Trie.from_items(PAIRS, 1).root()
    assert host.call("ext_trie_keccak_256_root_version_2", PAIRS, 1) == root
    assert host.call("ext_trie_keccak_256_ordered_root_version_1", VALUES) == ordered_root(
        VALUES, 0, keccak_256_of
    )
    # the root of the empty trie is the hash of one zero byte
    assert host.call("ext_trie_keccak_256_root_version_1", []) == keccak_256_of(b"\0")
    assert host.call("ext_trie_keccak_256_ordered_root_version_2", [], 1) == keccak_256_of(b"\0")


def test_an_unknown_layout_and_a_truncated_list_are_refused(host: Any, executor_of: Any) -> None:
    with pytest.raises(HostError, match="state version 2"):
        host.call("ext_trie_blake2_256_root_version_2", PAIRS, 2)
    executor = executor_of(
        '(func (export "run") (param i32 i32) (result i64) (drop (call $root'
        " (i64.or (i64.extend_i32_u (local.get 0))"
        " (i64.shl (i64.extend_i32_u (local.get 1)) (i64.const 32))))) (i64.const 0))",
        imports='(import "env" "ext_trie_blake2_256_ordered_root_version_1"'
        " (func $root (param i64) (result i32)))",
    )
    for encoded in (
        b"",
        b"\x04",
        b"\x04\x08a",
        b"\xfe\xff\xff\xff",
        b"\x0b\xff\xff\xff\xff\xff\xff",
        b"\x04\x03\xff\xff\xff\xff",
    ):
        with pytest.raises(HostError, match="ends too early"):
            executor.call("run", encoded, host.overlay)


def test_a_proof_is_checked(host: Any) -> None:
    """One leaf: the proof is the leaf without its value."""
    trie = Trie.from_items({b"key": b"value"}, 0)
    leaf = bytes((0x46,)) + b"key" + b"\x00"
    for version, extra in ((1, ()), (2, (0,))):
        name = f"ext_trie_blake2_256_verify_proof_version_{version}"
        assert host.call(name, trie.root(), [leaf], b"key", b"value", *extra) == b"\1\0\0\0"
        assert host.call(name, trie.root(), [leaf], b"key", b"other", *extra) == b"\0\0\0\0"
        assert host.call(name, trie.root(), [], b"key", b"value", *extra) == b"\0\0\0\0"
    root = Trie.from_items({b"key": b"value"}, 0, hash_of=keccak_256_of).root()
    assert (
        host.call("ext_trie_keccak_256_verify_proof_version_1", root, [leaf], b"key", b"value") == b"\1\0\0\0"
    )
    assert (
        host.call("ext_trie_keccak_256_verify_proof_version_2", root, [leaf], b"key", b"v", 1) == b"\0\0\0\0"
    )
