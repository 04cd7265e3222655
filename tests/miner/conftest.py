"""A miner's server on a loopback socket, with a role that echoes and counts."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from meritnet.chain.keys import KeyPair
from meritnet.miner.addresses import Proxies
from meritnet.miner.admission import Admission, Peer, Policy
from meritnet.miner.auth import ReplayStore, Verifier
from meritnet.miner.clients import Clients
from meritnet.miner.health import Health
from meritnet.miner.listener import Limits
from meritnet.miner.server import MinerServer
from meritnet.miner.traced import TracedServer
from meritnet.subnets import wire
from meritnet.subnets.artifacts import ArtifactStore
from meritnet.subnets.base import ChatBackend, ChatReply, InvalidRequest, Route
from meritnet.subnets.tracing import OFF, Traces

MINER = KeyPair.from_uri("//Bob")
VALIDATOR = KeyPair.from_uri("//Alice")
STRANGER = KeyPair.from_uri("//Eve")
UNPERMITTED = KeyPair.from_uri("//Dave")


class EchoChat:
    """Says back what it was asked."""

    max_request_bytes = 4096

    async def models(self) -> ChatReply:
        return ChatReply(200, "application/json", b'{"object": "list", "data": [{"id": "echo"}]}')

    async def complete(self, body: bytes) -> ChatReply:
        async def events() -> AsyncIterator[bytes]:
            yield b"data: " + body + b"\n\n"
            yield b"data: [DONE]\n\n"

        if json.loads(body).get("stream"):
            return ChatReply(200, "text/event-stream", events=events())
        return ChatReply(200, "application/json", body)

    async def complete_text(self, body: bytes) -> ChatReply:
        return ChatReply(200, "application/json", b"text: " + body)


class EchoRole:
    """Counts what reaches it; ``/slow`` answers when ``release`` is set."""

    def __init__(self, artifacts: ArtifactStore | None = None, chat: ChatBackend | None = None) -> None:
        self.handled = 0
        self.release = asyncio.Event()
        self.artifacts = artifacts
        self.chat = chat
        self.routes: Mapping[str, Route] = {
            "/echo": Route(self._echo, 1024),
            "/json": Route(self._json, 1 << 20),
            "/slow": Route(self._slow, 1024),
            "/broken": Route(self._broken, 1024),
        }

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    async def _echo(self, body: bytes) -> bytes:
        self.handled += 1
        return body

    async def _json(self, body: bytes) -> bytes:
        try:
            json.loads(body)
        except ValueError as error:
            raise InvalidRequest("the request is no JSON") from error
        return await self._echo(body)

    async def _slow(self, body: bytes) -> bytes:
        await self.release.wait()
        return await self._echo(body)

    async def _broken(self, body: bytes) -> bytes:
        raise ZeroDivisionError(f"a bug in a subnet, at {body!r}")


@dataclass
class Reply:
    """A response read whole."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    @property
    def error(self) -> str:
        return str(json.loads(self.body)["error"])

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)


@dataclass
class Bench:
    """A running server, and what is needed to talk to it."""

    server: MinerServer
    role: EchoRole
    admission: Admission
    health: Health
    store: ReplayStore
    session: aiohttp.ClientSession
    nonces: Iterator[int] = field(default_factory=lambda: iter(range(time.time_ns(), 2**63)))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.port}"

    def sign(
        self, path: str, body: bytes = b"hello", pair: KeyPair = VALIDATOR, method: str = "POST", **other: Any
    ) -> wire.SignedRequest:
        nonce_ns = other.get("nonce_ns") or next(self.nonces)
        return wire.sign_request(pair, method, path, body, other.get("receiver", MINER.address), nonce_ns)

    async def send(self, method: str, path: str, body: Any, headers: Mapping[str, str]) -> Reply:
        async with self.session.request(method, self.url + path, data=body, headers=headers) as response:
            return Reply(response.status, list(response.headers.items()), await response.read())

    async def until(self, condition: Callable[[], object]) -> None:
        """Gives way to the server until something holds inside it."""
        while not condition():  # noqa: ASYNC110 - the server's inside has no event to wait for
            await asyncio.sleep(0)

    async def ask(self, path: str, body: bytes = b"hello", **other: Any) -> Reply:
        """A signed POST (or another ``method``) whose response's signature must hold."""
        request = self.sign(path, body, **other)
        reply = await self.send(request.method, path, body, request.headers)
        if reply.header(wire.RESPONSE_SIGNATURE) is not None:
            wire.read_response(request, reply.status, reply.headers, sha256(reply.body).hexdigest())
        return reply


@asynccontextmanager
async def serving(
    directory: Path,
    policy: Policy | None = None,
    limits: Limits | None = None,
    *,
    chat: bool | ChatBackend = False,
    clients: Clients | None = None,
    proxies: Proxies | None = None,
    traces: Traces = OFF,
) -> AsyncIterator[Bench]:
    """A server that knows a permitted validator and an unpermitted hotkey, both with stake."""
    role = EchoRole(ArtifactStore(directory / "artifacts"), EchoChat() if chat is True else chat or None)
    admission = Admission(policy or Policy(requests_per_s=1000, burst=1000), time.monotonic)
    admission.update(
        [(VALIDATOR.address, Peer(1, True, 5 * 10**9)), (UNPERMITTED.address, Peer(2, False, 7 * 10**9))]
    )
    store = ReplayStore(directory / "nonces", time.time_ns())
    health = Health()
    made = partial(TracedServer, traces=traces, netuid=1) if traces.is_on else MinerServer
    server = made(
        MINER,
        role,
        admission,
        Verifier(MINER.address, store, time.time_ns),
        health,
        host="127.0.0.1",
        port=0,
        clients=clients,
        proxies=proxies,
        limits=limits,
    )
    await server.start()
    try:
        timeout = aiohttp.ClientTimeout(total=20)
        async with aiohttp.ClientSession(timeout=timeout, auto_decompress=False) as session:
            yield Bench(server, role, admission, health, store, session)
    finally:
        role.release.set()
        await server.stop()
        store.close()


@pytest.fixture
def bench(tmp_path: Path) -> Callable[..., None]:
    """Runs ``scenario(bench)`` against a server; options go to ``serving``."""

    def run(scenario: Callable[[Bench], Coroutine[Any, Any, None]], **options: Any) -> None:
        async def main() -> None:
            async with asyncio.timeout(30), serving(tmp_path, **options) as started:
                await scenario(started)

        asyncio.run(main())

    return run


@pytest.fixture
def serving_at() -> Callable[..., Any]:
    """``serving`` itself, for a test that brings its own loop."""
    return serving
