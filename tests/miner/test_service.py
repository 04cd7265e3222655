"""A miner on a real chain in this process: announced, followed, told when it falls out, drained on stop."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from meritnet.chain.client.client import Chain
from meritnet.chain.client.neurons import burned_register
from meritnet.chain.client.stake import add_stake
from meritnet.chain.client.subnets import register_subnet, start_subnet
from meritnet.chain.errors import MeritnetError, UsageError
from meritnet.chain.keys import KeyPair
from meritnet.chain.node.node import Node
from meritnet.chain.node.seal import Instant
from meritnet.chain.rpc.session import Session
from meritnet.miner import events
from meritnet.miner.announce import announced_ip
from meritnet.miner.run import MinerService
from meritnet.subnets import wire
from meritnet.subnets.base import Route

pytestmark = pytest.mark.slow
OWNER, BOB, DAVE = (KeyPair.from_uri(f"//{name}") for name in ("Alice", "Bob", "Dave"))
MINER = KeyPair.from_uri("//Dave//hotkey")
VALIDATOR = KeyPair.from_uri("//Bob//hotkey")


class Role:
    """Echoes; says whether it was started and stopped."""

    artifacts = None
    chat = None

    def __init__(self) -> None:
        self.life: list[str] = []
        self.routes = {"/echo": Route(self._echo, 100)}

    async def start(self) -> None:
        self.life.append("start")

    async def stop(self) -> None:
        self.life.append("stop")

    async def _echo(self, body: bytes) -> bytes:
        return body


@pytest.fixture
def chain(node: Node) -> Any:
    """A chain that seals at once, with subnet 1 in which Bob's hotkey has stake."""
    node.set_seal(Instant())
    with Chain.in_process(lambda send: Session(node, send)) as found:
        register_subnet(found, OWNER, KeyPair.from_uri("//Alice//hotkey").address)
        start_subnet(found, OWNER, 1)
        burned_register(found, 1, BOB, VALIDATOR.address)
        add_stake(found, BOB, VALIDATOR.address, 1, 10**12)
        yield found


def run(scenario: Callable[[], Awaitable[None]]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(30):
            await scenario()

    asyncio.run(bounded())


async def ask(service: MinerService, pair: KeyPair) -> int:
    request = wire.sign_request(pair, "POST", "/echo", b"hello", MINER.address, time.time_ns())
    async with (
        aiohttp.ClientSession() as session,
        session.post(service.url + "/echo", data=b"hello", headers=request.headers) as response,
    ):
        body = await response.read()
        wire.read_response(request, response.status, response.headers.items(), sha256(body).hexdigest())
        return response.status


def test_a_miner_announces_itself_serves_and_stops(chain: Chain, tmp_path: Path) -> None:
    told: list[events.Event] = []
    role = Role()

    async def scenario() -> None:
        await asyncio.to_thread(burned_register, chain, 1, DAVE, MINER.address)
        service = MinerService(chain, 1, MINER, role, data_dir=tmp_path, report=told.append)
        await service.start()
        axon = chain.metagraph(1).axons[service.presence.uid or 0]
        assert (axon.ip, axon.port) == ("127.0.0.1", service.server.port)
        assert await ask(service, VALIDATOR) == 200  # it has stake, and nobody has a permit yet
        assert await ask(service, MINER) == 403
        assert service.health.missing(time.monotonic()) == []

        sent = sum(isinstance(event, events.Announced) for event in told)
        assert await service.presence.look()
        assert sum(isinstance(event, events.Announced) for event in told) == sent == 1
        await service.stop()

    run(scenario)
    assert role.life == ["start", "stop"]
    assert [type(event) for event in told[:3]] == [events.Serving, events.Announced, events.Seen]


def test_a_hotkey_without_a_place_is_told_how_to_get_one(chain: Chain, tmp_path: Path) -> None:
    role = Role()

    async def scenario() -> None:
        service = MinerService(chain, 1, MINER, role, data_dir=tmp_path)
        with pytest.raises(MeritnetError, match="is not registered on subnet 1") as error:
            await service.start()
        assert error.value.hint == "`meritnet miner register --netuid 1` registers it"
        with pytest.raises(aiohttp.ClientConnectionError):
            await ask(service, VALIDATOR)

    run(scenario)
    assert role.life == ["start", "stop"]


@pytest.mark.parametrize(
    ("host", "external", "local", "expected"),
    [
        ("127.0.0.1", None, True, "127.0.0.1"),
        ("0.0.0.0", None, True, "127.0.0.1"),
        ("0.0.0.0", "8.8.4.4", False, "8.8.4.4"),
        ("203.0.113.9", None, False, "203.0.113.9"),
        ("127.0.0.1", None, False, "cannot reach"),
        ("0.0.0.0", None, False, "cannot reach"),
        ("0.0.0.0", "example.org", False, "no IP address"),
    ],
)
def test_the_address_on_the_chain_is_one_that_others_reach(
    host: str, external: str | None, local: bool, expected: str
) -> None:
    if " " in expected:
        with pytest.raises(UsageError, match=expected):
            announced_ip(host, external, chain_is_local=local)
    else:
        assert announced_ip(host, external, chain_is_local=local) == expected
