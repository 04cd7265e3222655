"""What the server lets through, and every way in which it refuses, over real sockets."""

import asyncio
import json
import os
import sys
import time
from collections.abc import Callable
from hashlib import sha256
from typing import Any

import aiohttp
import pytest

from meritnet.chain.errors import MeritnetError
from meritnet.chain.keys import KeyPair
from meritnet.miner import listener
from meritnet.miner.admission import Policy
from meritnet.miner.listener import Limits
from meritnet.subnets import wire

MINER = KeyPair.from_uri("//Bob")
STRANGER = KeyPair.from_uri("//Eve")
UNPERMITTED = KeyPair.from_uri("//Dave")

Scenario = Callable[..., None]


def test_a_signed_request_is_handled_and_its_answer_signed(bench: Scenario) -> None:
    async def scenario(on: Any) -> None:
        request = on.sign("/echo?x=%20y", b"ping")
        reply = await on.send("POST", "/echo?x=%20y", b"ping", request.headers)
        assert (reply.status, reply.body) == (200, b"ping")
        signed = wire.read_response(request, 200, reply.headers, sha256(b"ping").hexdigest())
        assert signed.responder == MINER.address

    bench(scenario)


@pytest.mark.parametrize(
    ("spoil", "kind", "says"),
    [
        (lambda headers: {}, "MalformedAuth", "X-Bittensor-Version is missing"),
        (lambda h: {**h, "X-Bittensor-Version": "2"}, "MalformedAuth", "must be 1"),
        (lambda h: {**h, "X-Bittensor-Crypto": "none"}, "MalformedAuth", "sr25519 or ed25519"),
        (lambda h: {**h, "X-Bittensor-Crypto": "ed25519"}, "BadSignature", "is not"),
        (lambda h: {**h, "X-Bittensor-Hotkey": STRANGER.address}, "BadSignature", "is not"),
        (lambda h: {**h, "X-Bittensor-Receiver": STRANGER.address}, "WrongReceiver", "is for"),
        (
            lambda h: {k: v for k, v in h.items() if k != "X-Bittensor-Receiver"},
            "WrongReceiver",
            "is for nobody",
        ),
    ],
)
def test_a_request_that_is_not_properly_signed_gets_401(
    bench: Scenario, spoil: Callable[[dict[str, str]], dict[str, str]], kind: str, says: str
) -> None:
    async def scenario(on: Any) -> None:
        reply = await on.send("POST", "/echo", b"hello", spoil(on.sign("/echo").headers))
        assert (reply.status, json.loads(reply.body)["kind"]) == (401, kind)
        assert says in reply.error
        assert reply.body.count(b"\n") == 1
        assert on.role.handled == 0

    bench(scenario)


def test_who_is_not_admitted_hears_why_and_holds_it_signed(bench: Scenario) -> None:
    async def scenario(on: Any) -> None:
        for pair, says in ((STRANGER, "is not registered"), (UNPERMITTED, "needs a validator permit")):
            request = on.sign("/echo", pair=pair)
            reply = await on.send("POST", "/echo", b"hello", request.headers)
            assert (reply.status, says in reply.error) == (403, True)
            wire.read_response(request, 403, reply.headers, sha256(reply.body).hexdigest())
        assert on.role.handled == 0

    bench(scenario)


def test_too_many_requests_get_429_and_a_time_to_return(bench: Scenario) -> None:
    async def scenario(on: Any) -> None:
        assert [(await on.ask("/echo")).status for _ in range(3)] == [200, 200, 429]
        reply = await on.ask("/echo")
        assert reply.header("Retry-After") in ("1", "2")
        assert on.role.handled == 2

    bench(scenario, policy=Policy(requests_per_s=0.5, burst=2))


def test_a_full_queue_gets_503(bench: Scenario) -> None:
    async def scenario(on: Any) -> None:
        first = asyncio.create_task(on.ask("/slow"))
        await on.until(lambda: on.admission._running)
        second = asyncio.create_task(on.ask("/slow"))
        await on.until(lambda: on.admission.queue_length)
        third = await on.ask("/slow")
        assert (third.status, third.header("Retry-After")) == (503, "1")
        on.role.release.set()
        assert [(await first).status, (await second).status] == [200, 200]
        assert on.admission._running == 0

    bench(scenario, policy=Policy(requests_per_s=1000, burst=1000, in_flight=1, waiting=1))


