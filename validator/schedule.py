"""What a validator's duty is at a block: pure, no clock, no chain.

An epoch of a subnet runs at the *start* of its block, before that block's transactions. So a transaction
that lands in an epoch's block belongs to the next epoch already, and the state after the block before it is
exactly what the epoch sees.

The duty of one epoch: reveal what an earlier epoch committed (in epoch ``commit epoch + reveal period``, and
only then), take one or more steps, commit the weights before the epoch ends, and say what the epoch will pay.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from meritnet.chain.errors import UsageError
from meritnet.consensus.schedule import next_epoch


@dataclass(frozen=True)
class EpochClock:
    """Where a subnet stands in its epochs after ``block``."""

    block: int
    tempo: int
    last_epoch_block: int
    epoch: int
    """How many epochs have run, which is the number of the present one (the chain's ``SubnetEpochIndex``)."""
    pending_epoch_at: int = 0
    """A block for which the owner asked an epoch; 0 when there is none."""

    def __post_init__(self) -> None:
        if self.tempo <= 0:
            raise UsageError("the subnet's tempo is 0: it never has an epoch")

    @property
    def next_epoch_block(self) -> int:
        """The block at whose start the next epoch runs; one that is late runs in the next block."""
        due = next_epoch(self.last_epoch_block, self.tempo, self.pending_epoch_at)
        return max(due or 0, self.block + 1)

    @property
    def blocks_left(self) -> int:
        """How many more blocks there will be whose transactions still belong to the present epoch."""
        return self.next_epoch_block - self.block - 1


@dataclass(frozen=True)
class Rules:
    """How a validator spreads its work over an epoch."""

    steps_per_epoch: int = 4
    margin_blocks: int = 3
    """The commit is sent when at most this many blocks are left, whether all steps were taken or not."""


@dataclass(frozen=True)
class Progress:
    """What has been done in the epoch ``epoch``; in another epoch only the commits and the scores count."""

    epoch: int
    steps_done: int = 0
    committed: bool = False
    """The commit is on the chain; in a subnet without commit-reveal, the weights are."""
    predicted: bool = False
    reveals_due: tuple[int, ...] = ()
    """The epochs in which commits on the chain are to be revealed."""
    has_scores: bool = False
    """Whether there is anything to set weights by, of this epoch or an earlier one."""

    def at(self, epoch: int) -> Progress:
        """The same in another epoch, where nothing has been done yet."""
        if epoch == self.epoch:
            return self
        return Progress(epoch, reveals_due=self.reveals_due, has_scores=self.has_scores)


class Due(StrEnum):
    """The next thing to do."""

    REVEAL = "reveal"
    STEP = "step"
    COMMIT = "commit"
    PREDICT = "predict"
    WAIT = "wait"


def due(
    clock: EpochClock, progress: Progress, rules: Rules, *, resting: Collection[Due] = frozenset()
) -> Due:
    """The most urgent duty after ``clock.block``; ``WAIT`` when there is none before a new block.

    Duties in ``resting`` failed of late and are passed over: one that fails must not keep the others waiting.
    """
    now = progress.at(clock.epoch)
    if clock.blocks_left == 0:
        urgent = [] if now.predicted else [Due.PREDICT]
    else:
        stepped, late = has_stepped(now, rules), clock.blocks_left <= rules.margin_blocks
        reveals = clock.epoch in now.reveals_due
        # Shortly before the end only who has nothing to commit yet may still step: it has nothing to lose.
        in_time = clock.block >= step_block(clock, now, rules) if not late else not now.has_scores
        steps = in_time and not (now.committed or stepped)
        commits = not now.committed and now.has_scores and (stepped or late)
        wanted = {Due.REVEAL: reveals, Due.STEP: steps, Due.COMMIT: commits}
        urgent = [duty for duty, holds in wanted.items() if holds]
    return next((duty for duty in urgent if duty not in resting), Due.WAIT)


def is_done(clock: EpochClock, progress: Progress, rules: Rules) -> bool:
    """Whether the present epoch's duty needs no transaction any more, so that the epoch may come."""
    now = progress.at(clock.epoch)
    if clock.epoch in now.reveals_due:
        return False
    return now.committed or (has_stepped(now, rules) and not now.has_scores)


def has_stepped(progress: Progress, rules: Rules) -> bool:
    """Whether all steps of the epoch were taken: one more as long as nobody has earned anything.

    A kind may judge only what was offered in an earlier step; with a step an epoch, the first weights would
    come an epoch late.
    """
    return progress.steps_done >= rules.steps_per_epoch + (not progress.has_scores)


def step_block(clock: EpochClock, progress: Progress, rules: Rules) -> int:
    """The block from which the next step is due: steps are spread evenly over the epoch before its margin."""
    span = max(0, clock.next_epoch_block - clock.last_epoch_block - rules.margin_blocks)
    steps = rules.steps_per_epoch + (progress.steps_done >= rules.steps_per_epoch)
    return clock.last_epoch_block + progress.steps_done * span // steps
