"""Trades and injections on pools of any size and weights."""

from dataclasses import replace
from decimal import Decimal, localcontext
from random import Random

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from meritnet.consensus import pool
from meritnet.consensus.fixed import U64_MAX
from meritnet.consensus.pool import MIN_WEIGHT, WEIGHT, Pool, Refusal, Trade

ONE = 1 << 64
NO_LIMIT = (1 << 128) - 1
RAO = st.integers(1, 10**15)
RESERVES = st.integers(10**6, 21 * 10**15)
WEIGHTS = st.one_of(st.just(WEIGHT // 2), st.integers(MIN_WEIGHT, WEIGHT - MIN_WEIGHT))
POOLS = st.builds(Pool, RESERVES, RESERVES, WEIGHTS)
RANDOM = st.integers(0, 2**32).map(Random)


def test_a_weight_below_one_percent_is_refused() -> None:
    for weight in (MIN_WEIGHT - 1, WEIGHT - MIN_WEIGHT + 1):
        with pytest.raises(ValueError, match="both weights of a pool are 1 % at least"):
            Pool(1, 1, weight)


@given(POOLS, RAO)
def test_a_payout_is_the_floor_of_the_true_value(market: Pool, alpha: int) -> None:
    with localcontext(prec=80):
        ratio = Decimal(market.alpha) / (market.alpha + alpha)
        exact = market.tao * (1 - ratio ** (Decimal(market.base_weight) / market.quote_weight))
        paid = pool.tao_for(market, alpha)
        assert 0 <= exact - paid < 1 + Decimal(2) ** -40


@given(POOLS, RAO, st.sampled_from([0, pool.FEE_RATE, 655]))
def test_a_round_trip_never_gains(market: Pool, offered: int, rate: int) -> None:
    bought = pool.buy(market, offered, NO_LIMIT, rate)
    if isinstance(bought, Trade) and bought.received:
        sold = pool.sell(bought.pool, bought.received, 0, rate)
        assert isinstance(sold, Refusal) or sold.received <= bought.paid
    sold = pool.sell(market, offered, 0, rate)
    if isinstance(sold, Trade) and sold.received:
        bought = pool.buy(sold.pool, sold.received, NO_LIMIT, rate)
        assert isinstance(bought, Refusal) or bought.received <= sold.paid


@given(POOLS, RANDOM)
def test_a_series_of_trades_that_ends_where_it_began_never_gains(market: Pool, random: Random) -> None:
    now, held = market, 0
    for _ in range(5):
        trade = pool.buy(now, random.randrange(1, now.tao), NO_LIMIT, 0)
        if isinstance(trade, Trade):
            now, held = trade.pool, held + trade.received
    assume(held)
    end = pool.sell(now, held, 0, 0)
    assert isinstance(end, Refusal) or end.pool.tao >= market.tao


@given(POOLS, RAO, st.integers(0, 65_535))
def test_nothing_is_lost_in_a_trade(market: Pool, offered: int, rate: int) -> None:
    bought, sold = pool.buy(market, offered, NO_LIMIT, rate), pool.sell(market, offered, 0, rate)
    if isinstance(bought, Trade):
        assert bought.pool.tao - market.tao == bought.paid == offered - bought.fee
        assert market.alpha - bought.pool.alpha == bought.received
    if isinstance(sold, Trade):
        assert sold.pool.alpha - market.alpha == sold.paid == offered - sold.fee
        assert market.tao - sold.pool.tao == sold.received


@given(POOLS, RAO, RAO)
def test_more_paid_is_more_received(market: Pool, first: int, second: int) -> None:
    low, high = sorted((first, second))
    assert pool.alpha_for(market, low) <= pool.alpha_for(market, high) <= market.alpha
    assert pool.tao_for(market, low) <= pool.tao_for(market, high) <= market.tao


@given(POOLS, RAO, st.integers(1_000, 3_000))
def test_a_limit_is_kept_and_reached(market: Pool, offered: int, thousandths: int) -> None:
    before, rate = pool.price(market), pool.FEE_RATE
    assume(before >= ONE // 10**4)  # below, prices are too coarse to compare
    high, low = before * thousandths // 1_000 + 1, before * 1_000 // thousandths - 1
    bought, sold = pool.buy(market, offered, high, rate), pool.sell(market, offered, low, rate)
    slack = 1 + 10 / min(market.tao, market.alpha) + 1e-12
    if isinstance(bought, Trade):
        assert bought.paid + bought.fee <= offered
        assert pool.price(bought.pool) <= high * slack
        if bought.paid + bought.fee < offered - 1 and market.tao > 10**9 < bought.pool.alpha:
            assert pool.price(bought.pool) == pytest.approx(high, rel=1e-6)
    if isinstance(sold, Trade):
        assert sold.paid + sold.fee <= offered
        assert pool.price(sold.pool) >= low / slack
        if sold.paid + sold.fee < offered - 1 and market.alpha > 10**9 < sold.pool.tao:
            assert pool.price(sold.pool) == pytest.approx(low, rel=1e-6)


@given(POOLS, RAO, RAO)
def test_an_injection_keeps_the_price(market: Pool, tao: int, alpha: int) -> None:
    after = pool.inject(market, tao, alpha)
    if after is not None:
        assert (after.tao, after.alpha) == (market.tao + tao, market.alpha + alpha)
        # A weight is kept to 18 digits, a product of reserves of 10**12 at least to 12.
        assert pool.price(after) == pytest.approx(pool.price(market), rel=1e-8)


def test_an_injection_too_lopsided_is_refused() -> None:
    assert pool.inject(Pool(10**6, 10**6), 10**9, 0) is None
    assert pool.inject(Pool(10**6, 10**6), 0, 10**9) is None
    assert pool.inject(Pool(U64_MAX, U64_MAX), 1, 1) is None


def test_an_empty_pool_starts_with_equal_weights() -> None:
    assert pool.inject(Pool(0, 0, WEIGHT // 5), 3, 7) == Pool(3, 7)
    assert pool.price(Pool(5, 0)) == 0
    assert pool.alpha_for(Pool(0, 10**9), 1) == 0


def test_refusals() -> None:
    market = Pool(10**9, 10**9)
    refused = {
        Refusal.INPUT_TOO_LARGE: (market, 1_001 * 10**9, NO_LIMIT),
        Refusal.RESERVES_TOO_LOW: (replace(market, alpha=999_999), 10**9, NO_LIMIT),
        Refusal.PRICE_LIMIT: (market, 10**9, ONE),
    }
    assert {refusal: pool.buy(*call) for refusal, call in refused.items()} == {r: r for r in Refusal}
    assert pool.sell(market, 10**12 + 10**10, 0) is Refusal.INPUT_TOO_LARGE
    assert pool.sell(replace(market, tao=999_999), 10**9, 0) is Refusal.RESERVES_TOO_LOW
    assert pool.sell(market, 10**9, ONE) is Refusal.PRICE_LIMIT
    assert pool.buy(replace(market, tao=U64_MAX), 10**9, NO_LIMIT) is Refusal.INPUT_TOO_LARGE


def test_a_trade_for_nothing_is_refused() -> None:
    assert pool.buy(Pool(10**15, 10**6), 1, NO_LIMIT) is Refusal.RESERVES_TOO_LOW
    assert pool.sell(Pool(10**6, 10**15), 1, 0) is Refusal.RESERVES_TOO_LOW
    market = Pool(10**9, 10**9)
    assert pool.buy(market, 0, NO_LIMIT) == pool.sell(market, 0, 0) == Trade(market, 0, 0, 0)


def test_fees() -> None:
    assert pool.trade_fee(10**9, pool.FEE_RATE) == 503_547  # 10**9 × 33 / 65,535, floored
    assert pool.fee_on_top(10**9 - 503_547, pool.FEE_RATE) == 503_547
    assert (pool.trade_fee(10, 65_535), pool.fee_on_top(10, 65_535)) == (10, 0)


@given(POOLS, st.integers(1, 10**6))
def test_the_alpha_needed_sells_for_the_tao(market: Pool, parts: int) -> None:
    tao = market.tao * parts // (2 * 10**6)
    needed = pool.alpha_needed(market, tao)
    assert needed is not None
    assume(needed < U64_MAX // 2)
    assert pool.tao_for(market, needed) <= tao <= pool.tao_for(market, needed + 1) + 1


def test_nobody_can_sell_for_the_whole_reserve() -> None:
    assert pool.alpha_needed(Pool(5, 5), 5) is None


@given(RAO, RAO, st.integers(0, 100 * ONE), st.integers(0, 2**32))
def test_an_injection_is_exact(tao: int, alpha_block: int, price: int, root: int) -> None:
    brought = pool.block_injection(tao, alpha_block, price, root)
    assert brought.tao + brought.excess_tao == tao
    assert brought.excess_tao >= 0
    assert brought.alpha <= alpha_block * root >> 32


@given(POOLS, RAO, RAO, RAO)
def test_what_a_block_brings_is_in_the_pool_or_left(market: Pool, tao: int, alpha: int, excess: int) -> None:
    after = pool.bring(market, pool.Injection(tao, alpha, excess))
    assert after.pool.tao - market.tao + after.tao_left == tao + excess
    assert after.pool.alpha - market.alpha == after.alpha_issued - after.alpha_bought
    assert after.alpha_issued in (0, alpha)


def test_what_a_pool_cannot_take_is_left() -> None:
    lopsided, empty = pool.Injection(10**9, 0, 10**6), Pool(10**6, 10**5)
    assert pool.bring(empty, lopsided) == pool.Brought(empty, 0, 0, 10**9 + 10**6)
    brought = pool.bring(Pool(10**9, 10**9), pool.Injection(10**6, 10**6, 0))
    assert brought == pool.Brought(Pool(1_001 * 10**6, 1_001 * 10**6), 10**6, 0, 0)


@given(RAO, st.integers(0, 65_535), st.integers(0, 2**33))
def test_a_split_of_alpha_is_exact(alpha: int, cut: int, root: int) -> None:
    split = pool.split_alpha(alpha, cut, root)
    assert split.owner + split.server + split.validator + split.root == alpha
    assert split.validator >= 0
    assert 0 <= split.validator + split.root - split.server <= 1


def test_root_is_paid_while_prices_exceed_one_tao() -> None:
    half = 1 << 31
    assert not pool.root_is_paid([half, half])
    assert pool.root_is_paid([half, half + 1])


def test_root_proportion_of_nothing() -> None:
    assert pool.root_proportion(0, 2**64 - 1, 0) == 0
    assert pool.root_proportion(1, 2**64 - 1, 0) == 1 << 32
