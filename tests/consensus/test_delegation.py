"""Stake handed on to child keys, and who shares in what validators earn."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meritnet.consensus import delegation, market_vectors
from meritnet.consensus.delegation import Earner, Parent

WHOLE = 2**64 - 1
RAO = st.integers(0, 21 * 10**15)
TAKES = st.integers(0, 65_535)
WEIGHTS = st.integers(0, WHOLE)
RANDOM = st.integers(0, 2**32).map(Random)
PARENTS = st.lists(st.builds(Parent, RAO, RAO, WEIGHTS, st.booleans()), max_size=4)
EARNERS = st.lists(st.builds(Earner, RAO, RAO, RAO, TAKES), max_size=5)


@given(RANDOM, st.integers(1, 5))
def test_stake_handed_on_is_neither_made_nor_lost(random: Random, n: int) -> None:
    stakes = [market_vectors.rao(random) % (21 * 10**15) for _ in range(n)]
    given_ = [
        [random.randrange(WHOLE // n) for _ in range(n)] for _ in range(n)
    ]  # row: parent, column: child
    inherited = [
        delegation.inherited_stake(stakes[i], given_[i], [(given_[j][i], stakes[j]) for j in range(n)])
        for i in range(n)
    ]
    # A proportion has 32 fraction bits, so each of the n² parts is off by a 2**32nd of the stake.
    slack = n + n * sum(stakes) / 2**32
    assert sum(inherited) == pytest.approx(sum(stakes), abs=slack)


def test_a_hotkey_that_gave_more_than_it_has_keeps_nothing() -> None:
    assert delegation.inherited_stake(10**9, [WHOLE, WHOLE], [(WHOLE, 7)]) == 7
    assert delegation.own_contribution(10**9, 10**9, [WHOLE, WHOLE], WHOLE) == 0


@given(RAO, RAO, PARENTS, TAKES, WEIGHTS, WEIGHTS)
def test_a_childs_dividends_are_shared_to_the_rao(
    dividends: int, own: int, parents: list[Parent], take: int, burn: int, weight: int
) -> None:
    split = delegation.child_dividends(dividends, own, parents, take, burn, weight)
    assert split.own + sum(split.parents) + split.burned == dividends
    assert min(split.own, split.burned, *split.parents, 0) == 0
    if all(parent.same_owner for parent in parents):
        assert split.burned == 0


def test_who_gets_what_of_a_childs_dividends() -> None:
    parents = [Parent(10**9, 0, WHOLE), Parent(0, 10**9, WHOLE, same_owner=True)]
    split = delegation.child_dividends(4 * 10**6, 2 * 10**9, parents, 13_107, WHOLE // 10, WHOLE)
    # A quarter each to the parents; the first leaves a fifth as take and loses a tenth.
    assert split.parents == pytest.approx((700_000, 1_000_000), abs=1)
    assert split.burned == pytest.approx(100_000, abs=1)
    assert split.own == pytest.approx(2_200_000, abs=3)


def test_a_child_without_any_stake_keeps_its_dividends() -> None:
    split = delegation.child_dividends(5, 0, [Parent(0, 0, WHOLE)], 65_535, WHOLE, WHOLE)
    assert (split.own, split.parents, split.burned) == (5, (0,), 0)


@given(RAO, RAO, EARNERS, WEIGHTS)
def test_both_pots_are_paid_to_the_rao(pot: int, root_pot: int, earners: list[Earner], weight: int) -> None:
    for given_, paid in zip(
        (pot, root_pot), delegation.pay_validators(pot, root_pot, earners, weight), strict=True
    ):
        assert sum(paid.take) + sum(paid.dividends) + paid.left == given_
        assert min(paid.left, *paid.take, *paid.dividends, 0) == 0


def test_root_stake_earns_by_its_weight() -> None:
    half, quarter = WHOLE // 2, WHOLE // 4
    assert [part >> 32 for part in delegation.split_by_stake(900, 10, 20, half)] == [450, 449]
    assert [part >> 32 for part in delegation.split_by_stake(900, 10, 20, quarter)] == [600, 299]
    assert [part >> 32 for part in delegation.split_by_stake(900, 0, 0, WHOLE)] == [900, 0]


def test_without_a_claim_a_pot_is_left() -> None:
    alpha, root = delegation.pay_validators(7, 9, [Earner(5, 1, 0, 0)], WHOLE)
    assert (alpha.dividends, alpha.left) == ((7,), 0)
    assert (root.dividends, root.left) == ((0,), 9)
    assert delegation.pay_validators(7, 9, [], WHOLE)[0].left == 7


@given(RAO, TAKES)
def test_a_take_is_a_part_of_the_amount(amount: int, take: int) -> None:
    taken, rest = delegation.delegate_take(amount << 32, take)
    assert 0 <= amount - taken - rest <= 1
    assert taken == pytest.approx(amount * take / 65_535, rel=1e-9, abs=1 + amount / 2**32)