def test_a_body_beyond_the_route_gets_413_unread(bench: Scenario) -> None:
    async def scenario(on: Any) -> None:
        assert (await on.ask("/echo", b"x" * 1024)).status == 200
        assert (await on.ask("/echo", b"x" * 1025)).status == 413
        headers = on.sign("/echo", b"").headers
        reply = await on.send("POST", "/echo", b"", {**headers, "Content-Length": "0"})
        assert reply.status == 200
        assert on.role.handled == 2

    bench(scenario)


def test_a_connection_that_says_nothing_is_closed(bench: Scenario) -> None:
    async def scenario(on: Any) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", on.server.port)
        assert await reader.read() == b""
        writer.close()

    bench(scenario, limits=Limits(read_s=0.1))


@pytest.mark.parametrize("limits", [Limits(connections=4), Limits(connections_per_address=4)])
def test_connections_beyond_the_bound_are_closed(bench: Scenario, limits: Limits) -> None:
    async def scenario(on: Any) -> None:
        streams = [await asyncio.open_connection("127.0.0.1", on.server.port) for _ in range(6)]
        ends = [asyncio.create_task(reader.read()) for reader, _ in streams]
        done, _ = await asyncio.wait(ends, timeout=0.2)
        assert len(done) == 2
        for _, writer in streams:
            writer.close()
        await asyncio.gather(*ends, return_exceptions=True)

    bench(scenario, limits=limits)


@pytest.mark.parametrize("limits", [Limits(connections=4), Limits(connections_per_address=4)])
def test_whoever_says_nothing_makes_room_for_who_asks(bench: Scenario, limits: Limits) -> None:
    async def scenario(on: Any) -> None:
        streams = [await asyncio.open_connection("127.0.0.1", on.server.port) for _ in range(4)]
        streams[-1][1].write(b"POST /echo HTTP/1.1\r\nX-Half-A: ")
        server = on.server._runner.server
        await on.until(lambda: [handler.waits for handler in server.connections] == [True] * 4)
        assert (await on.ask("/echo")).status == 200
        assert await streams[0][0].read() == b""
        for _, writer in streams:
            writer.close()

    bench(scenario, limits=limits)


@pytest.mark.skipif(sys.platform != "linux", reason="connects from other addresses of 127.0.0.0/8")
def test_room_is_made_by_the_address_that_has_the_most(bench: Scenario) -> None:
    async def scenario(on: Any) -> None:
        server = on.server._runner.server
        streams = []
        for address in ("127.0.0.2", "127.0.0.3", "127.0.0.3", "127.0.0.4"):
            streams.append(
                await asyncio.open_connection("127.0.0.1", on.server.port, local_addr=(address, 0))
            )
            await on.until(lambda: [h.waits for h in server.connections] == [True] * len(streams))
        assert (await on.ask("/echo")).status == 200
        assert await streams[1][0].read() == b""
        assert not any(streams[other][0].at_eof() for other in (0, 2, 3)), "who has few keeps them"
        for _, writer in streams:
            writer.close()

    bench(scenario, limits=Limits(connections=4))


def test_half_of_the_files_that_may_be_open_are_left_for_the_rest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def most() -> int:
        return listener.BoundedServer(no_handler, Limits(), lambda _: False)._most

    async def no_handler(request: Any) -> Any: ...

    for openable, bound in ((64, 32), (1_024, 512), (20_000, 1_024)):
        monkeypatch.setattr(listener, "openable_files", lambda openable=openable: openable)
        assert asyncio.run(most()) == bound


@pytest.mark.parametrize("body", [b"{", b"\xff\xfe", b"[" * 200_000])
def test_json_that_does_not_parse_gets_400(bench: Scenario, body: bytes) -> None:
    async def scenario(on: Any) -> None:
        reply = await on.ask("/json", body)
        assert (reply.status, on.role.handled) == (400, 0)

    bench(scenario)


