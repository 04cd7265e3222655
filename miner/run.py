"""A miner's life: open the server, load the role, be on the chain, drain and stop.

Use in a program of your own::

    service = MinerService(chain, netuid, pair, role, data_dir=directory)
    await service.start()
    ...
    await service.stop()

or ``await run_miner(service, stop)``, which does both.
"""

from __future__ import annotations

import asyncio
import time
from functools import partial
from pathlib import Path

from meritnet.chain.client.client import Chain
from meritnet.chain.keys import KeyPair
from meritnet.miner import events
from meritnet.miner.addresses import Proxies
from meritnet.miner.admission import Admission, Policy
from meritnet.miner.announce import LOOK_EVERY_S, Presence
from meritnet.miner.auth import ReplayStore, Verifier
from meritnet.miner.clients import Clients
from meritnet.miner.health import LOADING, Health
from meritnet.miner.listener import Limits
from meritnet.miner.server import MinerServer
from meritnet.miner.traced import TracedServer
from meritnet.subnets.base import MinerRole
from meritnet.subnets.tracing import OFF, Traces


class MinerService:
    """One hotkey's miner in one subnet: role, server and presence on the chain."""

    def __init__(
        self,
        chain: Chain,
        netuid: int,
        pair: KeyPair,
        role: MinerRole,
        *,
        data_dir: Path,
        host: str = "127.0.0.1",
        port: int = 0,
        announced_ip: str | None = None,
        clients: Clients | None = None,
        proxies: Proxies | None = None,
        policy: Policy | None = None,
        limits: Limits | None = None,
        report: events.Report = events.ignore,
        look_every_s: float = LOOK_EVERY_S,
        traces: Traces = OFF,
    ) -> None:
        self.netuid = netuid
        self.hotkey = str(pair.address)
        self.role = role
        self.health = Health()
        self.admission = Admission(policy or Policy(), time.monotonic)
        self._announced_ip = announced_ip or host
        self._report = report
        self._store = ReplayStore(data_dir / "nonces", time.time_ns())
        made = partial(TracedServer, traces=traces, netuid=netuid) if traces.is_on else MinerServer
        self.server = made(
            pair,
            role,
            self.admission,
            Verifier(self.hotkey, self._store, time.time_ns),
            self.health,
            host=host,
            port=port,
            clients=clients,
            proxies=proxies,
            limits=limits,
        )
        self.presence = Presence(
            chain, netuid, pair, self.admission, self.health, report, look_every_s=look_every_s
        )

    @property
    def url(self) -> str:
        """Where the server listens, once it is started."""
        return f"http://{self.server.host}:{self.server.port}"

    async def start(self) -> None:
        """Opens the port, loads the role, announces the port. When any of that fails, the rest is undone.

        Until the role is loaded every request is refused, and ``/ready`` says why.

        Raises ``MeritnetError``: the port is taken, the hotkey is not registered, the chain refuses the
        address.
        """
        self.health.closed = LOADING
        try:
            await self.server.start()
            await self.role.start()
            self.health.role_started, self.health.closed = True, ""
            self._report(events.Serving(self.netuid, self.hotkey, self.url))
            await self.presence.start(self._announced_ip, self.server.port)
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Takes no more requests, lets those in flight end, stops the role."""
        await self.presence.stop()
        await self.server.stop()
        if self.health.role_started:
            self.health.role_started = False
            await self.role.stop()
        self._store.close()


async def run_miner(service: MinerService, stop: asyncio.Event) -> None:
    """Serves until ``stop`` is set, then drains."""
    await service.start()
    try:
        await stop.wait()
    finally:
        await service.stop()
