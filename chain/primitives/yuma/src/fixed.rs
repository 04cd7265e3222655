//! Fixed-point words: proportions of 65,535, safe division, the exponential.

use alloc::vec::Vec;
use substrate_fixed::types::I32F32;

/// The constant 0.
pub const ZERO: I32F32 = I32F32::from_bits(0);
/// The constant 1.
pub const ONE: I32F32 = I32F32::from_bits(1 << 32);
const U16_MAX: I32F32 = I32F32::from_bits(65_535 << 32);
const EXP_LIMIT: I32F32 = I32F32::from_bits(20 << 32);
/// What `e^1` is answered with: `e` with 23 fraction bits.
const E: I32F32 = I32F32::from_bits(22_802_600 << 9);
const TERMS: i64 = 32;
const UPSCALE_THRESHOLD: I32F32 = I32F32::from_bits(32_768 << 32);

/// `x / y`, rounded towards zero, and 0 where that does not exist.
pub fn div(x: I32F32, y: I32F32) -> I32F32 {
    short_div(x, y).or_else(|| x.checked_div(y)).unwrap_or(ZERO)
}

/// `x / y` in 64-bit steps, many times faster: for `x >= 0` and `0 < y <= 1`, or whole numbers.
fn short_div(x: I32F32, y: I32F32) -> Option<I32F32> {
    let (mut x, mut y) = (u64::try_from(x.to_bits()).ok()?, u64::try_from(y.to_bits()).ok()?);
    let is_whole = x.trailing_zeros() >= 32 && y.trailing_zeros() >= 32;
    if is_whole {
        (x, y) = (x >> 32, y >> 32);
    }
    let (whole, rest) = (x.checked_div(y)?, x.checked_rem(y)?);
    if whole >> 31 != 0 || rest >> 32 != 0 {
        return None;
    }
    let fraction = (rest << 32).checked_div(y)?;
    i64::try_from(whole << 32 | fraction).ok().map(I32F32::from_bits)
}

/// `x y`, rounded towards minus infinity, saturating.
pub fn mul(x: I32F32, y: I32F32) -> I32F32 {
    let (a, b) = (x.to_bits(), y.to_bits());
    let below_one = |bits: i64| u32::try_from(bits).ok().map(u64::from);
    let short = below_one(a).zip(below_one(b)).and_then(|(a, b)| i64::try_from(a.saturating_mul(b) >> 32).ok());
    short.map_or_else(|| x.saturating_mul(y), I32F32::from_bits)
}

/// The integer `x` itself.
pub fn integer(x: u16) -> I32F32 {
    I32F32::from_num(x)
}

/// The proportion that a stored `x` of 65,535 stands for.
pub fn proportion(x: u16) -> I32F32 {
    div(integer(x), U16_MAX)
}

/// A proportion as it is stored: `floor(65,535 x)`, clamped to the range of `u16`.
pub fn to_u16(x: I32F32) -> u16 {
    mul(x, U16_MAX).saturating_to_num::<u16>()
}

/// `Σ x`, saturating.
pub fn sum<'a>(x: impl IntoIterator<Item = &'a I32F32>) -> I32F32 {
    x.into_iter().fold(ZERO, |total, value| total.saturating_add(*value))
}

/// `x / Σx` in place; untouched where the sum is 0.
pub fn normalize(x: &mut [I32F32]) {
    let total = sum(x.iter());
    divide_all(x, total);
}

/// `x / total` in place; untouched where the total is 0.
pub fn divide_all(x: &mut [I32F32], total: I32F32) {
    if total != ZERO {
        x.iter_mut().for_each(|value| *value = div(*value, total));
    }
}

/// `e^x` with the input limited to [-20, 20], by the first 32 terms of its series; below 0 it is `1 / e^|x|`.
pub fn exp(x: I32F32) -> I32F32 {
    let limited = x.clamp(EXP_LIMIT.saturating_neg(), EXP_LIMIT);
    if limited == ONE {
        return E;
    }
    let magnitude = limited.saturating_abs();
    let (mut term, mut total) = (magnitude, magnitude.saturating_add(ONE));
    for divisor in 2..TERMS {
        term = I32F32::from_bits(mul(term, magnitude).to_bits().checked_div(divisor).unwrap_or(0));
        total = total.saturating_add(term);
    }
    if limited < ZERO { div(ONE, total) } else { total }
}

/// Weights as the chain stores them: scaled so that the largest is 65,535, rounded half up.
pub fn max_upscale(weights: &[u16]) -> Vec<u16> {
    let largest = integer(weights.iter().copied().max().unwrap_or(0));
    let scale = |weight: I32F32| {
        if largest > UPSCALE_THRESHOLD {
            mul(weight, div(U16_MAX, largest))
        } else {
            div(mul(weight, U16_MAX), largest)
        }
    };
    weights.iter().map(|w| scale(integer(*w)).saturating_round().saturating_to_num()).collect()
}

/// Whether no weight is more than `limit / 65,535` of their sum.
pub fn within_limit(weights: &[u16], limit: u16) -> bool {
    let numbers: Vec<I32F32> = weights.iter().copied().map(integer).collect();
    let largest = numbers.iter().copied().max().unwrap_or(ZERO);
    let total = sum(&numbers);
    limit == u16::MAX || total == ZERO || div(largest, total) <= proportion(limit)
}
