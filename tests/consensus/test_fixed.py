"""Arrays and single numbers obey the same arithmetic, and that arithmetic is what it says."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meritnet.consensus import fixed
from meritnet.consensus.fixed import I32F32, I64F64, I96F32, ONE, U96F32

SMALL = st.integers(-(2**39) + 1, 2**39 - 1)
DIVISORS = st.one_of(st.integers(0, 2**62 - 1), st.integers(0, 2**33))


@given(SMALL, SMALL)
def test_product_of_arrays(a: int, b: int) -> None:
    assert fixed.product(fixed.fixed([a]), fixed.fixed([b]))[0] == I32F32.mul(a, b) == (a * b) >> 32
    assert fixed.product(fixed.fixed([a]), b)[0] == I32F32.mul(a, b)


@given(st.data(), DIVISORS)
def test_quotient_of_arrays(data: st.DataObject, b: int) -> None:
    """Up to the bounds that the docstring names, and where rounding is closest to a whole number."""
    a = data.draw(st.integers(0, min((b << 16) or 2**47, 2**62)))
    if b > 1 and data.draw(st.booleans()):
        a = max(a * 2**32 // b * b + data.draw(st.integers(-1, 1)), 0) >> 32
    wanted = (a << 32) // b if b else 0
    assert fixed.quotient(fixed.fixed([a]), fixed.fixed([b]))[0] == wanted == I32F32.div(a, b)


def test_division_rounds_towards_zero_and_products_down() -> None:
    assert I32F32.div(-ONE, 3 * ONE) == -(ONE // 3)
    assert I32F32.mul(-1, 1) == -1
    assert I32F32.div(ONE, 0) == 0
    assert I32F32.div(I32F32.largest, 1) == 0


def test_saturation() -> None:
    assert I32F32.mul(I32F32.largest, I32F32.largest) == I32F32.largest
    assert I32F32.mul(I32F32.largest, I32F32.smallest) == I32F32.smallest
    assert I64F64.integer(2**64) == I64F64.largest
    assert U96F32.saturate(-1) == 0
    assert I64F64.floor(-1) == 0
    assert I96F32.floor(I96F32.largest) == 2**64 - 1
    assert fixed.convert(I64F64.largest, I64F64, I32F32) == I32F32.largest


@given(st.floats(-5, 5))
def test_exp_is_close_where_liquid_alpha_needs_it(x: float) -> None:
    assert fixed.exp(fixed.fixed([x * ONE]))[0] / ONE == pytest.approx(math.exp(x), rel=1e-7)


@given(st.integers(-25 * ONE, 25 * ONE))
def test_exp_of_arrays_is_the_series_in_single_numbers(x: int) -> None:
    magnitude = min(abs(x), 20 * ONE)
    term, total = magnitude, magnitude + ONE
    for divisor in range(2, 32):
        term = I32F32.div(I32F32.mul(term, magnitude), I32F32.integer(divisor))
        total += term
    if x != ONE:
        assert fixed.exp(fixed.fixed([x]))[0] == (I32F32.div(ONE, total) if x < 0 else total)


def test_exp_at_zero_and_one() -> None:
    assert fixed.exp(fixed.fixed([0, ONE])).tolist() == [ONE, int(math.e * 2**23) << 9]


@given(st.integers(0, 65_535))
def test_proportions_survive_storage_but_for_one_unit(stored: int) -> None:
    """Truncation twice: why a u16 bond can lose one unit an epoch even if nothing changes."""
    (again,) = fixed.to_u16(fixed.fixed([fixed.proportion(stored)]))
    assert stored - 1 <= again <= stored


@given(st.lists(st.integers(0, 65_535), max_size=8))
def test_max_upscale_keeps_the_order(weights: list[int]) -> None:
    scaled = fixed.max_upscale(weights)
    assert not any(weights) or max(scaled) == 65_535
    assert all(
        (a <= b) <= (x <= y)
        for a, x in zip(weights, scaled, strict=True)
        for b, y in zip(weights, scaled, strict=True)
    )
