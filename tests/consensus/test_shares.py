"""Which part of a block's TAO a subnet gets, whatever the prices."""

from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meritnet.consensus import shares
from meritnet.consensus.fixed import I64F64
from meritnet.consensus.shares import ONE

RANDOM = st.integers(0, 2**32).map(Random)
LISTS = st.lists(st.one_of(st.just(0), st.integers(0, 2**33)), min_size=1, max_size=8)
DUST = 2**-50


def part(share: int) -> float:
    return share / ONE


@given(LISTS)
def test_shares_follow_prices(prices: list[int]) -> None:
    by_price = shares.shares_by_price(prices)
    assert ONE - len(prices) <= sum(by_price) <= ONE if any(prices) else not any(by_price)
    assert sorted(by_price) == [share for _, share in sorted(zip(prices, by_price, strict=True))]


@given(LISTS, RANDOM)
def test_what_is_burned_goes_to_the_others(prices: list[int], random: Random) -> None:
    before = shares.shares_by_price(prices)
    burned = [random.choice([0, 2**32, 2**33, random.randrange(2**32)]) for _ in prices]
    after = shares.less_burned(before, burned)
    kept = [share * max(2**32 - part, 0) for share, part in zip(before, burned, strict=True)]
    if sum(kept) >> 32:
        assert [part(share) for share in after] == pytest.approx(
            [each / sum(kept) for each in kept], abs=1e-9
        )
    else:
        assert after == before


def test_the_bar_is_the_share_at_the_rank() -> None:
    demand = [30, 10, 0, 40, 20]
    assert [shares.emission_bar(demand, rank, 0) for rank in (1, 2, 3, 4)] == [40, 30, 20, 10]


def test_the_bar_is_a_mass_where_too_few_have_demand() -> None:
    demand = [30, 10, 0, 40, 20]
    masses = {0: 40, 40: 40, 41: 30, 70: 30, 71: 20, 91: 10, 500: 10}
    for rank in (0, 5, 32):
        assert [shares.emission_bar(demand, rank, mass) for mass in masses] == list(masses.values())
    assert shares.emission_bar([0, 0], 32, 1) == 0


def test_the_gate() -> None:
    bar = ONE // 50
    assert shares.gate(bar, bar, 3 * ONE) == ONE // 2
    assert part(shares.gate(bar // 2, bar, 3 * ONE)) == pytest.approx(1 / 9, abs=DUST)
    assert part(shares.gate(bar * 2, bar, 3 * ONE)) == pytest.approx(8 / 9, abs=DUST)
    assert shares.gate(bar, 0, 3 * ONE) == ONE
    assert shares.gate(0, bar, 3 * ONE) == shares.gate(0, 0, 3 * ONE) == 0


def test_a_twofold_edge_becomes_ninefold() -> None:
    third = ONE // 3
    gated = shares.gated([third, 2 * third], 2 * third, 3 * ONE)
    assert [part(share) for share in gated] == pytest.approx([0.1, 0.9], abs=1e-12)


@given(LISTS, st.integers(1, ONE), st.integers(0, 8 * ONE))
def test_the_gate_keeps_the_order_and_the_sum(prices: list[int], bar: int, exponent: int) -> None:
    demand = shares.shares_by_price(prices)
    gated = shares.gated(demand, bar, exponent)
    assert sum(gated) <= ONE
    order = sorted(range(len(prices)), key=prices.__getitem__)
    assert all(gated[low] <= gated[high] for low, high in pairwise(order))


def test_disabled_subnets_leave_theirs_to_the_others() -> None:
    assert shares.among_enabled([ONE // 2, ONE // 4, ONE // 4], [False, True, True]) == (
        0,
        ONE // 2,
        ONE // 2,
    )
    assert shares.among_enabled([ONE // 2, ONE // 3], [True, True]) == (ONE // 2, ONE // 3)
    assert shares.among_enabled([ONE // 2, ONE // 2], [False, False]) == (0, 0)


def test_shares_of_a_block() -> None:
    prices, burned = [2**31, 2**30, 2**30], [0, 2**31, 0]
    final = shares.emission_shares(prices, burned, [True, True, False], 0, 3 * ONE)
    assert [part(share) for share in final] == pytest.approx([0.8, 0.2, 0], abs=1e-12)


@given(st.integers(0, 2**63), LISTS)
def test_a_split_is_exact(amount: int, demand: list[int]) -> None:
    split = shares.split_by_shares(amount, demand)
    assert sum(split) == (amount if any(demand) else 0)
    largest = demand.index(max(demand))
    for place, (given_, share) in enumerate(zip(split, demand, strict=True)):
        exact = amount * share / max(sum(demand), 1)
        assert given_ == pytest.approx(exact, rel=1e-12, abs=len(demand) if place == largest else 1)


@given(st.integers(0, 2**40), st.integers(0, 2**80), st.integers(0, 2**32), st.integers(0, 10**8))
def test_a_moving_price_lies_between_the_old_and_the_spot(
    price: int, spot: int, alpha: int, blocks: int
) -> None:
    moved = shares.moving_price(price, spot, alpha, blocks, shares.MOVING_PRICE_HALVING)
    low, high = sorted((price, min(spot, ONE) >> 32))
    assert low - 1 <= moved <= high + 1


def test_a_price_does_not_move_before_the_start() -> None:
    assert shares.moving_price(7, ONE, 2**32, 0, 0) == 7


def test_half_of_a_flow_is_forgotten_in_thirty_days() -> None:
    average = I64F64.integer(1_000_000)
    for _ in range(2_160):
        average = shares.moving_flow(average, 0, 100 * shares.FLOW_SMOOTHING)
    assert average / 2**64 == pytest.approx(500_000, rel=2e-4)


def test_what_the_protocol_put_in_is_taken_off_up_to_what_users_did() -> None:
    flows = [I64F64.integer(flow) for flow in (100, 300, -50)]
    costs = [I64F64.integer(flow) for flow in (200, 600, -10)]
    assert [net >> 64 for net in shares.net_flows(flows, costs)] == [0, 0, -40]
    assert shares.net_flows(flows, [0, 0, 0]) == tuple(flows)
    few = [I64F64.integer(flow) for flow in (20, 60, 0)]
    assert [net >> 64 for net in shares.net_flows(flows, few)] == [80, 240, -50]


def test_no_flows_no_shares() -> None:
    assert shares.shares_by_flow([], 0, ONE) == ()
