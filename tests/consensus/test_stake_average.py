"""Stake counts for the blocks that it was there."""

from hypothesis import given
from hypothesis import strategies as st

from meritnet.consensus.stake_average import StakeHistory

RAO = st.integers(0, 21 * 10**15)


@given(RAO, RAO, st.integers(1, 400), st.data())
def test_the_average_of_two_stakes(before: int, after: int, blocks: int, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, 1_000))
    changed = data.draw(st.integers(0, blocks))
    history = StakeHistory(0, start).changed(before, start + changed)
    average = history.average(after, start, start + blocks)
    assert average == (before * changed + after * (blocks - changed)) // blocks
    assert min(before, after) <= average <= max(before, after)


@given(RAO, st.integers(2, 400))
def test_stake_of_one_block_counts_for_one(flash: int, tempo: int) -> None:
    history = StakeHistory(0, 0).changed(0, tempo - 1)
    assert history.average(flash, 0, tempo) == flash // tempo


def test_where_no_block_lies_between_stake_is_what_it_is() -> None:
    assert StakeHistory(5, 7).average(9, 7, 7) == 9
