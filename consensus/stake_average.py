"""Stake averaged over an epoch, so that what comes for one block counts for one block. Ours."""

from dataclasses import dataclass


@dataclass(frozen=True)
class StakeHistory:
    """How a hotkey's stake on one subnet changed since the last epoch."""

    integral: int = 0
    """Stake × blocks up to `since`, in rao × blocks."""
    since: int = 0
    """The block from which the present stake has counted."""

    def changed(self, stake_before: int, block: int) -> "StakeHistory":
        """The history once the stake, so far `stake_before` rao, is another from this block on."""
        return StakeHistory(self.integral + stake_before * max(block - self.since, 0), block)

    def average(self, stake: int, start: int, block: int) -> int:
        """Average stake over the blocks from `start` to `block`, floored, in rao; `stake` is what it is now.
        The present stake itself where no block lies between."""
        if block <= start:
            return stake
        return (self.integral + stake * max(block - self.since, 0)) // (block - start)
