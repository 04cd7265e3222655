"""Which miners a step asks, and with what seed: drawn from a block hash, so that anyone can draw it again.

The seed is BLAKE2b-256 over the block hash, the subnet, the validator and the number of the step in its
epoch. The validator is in it so that two validators ask different questions: an answer given to one is no
use to another.
"""

from __future__ import annotations

from collections.abc import Collection
from hashlib import blake2b

from meritnet.chain.keys import ss58_decode


def step_seed(block_hash: str, netuid: int, validator: str, step: int) -> bytes:
    """The 32 bytes from which everything in a step is drawn."""
    block = bytes.fromhex(block_hash.removeprefix("0x"))
    parts = block + netuid.to_bytes(2, "little") + ss58_decode(validator) + step.to_bytes(4, "little")
    return blake2b(parts, digest_size=32, person=b"meritnet-step").digest()


def sample(uids: Collection[int], count: int, seed: bytes) -> list[int]:
    """At most ``count`` of the uids, ascending: those whose hash with the seed is smallest.

    Each subset of that size is equally likely, and adding a uid changes at most one place.
    """
    drawn = sorted(uids, key=lambda uid: blake2b(seed + uid.to_bytes(2, "little"), digest_size=16).digest())
    return sorted(drawn[:count])
