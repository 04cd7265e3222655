"""Powers and exponentials as integers: deterministic, total, saturating.

Two precisions. The economy's own functions carry 120 fraction bits (Q120: integers in units of 2**-120,
below 2**128), so that what a pool pays is right to the rao. `exp_i64f64` is the public network's, for the
rules that were born with it.
"""

from meritnet.consensus.fixed import I64F64, U64F64

ONE_Q120 = 1 << 120
"""One in Q120."""
_LN_2 = 921_350_637_599_661_305_226_344_307_672_478_454
"""floor(ln 2 × 2**120)."""
_LARGEST = (1 << 128) - 1
_SERIES_TERMS = 64
_EXP_FLOOR = -40 << 64


def ln(numerator: int, denominator: int) -> int:
    """ln(numerator / denominator) in Q120, for integers below 2**128; 0 unless the quotient exceeds 1.

    k ln 2 + 2 Σ z**(2i+1) / (2i+1), z = (m - 1) / (m + 1), where the quotient is 2**k × m, 1 <= m < 2.
    Less than 2**-110 below the true value, and never above it for integers below 2**126.
    """
    if denominator == 0 or numerator <= denominator:
        return 0
    a, b = _mantissa(numerator), _mantissa(denominator)
    doublings = numerator.bit_length() - denominator.bit_length()
    if a < b:
        a, doublings = a << 1, doublings - 1
    z = ((a - b) << 120) // (a + b)
    square, power, total, odd = z * z >> 120, z, z, 1
    while power:
        power, odd = power * square >> 120, odd + 2
        total += power // odd
    return 2 * total + doublings * _LN_2


def exp_down(x: int) -> int:
    """e**-x in Q120 for x in Q120; the error is below 2**-110."""
    halvings, rest = divmod(x, _LN_2)
    term, total, n = ONE_Q120, ONE_Q120, 0
    while term:
        n += 1
        term = (term * rest >> 120) // n
        total += -term if n % 2 else term
    return total >> halvings


def exp_up(x: int) -> int:
    """e**x in U64F64 for x in Q120, floored but for an error below 2**-110 of it; saturates."""
    doublings, rest = divmod(x, _LN_2)
    term, total, n = ONE_Q120, ONE_Q120, 0
    while term:
        n += 1
        term = (term * rest >> 120) // n
        total += term
    return U64F64.saturate(total << doublings >> 56)


def scaled(x: int, numerator: int, denominator: int) -> int:
    """x × numerator / denominator, floored, at most 2**128 - 1; 0 if the denominator is 0."""
    return min(x * numerator // denominator, _LARGEST) if denominator else 0


def power(base: int, base_unit: int, exponent: int, exponent_unit: int) -> int:
    """(base / base_unit) ** (exponent / exponent_unit) in U64F64, for integers below 2**128.

    Right to 2**-63 of the larger of 1 and itself, for exponents up to 2**40; saturates. 0 if a unit is 0;
    0 ** 0 is 1.
    """
    if base_unit == 0 or exponent_unit == 0:
        return 0
    if base == 0:
        return 0 if exponent else U64F64.integer(1)
    if base < base_unit:
        return exp_down(scaled(ln(base_unit, base), exponent, exponent_unit)) >> 56
    return exp_up(scaled(ln(base, base_unit), exponent, exponent_unit))


def exp_i64f64(x: int) -> int:
    """e**x in I64F64 with x limited to [-40, 0]: 1 / e**|x|, the latter by the first 64 terms of its series.

    Operation for operation `substrate_fixed::transcendental::exp`, as the public network uses it.
    """
    magnitude = -min(max(x, _EXP_FLOOR), 0)
    one = I64F64.integer(1)
    if magnitude == 0:
        return one
    term, total = magnitude, magnitude + one
    for divisor in range(2, _SERIES_TERMS):
        term = I64F64.div(I64F64.mul(term, magnitude), I64F64.integer(divisor))
        total += term
    return I64F64.div(one, total)


def _mantissa(value: int) -> int:
    """The value shifted so that its highest bit is the 126th; lower bits may be cut."""
    shift = 126 - value.bit_length()
    return value << shift if shift >= 0 else value >> -shift
