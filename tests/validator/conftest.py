"""Miners for validators to ask: honest ones behind the real server, hostile ones behind a bare socket."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from meritnet.chain.client.metagraph import Axon
from meritnet.chain.keys import KeyPair
from meritnet.chain.types import BlockNumber
from meritnet.miner.admission import Admission, Peer, Policy
from meritnet.miner.auth import ReplayStore, Verifier
from meritnet.miner.health import Health
from meritnet.miner.server import MinerServer
from meritnet.subnets.artifacts import ArtifactStore
from meritnet.subnets.base import Route
from meritnet.validator.ask import Asker, Target

VALIDATOR = KeyPair.from_uri("//Alice")


class Role:
    """A miner's role that applies a function to what it is asked."""

    chat = None

    def __init__(self, answer: Callable[[bytes], Awaitable[bytes]], artifacts: ArtifactStore) -> None:
        self.routes = {"/task": Route(answer, 1 << 16)}
        self.artifacts = artifacts

    async def start(self) -> None: ...

    async def stop(self) -> None: ...


class Street:
    """Where miners live for the length of a scenario."""

    def __init__(self, directory: Path, asker: Asker) -> None:
        self.asker = asker
        self.directory = directory
        self._ends: list[Callable[[], Awaitable[Any]]] = []

    async def miner(
        self, uid: int, answer: Callable[[bytes], Awaitable[bytes]], *, admits: KeyPair = VALIDATOR
    ) -> tuple[Target, Role]:
        """An honest server around an answer."""
        pair = KeyPair.from_uri(f"//miner{uid}")
        role = Role(answer, ArtifactStore(self.directory / f"miner{uid}"))
        admission = Admission(Policy(), time.monotonic)
        admission.update([(admits.address, Peer(99, True, 10**9))])
        verifier = Verifier(pair.address, ReplayStore(None, time.time_ns()), time.time_ns)
        server = MinerServer(pair, role, admission, verifier, Health(), host="127.0.0.1", port=0)
        await server.start()
        self._ends.append(server.stop)
        return target(uid, pair.address, server.port), role

    async def hostile(self, uid: int, say: bytes, *, then_wait: bool = False, endless: bytes = b"") -> Target:
        """Whatever is asked, these bytes come back."""

        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                await reader.readuntil(b"\r\n\r\n")
                writer.write(say)
                while endless:
                    writer.write(endless)
                    await writer.drain()
                if then_wait:
                    await reader.read()
            except (ConnectionError, asyncio.IncompleteReadError):
                pass
            finally:
                writer.close()

        server = await asyncio.start_server(talk, "127.0.0.1", 0)

        async def end() -> None:
            server.close()
            await server.wait_closed()

        self._ends.append(end)
        return target(uid, KeyPair.from_uri(f"//miner{uid}").address, server.sockets[0].getsockname()[1])

    async def end(self) -> None:
        """Everybody goes home."""
        for end in self._ends:
            await end()


def target(uid: int, hotkey: str, port: int, ip: str = "127.0.0.1") -> Target:
    return Target(uid, hotkey, Axon(ip, port, BlockNumber(1), 1, 4))


@asynccontextmanager
async def street(directory: Path, **options: Any) -> AsyncIterator[Street]:
    made = Asker(VALIDATOR, ArtifactStore(directory / "fetched"), **({"allow_private": True} | options))
    async with made as asker:
        here = Street(directory, asker)
        try:
            yield here
        finally:
            await here.end()


@pytest.fixture
def on_street(tmp_path: Path) -> Callable[..., None]:
    """Runs ``scenario(street)``; options go to the asker."""

    def run(scenario: Callable[[Street], Awaitable[None]], **options: Any) -> None:
        async def main() -> None:
            async with asyncio.timeout(30), street(tmp_path, **options) as here:
                await scenario(here)

        asyncio.run(main())

    return run
