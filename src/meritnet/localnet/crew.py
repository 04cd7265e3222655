"""The neurons of a local network in this process: real sockets, one loaded model."""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from meritnet.chain.client.client import Chain
from meritnet.localnet.network import Site
from meritnet.localnet.plan import Neuron
from meritnet.localnet.view import State
from meritnet.miner import events as miner_events
from meritnet.miner.run import MinerService
from meritnet.subnets.base import MinerContext, Progress, Report, ValidatorContext
from meritnet.subnets.models.loading import Loading
from meritnet.subnets.models.shared import shared_engine
from meritnet.validator.events import Event
from meritnet.validator.run import Options, Validator

VALIDATION = Options(steps_per_epoch=1, allow_private=True)
"""One step an epoch: there is one machine, and loopback is all there is to ask."""
LOOK_EVERY_S = 2.0


class Post(Protocol):
    """Where neurons run."""

    async def start_miners(self, sites: Sequence[Site], miners: Sequence[Neuron]) -> None:
        """Bring the miners up; returns when every one can be asked and has announced its address."""
        ...

    async def start_validators(self, sites: Sequence[Site], validators: Sequence[Neuron]) -> None:
        """Let the validators work."""
        ...

    async def stop(self) -> None:
        """End all of them, validators first."""
        ...


class Crew:
    """All neurons in this process. Each has its own connection to the chain; the model is loaded once."""

    def __init__(
        self, endpoint: str, loading: Loading, folder: Path, state: State, take: Callable[[Event], None]
    ) -> None:
        self._endpoint = endpoint
        self._folder = folder
        self._state = state
        self._take = take
        self._engine = shared_engine(loading, self._progress("model"))
        self._stopping = asyncio.Event()
        self._chains: list[Chain] = []
        self._miners: list[MinerService] = []
        self._validators: list[asyncio.Task[None]] = []

    async def start_miners(self, sites: Sequence[Site], miners: Sequence[Neuron]) -> None:
        """Start every miner of every subnet at once; the model is loaded by whoever needs it first."""
        for site in sites:
            for miner in miners:
                self._miners.append(await self._miner(site, miner))
        await asyncio.gather(*(service.start() for service in self._miners))

    async def start_validators(self, sites: Sequence[Site], validators: Sequence[Neuron]) -> None:
        """Start a validator's loop for every seat."""
        for site in sites:
            for neuron in validators:
                # A validator asks the chain while it is made: in the loop it would wait for itself.
                validator = await asyncio.to_thread(self._validator, site, neuron, await self._connection())
                self._validators.append(asyncio.create_task(validator.run(self._stopping)))

    async def stop(self) -> None:
        """End the validators, drain the miners, close the connections."""
        self._stopping.set()
        for task in self._validators:
            task.cancel()
        await asyncio.gather(*self._validators, return_exceptions=True)
        await asyncio.gather(*(service.stop() for service in self._miners), return_exceptions=True)
        for chain in self._chains:
            chain.close()

    async def _miner(self, site: Site, neuron: Neuron) -> MinerService:
        label = f"{neuron.name.lower()} {site.subnet.kind}"
        context = MinerContext(
            self._engine,
            self._home(site, neuron),
            neuron.hotkey_address,
            lazy=neuron.lazy,
            report=self._progress(label),
        )
        return MinerService(
            await self._connection(),
            site.netuid,
            neuron.hotkey,
            site.subnet.miner(context),
            data_dir=self._home(site, neuron),
            report=self._heard,
            look_every_s=LOOK_EVERY_S,
        )

    def _validator(self, site: Site, neuron: Neuron, chain: Chain) -> Validator:
        home = self._home(site, neuron)
        context = ValidatorContext(self._engine, home, neuron.hotkey_address)
        role = site.subnet.validator(context)
        return Validator(
            chain,
            site.netuid,
            neuron.hotkey,
            role,
            home,
            report=self._take,
            options=VALIDATION,
            kind=site.subnet.kind,
        )

    async def _connection(self) -> Chain:
        chain = await asyncio.to_thread(Chain.connect, self._endpoint)
        self._chains.append(chain)
        return chain

    def _home(self, site: Site, neuron: Neuron) -> Path:
        home = self._folder / neuron.name.lower() / f"subnet-{site.netuid}"
        home.mkdir(parents=True, exist_ok=True)
        return home

    def _heard(self, event: miner_events.Event) -> None:
        match event:
            case miner_events.Announced():
                self._state.say(f"uid {event.uid} of subnet {event.netuid} serves at {event.ip}:{event.port}")
            case miner_events.Trouble():
                self._state.say(f"a miner of subnet {event.netuid} could not {event.what}: {event.message}")

    def _progress(self, label: str) -> Report:
        def report(progress: Progress) -> None:
            self._state.show(f"{label}: {progress.stage}", progress.done, progress.total, progress.note)

        return report
