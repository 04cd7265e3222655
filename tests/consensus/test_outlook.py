"""The outlook is the chain's own bookkeeping, run ahead."""

from dataclasses import replace
from random import Random

from meritnet.consensus import emission, vectors
from meritnet.consensus.emission import MAX_SUPPLY_RAO, Pots
from meritnet.consensus.epoch import epoch
from meritnet.consensus.outlook import Treasury, accrue, outlook
from meritnet.consensus.params import LOCAL

STATE = vectors.random_epoch(Random(7), 5)
TAKES = [11_796] * 5


def treasury(**changes: object) -> Treasury:
    start = Treasury(
        block=STATE.block - 20, issuance=6_000_000 * 10**9, prices=[10**9] * 3, position=1, pots=Pots(1, 2, 3)
    )
    return replace(start, **changes)


def test_pots_grow_by_the_subnets_share_of_every_block() -> None:
    later = accrue(treasury(), STATE.block)
    each = emission.split_block(10**9 // 3)
    assert later.pots == Pots(1 + 20 * each.owner, 2 + 20 * each.server, 3 + 20 * each.validator)
    assert later.issuance == treasury().issuance + 20 * 10**9
    assert later.block == STATE.block


def test_the_first_subnet_gets_what_the_floors_leave() -> None:
    first = accrue(treasury(position=0, pots=Pots()), STATE.block)
    assert first.pots.total == 20 * (10**9 - 2 * (10**9 // 3))


def test_a_subnet_that_does_not_emit_gets_nothing_but_issuance_goes_on() -> None:
    later = accrue(treasury(position=None), STATE.block)
    assert later.pots == Pots(1, 2, 3)
    assert later.issuance > treasury().issuance


def test_nothing_is_minted_where_no_subnet_emits() -> None:
    assert accrue(treasury(position=None, prices=[]), STATE.block).issuance == treasury().issuance


def test_the_reward_halves_on_the_way() -> None:
    brink = treasury(issuance=MAX_SUPPLY_RAO // 2 - 10 * 10**9, prices=[1], position=0, pots=Pots())
    assert accrue(brink, STATE.block).pots.total == 10 * 10**9 + 10 * 10**9 // 2


def test_the_outlook_is_the_epoch_on_those_pots() -> None:
    seen = outlook(STATE, LOCAL, treasury(), TAKES)
    pots = accrue(treasury(), STATE.block).pots
    assert seen.block == STATE.block
    assert seen.output == epoch(replace(STATE, emission=pots.epoch_emission), LOCAL)
    assert (
        seen.distribution.owner + sum(seen.distribution.neurons) + seen.distribution.pending.total
        == pots.total
    )


def test_an_epoch_in_this_very_block_accrues_nothing() -> None:
    now = treasury(block=STATE.block)
    assert accrue(now, STATE.block) == now
