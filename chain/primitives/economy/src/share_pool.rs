//! Stake behind one hotkey as shares of a pool, so that dividends reach every delegator at once.

/// A hotkey's pool on one subnet. Shares are `U64F64` in bits: one share, `1 << 64`, is worth one
/// rao while the pool has earned nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SharePool {
    /// What the pool holds, in rao (`TotalHotkeyAlpha`).
    pub value: u64,
    /// All shares of it (`TotalHotkeyShares`).
    pub shares: u128,
}

impl SharePool {
    /// What `shares` are worth, in rao, floored.
    pub fn worth(&self, shares: u128) -> u64 {
        let worth = mul_div(shares, u128::from(self.value), self.shares).unwrap_or(0);
        u64::try_from(worth).unwrap_or(u64::MAX).min(self.value)
    }

    /// The pool after paying in `amount` for new shares, and those shares. The first staker of an
    /// empty pool gets one share a rao.
    pub fn deposit(&self, amount: u64) -> (SharePool, u128) {
        let bought = if self.value == 0 || self.shares == 0 {
            u128::from(amount) << 64
        } else {
            mul_div(u128::from(amount), self.shares, u128::from(self.value)).unwrap_or(0)
        };
        let value = self.value.saturating_add(amount);
        (SharePool { value, shares: self.shares.saturating_add(bought) }, bought)
    }

    /// The pool after paying out `amount` against some of `shares`, and the shares that remain;
    /// `None` if they are worth less. Rounding favours the pool; the last worth of a holder takes
    /// all its shares along.
    pub fn withdraw(&self, amount: u64, shares: u128) -> Option<(SharePool, u128)> {
        if amount == 0 {
            return Some((*self, shares));
        }
        let worth = self.worth(shares);
        let value = self.value.checked_sub(amount).filter(|_| amount <= worth)?;
        let sold = if amount == worth {
            shares
        } else {
            let cost = mul_div_rem(u128::from(amount), self.shares, u128::from(self.value));
            cost.map_or(shares, |(floor, rest)| floor.saturating_add(u128::from(rest > 0))).min(shares)
        };
        let pool = SharePool { value, shares: self.shares.saturating_sub(sold) };
        Some((pool, shares.saturating_sub(sold)))
    }

    /// The pool after a payment to all holders alike; with nobody in it there is no one to pay,
    /// which is `None`.
    pub fn reward(&self, amount: u64) -> Option<SharePool> {
        let value = self.value.saturating_add(amount);
        (self.shares > 0).then_some(SharePool { value, shares: self.shares })
    }
}

/// `floor(a × b / divisor)`; `None` if the divisor is 0 or the result does not fit.
fn mul_div(a: u128, b: u128, divisor: u128) -> Option<u128> {
    mul_div_rem(a, b, divisor).map(|(floor, _)| floor)
}

/// `a × b / divisor` as floor and remainder, with a 256-bit product, by long division; `None` if the divisor is 0 or the
/// result does not fit.
fn mul_div_rem(a: u128, b: u128, divisor: u128) -> Option<(u128, u128)> {
    let (high, low) = widening_mul(a, b);
    if high >= divisor {
        return None;
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
fn widening_mul(a: u128, b: u128) -> (u128, u128) {
    let mask = u128::from(u64::MAX);
    let (a_high, a_low, b_high, b_low) = (a >> 64, a & mask, b >> 64, b & mask);
    let low = a_low.wrapping_mul(b_low);
    let middle = a_high.wrapping_mul(b_low).wrapping_add(low >> 64);
    let other = a_low.wrapping_mul(b_high).wrapping_add(middle & mask);
    let high = a_high.wrapping_mul(b_high).wrapping_add(middle >> 64).wrapping_add(other >> 64);
    (high, (other << 64) | (low & mask))
}
