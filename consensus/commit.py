"""Commitments to weights: the hash that binds them, and when they may be revealed."""

from collections.abc import Sequence
from enum import Enum
from hashlib import blake2b


class RevealWindow(Enum):
    """Where a commit stands."""

    EARLY = "early"
    OPEN = "open"
    EXPIRED = "expired"


def reveal_window(commit_epoch: int, reveal_period: int, current_epoch: int) -> RevealWindow:
    """A commit of `commit_epoch` may be revealed in epoch `commit_epoch + reveal_period` only."""
    reveal_epoch = commit_epoch + reveal_period
    if current_epoch < reveal_epoch:
        return RevealWindow.EARLY
    return RevealWindow.OPEN if current_epoch == reveal_epoch else RevealWindow.EXPIRED


def commit_hash(
    hotkey: bytes,
    netuid: int,
    uids: Sequence[int],
    values: Sequence[int],
    salt: Sequence[int],
    version_key: int,
) -> bytes:
    """BlakeTwo256(SCALE(hotkey, netuid u16, uids, values, salt: Vec<u16>, version_key u64)), 32 bytes.

    `hotkey` is the 32-byte public key, `values` are the u16 weights as they will be revealed.
    """
    vectors = b"".join(_u16_vector(vector) for vector in (uids, values, salt))
    message = hotkey + netuid.to_bytes(2, "little") + vectors + version_key.to_bytes(8, "little")
    return blake2b(message, digest_size=32).digest()


def _u16_vector(values: Sequence[int]) -> bytes:
    """SCALE: the compact length (up to 2**30), then each value in two bytes, little-endian."""
    length = len(values)
    if length < 1 << 6:
        prefix = (length << 2).to_bytes(1, "little")
    elif length < 1 << 14:
        prefix = (length << 2 | 1).to_bytes(2, "little")
    else:
        prefix = (length << 2 | 2).to_bytes(4, "little")
    return prefix + b"".join(value.to_bytes(2, "little") for value in values)
