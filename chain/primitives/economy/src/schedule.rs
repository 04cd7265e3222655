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

/// The first block of an epoch as the public network counted them before tempos could change: epochs
/// of `tempo + 1` blocks, each subnet's a block earlier than the last one's.
pub fn legacy_first_block(netuid: u16, tempo: u16, epoch: u64) -> u64 {
    let length = u64::from(tempo).saturating_add(1);
    epoch.saturating_mul(length).saturating_sub(u64::from(netuid).saturating_add(1))
}

/// When the drand network quicknet began, in Unix seconds.
pub const BEACON_GENESIS_S: u64 = 1_692_803_367;
/// Seconds between two of its rounds.
pub const BEACON_PERIOD_S: u64 = 3;

/// The newest drand round at a time; round 1 came at the beginning, and there was none before.
pub fn beacon_round(unix_s: u64) -> u64 {
    let since = unix_s.saturating_add(BEACON_PERIOD_S).saturating_sub(BEACON_GENESIS_S);
    since.checked_div(BEACON_PERIOD_S).unwrap_or(0)
}

/// When a drand round comes out, in Unix seconds: weights locked to it can be read from then on.
pub fn beacon_time(round: u64) -> u64 {
    BEACON_GENESIS_S.saturating_add(round.saturating_sub(1).saturating_mul(BEACON_PERIOD_S))
}
