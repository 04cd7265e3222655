"""A validator's /health, /ready and /metrics over a socket, also while its chain is away."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from prometheus_client.parser import text_string_to_metric_families

from meritnet.chain.errors import MeritnetError, TransportError
from meritnet.chain.keys import KeyPair
from meritnet.validator.health import AWAY, LOADING, STOPPING, UNREGISTERED, UNSEEN, Health
from meritnet.validator.metrics import Metrics
from meritnet.validator.pages import pages
from meritnet.validator.run import Options, Validator
from meritnet.validator.status import figures, missing

HOTKEY = KeyPair.from_uri("//Bob").address


def page(port: int, path: str, **headers: str) -> tuple[int, Any]:
    """The status and the body, as JSON where it is."""
    try:
        with urlopen(Request(f"http://127.0.0.1:{port}{path}", headers=headers), timeout=5) as reply:
            status, body = reply.status, reply.read()
    except HTTPError as error:
        with error:
            status, body = error.code, error.read()
    return status, json.loads(body) if body.startswith(b"{") else body.decode()


@pytest.fixture
def shown() -> Iterator[tuple[int, Health]]:
    health, metrics = Health(), Metrics()
    metrics.watch(1, HOTKEY, health)
    with pages(0, HOTKEY, health, metrics) as port:
        yield port, health


def test_a_validator_is_ready_while_nothing_is_missing(shown: tuple[int, Health]) -> None:
    port, health = shown
    assert page(port, "/health") == (200, {"status": "ok", "hotkey": HOTKEY})
    assert page(port, "/ready") == (503, {"ready": False, "missing": [UNSEEN]})
    health.seen()
    assert page(port, "/ready") == (200, {"ready": True, "missing": []})
    for name, line in (
        ("chain_is_away", AWAY),
        ("unregistered", UNREGISTERED),
        ("loading", LOADING),
        ("stopping", STOPPING),
    ):
        setattr(health, name, True)
        assert page(port, "/ready") == (503, {"ready": False, "missing": [line]})
        assert missing(port) == (line,)
        assert "\nmeritnet_validator_ready" in page(port, "/metrics")[1]
        assert page(port, "/health")[0] == 200
        setattr(health, name, False)
    assert figures(port) == {}


def test_only_the_first_drawing_of_tasks_loads_a_model() -> None:
    health = Health()
    health.seen()
    with suppress(MeritnetError), health.drawing():
        assert health.missing == [LOADING]
        raise MeritnetError("no model")
    assert health.missing == []
    with health.drawing():
        assert health.missing == [LOADING]
    with health.drawing():
        assert health.missing == []


def test_the_pages_are_for_programs_of_this_machine(shown: tuple[int, Health]) -> None:
    port, _ = shown
    assert page(port, "/metrics", Host="evil.example:80")[0] == 403
    assert page(port, "/metrics", Origin="http://evil.example")[0] == 403
    assert page(port, "/secrets")[0] == 404


def test_a_port_that_is_taken_is_one_line(shown: tuple[int, Health]) -> None:
    port, health = shown
    with (
        pytest.raises(MeritnetError, match=f"cannot listen on 127.0.0.1:{port}") as error,
        pages(port, HOTKEY, health, Metrics()),
    ):
        pass
    assert error.value.hint == "choose another --metrics-port"


@pytest.mark.slow
def test_a_life_is_ready_from_the_first_look_until_the_chain_goes_or_it_is_stopped(
    town: Any, quiz: Any, tmp_path: Path
) -> None:
    """With nothing to do but look: no miner is there."""

    async def scenario() -> None:
        stop = asyncio.Event()
        with town.connect() as chain:
            metrics = Metrics()
            options = Options(retry_s=0.05)
            pair = town.validators[0]
            validator = Validator(chain, 1, pair, quiz, tmp_path, options=options, report=metrics.take)
            metrics.watch(1, validator.address, validator.health)
            with pages(0, validator.address, validator.health, metrics) as port:
                assert missing(port) == (UNSEEN,)
                living = asyncio.create_task(validator.run(stop))
                await until(lambda: not validator.health.missing)
                assert await asyncio.to_thread(missing, port) == ()
                asked = chain.head

                def away() -> int:
                    raise TransportError("the node has gone")

                chain.head = away
                await until(lambda: validator.health.chain_is_away)
                assert await asyncio.to_thread(missing, port) == (AWAY,)
                chain.head = asked
                await until(lambda: not validator.health.missing)
                stop.set()
                await until(lambda: validator.health.stopping)
                assert STOPPING in await asyncio.to_thread(missing, port)
                await living
                page_text = (await asyncio.to_thread(page, port, "/metrics"))[1]
        families = {found.name: found for found in text_string_to_metric_families(page_text)}
        (age,) = families["meritnet_validator_chain_age_seconds"].samples
        assert 0 <= age.value < 60
        assert families["meritnet_validator_troubles"].samples[0].value >= 1

    async def bounded() -> None:
        async with asyncio.timeout(60):
            await scenario()

    asyncio.run(bounded())


async def until(condition: Any) -> None:
    """Gives way until something holds; the deadline is the test's."""
    while not condition():  # noqa: ASYNC110 - the validator works in threads of its own
        await asyncio.sleep(0.01)
