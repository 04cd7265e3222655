//! Fixed-point words: proportions of 65,535, safe division, the exponential.

use alloc::vec::Vec;
use substrate_fixed::{transcendental, types::I32F32};

/// The constant 0.
pub const ZERO: I32F32 = I32F32::from_bits(0);
/// The constant 1.
pub const ONE: I32F32 = I32F32::from_bits(1 << 32);
const U16_MAX: I32F32 = I32F32::from_bits(65_535 << 32);
const EXP_LIMIT: I32F32 = I32F32::from_bits(20 << 32);
const UPSCALE_THRESHOLD: I32F32 = I32F32::from_bits(32_768 << 32);

/// `x / y`, and 0 where that does not exist.
pub fn div(x: I32F32, y: I32F32) -> I32F32 {
    x.checked_div(y).unwrap_or(ZERO)
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
    x.saturating_mul(U16_MAX).saturating_to_num::<u16>()
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

/// `e^x` with the input limited to [-20, 20].
pub fn exp(x: I32F32) -> I32F32 {
    let limited = x.clamp(EXP_LIMIT.saturating_neg(), EXP_LIMIT);
    transcendental::exp::<I32F32, I32F32>(limited).unwrap_or(ZERO)
}

/// Weights as the chain stores them: scaled so that the largest is 65,535, rounded half up.
pub fn max_upscale(weights: &[u16]) -> Vec<u16> {
    let largest = integer(weights.iter().copied().max().unwrap_or(0));
    let scale = |weight: I32F32| {
        if largest > UPSCALE_THRESHOLD {
            weight.saturating_mul(div(U16_MAX, largest))
        } else {
            div(weight.saturating_mul(U16_MAX), largest)
        }
    };
    weights.iter().map(|w| scale(integer(*w)).saturating_round().saturating_to_num()).collect()
}
