"""Commitments to weights: the hash that binds them, when they may be revealed, and how late that is best."""

from collections.abc import Sequence
from enum import Enum
from hashlib import blake2b
from itertools import zip_longest

ONE_Q32 = 1 << 32
"""One in Q32: unsigned integers in units of 2**-32."""
LONGEST_REVEAL_PERIOD = 9
"""Epochs: whoever commits every epoch then has at most ten commits waiting, as many as the chain keeps."""


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


def volatility(before: Sequence[int], after: Sequence[int]) -> int:
    """How far the consensus moved in an epoch, in Q32: Σ |C' - C| / Σ (C' + C), floored; 0 of nothing.

    Half the weight that changed hands, where both sum to the same. Consensus of 65,535 as stored; a uid
    that one of them lacks had 0.
    """
    pairs = list(zip_longest(before, after, fillvalue=0))
    total = sum(old + new for old, new in pairs)
    return ONE_Q32 * sum(abs(new - old) for old, new in pairs) // total if total else 0


def average_volatility(average_q32: int, observed_q32: int) -> int:
    """The moving average over epochs: (7 × average + observed) / 8, floored, in Q32."""
    return (7 * average_q32 + observed_q32) >> 3


def reveal_period(volatility_q32: int, target: int) -> int:
    """Epochs after which so much has moved that old weights are worth copying no more: the fewest k with
    k × volatility >= target / 65,535, between 1 and `LONGEST_REVEAL_PERIOD`. Ours."""
    needed_q32 = -(-target * ONE_Q32 // 65_535)
    fewest = -(-needed_q32 // volatility_q32) if volatility_q32 else LONGEST_REVEAL_PERIOD
    return min(max(fewest, 1), LONGEST_REVEAL_PERIOD)


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
