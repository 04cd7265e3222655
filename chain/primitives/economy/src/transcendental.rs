//! Powers and exponentials as integers: deterministic, total, saturating.
//!
//! The economy's own functions carry 120 fraction bits (Q120: `u128` in units of 2^-120), so that what
//! a pool pays is right to the rao. `exp_i64f64` is the public network's, for the rules born with it.

use crate::wide::{mul_div, mul_shift};
use substrate_fixed::{transcendental, types::I64F64};

/// One in Q120.
pub const ONE_Q120: u128 = 1 << 120;
const LN_2: u128 = 921_350_637_599_661_305_226_344_307_672_478_454;
const ONE_U64F64: u128 = 1 << 64;
const EXP_FLOOR: I64F64 = I64F64::from_bits(-40 << 64);

/// `ln(numerator / denominator)` in Q120; 0 unless the quotient exceeds 1.
///
/// `k ln 2 + 2 Σ z^(2i+1) / (2i+1)`, `z = (m - 1) / (m + 1)`, where the quotient is `2^k m`,
/// `1 <= m < 2`. Less than 2^-110 below the true value, and never above
/// it for integers below 2^126.
pub fn ln(numerator: u128, denominator: u128) -> u128 {
    if denominator == 0 || numerator <= denominator {
        return 0;
    }
    let (mut a, b) = (mantissa(numerator), mantissa(denominator));
    let mut doublings = denominator.leading_zeros().saturating_sub(numerator.leading_zeros());
    if a < b {
        a <<= 1;
        doublings = doublings.saturating_sub(1);
    }
    let z = mul_div(a.saturating_sub(b), ONE_Q120, a.saturating_add(b)).unwrap_or(0);
    let square = mul_shift(z, z, 120);
    let (mut power, mut total, mut odd) = (z, z, 1_u128);
    while power > 0 {
        power = mul_shift(power, square, 120);
        odd = odd.saturating_add(2);
        total = total.saturating_add(power.checked_div(odd).unwrap_or(0));
    }
    (total << 1).saturating_add(LN_2.saturating_mul(u128::from(doublings)))
}

/// `e^-x` in Q120 for `x` in Q120; the error is below 2^-110.
pub fn exp_down(x: u128) -> u128 {
    let (halvings, rest) = whole_and_rest(x);
    let (mut term, mut total, mut n) = (ONE_Q120, ONE_Q120, 0_u128);
    while term > 0 {
        n = n.saturating_add(1);
        term = mul_shift(term, rest, 120).checked_div(n).unwrap_or(0);
        total = if n & 1 == 1 { total.saturating_sub(term) } else { total.saturating_add(term) };
    }
    total.checked_shr(halvings).unwrap_or(0)
}

/// `e^x` in `U64F64` bits for `x` in Q120, floored but for an error below 2^-110 of it; saturates.
pub fn exp_up(x: u128) -> u128 {
    let (doublings, rest) = whole_and_rest(x);
    let (mut term, mut total, mut n) = (ONE_Q120, ONE_Q120, 0_u128);
    while term > 0 {
        n = n.saturating_add(1);
        term = mul_shift(term, rest, 120).checked_div(n).unwrap_or(0);
        total = total.saturating_add(term);
    }
    match doublings {
        0..=56 => total.checked_shr(56_u32.saturating_sub(doublings)).unwrap_or(0),
        57..=63 => total.checked_shl(doublings.saturating_sub(56)).unwrap_or(u128::MAX),
        _ => u128::MAX,
    }
}

/// `x × numerator / denominator`, floored, saturating; 0 if the denominator is 0.
pub fn scaled(x: u128, numerator: u128, denominator: u128) -> u128 {
    if denominator == 0 { 0 } else { mul_div(x, numerator, denominator).unwrap_or(u128::MAX) }
}

/// `(base / base_unit)^(exponent / exponent_unit)` in `U64F64` bits.
///
/// Right to 2^-63 of the larger of 1 and itself, for exponents up to 2^40; saturates. 0 if a unit is 0;
/// `0^0` is 1.
pub fn power(base: u128, base_unit: u128, exponent: u128, exponent_unit: u128) -> u128 {
    if base_unit == 0 || exponent_unit == 0 {
        return 0;
    }
    if base == 0 {
        return if exponent > 0 { 0 } else { ONE_U64F64 };
    }
    if base < base_unit {
        exp_down(scaled(ln(base_unit, base), exponent, exponent_unit)) >> 56
    } else {
        exp_up(scaled(ln(base, base_unit), exponent, exponent_unit))
    }
}

/// `e^x` in `I64F64` with `x` limited to [-40, 0], as the public network computes it.
pub fn exp_i64f64(x: I64F64) -> I64F64 {
    let limited = x.clamp(EXP_FLOOR, I64F64::from_bits(0));
    transcendental::exp::<I64F64, I64F64>(limited).unwrap_or_default()
}

/// `x` in Q120 as a multiple of ln 2 and what is left.
fn whole_and_rest(x: u128) -> (u32, u128) {
    let whole = x.checked_div(LN_2).unwrap_or(0);
    let rest = x.saturating_sub(whole.saturating_mul(LN_2));
    (u32::try_from(whole).unwrap_or(u32::MAX), rest)
}

/// The value shifted so that its highest bit is the 126th; lower bits may be cut.
fn mantissa(value: u128) -> u128 {
    let zeros = value.leading_zeros();
    match zeros.checked_sub(2) {
        Some(left) => value.checked_shl(left).unwrap_or(0),
        None => value >> 2_u32.saturating_sub(zeros),
    }
}
