"""Miners for validators to ask: honest ones behind the real server, hostile ones behind a bare socket."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from meritnet.chain.client.client import Chain
from meritnet.chain.client.metagraph import Axon
from meritnet.chain.client.neurons import burned_register
from meritnet.chain.client.stake import add_stake
from meritnet.chain.client.subnets import register_subnet, start_subnet
from meritnet.chain.keys import KeyPair
from meritnet.chain.node.node import Node
from meritnet.chain.node.seal import Instant, Manual
from meritnet.chain.rpc.session import Session
from meritnet.chain.types import BlockNumber
from meritnet.miner.admission import Admission, Peer, Policy
from meritnet.miner.auth import ReplayStore, Verifier
from meritnet.miner.health import Health
from meritnet.miner.server import MinerServer
from meritnet.miner.traced import TracedServer
from meritnet.subnets.artifacts import ArtifactStore
from meritnet.subnets.base import Answer, ArtifactRef, InvalidAnswer, Route, Score, Task
from meritnet.subnets.tracing import OFF, Traces
from meritnet.validator.ask import Asker, Target
from meritnet.validator.run import Validator

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
        self,
        uid: int,
        answer: Callable[[bytes], Awaitable[bytes]],
        *,
        admits: KeyPair = VALIDATOR,
        traces: Traces = OFF,
        clock_ns: Callable[[], int] = time.time_ns,
    ) -> tuple[Target, Role]:
        """An honest server around an answer."""
        pair = KeyPair.from_uri(f"//miner{uid}")
        role = Role(answer, ArtifactStore(self.directory / f"miner{uid}"))
        admission = Admission(Policy(), time.monotonic)
        admission.update([(admits.address, Peer(99, True, 10**9))])
        verifier = Verifier(pair.address, ReplayStore(None, clock_ns()), clock_ns)
        made = partial(TracedServer, traces=traces, netuid=1) if traces.is_on else MinerServer
        server = made(pair, role, admission, verifier, Health(), host="127.0.0.1", port=0)
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


TAO = 10**9
SECRET = b"the right answer to "


class Quiz:
    """A subnet kind in a few lines: the right answer earns 1, half of it a fifth, anything else nothing."""

    def task(self, seed: bytes, uid: int) -> Task:
        return Task("/task", seed + bytes([uid]), 5.0, 1000)

    def artifacts(self, task: Task, answer: Answer) -> list[ArtifactRef]:
        return []

    async def score(self, task: Task, answer: Answer, artifacts: Mapping[str, Path]) -> Score:
        right = SECRET + task.body
        if answer.body == right:
            return Score(1.0, "right")
        if answer.body == right[: len(right) // 2]:
            return Score(0.1, "half right")
        raise InvalidAnswer("wrong")

    @staticmethod
    async def diligent(body: bytes) -> bytes:
        return SECRET + body

    @staticmethod
    async def lazy(body: bytes) -> bytes:
        right = SECRET + body
        return right[: len(right) // 2]

    @staticmethod
    def role(answer: Callable[[bytes], Awaitable[bytes]], directory: Path) -> Role:
        return Role(answer, ArtifactStore(directory / "artifacts"))


@pytest.fixture
def quiz() -> Quiz:
    return Quiz()


@dataclass(frozen=True)
class Town:
    """A chain in this process with one started subnet, two staked validators and three miners."""

    node: Node
    netuid: int
    owner: KeyPair
    validators: list[KeyPair]
    miners: list[KeyPair]
    directory: Path

    def connect(self) -> Chain:
        """A connection of one's own."""
        return Chain.in_process(lambda send: Session(self.node, send, dev=True))

    @contextmanager
    def instant(self) -> Iterator[None]:
        """Blocks as soon as something waits, for transactions outside an event loop."""
        self.node.set_seal(Instant())
        try:
            yield
        finally:
            self.node.set_seal(Manual())

    async def pump(self, validators: Sequence[Validator], until: Callable[[], bool]) -> None:
        """Seals what waits at once, and empty blocks when no validator is behind or holds the chain: without
        any validator there are none, so that how long others take to start moves no epoch."""
        while not until():
            head = self.node.head.number
            duties = [validator.duty for validator in validators]
            level = duties and all(duty and duty.block == head and not duty.holds_chain for duty in duties)
            if self.node.pending() or level:
                await asyncio.to_thread(self.node.seal)
            else:
                await asyncio.sleep(0.001)  # the validators work in threads of their own


@pytest.fixture
def town(node: Node, tmp_path: Path) -> Town:
    """Alice's subnet; Bob and Charlie validate with 3,000 and 1,000 TAO; Dave, Eve and Ferdie mine."""
    owner, *others = (
        KeyPair.from_uri(f"//{name}") for name in ("Alice", "Bob", "Charlie", "Dave", "Eve", "Ferdie")
    )
    hotkeys = [KeyPair.from_uri(f"//{name}//hotkey") for name in ("Bob", "Charlie", "Dave", "Eve", "Ferdie")]
    made = Town(node, 1, owner, hotkeys[:2], hotkeys[2:], tmp_path)
    with made.connect() as chain, made.instant():
        netuid, _ = register_subnet(chain, owner, KeyPair.from_uri("//Alice//hotkey").address)
        assert netuid == made.netuid
        start_subnet(chain, owner, netuid)
        for coldkey, hotkey in zip(others, hotkeys, strict=True):
            burned_register(chain, netuid, coldkey, hotkey.address)
        for coldkey, hotkey, tao in zip(others[:2], hotkeys[:2], (3000, 1000), strict=True):
            add_stake(chain, coldkey, hotkey.address, netuid, tao * TAO)
    return made
