"""Every split is exact, and issuance ends at the cap."""

from hypothesis import given
from hypothesis import strategies as st

from meritnet.consensus import emission, registration
from meritnet.consensus.emission import MAX_SUPPLY_RAO, Pots

AMOUNTS = st.integers(0, MAX_SUPPLY_RAO)


@given(AMOUNTS)
def test_issuance_never_passes_the_cap(issuance: int) -> None:
    minted = emission.block_emission(issuance)
    assert 0 <= minted <= 10**9
    assert issuance + minted <= MAX_SUPPLY_RAO
    assert emission.block_emission(issuance + minted) <= minted


def test_rewards_halve_at_each_halved_remainder() -> None:
    remaining = MAX_SUPPLY_RAO
    for halvings in range(10):
        assert emission.block_emission(MAX_SUPPLY_RAO - remaining) == 10**9 >> halvings
        remaining //= 2
        assert emission.block_emission(MAX_SUPPLY_RAO - remaining - 2) == 10**9 >> halvings
    assert emission.block_emission(MAX_SUPPLY_RAO - 1) == 0
    assert emission.block_emission(MAX_SUPPLY_RAO + 1) == 0


@given(AMOUNTS, st.lists(AMOUNTS, max_size=6))
def test_subnets_shares_sum_to_the_block(amount: int, prices: list[int]) -> None:
    shares = emission.split_by_price(amount, prices)
    assert len(shares) == len(prices)
    assert sum(shares) == (amount if any(prices) else 0)
    for share, price in zip(shares[1:], prices[1:], strict=True):
        assert share <= amount * price / sum(prices) + 1e-6 * amount if sum(prices) else share == 0


@given(AMOUNTS, st.integers(0, 65_535))
def test_pots_sum_to_the_block(amount: int, cut: int) -> None:
    pots = emission.split_block(amount, cut)
    assert pots.total == amount
    assert 0 <= pots.validator - pots.server <= 1


@st.composite
def payable(draw: st.DrawFn) -> tuple[Pots, list[int], list[int], list[int]]:
    """Pots and an epoch's emissions that together do not pass what the epoch had to pay."""
    pots = Pots(*draw(st.lists(AMOUNTS, min_size=3, max_size=3)))
    n = draw(st.integers(1, 5))
    each = st.lists(st.integers(0, pots.epoch_emission // (2 * n)), min_size=n, max_size=n)
    takes = st.lists(st.sampled_from([0, 11_796, 65_535]), min_size=n, max_size=n)
    return pots, draw(each), draw(each), draw(takes)


@given(payable())
def test_what_the_pots_held_is_paid_or_stays(given: tuple[Pots, list[int], list[int], list[int]]) -> None:
    pots, server, validator, takes = given
    paid = emission.distribute(pots, server, validator, takes)
    assert paid.owner + sum(paid.neurons) + paid.pending.total == pots.total
    assert min((paid.owner, *paid.take, *paid.dividends)) >= 0
    assert paid.owner >= pots.owner
    if not any(server) and not any(validator):
        assert paid.pending == Pots(0, pots.server, pots.validator)
        assert paid.owner == pots.owner
    else:
        assert paid.pending == Pots()
        assert paid.incentive == tuple(server)


def test_validators_share_both_pots_without_incentive() -> None:
    paid = emission.distribute(Pots(18, 41, 41), (0, 0), (60, 20), (0, 65_535))
    assert (paid.dividends, paid.take) == ((61, 0), (0, 20))
    assert paid.owner == 18 + 1


def test_miners_alone_are_paid_out_of_both_pots() -> None:
    paid = emission.distribute(Pots(0, 50, 50), (100, 0), (0, 0), (0, 0))
    assert paid.neurons == (100, 0)
    assert paid.owner == 0


def test_rounding_between_the_pots_cannot_pay_more_than_there_is() -> None:
    """A validators' pot larger by the dust of twenty blocks, and miners already paid half of all."""
    paid = emission.distribute(Pots(0, 100, 120), (110,), (110,), (0,))
    assert (paid.incentive, paid.dividends, paid.owner) == ((110,), (110,), 0)


@given(
    st.integers(0, 10**15),
    st.integers(0, 10**6),
    st.integers(0, 10**12),
    st.integers(0, 200_000),
    st.integers(0, 2 * 10**6),
)
def test_lock_cost_falls_to_the_minimum(
    last: int, last_block: int, least: int, interval: int, block: int
) -> None:
    cost = registration.lock_cost(last, last_block, least, interval, block)
    assert cost >= least
    assert registration.lock_cost(last, last_block, least, interval, block + 1) <= cost
    if block <= last_block:
        assert cost == max(least, 2 * last if last_block else last)
