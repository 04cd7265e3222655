"""A validator's life: follow the chain, do what is due, keep everything on disk, go on after any failure.

Use in a program of your own::

    validator = Validator(chain, netuid, pair, role, data_dir, report=print)
    await validator.run(stop)

Whoever seals the chain by hand looks at ``validator.duty``: while ``duty.holds_chain`` is true, only blocks
that take transactions in should be sealed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from pathlib import Path

from meritnet.chain.client.client import Chain
from meritnet.chain.client.heads import Heads
from meritnet.chain.errors import ChainError, MeritnetError, TransportError
from meritnet.chain.keys import KeyPair
from meritnet.chain.types import BlockNumber
from meritnet.subnets.base import ValidatorRole
from meritnet.subnets.tracing import OFF, Attributes, Span, Traces
from meritnet.validator import events
from meritnet.validator.archive import Archive
from meritnet.validator.commit import SecondValidator
from meritnet.validator.durable import exclusive
from meritnet.validator.duties import Duties, Manner, Threads
from meritnet.validator.health import Health
from meritnet.validator.limits import NotYet
from meritnet.validator.schedule import Due, EpochClock, Rules, due, is_done
from meritnet.validator.step import Judged
from meritnet.validator.view import Block, epoch_clock, head

MOST_REST_BLOCKS = 100
DRAIN_S = 5.0
"""How long a stopping validator waits for what is on its way; all of it is on disk."""
LOOK_S = 1.0
"""How often a waiting validator looks whether it should stop."""


@dataclass(frozen=True)
class Options:
    """How a validator works."""

    steps_per_epoch: int = 4
    sample_size: int = 64
    """Miners asked in a step."""
    at_once: int = 16
    """Miners asked at the same time."""
    margin_blocks: int = 3
    allow_private: bool = False
    """Ask miners on loopback and private addresses: for a chain of one's own only."""
    retry_blocks: int = 3
    """Blocks to wait before a duty that failed is tried again; twice as many after each further failure."""
    retry_s: float = 3.0
    """The same in seconds, when the chain itself does not answer."""


@dataclass(frozen=True)
class _Rest:
    """A duty that failed so many times in a row is left alone until this block."""

    until_block: int
    times: int


@dataclass(frozen=True)
class Duty:
    """Where a validator stands in the present epoch, as of ``block``."""

    block: int
    epoch: int
    steps_done: int
    committed: bool
    commits_waiting: int
    """Commits on the chain whose reveal is still to come, in this epoch or a later one."""
    predicted: bool
    done: bool
    """No transaction of this epoch's duty is missing."""
    blocks_left: int
    holds_chain: bool
    """The epoch's end is near and something is missing, though nothing failed: seal no empty block now."""


