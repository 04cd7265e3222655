"""What a local network waits for before it makes a block."""

from meritnet.localnet.view import Board, Row, State
from meritnet.localnet.watch import MARGIN_BLOCKS, Watch
from meritnet.validator.events import Committed, Paid, Predicted, Revealed, Scored, WeightsSet

BOB, NETUID, EPOCH_BLOCK = "5Bob", 1, 40


def watch() -> Watch:
    state = State(boards={NETUID: Board(NETUID, "sums", rows={3: Row(3, "Dave", "miner", False)})})
    made = Watch(state, {BOB: "Bob"}, changed=lambda: None)
    made.seat([(BOB, NETUID)])
    return made


def test_far_from_the_epoch_nothing_is_waited_for() -> None:
    assert watch().missing(NETUID, 1, EPOCH_BLOCK - MARGIN_BLOCKS - 2, EPOCH_BLOCK) == ""


def test_near_it_a_commit_and_the_reveal_of_the_last_one_are() -> None:
    seen = watch()
    near = EPOCH_BLOCK - MARGIN_BLOCKS
    assert seen.missing(NETUID, 1, near, EPOCH_BLOCK) == "waiting for Bob's commit in subnet 1"
    seen.take(Committed(NETUID, BOB, 1, {3: 1.0}))
    assert seen.missing(NETUID, 1, near, EPOCH_BLOCK) == ""
    assert "reveal" in seen.missing(NETUID, 2, near + 20, EPOCH_BLOCK + 20)
    seen.take(Revealed(NETUID, BOB, 1, {3: 1.0}))
    assert "commit" in seen.missing(NETUID, 2, near + 20, EPOCH_BLOCK + 20)


def test_the_last_block_waits_for_the_prediction_only() -> None:
    late = watch()
    assert "commit" in late.missing(NETUID, 1, EPOCH_BLOCK - 2, EPOCH_BLOCK)
    late.take(Predicted(NETUID, BOB, 1, EPOCH_BLOCK, 5))
    assert late.missing(NETUID, 1, EPOCH_BLOCK - 1, EPOCH_BLOCK) == ""
    seen = watch()
    seen.take(WeightsSet(NETUID, BOB, 1, {3: 1.0}))
    assert seen.missing(NETUID, 1, EPOCH_BLOCK - 2, EPOCH_BLOCK) == ""
    assert "prediction" in seen.missing(NETUID, 1, EPOCH_BLOCK - 1, EPOCH_BLOCK)
    seen.take(Predicted(NETUID, BOB, 1, EPOCH_BLOCK, 5))
    assert seen.missing(NETUID, 1, EPOCH_BLOCK - 1, EPOCH_BLOCK) == ""
    assert seen.missing(NETUID, 2, EPOCH_BLOCK + 5, EPOCH_BLOCK + 20) == ""


def test_weights_are_shown_once_told_and_no_older_ones_after_them() -> None:
    seen = watch()
    row = seen.state.boards[NETUID].rows[3]
    seen.take(Committed(NETUID, BOB, 1))  # as another process prints it
    seen.take(Revealed(NETUID, BOB, 1, {3: 0.25}))
    assert row.weight == 0.25
    seen.take(Committed(NETUID, BOB, 3, {3: 0.75}))
    seen.take(Revealed(NETUID, BOB, 2, {3: 0.5}))
    assert row.weight == 0.75


def test_scores_gains_and_payments_reach_the_picture() -> None:
    seen = watch()
    seen.take(Scored(NETUID, BOB, 3, 0.5, "half", 0.75, 1.0, {"loss_gain_nats": 0.2}))
    seen.take(Paid(NETUID, BOB, 1, EPOCH_BLOCK, 7, 8))
    row = seen.state.boards[NETUID].rows[3]
    assert (row.score, row.why) == (0.75, "half")
    assert seen.loss_gain_nats == {(NETUID, 3): 0.2}
    assert not seen.payments[0].agrees
    assert list(seen.state.log)[-1] == "Bob (subnet 1) was paid 8 rao, predicted 7"
