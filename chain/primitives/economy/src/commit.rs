//! When a commitment to weights may be revealed.

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
