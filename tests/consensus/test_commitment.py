"""Commitments bind every field, and open in exactly one epoch."""

from hashlib import blake2b

import pytest

from meritnet.consensus.commit import RevealWindow, commit_hash, reveal_window

HOTKEY = bytes(range(32))


def digest(message: bytes) -> bytes:
    return blake2b(message, digest_size=32).digest()


def test_the_hash_is_that_of_the_scale_encoded_tuple() -> None:
    message = HOTKEY + bytes.fromhex(
        "0100 08 0000 0200 08 ffff 0100 04 0900 0700000000000000".replace(" ", "")
    )
    assert commit_hash(HOTKEY, 1, [0, 2], [65_535, 1], [9], 7) == digest(message)


@pytest.mark.parametrize(("length", "prefix"), [(0, "00"), (63, "fc"), (64, "0101"), (16_384, "02000100")])
def test_compact_lengths(length: int, prefix: str) -> None:
    message = HOTKEY + b"\0\0" + bytes.fromhex(prefix) + b"\0\0" * length + b"\0\0" + bytes(8)
    assert commit_hash(HOTKEY, 0, [0] * length, [], [], 0) == digest(message)


def test_every_field_is_bound() -> None:
    hashes = {
        commit_hash(*fields)
        for fields in [
            (HOTKEY, 1, [0], [1], [2], 3),
            (bytes(32), 1, [0], [1], [2], 3),
            (HOTKEY, 2, [0], [1], [2], 3),
            (HOTKEY, 1, [1], [1], [2], 3),
            (HOTKEY, 1, [0], [2], [2], 3),
            (HOTKEY, 1, [0], [1], [3], 3),
            (HOTKEY, 1, [0], [1], [2], 4),
            (HOTKEY, 1, [0, 1], [], [2], 3),
        ]
    }
    assert len(hashes) == 8


@pytest.mark.parametrize("period", [1, 2, 100])
def test_a_commit_opens_in_exactly_one_epoch(period: int) -> None:
    windows = [reveal_window(5, period, epoch) for epoch in range(5 + period + 3)]
    assert windows.index(RevealWindow.OPEN) == 5 + period
    assert windows.count(RevealWindow.OPEN) == 1
    assert set(windows[: 5 + period]) == {RevealWindow.EARLY}
    assert set(windows[6 + period :]) == {RevealWindow.EXPIRED}
