"""The duty of a validator, block by block."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meritnet.chain.errors import UsageError
from meritnet.validator.schedule import Due, EpochClock, Progress, Rules, due, is_done, step_block

RULES = Rules(steps_per_epoch=1, margin_blocks=3)


def clock(block: int, epoch: int = 5, last: int = 100, tempo: int = 20) -> EpochClock:
    return EpochClock(block, tempo, last, epoch)


@pytest.mark.parametrize(
    ("tempo", "last", "pending", "current", "reveals_from"), [(50, 10, 0, 10, 60), (20, 80, 95, 91, 95)]
)
def test_the_reveal_blocks_of_the_public_network(
    tempo: int, last: int, pending: int, current: int, reveals_from: int
) -> None:
    """Rows of RaoFoundation/subtensor, sdk/bittensor-core/src/timelock/epoch_schedule_vectors.rs."""
    at = EpochClock(current, tempo, last, 0, pending)
    assert at.next_epoch_block == reveals_from


def test_a_subnet_without_tempo_is_refused() -> None:
    with pytest.raises(UsageError, match="tempo is 0"):
        EpochClock(1, 0, 0, 0)


def test_an_epoch_that_is_late_runs_in_the_next_block() -> None:
    assert clock(119).next_epoch_block == 120
    assert clock(119).blocks_left == 0
    assert clock(125).next_epoch_block == 126


def test_an_epoch_goes_step_commit_predict() -> None:
    fresh = Progress(5)
    assert due(clock(100), fresh, RULES) is Due.STEP
    stepped = Progress(5, steps_done=1, has_scores=True)
    assert due(clock(104), stepped, RULES) is Due.COMMIT
    committed = Progress(5, steps_done=1, committed=True, reveals_due=(6,), has_scores=True)
    assert due(clock(105), committed, RULES) is Due.WAIT
    assert due(clock(119), committed, RULES) is Due.PREDICT
    predicted = Progress(5, 1, True, True, (6,), True)
    assert due(clock(119), predicted, RULES) is Due.WAIT


def test_the_reveal_comes_first_in_its_epoch_and_only_there() -> None:
    waiting = Progress(5, reveals_due=(6,), has_scores=True)
    assert due(clock(120, 6, 120), waiting, RULES) is Due.REVEAL
    assert not is_done(clock(120, 6, 120), waiting, RULES)
    assert due(clock(140, 7, 140), waiting, RULES) is Due.STEP
    later = Progress(5, reveals_due=(8,), has_scores=True)
    assert due(clock(120, 6, 120), later, RULES) is not Due.REVEAL


def test_who_has_seen_nobody_earn_anything_takes_a_step_more_and_no_further_one() -> None:
    assert due(clock(107), Progress(5, 1), RULES) is Due.WAIT
    assert due(clock(108), Progress(5, 1), RULES) is Due.STEP
    assert due(clock(108), Progress(5, 2), RULES) is Due.WAIT
    assert due(clock(108), Progress(5, 2, has_scores=True), RULES) is Due.COMMIT
    assert step_block(clock(100), Progress(5, steps_done=4), Rules(4, 4)) == 112  # of 16 blocks, four fifths


def test_steps_are_spread_and_the_margin_is_kept_free() -> None:
    rules = Rules(steps_per_epoch=4, margin_blocks=4)
    assert [step_block(clock(100), Progress(5, steps_done=n), rules) for n in range(4)] == [
        100,
        104,
        108,
        112,
    ]
    assert due(clock(103), Progress(5, steps_done=1), rules) is Due.WAIT
    assert due(clock(104), Progress(5, steps_done=1), rules) is Due.STEP
    assert due(clock(115), Progress(5, steps_done=1, has_scores=True), rules) is Due.COMMIT


def test_who_begins_late_still_steps_as_it_has_nothing_to_commit_instead() -> None:
    assert due(clock(118), Progress(5), RULES) is Due.STEP
    assert due(clock(118), Progress(5, 1, has_scores=True), RULES) is Due.COMMIT
    assert due(clock(118), Progress(5, 2), RULES) is Due.WAIT
    assert due(clock(119), Progress(5), RULES) is Due.PREDICT


def test_scores_of_an_earlier_epoch_are_committed_when_there_is_no_time_for_new_ones() -> None:
    assert due(clock(118), Progress(4, 1, True, has_scores=True), RULES) is Due.COMMIT


def test_a_duty_that_fails_does_not_keep_the_others_waiting() -> None:
    both = Progress(6, 1, reveals_due=(6,), has_scores=True)
    at = clock(122, 6, 120)
    assert due(at, both, RULES) is Due.REVEAL
    assert due(at, both, RULES, resting={Due.REVEAL}) is Due.COMMIT
    assert due(at, both, RULES, resting={Due.REVEAL, Due.COMMIT}) is Due.WAIT


def test_a_duty_is_done_when_no_transaction_is_missing() -> None:
    assert not is_done(clock(110), Progress(4, 1, True, True), RULES)
    assert not is_done(clock(110), Progress(5, 1, False, False, (), True), RULES)
    assert is_done(clock(110), Progress(5, 1, True, False, (6,), True), RULES)
    assert not is_done(clock(110), Progress(5, 1), RULES)
    assert is_done(clock(110), Progress(5, 2), RULES)  # nobody earned anything: there is nothing to commit


@given(
    tempo=st.integers(1, 60),
    since=st.integers(0, 70),
    steps=st.integers(0, 5),
    flags=st.tuples(st.booleans(), st.booleans(), st.booleans()),
    waiting=st.lists(st.integers(0, 12), max_size=3),
    rules=st.builds(Rules, st.integers(1, 5), st.integers(0, 8)),
)
def test_nothing_is_sent_that_would_land_in_the_wrong_epoch(
    tempo: int, since: int, steps: int, flags: tuple[bool, bool, bool], waiting: list[int], rules: Rules
) -> None:
    at = EpochClock(100 + since, tempo, 100, 10)
    progress = Progress(10, steps, flags[0], flags[1], tuple(waiting), flags[2])
    duty = due(at, progress, rules)
    if duty in (Due.COMMIT, Due.REVEAL):
        assert at.next_epoch_block > at.block + 1
    if duty is Due.REVEAL:
        assert 10 in waiting
    if duty is Due.COMMIT:
        assert flags[2]
        assert not flags[0]
    if is_done(at, progress, rules):
        assert duty not in (Due.COMMIT, Due.REVEAL)
