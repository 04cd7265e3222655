"""How subnets make room for each other: who goes, what is paid out, with what the next one starts."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from meritnet.consensus import dissolve, pool, registration
from meritnet.consensus.registration import SubnetCandidate

ONE = 1 << 64
RAO = st.integers(0, 21 * 10**15)


def test_the_cheapest_subnet_past_its_immunity_goes() -> None:
    cheap, dear = SubnetCandidate(5, 7, 9), SubnetCandidate(6, 8, 9)
    protected = SubnetCandidate(7, 1, 9, immune=True)
    assert registration.subnet_to_prune([dear, protected, cheap]) == 5
    older, twin = SubnetCandidate(9, 7, 8), SubnetCandidate(4, 7, 9)
    assert registration.subnet_to_prune([cheap, older]) == 9
    assert registration.subnet_to_prune([cheap, twin]) == 4


@given(st.lists(st.integers(0, 2**70), max_size=7))
def test_half_of_the_prices_lie_on_either_side_of_the_median(prices: list[int]) -> None:
    counted = [price for price in prices if price > 0]
    median = registration.median_price(prices)
    assert 2 * sum(price < median for price in counted) <= len(counted)
    assert 2 * sum(price > median + 1 for price in counted) <= len(counted)


@given(st.integers(10**9, 10**15), st.integers(ONE // 10**4, ONE))
def test_a_new_subnet_starts_at_the_price(lock: int, price: int) -> None:
    started = registration.initial_pool(lock, price)
    assert started.tao == lock
    assert abs(pool.price(started) - price) <= price // 10**8


@given(RAO, st.lists(RAO, max_size=9))
def test_a_pot_is_paid_out_to_the_rao(pot: int, holdings: list[int]) -> None:
    paid = dissolve.pay_holders(pot, holdings)
    total = sum(holdings)
    assert sum(paid) == (pot if total else 0)
    for held, amount in zip(holdings, paid, strict=True):
        floor = pot * held // total if total else 0
        assert floor <= amount <= floor + 1


@given(RAO, st.lists(RAO, min_size=2, max_size=9))
def test_who_holds_more_gets_no_less(pot: int, holdings: list[int]) -> None:
    ranked = sorted(holdings)
    paid = dissolve.pay_holders(pot, ranked)
    assert all(less <= more + 1 for less, more in pairwise(paid))


def test_the_largest_remainders_get_the_rest() -> None:
    assert dissolve.pay_holders(10, [1, 1, 1]) == (4, 3, 3)
    assert dissolve.pay_holders(11, [1, 1, 1]) == (4, 4, 3)
    assert dissolve.pay_holders(4, [10, 31, 30, 0]) == (0, 2, 2, 0)  # 0.56, 1.75, 1.69


@given(RAO, RAO, st.integers(0, 65_535), st.integers(0, 2**70))
def test_an_owner_gets_back_its_lock_at_the_most(lock: int, alpha: int, cut: int, price: int) -> None:
    assert 0 <= dissolve.owner_refund(lock, alpha, cut, price) <= lock
