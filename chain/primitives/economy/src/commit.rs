//! When a commitment to weights may be revealed, and how late that should be.

/// One in Q32.
const ONE_Q32: u128 = 1 << 32;
/// Epochs: whoever commits every epoch then has at most ten commits waiting, as many as the chain keeps.
pub const LONGEST_REVEAL_PERIOD: u64 = 9;

/// Where a commit stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RevealWindow {
    /// Its epoch has not come yet.
    Early,
    /// It may be revealed now.
    Open,
    /// It can never be revealed any more.
    Expired,
}

/// A commit of `commit_epoch` may be revealed in epoch `commit_epoch + reveal_period` only.
pub fn reveal_window(commit_epoch: u64, reveal_period: u64, current_epoch: u64) -> RevealWindow {
    match current_epoch.cmp(&commit_epoch.saturating_add(reveal_period)) {
        core::cmp::Ordering::Less => RevealWindow::Early,
        core::cmp::Ordering::Equal => RevealWindow::Open,
        core::cmp::Ordering::Greater => RevealWindow::Expired,
    }
}

/// How far the consensus moved in an epoch, in Q32: `Σ |C' - C| / Σ (C' + C)`, floored; 0 of nothing.
/// A uid that one of them lacks had 0.
pub fn volatility(before: &[u16], after: &[u16]) -> u64 {
    let at = |vector: &[u16], uid: usize| vector.get(uid).copied().map_or(0, u128::from);
    let (mut moved, mut total) = (0_u128, 0_u128);
    for uid in 0..before.len().max(after.len()) {
        let (old, new) = (at(before, uid), at(after, uid));
        moved = moved.saturating_add(old.abs_diff(new));
        total = total.saturating_add(old).saturating_add(new);
    }
    let share = moved.saturating_mul(ONE_Q32).checked_div(total).unwrap_or(0);
    u64::try_from(share).unwrap_or(u64::MAX)
}

/// The moving average over epochs: `(7 × average + observed) / 8`, floored, in Q32.
pub fn average_volatility(average_q32: u64, observed_q32: u64) -> u64 {
    average_q32.saturating_mul(7).saturating_add(observed_q32) >> 3
}

/// Epochs after which so much has moved that old weights are worth copying no more: the fewest `k`
/// with `k × volatility >= target / 65,535`, between 1 and `LONGEST_REVEAL_PERIOD`. Ours.
pub fn reveal_period(volatility_q32: u64, target: u16) -> u64 {
    let needed = u128::from(target).saturating_mul(ONE_Q32).div_ceil(u128::from(u16::MAX));
    let fewest = match u128::from(volatility_q32) {
        0 => LONGEST_REVEAL_PERIOD,
        moved => u64::try_from(needed.div_ceil(moved)).unwrap_or(u64::MAX),
    };
    fewest.clamp(1, LONGEST_REVEAL_PERIOD)
}