def test_a_bug_in_a_subnet_costs_one_request(bench: Scenario) -> None:
    async def scenario(on: Any) -> None:
        reply = await on.ask("/broken")
        assert (reply.status, reply.error) == (500, "the miner failed at this request")
        assert (await on.ask("/echo")).status == 200

    bench(scenario)


def test_a_handler_that_never_ends_gets_504(bench: Scenario) -> None:
    async def scenario(on: Any) -> None:
        assert (await on.ask("/slow")).status == 504
        assert on.admission._running == 0

    bench(scenario, limits=Limits(handle_s=0.05))


def test_other_paths_and_methods_are_named(bench: Scenario) -> None:
    async def scenario(on: Any) -> None:
        assert (await on.ask("/nothing")).status == 404
        assert (await on.ask("/echo", b"", method="GET")).status == 405
        assert (await on.ask("/v1/models", b"", method="GET")).status == 404

    bench(scenario)


def test_a_file_comes_by_its_content_id_under_a_signature(bench: Scenario) -> None:
    async def scenario(on: Any) -> None:
        data = os.urandom(700_000)
        content_id = on.role.artifacts.put(data)
        reply = await on.ask(f"/artifacts/{content_id}", b"", method="GET")
        assert (reply.status, reply.body == data) == (200, True)
        assert reply.header(wire.RESPONSE_SIGNATURE) is not None

        assert (await on.send("GET", f"/artifacts/{content_id}", None, {})).status == 401
        missing = await on.ask("/artifacts/" + "0" * 64, b"", method="GET")
        assert (missing.status, missing.error) == (404, "no such artifact")
        for outside in ("/artifacts/..%2f..%2fetc%2fpasswd", "/artifacts/", f"/artifacts/{content_id}/x"):
            assert (await on.ask(outside, b"", method="GET")).status in (401, 404)

    bench(scenario)


def test_health_is_open_and_figures_are_for_this_machine(bench: Scenario) -> None:
    async def scenario(on: Any) -> None:
        assert (await on.send("GET", "/health", None, {})).status == 200
        unready = await on.send("GET", "/ready", None, {})
        assert (unready.status, len(json.loads(unready.body)["missing"])) == (503, 4)
        on.health.role_started = on.health.registered = on.health.announced = True
        on.health.chain_seen_at_s = time.monotonic()
        assert (await on.send("GET", "/ready", None, {})).status == 200

        await on.ask("/echo")
        await on.send("GET", "/" + "x" * 50, None, {})
        figures = (await on.send("GET", "/metrics", None, {})).body.decode()
        assert 'meritnet_miner_requests_total{path="/echo",status="200"} 1.0' in figures
        assert 'path="other"' in figures
        assert (await on.send("GET", "/metrics", None, {"X-Forwarded-For": "1.2.3.4"})).status == 403

    bench(scenario)


def test_stopping_waits_for_the_request_in_flight(bench: Scenario) -> None:
    async def scenario(on: Any) -> None:
        asked = asyncio.create_task(on.ask("/slow"))
        await on.until(lambda: on.admission._running)
        stopped = asyncio.create_task(on.server.stop())
        await asyncio.sleep(0)
        on.role.release.set()
        assert (await asked).status == 200
        await stopped
        with pytest.raises(OSError, match="connect"):
            await on.ask("/echo")

    bench(scenario)


def test_a_port_in_use_is_one_clear_line(bench: Scenario) -> None:
    async def scenario(on: Any) -> None:
        taken = on.server.port
        other = type(on.server)(MINER, on.role, on.admission, None, on.health, host="127.0.0.1", port=taken)
        with pytest.raises(MeritnetError, match=rf"cannot listen on 127.0.0.1:{taken}") as error:
            await other.start()
        assert error.value.hint == "choose another --port"

    bench(scenario)


def test_stopping_ends_what_does_not_end_by_itself(bench: Scenario) -> None:
    async def scenario(on: Any) -> None:
        asked = asyncio.create_task(on.ask("/slow"))
        await on.until(lambda: on.admission.running)
        began_s = time.monotonic()
        await on.server.stop()
        assert 0.2 <= time.monotonic() - began_s < 2
        with pytest.raises(aiohttp.ClientError):
            await asked
        assert on.admission.running == 0

    bench(scenario, limits=Limits(drain_s=0.2))
