"""Host functions that check a proof of a key's value against a root."""

from typing import TYPE_CHECKING

from meritnet.chain.host.functions.hashing import keccak_256_of
from meritnet.chain.host.functions.storage import layout
from meritnet.chain.host.node import blake2_256
from meritnet.chain.host.proof import verify

if TYPE_CHECKING:
    from meritnet.chain.host.functions import Call


def blake2_256_verify(
    _call: "Call", root: bytes, proof: list[bytes], key: bytes, value: bytes, version: int = 0
) -> bool:
    """Whether the proof shows that ``key`` has ``value`` under ``root``."""
    return verify(root, proof, key, value, layout(version), blake2_256)


def keccak_256_verify(
    _call: "Call", root: bytes, proof: list[bytes], key: bytes, value: bytes, version: int = 0
) -> bool:
    """Whether the proof shows that ``key`` has ``value`` under a ``root`` made with Keccak."""
    return verify(root, proof, key, value, layout(version), keccak_256_of)
