"""When the local network makes a block."""

import asyncio
from dataclasses import dataclass, field

from meritnet.localnet.clock import Clock


@dataclass
class Counter:
    """A chain that counts its blocks; `waiting` extrinsics go into the next one."""

    blocks: int = 0
    waiting: int = 0

    def pending(self) -> int:
        return self.waiting

    def seal(self) -> int:
        self.blocks += 1
        self.waiting = 0
        return self.blocks


@dataclass
class Scene:
    """A clock whose hold and notes a test sees."""

    chain: Counter = field(default_factory=Counter)
    reason: str = ""
    notes: list[str] = field(default_factory=list)
    seen: list[int] = field(default_factory=list)
    last_block: int = 10**9

    def clock(self, patience_s: float = 60.0) -> Clock:
        return Clock(
            self.chain,
            self.notes.append,
            sealed=self.seen.append,
            hold=lambda block: self.reason,
            last=lambda block: block >= self.last_block,
            block_time_s=0.0,
            patience_s=patience_s,
        )


async def until(condition: object) -> None:
    async with asyncio.timeout(5):
        while not condition():  # type: ignore[operator]  # noqa: ASYNC110 - the clock signals nobody
            await asyncio.sleep(0)


def play(scene: Scene, clock: Clock, steps: object) -> None:
    async def run() -> None:
        task = asyncio.create_task(clock.run())
        try:
            await steps()  # type: ignore[operator]
        finally:
            task.cancel()

    asyncio.run(run())


def test_before_the_network_is_ready_blocks_come_only_for_extrinsics() -> None:
    scene = Scene(Counter(waiting=1))

    async def steps() -> None:
        await until(lambda: scene.seen == [1])
        scene.chain.waiting = 3
        await until(lambda: scene.seen == [1, 2])

    play(scene, scene.clock(), steps)
    assert scene.chain.blocks == 2


def test_afterwards_they_come_by_themselves() -> None:
    scene = Scene()
    clock = scene.clock()
    clock.steady.set()

    async def steps() -> None:
        await until(lambda: scene.chain.blocks >= 3)

    play(scene, clock, steps)
    assert scene.seen[:3] == [1, 2, 3]


def test_a_held_block_lets_extrinsics_through_until_the_last_moment() -> None:
    scene = Scene(reason="validators", last_block=2)
    clock = scene.clock()
    clock.steady.set()

    async def steps() -> None:
        await until(lambda: scene.notes)
        assert scene.chain.blocks == 0
        scene.chain.waiting = 1
        await until(lambda: scene.chain.blocks == 1)
        scene.chain.waiting = 1
        notes = len(scene.notes)
        await until(lambda: len(scene.notes) > notes + 2)
        assert scene.chain.blocks == 1
        scene.reason = ""
        await until(lambda: scene.chain.blocks >= 2)

    play(scene, clock, steps)
    assert scene.notes[0] == "validators"


def test_patience_ends() -> None:
    scene = Scene(reason="a validator that died")
    clock = scene.clock(patience_s=0.0)
    clock.steady.set()

    async def steps() -> None:
        await until(lambda: scene.chain.blocks >= 1)

    play(scene, clock, steps)
    assert scene.notes[0] == "gave up waiting: a validator that died"