class Validator:
    """One hotkey's validator in one subnet."""

    def __init__(
        self,
        chain: Chain,
        netuid: int,
        pair: KeyPair,
        role: ValidatorRole,
        data_dir: Path,
        *,
        report: events.Report = events.ignore,
        options: Options | None = None,
        kind: str = "",
        traces: Traces = OFF,
    ) -> None:
        """``kind`` is the role's, for those who audit what it scored."""
        self.netuid = netuid
        self.address = str(pair.address)
        self.duty: Duty | None = None
        self._chain = chain
        self._options = options or Options()
        self._traces = traces
        self._threads = Threads(f"validator-{netuid}")
        genesis = chain.block_hash(BlockNumber(0))
        self._directory = subnet_directory(data_dir, genesis, netuid)
        self._duties = Duties(
            chain,
            netuid,
            pair,
            role,
            self._directory,
            self._threads,
            report,
            Manner(self._options.sample_size, self._options.at_once, self._options.allow_private),
            genesis=genesis,
            kind=kind,
            traces=traces,
        )
        self._rests: dict[Due, _Rest] = {}

    @property
    def health(self) -> Health:
        """Whether it can do its duty now."""
        return self._duties.health

    @property
    def archive(self) -> Archive:
        """What was asked, answered and scored, with the signatures."""
        return self._duties.archive

    async def run(self, stop: asyncio.Event) -> None:
        """Works until ``stop`` is set. What a miner or the link does is reported and overcome.

        Raises ``MeritnetError`` when another process works with the same state, ``SecondValidator`` when
        another machine works with the same hotkey.
        """
        try:
            with exclusive(self._directory):
                async with self._duties.asker:
                    await _until_stopped(self._live(stop), stop, self.health)
        finally:
            self.close()

    async def step(self) -> list[Judged]:
        """One step now, whatever the schedule says; its state is on disk afterwards."""
        with exclusive(self._directory):
            async with self._duties.asker:
                block, clock = await self._look()
                with self._span(Due.STEP, clock):
                    return await self._duties.step(block, clock)

    def close(self) -> None:
        """Ends the threads of a validator that is not run any more."""
        self._threads.close()

    # The loop

    async def _live(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            try:
                _, clock = await self._look()
                await self._duties.recover(clock)
                await self._follow(stop)
            except ChainError as error:
                self.health.chain_is_away = True
                self._duties.trouble("follow the chain", error)
                await _pause(self._options.retry_s, stop)

    async def _follow(self, stop: asyncio.Event) -> None:
        """Does what is due, block after block. Raises ``ChainError`` when the link breaks."""
        heads = await self._threads.run(self._chain.follow)
        try:
            while not stop.is_set():
                block, clock = await self._look()
                await self._duties.settle(clock)
                if not await self._act(block, clock):
                    await self._next_block(heads, block, stop)
        finally:
            await self._threads.run(heads.close)

    async def _look(self) -> tuple[Block, EpochClock]:
        block = await self._threads.run(head, self._chain)
        clock = await self._threads.run(epoch_clock, self._chain, self.netuid, block)
        self.health.seen()
        return block, clock

    async def _next_block(self, heads: Heads, block: Block, stop: asyncio.Event) -> None:
        while not stop.is_set() and await self._threads.run(self._chain.head) <= block.number:
            self.health.seen()
            await self._threads.run(heads.wait, LOOK_S)

    async def _act(self, block: Block, clock: EpochClock) -> bool:
        """Does the most urgent duty, if there is one; whether something was done."""
        hyper = await self._threads.run(self._chain.hyperparameters, self.netuid, block.hash)
        rules = Rules(self._options.steps_per_epoch, self._options.margin_blocks)
        self._duties.reveal_period = hyper.commit_reveal_period
        if clock.epoch != self._duties.state.epoch:
            self._duties.state.enter(clock.epoch)
            self._rests.clear()
        resting = {duty for duty, rest in self._rests.items() if block.number < rest.until_block}
        duty = due(clock, self._duties.progress(clock), rules, resting=resting)
        self._show_duty(clock, rules)
        if duty is Due.WAIT:
            return False
        try:
            with self._span(duty, clock):
                match duty:
                    case Due.REVEAL:
                        await self._duties.reveal(clock)
                    case Due.STEP:
                        await self._duties.step(block, clock)
                    case Due.COMMIT:
                        await self._duties.set_weights(block, clock, hyper)
                    case Due.PREDICT:
                        await self._duties.predict(clock.next_epoch_block)
        except (TransportError, SecondValidator):
            raise
        except NotYet as error:
            self._rests[duty] = _Rest(error.from_block - 1, 1)
            self._duties.report(events.Waits(self.netuid, self.address, error.from_block, str(error)))
        except (MeritnetError, OSError) as error:  # OSError: the disk is full or read-only
            times = self._rests[duty].times + 1 if duty in self._rests else 1
            rest_blocks = min(self._options.retry_blocks << (times - 1), MOST_REST_BLOCKS)
            self._rests[duty] = _Rest(block.number + rest_blocks, times)
            self._duties.trouble(duty.value, error)
        else:
            self._rests.pop(duty, None)
        finally:
            self._show_duty(clock, rules)
        return True

    def _span(self, duty: Due, clock: EpochClock) -> AbstractContextManager[Span]:
        about: Attributes = {
            "meritnet.netuid": self.netuid,
            "meritnet.hotkey": self.address,
            "meritnet.epoch": clock.epoch,
            "meritnet.block": clock.block,
        }
        return self._traces.span(duty.value, about)

    def _show_duty(self, clock: EpochClock, rules: Rules) -> None:
        progress = self._duties.progress(clock)
        done = is_done(clock, progress, rules)
        near = clock.blocks_left <= rules.margin_blocks
        self.duty = Duty(
            clock.block,
            clock.epoch,
            progress.steps_done,
            progress.committed,
            len(progress.reveals_due),
            progress.predicted,
            done,
            clock.blocks_left,
            near and not self._rests and not (progress.predicted if clock.blocks_left == 0 else done),
        )


def subnet_directory(data_dir: Path, genesis: str, netuid: int) -> Path:
    """Where a validator keeps what concerns one subnet of one chain."""
    return data_dir / f"chain-{genesis.removeprefix('0x')[:8]}" / f"subnet-{netuid}"


async def _until_stopped(life: Coroutine[object, object, None], stop: asyncio.Event, health: Health) -> None:
    """Runs a life that looks at ``stop`` itself; what it waits for by then is given up soon."""
    living, stopped = asyncio.ensure_future(life), asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait({living, stopped}, return_when=asyncio.FIRST_COMPLETED)
        health.stopping = True
        with suppress(TimeoutError):
            async with asyncio.timeout(DRAIN_S):
                await living
    finally:
        stopped.cancel()
        living.cancel()
        await asyncio.wait({living}, timeout=DRAIN_S)  # it closes its subscription on the way out


async def _pause(seconds: float, stop: asyncio.Event) -> None:
    with suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), seconds)
