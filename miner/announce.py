"""The miner and the chain: be registered, have the right address there, know who may ask.

A background loop looks at the metagraph and hands it to the admission; requests never wait for the chain.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import astuple
from ipaddress import ip_address
from typing import TypeVar

import structlog

from meritnet.chain.client.client import Chain
from meritnet.chain.client.metagraph import Metagraph
from meritnet.chain.client.neurons import serve_axon
from meritnet.chain.errors import MeritnetError, UsageError
from meritnet.chain.keys import KeyPair
from meritnet.miner import events
from meritnet.miner.admission import Admission, Peer
from meritnet.miner.health import Health, Standing

LOOK_EVERY_S = 6.0
"""Between two looks at the metagraph: half a block of the public chain."""

_Result = TypeVar("_Result")
_log = structlog.get_logger("miner")


class Presence:
    """One hotkey's place in a subnet. ``start`` before ``stop``, ``look`` at any time between."""

    def __init__(
        self,
        chain: Chain,
        netuid: int,
        pair: KeyPair,
        admission: Admission,
        health: Health,
        report: events.Report = events.ignore,
        *,
        look_every_s: float = LOOK_EVERY_S,
    ) -> None:
        self.uid: int | None = None
        self._chain = chain
        self._netuid = netuid
        self._pair = pair
        self._address = str(pair.address)
        self._admission = admission
        self._health = health
        self._report = report
        self._look_every_s = look_every_s
        self._endpoint = ("", 0)
        self._follower: asyncio.Task[None] | None = None
        self._threads = ThreadPoolExecutor(1, thread_name_prefix=f"miner-{netuid}")

    async def start(self, ip: str, port: int) -> None:
        """Announces the address if the chain has another, then follows the metagraph in the background.

        Raises ``MeritnetError`` when the hotkey is not registered or the chain refuses the address.
        """
        self._endpoint = (ip, port)
        if not await self.look():
            raise MeritnetError(
                f"{self._address} is not registered on subnet {self._netuid}",
                f"`meritnet miner register --netuid {self._netuid}` registers it",
            )
        self._follower = asyncio.create_task(self._follow())

    async def stop(self) -> None:
        """Ends the background look."""
        if self._follower is not None:
            self._follower.cancel()
            with suppress(asyncio.CancelledError):
                await self._follower
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def look(self) -> bool:
        """Takes the newest metagraph in; whether we are on it. Raises ``ChainError``."""
        metagraph = await self._blocking(self._chain.metagraph, self._netuid)
        self._admission.update(peers(metagraph))
        self._health.chain_seen_at_s = time.monotonic()
        was, self.uid = self.uid, metagraph.uid_of(self._address)
        self._health.registered = self.uid is not None
        if self.uid is None:
            self._health.announced = False
            self._health.standing = None
            if was is not None:
                self._report(events.Deregistered(self._netuid, self._address))
            return False
        await self._announce(metagraph, self.uid)
        standing = Standing(
            self.uid,
            metagraph.block,
            float(metagraph.incentive[self.uid]),
            int(metagraph.emission_rao[self.uid]),
            int(metagraph.stake_rao[self.uid]),
        )
        self._health.standing = standing
        self._report(events.Seen(self._netuid, self._address, *astuple(standing)))
        return True

    async def _announce(self, metagraph: Metagraph, uid: int) -> None:
        """Puts our address on the chain unless it is there."""
        ip, port = self._endpoint
        axon = metagraph.axons[uid]
        if (axon.ip, axon.port) != (ip, port):
            self._health.announced = False
            await self._blocking(serve_axon, self._chain, self._netuid, self._pair, ip, port)
            self._report(events.Announced(self._netuid, self._address, uid, ip, port))
        self._health.announced = True

    async def _follow(self) -> None:
        while True:
            await asyncio.sleep(self._look_every_s)
            try:
                await self.look()
            except MeritnetError as error:
                _log.warning("trouble", doing="look at the chain", error=str(error), netuid=self._netuid)
                self._report(events.Trouble(self._netuid, self._address, "look at the chain", str(error)))

    async def _blocking(self, call: Callable[..., _Result], *arguments: object) -> _Result:
        return await asyncio.get_running_loop().run_in_executor(self._threads, call, *arguments)


def peers(metagraph: Metagraph) -> Iterable[tuple[str, Peer]]:
    """Every hotkey of the subnet with its permit and stake."""
    for uid, hotkey in enumerate(metagraph.hotkeys):
        yield (
            str(hotkey),
            Peer(uid, bool(metagraph.validator_permit[uid]), int(metagraph.stake_rao[uid])),
        )


def announced_ip(host: str, external_ip: str | None, *, chain_is_local: bool) -> str:
    """The address to put on the chain for a server that listens on ``host``.

    Raises ``UsageError`` when validators elsewhere could not reach it.
    """
    chosen = external_ip or host
    try:
        address = ip_address(chosen)
    except ValueError:
        raise UsageError(
            f"{chosen!r} is no IP address", "give the one that others see by --external-ip"
        ) from None
    if address.is_unspecified and chain_is_local:
        return "127.0.0.1"
    if address.is_unspecified or (address.is_loopback and not chain_is_local):
        raise UsageError(
            f"validators elsewhere cannot reach {chosen}", "give the address that others see by --external-ip"
        )
    return str(address)
