"""When a local network makes its next block.

While the network is being set up a block is made as soon as an extrinsic waits. Afterwards blocks follow
each other at a steady pace, except that the block of an epoch is held back until every validator has done
its duty in that epoch: a slow machine shows the same picture as a fast one, only later. Chain time does not
notice; it advances one slot a block.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

LOOK_AGAIN_S = 0.02


class Sealer(Protocol):
    """The chain as the clock needs it; both calls may block for milliseconds."""

    def pending(self) -> int:
        """Return the number of extrinsics in the pool."""
        ...

    def seal(self) -> int:
        """Make one block and return its number."""
        ...


def _nothing(block: int) -> str:
    return ""


def _never(block: int) -> bool:
    return False


def _ignored(block: int) -> None:
    return None


@dataclass
class Clock:
    """Makes blocks until it is cancelled.

    `sealed` is called in the sealing thread with the number of each new block, in order. `hold` is asked
    before each steady block and returns what is being waited for, or "" to go on; while a hold lasts, blocks
    are made only for waiting extrinsics, and never the `last` one, before which nothing more may happen.
    After `patience_s` a hold is given up. `waiting` is told what is being waited for.
    """

    sealer: Sealer
    waiting: Callable[[str], None]
    block_time_s: float = 0.25
    patience_s: float = 300.0
    sealed: Callable[[int], None] = _ignored
    hold: Callable[[int], str] = _nothing
    last: Callable[[int], bool] = _never
    steady: asyncio.Event = field(default_factory=asyncio.Event)
    block: int = 0

    async def run(self) -> None:
        """Make blocks on demand until `steady` is set, then at the steady pace, for ever."""
        while not self.steady.is_set():
            if await asyncio.to_thread(self.sealer.pending) > 0:
                await self.seal()
            else:
                await asyncio.sleep(LOOK_AGAIN_S)
        while True:
            await self._held()
            await self.seal()
            await asyncio.sleep(self.block_time_s)

    async def seal(self) -> None:
        """Make one block now."""
        self.block = max(self.block, await asyncio.to_thread(self._seal))

    def _seal(self) -> int:
        number = self.sealer.seal()
        self.sealed(number)
        return number

    async def _held(self) -> None:
        deadline = asyncio.get_running_loop().time() + self.patience_s
        while reason := self.hold(self.block + 1):
            if asyncio.get_running_loop().time() > deadline:
                self.waiting(f"gave up waiting: {reason}")
                return
            self.waiting(reason)
            if not self.last(self.block + 1) and await asyncio.to_thread(self.sealer.pending) > 0:
                return
            await asyncio.sleep(LOOK_AGAIN_S)
        self.waiting("")
