"""Keys of storage items, built from names: FRAME's hashing, no metadata needed."""

from __future__ import annotations

from hashlib import blake2b

import xxhash

from meritnet.chain.errors import CodecError


def twox_128(data: bytes) -> bytes:
    """Two 64-bit xxHashes with the seeds 0 and 1, as FRAME hashes the names of pallets and items."""
    return b"".join(xxhash.xxh64_intdigest(data, seed).to_bytes(8, "little") for seed in (0, 1))


def item_prefix(pallet: str, item: str) -> bytes:
    """The 32 bytes that begin every key of a storage item, and are the key of a plain value."""
    return twox_128(pallet.encode()) + twox_128(item.encode())


def identity(key: bytes) -> bytes:
    """The hasher of keys that nobody can choose freely, such as subnet numbers."""
    return key


def twox_64_concat(key: bytes) -> bytes:
    """64 bits of xxHash, then the key itself."""
    return xxhash.xxh64_intdigest(key, 0).to_bytes(8, "little") + key


def blake2_128_concat(key: bytes) -> bytes:
    """128 bits of BLAKE2b, then the key itself."""
    return blake2b(key, digest_size=16).digest() + key


def hex_of(data: bytes) -> str:
    """Bytes as JSON-RPC writes them."""
    return "0x" + data.hex()


def bytes_of(text: object) -> bytes:
    """Bytes from JSON-RPC's hex. Raises ``CodecError`` for anything else."""
    if not isinstance(text, str):
        raise CodecError(f"the node sent {text!r:.80} where hex was expected")
    try:
        return bytes.fromhex(text.removeprefix("0x"))
    except ValueError:
        raise CodecError(f"the node sent {text!r:.80} where hex was expected") from None
