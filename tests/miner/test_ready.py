"""/health and /ready over sockets, from the first moment of a miner's life to the last."""

import asyncio
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from meritnet.chain.errors import MeritnetError
from meritnet.chain.keys import KeyPair
from meritnet.miner.health import CHAIN_SEEN_WITHIN_S, LOADING, STOPPING, Health
from meritnet.miner.listener import Limits
from meritnet.miner.run import MinerService
from meritnet.subnets.base import Route

Scenario = Callable[..., None]
AWAY = "the chain has not been seen of late"


async def page(url: str, path: str, method: str = "GET") -> tuple[int, Any]:
    """One request on a connection of its own."""
    async with aiohttp.ClientSession() as session, session.request(method, url + path) as reply:
        return reply.status, json.loads(await reply.read())


def ready(health: Health) -> None:
    health.role_started = health.registered = health.announced = True
    health.chain_seen_at_s = time.monotonic()


class SlowToLoad:
    """A role whose model is loaded when ``loaded`` is set, or fails to."""

    artifacts = None
    chat = None

    def __init__(self) -> None:
        self.loading, self.loaded = asyncio.Event(), asyncio.Event()
        self.routes = {"/echo": Route(self._echo, 100)}

    async def start(self) -> None:
        self.loading.set()
        await self.loaded.wait()
        raise MeritnetError("the model cannot be read")

    async def stop(self) -> None: ...

    async def _echo(self, body: bytes) -> bytes:
        return body


def test_while_the_model_loads_a_miner_lives_and_is_not_ready(tmp_path: Path) -> None:
    nothing: Any = None

    async def scenario() -> None:
        role = SlowToLoad()
        service = MinerService(nothing, 1, KeyPair.from_uri("//Bob"), role, data_dir=tmp_path)
        starting = asyncio.create_task(service.start())
        await role.loading.wait()
        assert await page(service.url, "/health") == (200, {"status": "ok", "hotkey": service.hotkey})
        status, told = await page(service.url, "/ready")
        assert (status, told["ready"], told["missing"][0]) == (503, False, LOADING)
        assert await page(service.url, "/echo", "POST") == (503, {"error": LOADING})
        role.loaded.set()
        with pytest.raises(MeritnetError, match="cannot be read"):
            await starting
        with pytest.raises(aiohttp.ClientConnectionError):
            await page(service.url, "/health")

    async def bounded() -> None:
        async with asyncio.timeout(30):
            await scenario()

    asyncio.run(bounded())


def test_a_miner_is_ready_while_nothing_is_missing(bench: Scenario) -> None:
    async def scenario(on: Any) -> None:
        assert (await page(on.url, "/ready"))[1]["missing"] == [
            LOADING,
            "the hotkey is not registered",
            "the endpoint is not on the chain",
            AWAY,
        ]
        ready(on.health)
        assert await page(on.url, "/ready") == (200, {"ready": True, "missing": []})
        on.health.chain_seen_at_s = time.monotonic() - CHAIN_SEEN_WITHIN_S - 1
        assert await page(on.url, "/ready") == (503, {"ready": False, "missing": [AWAY]})
        assert (await page(on.url, "/health"))[0] == 200

    bench(scenario)


def test_while_it_drains_a_miner_answers_what_it_has_begun_and_nothing_new(bench: Scenario) -> None:
    async def scenario(on: Any) -> None:
        ready(on.health)
        begun = asyncio.create_task(on.ask("/slow"))
        await on.until(lambda: on.admission.running)
        stopping = asyncio.create_task(on.server.stop())
        await on.until(lambda: on.health.closed)
        assert await page(on.url, "/ready") == (503, {"ready": False, "missing": [STOPPING]})
        assert (await page(on.url, "/health"))[0] == 200
        refused = await on.ask("/echo")
        assert (refused.status, refused.error, refused.header("Retry-After")) == (503, STOPPING, "5")
        assert not stopping.done()
        on.role.release.set()
        assert (await begun).status == 200
        await stopping
        with pytest.raises(aiohttp.ClientConnectionError):
            await page(on.url, "/health")

    bench(scenario)


def test_a_drain_has_an_end(bench: Scenario) -> None:
    async def scenario(on: Any) -> None:
        begun = asyncio.create_task(on.ask("/slow"))
        await on.until(lambda: on.admission.running)
        await on.server.stop()
        with pytest.raises(aiohttp.ClientError):
            await begun
        assert on.role.handled == 0

    bench(scenario, limits=Limits(drain_s=0.05))
