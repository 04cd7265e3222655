"""Locks that decay and mature, and who becomes owner."""

from itertools import pairwise
from math import exp

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from meritnet.consensus import conviction
from meritnet.consensus.conviction import MATURITY_RATE, TAKEOVER_AGE, UNLOCK_RATE, Lock

ONE = 1 << 64
RATES = UNLOCK_RATE, MATURITY_RATE
MASSES = st.integers(10**6, 21 * 10**15)
BLOCKS = st.integers(0, 10**7)
RATE = st.integers(10**4, 10**7)


def rao(lock: Lock) -> float:
    return lock.conviction / ONE


@given(MASSES, BLOCKS, RATE, RATE)
def test_a_lock_follows_the_formula(mass: int, blocks: int, unlock: int, maturity: int) -> None:
    assume(abs(unlock - maturity) > unlock // 100)
    lock = conviction.rolled(Lock(mass, mass * ONE // 2), blocks, unlock, maturity)
    unlocked, kept = exp(-blocks / unlock), exp(-blocks / maturity)
    gained = unlock / (maturity - unlock) * (kept - unlocked)
    if lock.mass:  # else both are dust
        assert lock.mass == pytest.approx(mass * unlocked, rel=1e-9, abs=1 + mass * 1e-15)
        assert rao(lock) == pytest.approx(mass * (kept / 2 + gained), rel=1e-7, abs=1 + mass * 1e-12)


@given(MASSES, BLOCKS, BLOCKS)
def test_a_lock_rolled_in_two_steps_is_the_same(mass: int, first: int, second: int) -> None:
    # The step in between floors the mass by less than 1 rao; an exponential is right to 2**-60.
    lock = Lock(mass, 0, 5)
    once = conviction.rolled(lock, 5 + first + second, *RATES)
    twice = conviction.rolled(conviction.rolled(lock, 5 + first, *RATES), 5 + first + second, *RATES)
    assert twice.mass == pytest.approx(once.mass, abs=2 + mass * 2**-55)
    assert rao(twice) == pytest.approx(rao(once), abs=2 + mass * 2**-50)
    assert twice.block == once.block


@given(MASSES, st.lists(BLOCKS, min_size=2, max_size=5))
def test_a_mass_only_falls_and_conviction_stays_below_it_at_first(mass: int, times: list[int]) -> None:
    locks = [conviction.rolled(Lock(mass), block, *RATES) for block in sorted(times)]
    assert all(later.mass <= earlier.mass <= mass for earlier, later in pairwise(locks))
    assert all(rao(lock) <= mass for lock in locks)


@given(MASSES, st.lists(BLOCKS, min_size=2, max_size=5))
def test_a_perpetual_lock_keeps_its_mass_and_matures(mass: int, times: list[int]) -> None:
    locks = [conviction.rolled(Lock(mass), block, *RATES, perpetual=True) for block in sorted(times)]
    assert {lock.mass for lock in locks} == {mass}
    assert all(earlier.conviction <= later.conviction <= mass * ONE for earlier, later in pairwise(locks))


def test_an_owners_lock_is_mature_at_once() -> None:
    for block in (0, 1, UNLOCK_RATE):
        lock = conviction.rolled(Lock(10**9), block, *RATES, owner=True)
        assert lock.conviction == lock.mass * ONE


def test_half_of_a_mass_is_unlocked_in_ninety_days() -> None:
    assert conviction.rolled(Lock(10**9), 90 * 7_200, *RATES).mass == pytest.approx(5 * 10**8, rel=1e-6)


def test_a_rate_of_zero_forgets_at_once() -> None:
    assert conviction.decay(1, 0) == 0
    assert conviction.decay(0, 0) == ONE
    lock = Lock(10**9, 10**9 * ONE)
    assert conviction.rolled(lock, 1, 0, 0) == Lock(block=1)
    assert conviction.rolled(lock, 1, 0, MATURITY_RATE).mass == 0
    assert conviction.rolled(lock, 1, UNLOCK_RATE, 0).conviction == 0


def test_dust_is_nothing() -> None:
    assert conviction.rolled(Lock(99, 99 * ONE, 3), 3, *RATES) == Lock(block=3)
    assert conviction.rolled(Lock(99, 100 * ONE, 3), 3, *RATES) == Lock(99, 100 * ONE, 3)
    assert conviction.rolled(Lock(100, 0, 3), 2, *RATES) == Lock(100, 0, 3)


def test_merging_and_reducing() -> None:
    both = conviction.merged(Lock(100, 50 * ONE, 3), Lock(300, 70 * ONE, 3))
    assert both == Lock(400, 120 * ONE, 3)
    assert conviction.reduced(both, 100) == Lock(300, 90 * ONE, 3)
    assert conviction.reduced(both, 400) == conviction.reduced(both, 500) == Lock(block=3)


def test_the_highest_conviction_takes_the_subnet() -> None:
    scores = [5 * ONE, 20 * ONE, 20 * ONE, 1 * ONE]
    assert conviction.new_owner(scores, TAKEOVER_AGE, 460) == 2
    assert conviction.new_owner(scores, TAKEOVER_AGE - 1, 460) is None
    assert conviction.new_owner(scores, TAKEOVER_AGE, 461) is None
    assert conviction.new_owner(scores, TAKEOVER_AGE, 0) is None
    assert conviction.new_owner([], TAKEOVER_AGE, 1) is None
