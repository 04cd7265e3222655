//! When an epoch runs, and which epoch a block belongs to.

/// Longest tempo in blocks; an epoch is due after so many blocks whatever the tempo says.
pub const MAX_TEMPO: u64 = 50_400;

/// Whether a subnet's epoch is due: a tempo has passed since the last, or a requested block
/// (`pending_at`, 0 if none) is reached. Tempo 0 means never.
pub fn epoch_is_due(last_epoch: u64, tempo: u16, pending_at: u64, block: u64) -> bool {
    let waited = block.saturating_sub(last_epoch);
    tempo > 0 && (waited > MAX_TEMPO || waited >= u64::from(tempo) || (pending_at > 0 && block >= pending_at))
}

/// The first block at which the next epoch can run; `None` at tempo 0.
pub fn next_epoch(last_epoch: u64, tempo: u16, pending_at: u64) -> Option<u64> {
    let automatic = last_epoch.saturating_add(u64::from(tempo));
    let requested = if pending_at > 0 { pending_at } else { u64::MAX };
    (tempo > 0).then(|| automatic.min(requested))
}

/// The epoch that a commit or reveal in this block belongs to: the count of epochs run, and one
/// more if one is due in this very block but has not run yet.
pub fn epoch_with_lookahead(epoch_index: u64, is_due: bool) -> u64 {
    epoch_index.saturating_add(u64::from(is_due))
}
