"""A local network from its first block to its last: what `meritnet up` runs."""

import asyncio
import tempfile
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from meritnet.chain.client.client import Chain
from meritnet.localnet import network, station
from meritnet.localnet.clock import Clock
from meritnet.localnet.crew import Crew, Post
from meritnet.localnet.isolate import IsolatedCrew
from meritnet.localnet.observer import Observer
from meritnet.localnet.plan import Neuron, Plan, cast
from meritnet.localnet.summary import Summary
from meritnet.localnet.view import State
from meritnet.localnet.watch import MARGIN_BLOCKS, Watch
from meritnet.subnets.base import Subnet
from meritnet.subnets.registry import subnet

SETTLE_S = 60.0
LOOK_AGAIN_S = 0.05


@dataclass
class Run:
    """One local network. `changed` is called whenever `state` has something new to show."""

    plan: Plan
    state: State
    changed: Callable[[], None]
    stop: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self) -> Summary | None:
        """Bring everything up, let the epochs pass or `stop` come, take everything down, and sum up.

        Returns None when it was stopped before there was anything to sum up.
        Raises MeritnetError where something cannot be had: a port, the model, a subnet kind.
        """
        plan = self.plan
        kinds = [subnet(kind) for kind in plan.kinds]
        neurons = cast(plan)
        watch = Watch(self.state, {neuron.hotkey_address: neuron.name for neuron in neurons}, self.changed)
        async with AsyncExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="meritnet-up-")))
            place = await (station.apart if plan.isolate else station.here)(plan.rpc_port)
            stack.push_async_callback(place.close)
            self.state.endpoint = place.endpoint
            chain = await asyncio.to_thread(Chain.connect, place.endpoint)
            stack.callback(chain.close)
            post: Post = (IsolatedCrew if plan.isolate else Crew)(
                place.endpoint, plan.loading, folder, self.state, watch.take
            )
            clock = Clock(place.sealer, self._waits, plan.block_time_s)
            ticking = asyncio.create_task(clock.run())
            stack.push_async_callback(ended, ticking)
            stack.push_async_callback(post.stop)
            life = Life(plan, self.state, self.changed, chain, clock, post, watch, neurons)
            living = asyncio.create_task(life.live(kinds))
            stack.push_async_callback(ended, living)
            stopping = asyncio.create_task(self.stop.wait())
            stack.push_async_callback(ended, stopping)
            done, _ = await asyncio.wait({living, ticking, stopping}, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
            return life.summary()

    def _waits(self, reason: str) -> None:
        if reason != self.state.waiting:
            self.state.waiting = reason
            self.changed()


@dataclass
class Life:
    """What happens in a local network, in order."""

    plan: Plan
    state: State
    changed: Callable[[], None]
    chain: Chain
    clock: Clock
    post: Post
    watch: Watch
    neurons: Sequence[Neuron]
    observer: Observer | None = None

    async def live(self, kinds: Sequence[Subnet]) -> None:
        """Found the subnets, bring up the neurons, and run the epochs that were asked for."""
        owner, *others = self.neurons
        sites = [await asyncio.to_thread(network.found, self.chain, owner, kind) for kind in kinds]
        await asyncio.to_thread(network.fund, self.chain, owner, others)
        deposits = await asyncio.to_thread(network.enlist, self.chain, sites, others)
        self.state.say(f"{len(sites)} subnets founded, {len(others)} neurons registered in each")
        self.changed()
        await self.post.start_miners(sites, [one for one in others if one.role == "miner"])
        observer = await asyncio.to_thread(Observer, self.chain, sites, self.neurons, deposits, self.state)
        self.observer = observer
        await asyncio.to_thread(observer.catch_up, self.clock.block)
        await self._warm_up(observer)
        validators = [one for one in others if one.role == "validator"]
        self.watch.seat((one.hotkey_address, site.netuid) for site in sites for one in validators)
        await self.post.start_validators(sites, validators)
        await self._epochs(observer)

    def summary(self) -> Summary | None:
        """Return the figures so far; None if the network was stopped before it was set up."""
        if self.observer is None:
            return None
        watch, observer = self.watch, self.observer
        return Summary(
            observer.ledger,
            observer.sites,
            self.state.boards,
            watch.payments,
            watch.names,
            watch.loss_gain_nats,
        )

    async def _warm_up(self, observer: Observer) -> None:
        """Make blocks until every subnet has had an epoch with the validators' stake in it, which gives them
        permits, and none is about to have the next one: their first epoch shall be a whole one.
        """
        due = dict(observer.next_epoch_block)

        def early(netuid: int) -> bool:
            following = observer.next_epoch_block[netuid]
            return following > due[netuid] and following - self.clock.block > MARGIN_BLOCKS

        while not all(early(netuid) for netuid in due):
            await self.clock.seal()
            await asyncio.to_thread(observer.catch_up, self.clock.block)
        observer.counting = True
        self.clock.sealed = observer.catch_up
        self.clock.hold = lambda block: self._missing(observer, block)
        self.clock.last = lambda block: block in observer.next_epoch_block.values()

    def _missing(self, observer: Observer, block: int) -> str:
        """Return what the block has to wait for, or ""."""
        for site in observer.sites:
            due = observer.next_epoch_block[site.netuid]
            missing = self.watch.missing(site.netuid, observer.epoch_index[site.netuid], block - 1, due)
            if missing:
                return missing
        return ""

    async def _epochs(self, observer: Observer) -> None:
        """Let blocks come until the epochs asked for have run and their payments were compared."""
        self.clock.steady.set()
        wanted = self.plan.epochs
        seats = len(observer.sites) * self.plan.validators

        def ran() -> bool:
            return all(observer.epochs.get(site.netuid, 0) >= (wanted or 1) for site in observer.sites)

        await self._until(lambda: wanted is not None and ran())
        self.clock.hold = lambda block: "the end"
        self.clock.last = lambda block: True
        with suppress(TimeoutError):
            async with asyncio.timeout(SETTLE_S):
                await self._until(lambda: len(self.watch.payments) >= seats * (wanted or 1))

    async def _until(self, reached: Callable[[], bool]) -> None:
        while not reached():
            self.changed()
            await asyncio.sleep(LOOK_AGAIN_S)


async def ended(task: asyncio.Task[Any]) -> None:
    """Cancel a task and wait for its end; what it may have raised was raised elsewhere already."""
    task.cancel()
    await asyncio.wait({task})
