"""A validator's life: follow the chain, do what is due, keep everything on disk, go on after any failure.

Use in a program of your own::

    validator = Validator(chain, netuid, pair, role, data_dir, report=print)
    await validator.run(stop)

Whoever seals the chain by hand looks at ``validator.duty``: while ``duty.holds_chain`` is true, only blocks
that take transactions in should be sealed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeVar

import structlog

from meritnet.chain.client.client import Chain
from meritnet.chain.client.heads import Heads
from meritnet.chain.client.subnets import Hyperparameters
from meritnet.chain.client.weights import set_weights
from meritnet.chain.errors import ChainError, MeritnetError, TransportError
from meritnet.chain.keys import KeyPair
from meritnet.chain.types import BlockNumber
from meritnet.subnets.artifacts import ArtifactStore
from meritnet.subnets.base import ValidatorRole
from meritnet.subnets.receipts import ReceiptBook
from meritnet.validator import events, outlook
from meritnet.validator.ask import Asker
from meritnet.validator.commit import Commit, CommitBook, Committer
from meritnet.validator.durable import exclusive
from meritnet.validator.schedule import Due, EpochClock, Progress, Rules, due, is_done
from meritnet.validator.state import Forecast, State
from meritnet.validator.step import Bench, Judged, step
from meritnet.validator.view import Block, epoch_clock, head, targets
from meritnet.validator.weights import WeightVector, weight_vector

MOST_REST_BLOCKS = 100
DRAIN_S = 5.0
"""How long a stopping validator waits for what is on its way; all of it is on disk."""
LOOK_S = 1.0
"""How often a waiting validator looks whether it should stop."""

_Result = TypeVar("_Result")
_log = structlog.get_logger("validator")


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
    ) -> None:
        self.netuid = netuid
        self.address = str(pair.address)
        self.duty: Duty | None = None
        self._chain = chain
        self._pair = pair
        self._options = options or Options()
        self._report = report
        # Threads of its own: waiting for blocks must not fill up the pool that others share.
        self._threads = ThreadPoolExecutor(3, thread_name_prefix=f"validator-{netuid}")
        genesis = chain.block_hash(BlockNumber(0)).removeprefix("0x")[:8]
        self._directory = data_dir / f"chain-{genesis}" / f"subnet-{netuid}"
        self._state = State.load(self._directory / "state.json")
        self._committer = Committer(chain, netuid, pair, CommitBook(self._directory / "commits.json"))
        asker = Asker(
            pair, ArtifactStore(self._directory / "artifacts"), allow_private=self._options.allow_private
        )
        self._bench = Bench(
            netuid,
            self.address,
            role,
            asker,
            self._state.scores,
            ReceiptBook(self._directory / "receipts.jsonl"),
            report,
            asyncio.Semaphore(self._options.at_once),
            self._threads,
        )
        self._rests: dict[Due, _Rest] = {}
        self._settled_block: int | None = None

    @property
    def receipts(self) -> ReceiptBook:
        """What was asked, answered and scored, with the signatures."""
        return self._bench.receipts

    async def run(self, stop: asyncio.Event) -> None:
        """Works until ``stop`` is set. What a miner or the link does is reported and overcome.

        Raises ``MeritnetError`` when another process works with the same state.
        """
        try:
            with exclusive(self._directory):
                async with self._bench.asker:
                    await _until_stopped(self._live(stop), stop)
        finally:
            self.close()

    async def step(self) -> list[Judged]:
        """One step now, whatever the schedule says; its state is on disk afterwards."""
        with exclusive(self._directory):
            async with self._bench.asker:
                block, clock = await self._look()
                return await self._step(block, clock)

    def close(self) -> None:
        """Ends the threads of a validator that is not run any more."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    # The loop

    async def _live(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            try:
                await self._recover()
                await self._follow(stop)
            except ChainError as error:
                self._trouble("follow the chain", error)
                await _pause(self._options.retry_s, stop)

    async def _recover(self) -> None:
        """Settles what an earlier life left unclear."""
        _, clock = await self._look()
        await self._blocking(self._committer.recover, clock.epoch)

    async def _follow(self, stop: asyncio.Event) -> None:
        """Does what is due, block after block. Raises ``ChainError`` when the link breaks."""
        heads = await self._blocking(self._chain.follow)
        try:
            while not stop.is_set():
                block, clock = await self._look()
                await self._settle(clock)
                if not await self._act(block, clock):
                    await self._next_block(heads, block, stop)
        finally:
            await self._blocking(heads.close)

    async def _look(self) -> tuple[Block, EpochClock]:
        block = await self._blocking(head, self._chain)
        return block, await self._blocking(epoch_clock, self._chain, self.netuid, block)

    async def _next_block(self, heads: Heads, block: Block, stop: asyncio.Event) -> None:
        while not stop.is_set() and await self._blocking(self._chain.head) <= block.number:
            await self._blocking(heads.wait, LOOK_S)

    async def _act(self, block: Block, clock: EpochClock) -> bool:
        """Does the most urgent duty, if there is one; whether something was done."""
        hyper = await self._blocking(self._chain.hyperparameters, self.netuid, block.hash)
        rules = Rules(self._options.steps_per_epoch, self._options.margin_blocks, hyper.commit_reveal_period)
        self._state.enter(clock.epoch)
        resting = {duty for duty, rest in self._rests.items() if block.number < rest.until_block}
        duty = due(clock, self._progress(clock), rules, resting=resting)
        self._show_duty(clock, rules)
        if duty is Due.WAIT:
            return False
        try:
            match duty:
                case Due.REVEAL:
                    await self._reveal(clock, rules)
                case Due.STEP:
                    await self._step(block, clock)
                case Due.COMMIT:
                    await self._set_weights(clock, hyper)
                case Due.PREDICT:
                    await self._predict(clock.next_epoch_block)
        except TransportError:
            raise
        except MeritnetError as error:
            times = self._rests[duty].times + 1 if duty in self._rests else 1
            rest_blocks = min(self._options.retry_blocks << (times - 1), MOST_REST_BLOCKS)
            self._rests[duty] = _Rest(block.number + rest_blocks, times)
            self._trouble(duty.value, error)
        else:
            self._rests.pop(duty, None)
        finally:
            self._show_duty(clock, rules)
        return True

    # The duties

    async def _step(self, block: Block, clock: EpochClock) -> list[Judged]:
        metagraph = await self._blocking(self._chain.metagraph, self.netuid, block.hash)
        self._state.enter(clock.epoch)
        self._state.scores.follow([str(hotkey) for hotkey in metagraph.hotkeys])
        found = targets(metagraph, self.address)
        if not found:
            raise MeritnetError(f"no miner of subnet {self.netuid} has announced an address")
        number = self._state.steps_done
        judged = await step(self._bench, block, number, found, self._options.sample_size)
        self._state.steps_done += 1
        await self._blocking(self._state.save)
        answered = sum(one.exchange is not None for one in judged)
        self._report(
            events.Stepped(
                self.netuid,
                self.address,
                clock.epoch,
                self._state.steps_done,
                block.number,
                block.hash,
                len(judged),
                answered,
            )
        )
        return judged

    async def _set_weights(self, clock: EpochClock, hyper: Hyperparameters) -> None:
        """Commits the weights of the present scores, or sets them where the subnet wants them in the open."""
        metagraph = await self._blocking(self._chain.metagraph, self.netuid)
        own_uid = metagraph.uid_of(self.address)
        if own_uid is None:
            raise MeritnetError(
                f"{self.address} is not registered on subnet {self.netuid}",
                "`meritnet validator register` joins it again",
            )
        self._state.scores.follow([str(hotkey) for hotkey in metagraph.hotkeys])
        vector = weight_vector(
            self._state.scores.values(),
            own_uid=own_uid,
            neurons=len(metagraph),
            min_allowed_weights=hyper.min_allowed_weights,
        )
        if vector is None:
            raise MeritnetError("no miner has earned anything: no weights are set")
        if hyper.commit_reveal_weights_enabled:
            made = await self._blocking(self._committer.commit, vector, hyper.weights_version, clock.epoch)
            done: events.Event = events.Committed(self.netuid, self.address, made.epoch, _shares(made))
        else:
            await self._blocking(
                set_weights,
                self._chain,
                self.netuid,
                self._pair,
                vector.uids,
                vector.values,
                hyper.weights_version,
            )
            done = events.WeightsSet(self.netuid, self.address, clock.epoch, vector.shares)
        self._state.committed = True
        await self._blocking(self._state.save)
        self._report(done)

    async def _reveal(self, clock: EpochClock, rules: Rules) -> None:
        for made in await self._blocking(self._committer.reveal, clock.epoch, rules.reveal_period):
            self._report(events.Revealed(self.netuid, self.address, made.epoch, _shares(made)))

    async def _predict(self, epoch_block: int) -> Forecast:
        """Says what the epoch in that block will pay to this validator, if it is registered."""
        seen = await self._blocking(outlook.predict, self._chain, self.netuid, epoch_block)
        rao = seen.rao.get(self.address, 0)
        forecast = self._state.forecast = Forecast(seen.epoch, epoch_block, rao)
        await self._blocking(self._state.save)
        self._report(events.Predicted(self.netuid, self.address, seen.epoch, epoch_block, rao))
        return forecast

    async def _settle(self, clock: EpochClock) -> None:
        """After an epoch: the prediction beside what was paid. One that no block left time for is made up
        for: it reads the same state, only later."""
        ran = clock.last_epoch_block
        if self._settled_block is None:
            self._settled_block = ran if self._state.forecast is None else self._state.forecast.block - 1
        if ran <= self._settled_block:
            return
        try:
            forecast = self._state.forecast
            if forecast is None or forecast.block != ran:
                forecast = await self._predict(ran)
            paid_rao = await self._blocking(outlook.paid, self._chain, self.netuid, self.address, ran)
        except TransportError:
            raise
        except MeritnetError as error:  # such as a node that keeps no old states: not worth a second try
            self._trouble("compare the payout with its prediction", error)
        else:
            paid = events.Paid(self.netuid, self.address, forecast.epoch, ran, forecast.rao, paid_rao)
            if not paid.agrees:
                _log.error("the chain paid another sum than its specification says", **asdict(paid))
            self._report(paid)
        self._settled_block = ran

    # Bookkeeping

    def _progress(self, clock: EpochClock) -> Progress:
        state = self._state
        return Progress(
            state.epoch,
            state.steps_done,
            state.committed or clock.epoch in self._committer.book.waiting,
            state.forecast is not None and state.forecast.block == clock.next_epoch_block,
            self._committer.book.waiting,
            any(value > 0 for value in state.scores.values().values()),
        )

    def _show_duty(self, clock: EpochClock, rules: Rules) -> None:
        progress = self._progress(clock)
        done = is_done(clock, progress, rules)
        near = clock.blocks_left <= rules.margin_blocks
        self.duty = Duty(
            clock.block,
            clock.epoch,
            progress.steps_done,
            progress.committed,
            len(progress.commits_waiting),
            progress.predicted,
            done,
            clock.blocks_left,
            near and not self._rests and not (progress.predicted if clock.blocks_left == 0 else done),
        )

    def _trouble(self, what: str, error: MeritnetError) -> None:
        _log.warning("trouble", doing=what, error=str(error), hint=error.hint, netuid=self.netuid)
        self._report(events.Trouble(self.netuid, self.address, what, str(error)))

    async def _blocking(self, call: Callable[..., _Result], *arguments: object) -> _Result:
        return await asyncio.get_running_loop().run_in_executor(self._threads, call, *arguments)


def _shares(commit: Commit) -> dict[int, float]:
    return WeightVector(commit.uids, commit.values).shares


async def _until_stopped(life: Coroutine[object, object, None], stop: asyncio.Event) -> None:
    """Runs a life that looks at ``stop`` itself; what it waits for by then is given up soon."""
    living, stopped = asyncio.ensure_future(life), asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait({living, stopped}, return_when=asyncio.FIRST_COMPLETED)
        with suppress(TimeoutError):
            async with asyncio.timeout(DRAIN_S):
                await living
    finally:
        stopped.cancel()
        living.cancel()


async def _pause(seconds: float, stop: asyncio.Event) -> None:
    with suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), seconds)
