"""Due and paid, counted apart."""

from meritnet.localnet.ledger import Ledger

TAO = 10**9


def test_blocks_are_split_among_the_subnets_that_emit_then() -> None:
    ledger = Ledger({1: 2, 2: 4})
    for number in range(1, 6):
        ledger.block(number, issuance_before_rao=0)
    ledger.epoch(1, {}, {"a": 3 * TAO}, {})
    ledger.epoch(2, {}, {"b": TAO}, {})
    assert ledger.due_rao == {1: 3 * TAO, 2: TAO}  # blocks 2 and 3 alone, then two halves each
    assert ledger.total_due_rao == ledger.total_paid_rao == 4 * TAO


def test_what_no_epoch_has_paid_yet_is_not_due() -> None:
    ledger = Ledger({1: 1})
    ledger.block(1, 0)
    assert ledger.total_due_rao == 0
    ledger.epoch(1, {}, {}, {})
    ledger.block(2, 0)
    assert ledger.total_due_rao == TAO


def test_a_halved_reward_is_due_by_issuance() -> None:
    ledger = Ledger({1: 1})
    ledger.block(1, issuance_before_rao=10_500_000 * TAO)
    ledger.epoch(1, {}, {}, {})
    assert ledger.total_due_rao == TAO // 2


def test_stake_that_came_in_the_epochs_block_is_no_payment() -> None:
    ledger = Ledger({1: 1})
    ledger.block(1, 0)
    paid = ledger.epoch(1, {"a": 100}, {"a": 100 + 50 + TAO, "b": 7}, {"a": 50})
    assert paid == {"a": TAO, "b": 7}
    assert ledger.total_paid_rao - ledger.total_due_rao == 7
