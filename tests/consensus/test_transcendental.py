"""Logarithm, exponential and power against 80-digit decimals."""

from decimal import Decimal, localcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meritnet.consensus import transcendental
from meritnet.consensus.fixed import U64F64

ONE = 1 << 64
WIDE = st.integers(0, 127).flatmap(lambda bits: st.integers(1, 2 ** (bits + 1) - 1))
RATIOS = st.integers(1, 2**64), st.integers(1, 2**64)


def exact_ln(numerator: int, denominator: int) -> Decimal:
    with localcontext(prec=80):
        return Decimal(numerator).ln() - Decimal(denominator).ln()


def exact_power(base: int, base_unit: int, exponent: int, exponent_unit: int) -> Decimal:
    with localcontext(prec=80):
        return (exact_ln(base, base_unit) * exponent / exponent_unit).exp()


def difference(raw: int, fraction: int, exact: Decimal) -> Decimal:
    with localcontext(prec=80):
        return Decimal(raw) / 2**fraction - exact


@given(WIDE, WIDE)
def test_ln(numerator: int, denominator: int) -> None:
    low, high = sorted((numerator, denominator))
    error = difference(transcendental.ln(high, low), 120, exact_ln(high, low))
    assert -(Decimal(2) ** -110) < error
    assert error <= (0 if high < 2**126 else Decimal(2) ** -110)
    assert transcendental.ln(low, high) == 0


def test_ln_of_nothing() -> None:
    assert transcendental.ln(1, 0) == 0


@given(st.integers(0, 2**127))
def test_exponentials(x: int) -> None:
    with localcontext(prec=80):
        down, up = (-Decimal(x) / 2**120).exp(), (Decimal(x) / 2**120).exp()
    assert abs(difference(transcendental.exp_down(x), 120, down)) < Decimal(2) ** -110
    if up < 2**63:
        error = difference(transcendental.exp_up(x), 64, up)
        assert -(Decimal(2) ** -64) - up * Decimal(2) ** -110 < error < up * Decimal(2) ** -110
    else:
        assert transcendental.exp_up(x) >= 2**126


@pytest.mark.parametrize("x", [0, 1, 2**128 - 1])
def test_exponentials_at_the_ends(x: int) -> None:
    assert transcendental.exp_down(x) == (0 if x > 2**127 else transcendental.ONE_Q120 - x)
    assert transcendental.exp_up(x) == (U64F64.largest if x > 2**127 else ONE)


@given(*RATIOS, *RATIOS)
def test_power(base: int, base_unit: int, exponent: int, exponent_unit: int) -> None:
    exponent = min(exponent, exponent_unit * 1_000)
    raised = transcendental.power(base, base_unit, exponent, exponent_unit)
    exact = exact_power(base, base_unit, exponent, exponent_unit)
    if exact >= 2**64:
        assert raised == U64F64.largest
    else:
        assert abs(difference(raised, 64, exact)) < Decimal(2) ** -63 * max(exact, 1)


@given(*RATIOS, st.integers(0, 100 * ONE), st.integers(0, 100 * ONE))
def test_a_higher_exponent_moves_further_from_one(base: int, unit: int, first: int, second: int) -> None:
    less, more = (transcendental.power(base, unit, exponent, ONE) for exponent in sorted((first, second)))
    assert less >= more if base < unit else less <= more


@pytest.mark.parametrize(
    ("arguments", "result"),
    [((0, 1, 0, 1), ONE), ((0, 1, 1, 1), 0), ((1, 0, 1, 1), 0), ((2, 1, 1, 0), 0), ((5, 5, 9, 2), ONE)],
)
def test_powers_that_need_a_convention(arguments: tuple[int, int, int, int], result: int) -> None:
    assert transcendental.power(*arguments) == result


def test_what_is_scaled_by_nothing_is_nothing() -> None:
    assert transcendental.scaled(5, 1, 0) == 0
    assert transcendental.scaled(2**127, 4, 1) == 2**128 - 1


@given(st.integers(-30 * ONE, 0))
def test_the_public_networks_exponential(x: int) -> None:
    with localcontext(prec=80):
        exact = (Decimal(x) / ONE).exp()
    assert abs(difference(transcendental.exp_i64f64(x), 64, exact)) < Decimal(2) ** -60


def test_the_public_networks_exponential_is_limited() -> None:
    assert transcendental.exp_i64f64(ONE) == ONE
    assert transcendental.exp_i64f64(-100 * ONE) == transcendental.exp_i64f64(-40 * ONE) > 0
