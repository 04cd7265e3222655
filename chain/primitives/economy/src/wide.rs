//! Products of 256 bits.

/// `floor(a × b / divisor)`; `None` if the divisor is 0 or the result does not fit.
pub(crate) fn mul_div(a: u128, b: u128, divisor: u128) -> Option<u128> {
    mul_div_rem(a, b, divisor).map(|(floor, _)| floor)
}

/// `a × b / divisor` as floor and remainder, with a 256-bit product, by long division; `None` if the
/// divisor is 0 or the result does not fit.
pub(crate) fn mul_div_rem(a: u128, b: u128, divisor: u128) -> Option<(u128, u128)> {
    let (high, low) = widening_mul(a, b);
    if high >= divisor {
        return None;
    }
    if high == 0 {
        return low.checked_div(divisor).zip(low.checked_rem(divisor));
    }
    let (mut remainder, mut quotient) = (high, 0_u128);
    for bit in (0..u128::BITS).rev() {
        let carry = remainder >> 127 == 1;
        remainder = (remainder << 1) | ((low >> bit) & 1);
        let fits = carry || remainder >= divisor;
        quotient = (quotient << 1) | u128::from(fits);
        if fits {
            remainder = remainder.wrapping_sub(divisor);
        }
    }
    Some((quotient, remainder))
}

/// `a × b` as `(high, low)` halves.
pub(crate) fn widening_mul(a: u128, b: u128) -> (u128, u128) {
    let mask = u128::from(u64::MAX);
    let (a_high, a_low, b_high, b_low) = (a >> 64, a & mask, b >> 64, b & mask);
    let low = a_low.wrapping_mul(b_low);
    let middle = a_high.wrapping_mul(b_low).wrapping_add(low >> 64);
    let other = a_low.wrapping_mul(b_high).wrapping_add(middle & mask);
    let high = a_high.wrapping_mul(b_high).wrapping_add(middle >> 64).wrapping_add(other >> 64);
    (high, (other << 64) | (low & mask))
}

/// `a × b / 2^bits`, floored and cut to 128 bits, for `bits` from 1 to 127.
pub(crate) fn mul_shift(a: u128, b: u128, bits: u32) -> u128 {
    let (high, low) = widening_mul(a, b);
    let above = high.checked_shl(u128::BITS.saturating_sub(bits)).unwrap_or(0);
    above | low.checked_shr(bits).unwrap_or(0)
}

/// The number, or the largest that 64 bits hold.
pub(crate) fn narrow(value: u128) -> u64 {
    u64::try_from(value).unwrap_or(u64::MAX)
}
