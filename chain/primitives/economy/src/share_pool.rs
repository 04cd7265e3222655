//! Stake behind one hotkey as shares of a pool, so that dividends reach every delegator at once.

use crate::wide::{mul_div, mul_div_rem};

/// A hotkey's pool on one subnet. Shares are `U64F64` in bits: one share, `1 << 64`, is worth one
/// rao while the pool has earned nothing. They never fall below `2^-32` a rao: else somebody could
/// leave a single rao in a pool, let it earn, and so make a share so dear that what others pay in
/// buys none.
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

    /// The pool after a payment to all holders alike; `None` if there is nobody in it, or so little
    /// that a share would become too dear.
    pub fn reward(&self, amount: u64) -> Option<SharePool> {
        let value = self.value.saturating_add(amount);
        let cheap = u128::from(value) << 32 <= self.shares;
        (self.shares > 0 && cheap).then_some(SharePool { value, shares: self.shares })
    }
}
