"""Host functions that hash bytes, and those that hash lists of bytes into a trie root."""

import hashlib
from typing import TYPE_CHECKING

from meritnet.chain.host.functions.storage import layout
from meritnet.chain.host.node import Hash, blake2_256
from meritnet.chain.host.trie import Trie, ordered_root

if TYPE_CHECKING:
    from meritnet.chain.host.functions import Call


def keccak_256_of(data: bytes) -> bytes:
    """The 32-byte Keccak hash, with the padding of before SHA-3, as Ethereum uses it."""
    return _keccak(data, 256)


def _keccak(data: bytes, bits: int) -> bytes:
    from Crypto.Hash import keccak  # few runtimes hash with Keccak: paid for when they do

    return keccak.new(digest_bits=bits, data=data).digest()


def keccak_256(_call: "Call", data: bytes) -> bytes:
    """Keccak, 32 bytes."""
    return keccak_256_of(data)


def keccak_512(_call: "Call", data: bytes) -> bytes:
    """Keccak, 64 bytes."""
    return _keccak(data, 512)


def sha2_256(_call: "Call", data: bytes) -> bytes:
    """SHA-256."""
    return hashlib.sha256(data).digest()


def _root(pairs: list[tuple[bytes, bytes]], version: int, hash_of: Hash) -> bytes:
    return Trie.from_items(pairs, layout(version), hash_of=hash_of).root()


def blake2_256_root(_call: "Call", pairs: list[tuple[bytes, bytes]], version: int = 0) -> bytes:
    """The root of a trie of keys and values."""
    return _root(pairs, version, blake2_256)


def keccak_256_root(_call: "Call", pairs: list[tuple[bytes, bytes]], version: int = 0) -> bytes:
    """The root of a trie of keys and values that is hashed with Keccak."""
    return _root(pairs, version, keccak_256_of)


def blake2_256_ordered_root(_call: "Call", values: list[bytes], version: int = 0) -> bytes:
    """The root of the trie of a list."""
    return ordered_root(values, layout(version), blake2_256)


def keccak_256_ordered_root(_call: "Call", values: list[bytes], version: int = 0) -> bytes:
    """The root of the trie of a list that is hashed with Keccak."""
    return ordered_root(values, layout(version), keccak_256_of)
