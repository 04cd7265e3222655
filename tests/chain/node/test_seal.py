"""When blocks are made and what time they carry."""

import time

import pytest

from meritnet.chain.errors import UsageError
from meritnet.chain.node.seal import (
    GENESIS_TIME_MS,
    Instant,
    Interval,
    Manual,
    Moment,
    next_moment,
    parse_seal,
)

SLOT_MS = 12_000
FIRST = GENESIS_TIME_MS // SLOT_MS + 1


@pytest.mark.parametrize(
    ("text", "seal"),
    [
        ("manual", Manual()),
        ("instant", Instant()),
        ("interval:12", Interval(12)),
        ("interval:0.25", Interval(0.25)),
    ],
)
def test_the_modes_are_named(text: str, seal: object) -> None:
    assert parse_seal(text) == seal


@pytest.mark.parametrize(
    "text",
    [
        "",
        "often",
        "interval",
        "interval:",
        "interval:x",
        "interval:0",
        "interval:-1",
        "interval:nan",
        "instant:5",
    ],
)
def test_other_words_are_refused_with_a_hint(text: str) -> None:
    with pytest.raises(UsageError) as refusal:
        parse_seal(text)
    assert refusal.value.hint


@pytest.mark.parametrize("seal", [Manual(), Instant(), Interval(0.25)])
def test_the_chains_own_time_goes_slot_by_slot(seal: Manual | Instant | Interval) -> None:
    assert GENESIS_TIME_MS % SLOT_MS == 0
    assert next_moment(seal, None, SLOT_MS) == Moment(FIRST, FIRST * SLOT_MS)
    assert next_moment(seal, FIRST, SLOT_MS) == Moment(FIRST + 1, (FIRST + 1) * SLOT_MS)


def test_time_travel_goes_to_the_first_slot_not_before(monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = (FIRST + 10) * SLOT_MS
    assert next_moment(Manual(), FIRST, SLOT_MS, wanted).slot == FIRST + 10
    assert next_moment(Manual(), FIRST, SLOT_MS, wanted + 1).slot == FIRST + 11
    assert next_moment(Manual(), FIRST + 50, SLOT_MS, wanted).slot == FIRST + 51, "never back"


def test_twelve_seconds_a_block_is_wall_time(monkeypatch: pytest.MonkeyPatch) -> None:
    now_ms = (FIRST + 1_000_000) * SLOT_MS + 5_000
    monkeypatch.setattr(time, "time_ns", lambda: now_ms * 1_000_000)
    assert next_moment(Interval(12), None, SLOT_MS) == Moment(FIRST + 1_000_000, now_ms)
    ahead = FIRST + 1_000_000
    assert next_moment(Interval(12), ahead, SLOT_MS) == Moment(ahead + 1, (ahead + 1) * SLOT_MS), (
        "one slot, one block"
    )
    monkeypatch.setattr(time, "time_ns", lambda: 0)
    assert next_moment(Interval(12), ahead, SLOT_MS).slot == ahead + 1, (
        "a clock that jumps back stops nothing"
    )
