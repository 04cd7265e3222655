"""The duties of a validator, each a method that reads the chain, acts, saves what must survive, and reports.

When a duty is due is decided by ``schedule``; that they come in order, by ``run``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeVar

import structlog

from meritnet.chain.client.client import Chain
from meritnet.chain.client.subnets import Hyperparameters
from meritnet.chain.client.weights import set_weights
from meritnet.chain.errors import MeritnetError, TransportError
from meritnet.chain.keys import KeyPair
from meritnet.subnets.artifacts import ArtifactStore
from meritnet.subnets.base import ValidatorRole
from meritnet.subnets.tracing import OFF, Traces
from meritnet.validator import events, outlook
from meritnet.validator.archive import Archive
from meritnet.validator.ask import Asker
from meritnet.validator.bundle import WeightsBundle
from meritnet.validator.commit import Commit, CommitBook, Committer
from meritnet.validator.health import Health
from meritnet.validator.limits import Limits, read_limits, rehearse
from meritnet.validator.provenance import origin
from meritnet.validator.recollection import recalled
from meritnet.validator.schedule import EpochClock, Progress
from meritnet.validator.state import Forecast, State
from meritnet.validator.step import Bench, Judged, Moment, step
from meritnet.validator.view import Block, targets
from meritnet.validator.weights import WeightVector, weight_vector

_Result = TypeVar("_Result")
_log = structlog.get_logger("validator")


class Threads:
    """Threads of a validator's own: waiting for blocks must not fill up the pool that others share."""

    def __init__(self, name: str) -> None:
        self.pool = ThreadPoolExecutor(3, thread_name_prefix=name)

    async def run(self, call: Callable[..., _Result], *arguments: object) -> _Result:
        """What a blocking call gives, while the loop goes on."""
        return await asyncio.get_running_loop().run_in_executor(self.pool, call, *arguments)

    def close(self) -> None:
        """Takes no more work; calls under way end by their own deadlines."""
        self.pool.shutdown(wait=False, cancel_futures=True)


@dataclass(frozen=True)
class Manner:
    """How the miners are asked."""

    sample_size: int
    at_once: int
    allow_private: bool


