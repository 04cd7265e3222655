//! Stake averaged over an epoch, so that what comes for one block counts for one block. Ours.

/// How a hotkey's stake on one subnet changed since the last epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StakeHistory {
    /// Stake × blocks up to `since`, in rao × blocks.
    pub integral: u128,
    /// The block from which the present stake has counted.
    pub since: u64,
}

impl StakeHistory {
    /// The history once the stake, so far `stake_before`, is another from this block on.
    pub fn changed(&self, stake_before: u64, block: u64) -> Self {
        Self { integral: self.until(stake_before, block), since: block }
    }

    /// Average stake over the blocks from `start` to `block`, floored; `stake` is what it is now. The
    /// present stake itself where no block lies between.
    pub fn average(&self, stake: u64, start: u64, block: u64) -> u64 {
        let blocks = u128::from(block.saturating_sub(start));
        let average = self.until(stake, block).checked_div(blocks).unwrap_or(u128::from(stake));
        u64::try_from(average).unwrap_or(u64::MAX)
    }

    fn until(&self, stake: u64, block: u64) -> u128 {
        let held = u128::from(stake).saturating_mul(u128::from(block.saturating_sub(self.since)));
        self.integral.saturating_add(held)
    }
}
