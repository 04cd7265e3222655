"""The neurons of a local network, each a process: the same commands that a person would type."""

import asyncio
import dataclasses
import json
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any

from meritnet.chain.errors import MeritnetError
from meritnet.localnet.crew import VALIDATION
from meritnet.localnet.network import Site
from meritnet.localnet.plan import Neuron
from meritnet.localnet.station import ended
from meritnet.localnet.view import State
from meritnet.subnets.models.loading import Loading
from meritnet.validator import events
from meritnet.validator.events import Event

ANNOUNCE_S = 600.0
"""For loading the model and training, several processes at once."""
EVENTS = {
    kind.__name__: kind
    for kind in vars(events).values()
    if isinstance(kind, type) and issubclass(kind, Event) and kind is not Event
}


class IsolatedCrew:
    """Every neuron of every subnet is a process; what it prints as JSON is what it reports."""

    def __init__(
        self, endpoint: str, loading: Loading, folder: Path, state: State, take: Callable[[Event], None]
    ) -> None:
        self._common = ["--endpoint", endpoint, "--json", *loading.options]
        self._folder = folder
        self._state = state
        self._take = take
        self._processes: list[asyncio.subprocess.Process] = []
        self._readers: list[asyncio.Task[None]] = []

    async def start_miners(self, sites: Sequence[Site], miners: Sequence[Neuron]) -> None:
        """Start all miners at once and wait until each has announced its address."""
        await asyncio.gather(*(self._miner(site, miner) for site in sites for miner in miners))

    async def start_validators(self, sites: Sequence[Site], validators: Sequence[Neuron]) -> None:
        """Start all validators and take their events in."""
        for site in sites:
            for neuron in validators:
                options = ["--steps", str(VALIDATION.steps_per_epoch)]
                process = await self._start("validator", site, neuron, options)
                self._readers.append(asyncio.create_task(self._report(process)))

    async def stop(self) -> None:
        """End all processes, the newest first."""
        for reader in self._readers:
            reader.cancel()
        await asyncio.gather(*self._readers, return_exceptions=True)
        await asyncio.gather(*(ended(process) for process in reversed(self._processes)))

    async def _miner(self, site: Site, neuron: Neuron) -> None:
        options = ["--port", "0", *(["--lazy"] if neuron.lazy else [])]
        process = await self._start("miner", site, neuron, options)
        try:
            async with asyncio.timeout(ANNOUNCE_S):
                async for line in _objects(process):
                    if line.get("event") == "Announced":
                        self._readers.append(asyncio.create_task(_drained(process)))
                        return
        except TimeoutError:
            raise MeritnetError(f"{neuron.name}'s miner was not ready within {ANNOUNCE_S:g} s") from None
        raise MeritnetError(f"{neuron.name}'s miner of {site.subnet.kind} ended before it was announced")

    async def _start(
        self, role: str, site: Site, neuron: Neuron, options: Sequence[str]
    ) -> asyncio.subprocess.Process:
        home = self._folder / neuron.name.lower() / f"subnet-{site.netuid}"
        home.mkdir(parents=True, exist_ok=True)
        where = ["--netuid", str(site.netuid), "--kind", site.subnet.kind, "--data-dir", str(home)]
        command = [role, "run", *where, "--wallet", neuron.coldkey_uri, *options, *self._common]
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "meritnet",
            *command,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        self._processes.append(process)
        return process

    async def _report(self, process: asyncio.subprocess.Process) -> None:
        async for line in _objects(process):
            event = event_of(line)
            if event is not None:
                self._take(event)


def event_of(line: dict[str, object]) -> Event | None:
    """Return the event that a validator printed, or None for anything else."""
    kind = EVENTS.get(str(line.get("event")))
    if kind is None:
        return None
    values: dict[str, Any] = {
        item.name: line[item.name] for item in dataclasses.fields(kind) if item.name in line
    }
    if isinstance(weights := values.get("weights"), dict):
        values["weights"] = {int(uid): share for uid, share in weights.items()}  # JSON's keys are texts
    event: Event = kind(**values)
    return event


async def _objects(process: asyncio.subprocess.Process) -> AsyncIterator[dict[str, object]]:
    assert process.stdout is not None
    while line := await process.stdout.readline():
        try:
            found = json.loads(line)
        except ValueError:
            continue
        if isinstance(found, dict):
            yield found


async def _drained(process: asyncio.subprocess.Process) -> None:
    async for _ in _objects(process):
        pass