class Duties:
    """What one hotkey does in one subnet, with its state in one directory.

    A duty that the chain or the state of things does not allow raises ``MeritnetError``.
    """

    def __init__(
        self,
        chain: Chain,
        netuid: int,
        pair: KeyPair,
        role: ValidatorRole,
        directory: Path,
        threads: Threads,
        report: events.Report,
        manner: Manner,
        *,
        genesis: str,
        kind: str,
        traces: Traces = OFF,
    ) -> None:
        self.netuid = netuid
        self.address = str(pair.address)
        self.health = Health()
        self.report = report
        self.state = State.load(directory / "state.json")
        self.archive = Archive(directory / "bundles")
        book = CommitBook(directory / "commits.json")
        self.committer = Committer(chain, netuid, pair, book, self.archive)
        store = ArtifactStore(directory / "artifacts")
        self.asker = Asker(pair, store, allow_private=manner.allow_private, traces=traces)
        recalled(role, self.archive, self.state.bundle)
        self._chain = chain
        self._pair = pair
        self._threads = threads
        self._sample_size = manner.sample_size
        self._bench = Bench(
            origin(genesis, netuid, self.address, kind, role),
            role,
            self.asker,
            self.state.scores,
            self.archive,
            report,
            asyncio.Semaphore(manner.at_once),
            threads.pool,
            traces,
            self.health,
        )
        self.reveal_period = 1
        """The subnet's, in epochs, as last seen."""
        self._settled_block: int | None = None

    def progress(self, clock: EpochClock) -> Progress:
        """What has been done, for the schedule."""
        state = self.state
        return Progress(
            state.epoch,
            state.steps_done,
            state.committed or self.committer.book.has_committed(clock.epoch),
            state.forecast is not None and state.forecast.block == clock.next_epoch_block,
            self.committer.book.reveals_due(self.reveal_period),
            any(value > 0 for value in state.scores.values().values()),
        )

    async def recover(self, clock: EpochClock) -> None:
        """Settles what an earlier life left unclear."""
        await self._threads.run(self.committer.recover, clock.epoch)

    async def step(self, block: Block, clock: EpochClock) -> list[Judged]:
        metagraph = await self._threads.run(self._chain.metagraph, self.netuid, block.hash)
        self.health.unregistered = metagraph.uid_of(self.address) is None
        self.state.enter(clock.epoch)
        self.state.scores.follow([str(hotkey) for hotkey in metagraph.hotkeys])
        found = targets(metagraph, self.address)
        if not found:
            raise MeritnetError(f"no miner of subnet {self.netuid} has announced an address")
        moment = Moment(block, clock.epoch, self.state.steps_done, self.state.bundle)
        taken = await step(self._bench, moment, found, self._sample_size)
        self.state.steps_done += 1
        self.state.bundle = taken.bundle
        await self._threads.run(self.state.save)
        answered = sum(one.exchange is not None for one in taken.judged)
        self.report(
            events.Stepped(
                self.netuid,
                self.address,
                clock.epoch,
                self.state.steps_done,
                block.number,
                block.hash,
                len(taken.judged),
                answered,
                taken.bundle,
            )
        )
        return taken.judged

    async def set_weights(self, block: Block, clock: EpochClock, hyper: Hyperparameters) -> None:
        """Commits the weights of the present scores, or sets them where the subnet wants them in the open.

        Raises ``NotYet`` where the chain's rate limit would refuse them.
        """
        limits: Limits = await self._threads.run(
            read_limits, self._chain, self.netuid, self.address, block, hyper
        )
        self.state.scores.follow(limits.hotkeys)
        vector = weight_vector(
            self.state.scores.values(),
            own_uid=limits.own_uid,
            neurons=len(limits.hotkeys),
            min_allowed_weights=limits.min_allowed_weights,
        )
        if vector is None:
            raise MeritnetError("no miner has earned anything: no weights are set")
        rehearse(limits, vector)
        bundle = await self._threads.run(self.archive.put, self._weights_bundle(limits, clock.epoch, vector))
        if limits.commits:
            arguments = vector, limits.version_key, clock.epoch, bundle
            made = await self._threads.run(self.committer.commit, *arguments)
            done: events.Event = events.Committed(
                self.netuid, self.address, made.epoch, _shares(made), made.bundle
            )
        else:
            row = vector.uids, vector.values, limits.version_key
            await self._threads.run(set_weights, self._chain, self.netuid, self._pair, *row)
            done = events.WeightsSet(self.netuid, self.address, clock.epoch, vector.shares)
        self.state.committed = True
        await self._threads.run(self.state.save)
        self.report(done)

    def _weights_bundle(self, limits: Limits, epoch: int, vector: WeightVector) -> WeightsBundle:
        return WeightsBundle(
            self._bench.origin,
            self.state.bundle,
            limits.block,
            epoch,
            limits.hotkeys,
            limits.own_uid,
            limits.min_allowed_weights,
            self.state.scores.items(),
            vector.uids,
            vector.values,
            limits.version_key,
        )

    async def reveal(self, clock: EpochClock) -> None:
        for made in await self._threads.run(self.committer.reveal, clock.epoch, self.reveal_period):
            self.report(events.Revealed(self.netuid, self.address, made.epoch, _shares(made)))

    async def predict(self, epoch_block: int) -> Forecast:
        """Says what the epoch in that block will pay to this validator, if it is registered."""
        seen = await self._threads.run(outlook.predict, self._chain, self.netuid, epoch_block)
        rao = seen.rao.get(self.address, 0)
        forecast = self.state.forecast = Forecast(seen.epoch, epoch_block, rao)
        await self._threads.run(self.state.save)
        self.report(events.Predicted(self.netuid, self.address, seen.epoch, epoch_block, rao))
        return forecast

    async def settle(self, clock: EpochClock) -> None:
        """After an epoch: the prediction beside what was paid. One that no block left time for is made up
        for: it reads the same state, only later."""
        ran = clock.last_epoch_block
        if self._settled_block is None:
            self._settled_block = ran if self.state.forecast is None else self.state.forecast.block - 1
        if ran <= self._settled_block:
            return
        try:
            forecast = self.state.forecast
            if forecast is None or forecast.block != ran:
                forecast = await self.predict(ran)
            paid_rao = await self._threads.run(outlook.paid, self._chain, self.netuid, self.address, ran)
        except TransportError:
            raise
        except MeritnetError as error:  # such as a node that keeps no old states: not worth a second try
            self.trouble("compare the payout with its prediction", error)
        else:
            paid = events.Paid(self.netuid, self.address, forecast.epoch, ran, forecast.rao, paid_rao)
            if not paid.agrees:
                _log.error("the chain paid another sum than its specification says", **asdict(paid))
            self.report(paid)
        self._settled_block = ran

    def trouble(self, what: str, error: Exception) -> None:
        """Logs and reports what failed."""
        hint = getattr(error, "hint", "")
        _log.warning("trouble", doing=what, error=str(error), hint=hint, netuid=self.netuid)
        self.report(events.Trouble(self.netuid, self.address, what, str(error)))


def _shares(commit: Commit) -> dict[int, float]:
    return WeightVector(commit.uids, commit.values).shares
