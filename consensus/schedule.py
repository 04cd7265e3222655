"""When an epoch runs, and which epoch a block belongs to."""

MAX_TEMPO = 50_400
"""Longest tempo in blocks; an epoch is due after so many blocks whatever the tempo says."""


def epoch_is_due(last_epoch: int, tempo: int, pending_at: int, block: int) -> bool:
    """Whether a subnet's epoch is due: a tempo has passed since the last one, or a requested block
    (`pending_at`, 0 if none) is reached. Tempo 0 means never."""
    waited = max(block - last_epoch, 0)
    return tempo > 0 and (waited > MAX_TEMPO or waited >= tempo or 0 < pending_at <= block)


def next_epoch(last_epoch: int, tempo: int, pending_at: int = 0) -> int | None:
    """The first block at which the next epoch can run; None at tempo 0."""
    if tempo == 0:
        return None
    automatic = last_epoch + tempo
    return min(automatic, pending_at) if pending_at else automatic


def epoch_with_lookahead(epoch_index: int, is_due: bool) -> int:
    """The epoch that a commit or reveal in this block belongs to: the count of epochs run, and one more
    if one is due in this very block but has not run yet."""
    return epoch_index + is_due


def first_reveal_block(last_epoch: int, tempo: int, pending_at: int, reveal_period: int) -> int | None:
    """The first block in which a commit made now may be revealed, if epochs run on time; None at tempo 0.

    The commit belongs to the epoch under way, so the next epoch is the first of `reveal_period` to pass.
    """
    upcoming = next_epoch(last_epoch, tempo, pending_at)
    return None if upcoming is None else upcoming + (reveal_period - 1) * tempo


def legacy_first_block(netuid: int, tempo: int, epoch: int) -> int:
    """The first block of an epoch as the public network counted them before tempos could change: epochs of
    tempo + 1 blocks, each subnet's a block earlier than the last one's."""
    return max(epoch * (tempo + 1) - (netuid + 1), 0)


BEACON_GENESIS_S = 1_692_803_367
"""When the drand network quicknet began, in Unix seconds."""
BEACON_PERIOD_S = 3
"""Seconds between two of its rounds."""


def beacon_round(unix_s: int) -> int:
    """The newest drand round at a time; round 1 came at the beginning, and there was none before."""
    return max(unix_s - BEACON_GENESIS_S + BEACON_PERIOD_S, 0) // BEACON_PERIOD_S


def beacon_time(round_number: int) -> int:
    """When a drand round comes out, in Unix seconds: weights locked to it can be read from then on."""
    return BEACON_GENESIS_S + (round_number - 1) * BEACON_PERIOD_S
