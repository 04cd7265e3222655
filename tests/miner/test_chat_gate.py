"""Who may chat with a miner under /v1, and in whose words it refuses."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import pytest

from meritnet.chain.keys import KeyPair
from meritnet.miner.admission import Policy
from meritnet.miner.clients import Clients
from meritnet.miner.listener import Limits
from meritnet.subnets.base import ChatReply

Scenario = Callable[..., None]
PATH = "/v1/chat/completions"
BODY = b'{"messages": []}'


def test_without_a_key_chat_is_for_programs_on_this_machine(bench: Scenario) -> None:
    async def scenario(on: Any) -> None:
        assert (await on.send("POST", PATH, BODY, {})).body == BODY
        assert (await on.send("GET", "/v1/models", None, {})).status == 200
        for header in (
            {"X-Forwarded-For": "8.8.8.8"},
            {"Forwarded": "for=8.8.8.8"},
            {"Host": "rebound.example"},
            {"Origin": "https://page.example"},
            {"Origin": "null"},
        ):
            reply = await on.send("POST", PATH, BODY, header)
            assert reply.status == 401, header
            assert json.loads(reply.body)["error"]["type"] == "authentication_error"
        assert (await on.send("POST", PATH, BODY, {"Origin": "http://localhost:3000"})).status == 200

    bench(scenario, chat=True)


def test_with_a_key_only_the_key_opens(bench: Scenario) -> None:
    async def scenario(on: Any) -> None:
        assert (await on.send("POST", PATH, BODY, {})).status == 401
        for wrong in ("Bearer wrong", "Basic secret", "Bearer", "secret", "Bearer sécret"):
            assert (await on.send("POST", PATH, BODY, {"Authorization": wrong})).status == 401
        right = {"Authorization": "Bearer secret", "X-Forwarded-For": "8.8.8.8"}
        assert (await on.send("POST", PATH, BODY, right)).status == 200

    bench(scenario, chat=True, clients=Clients({"me": "secret"}))


def test_a_validator_chats_by_its_signature_alone(bench: Scenario) -> None:
    async def scenario(on: Any) -> None:
        assert (await on.ask(PATH, BODY)).status == 200
        reply = await on.ask(PATH, BODY, pair=KeyPair.from_uri("//Eve"))
        assert (reply.status, json.loads(reply.body)["error"]["type"]) == (403, "permission_error")
        stale = await on.ask(PATH, BODY, nonce_ns=1)
        assert stale.status == 401

    bench(scenario, chat=True)


def test_a_stream_arrives_as_events(bench: Scenario) -> None:
    async def scenario(on: Any) -> None:
        reply = await on.send("POST", PATH, b'{"stream": true}', {})
        assert reply.header("Content-Type") == "text/event-stream"
        assert reply.body == b'data: {"stream": true}\n\ndata: [DONE]\n\n'

    bench(scenario, chat=True)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", PATH, 404), ("POST", "/v1/models", 404), ("POST", "/v1/files", 404)],
)
def test_what_is_not_offered_is_said_in_openai_s_words(
    bench: Scenario, method: str, path: str, status: int
) -> None:
    async def scenario(on: Any) -> None:
        reply = await on.send(method, path, None, {})
        assert reply.status == status
        assert path in json.loads(reply.body)["error"]["message"]

    bench(scenario, chat=True)


def test_a_chat_request_is_bounded(bench: Scenario) -> None:
    async def scenario(on: Any) -> None:
        assert (await on.send("POST", PATH, b"x" * 4097, {})).status == 413

    bench(scenario, chat=True)


def test_a_client_has_a_rate_of_its_own(bench: Scenario) -> None:
    clients = Clients({"alice": "alice's own key", "bob": "bob's own key"})

    async def scenario(on: Any) -> None:
        async def come(key: str) -> Any:
            return await on.send("POST", PATH, BODY, {"Authorization": f"Bearer {key}"})

        assert [(await come("alice's own key")).status for _ in range(2)] == [200, 429]
        assert (await come("alice's own key")).header("Retry-After") == "2"
        assert (await come("bob's own key")).status == 200

    bench(scenario, chat=True, clients=clients, policy=Policy(requests_per_s=0.5, burst=1))


def test_completions_and_one_model_are_served_beside_chat(bench: Scenario) -> None:
    async def scenario(on: Any) -> None:
        assert (await on.send("POST", "/v1/completions", BODY, {})).body == b"text: " + BODY
        assert json.loads((await on.send("GET", "/v1/models/echo", None, {})).body)["id"] == "echo"
        assert (await on.send("GET", "/v1/models/of%2Fothers", None, {})).status == 404

    bench(scenario, chat=True)


@dataclass
class Flood:
    """Streams without end, and knows whether somebody still wants it to."""

    max_request_bytes = 4096
    sent: int = 0
    over: bool = False

    async def models(self) -> ChatReply:
        raise NotImplementedError

    async def complete_text(self, body: bytes) -> ChatReply:
        raise NotImplementedError

    async def complete(self, body: bytes) -> ChatReply:
        return ChatReply(200, "text/event-stream", events=self._events())

    async def _events(self) -> AsyncIterator[bytes]:
        try:
            while True:
                yield b"data: " + b"x" * 1000 + b"\n\n"
                self.sent += 1
                await asyncio.sleep(0)
        finally:
            self.over = True


def stream_request() -> bytes:
    return b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}"


def small_reader(port: int) -> socket.socket:
    """A connection that takes in next to nothing before it is read."""
    found = socket.socket()
    found.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    found.connect(("127.0.0.1", port))
    found.setblocking(False)
    return found


def test_a_stream_waits_for_its_reader_and_ends_without_one(bench: Scenario) -> None:
    flood = Flood()

    async def scenario(on: Any) -> None:
        with small_reader(on.server.port) as reader:
            await asyncio.get_running_loop().sock_sendall(reader, stream_request())
            await on.until(lambda: flood.over)
            assert flood.sent < 400  # kilobytes, in our buffers and the system's
        await on.until(lambda: on.admission.running == 0)
        assert (await on.ask("/echo")).status == 200

    bench(scenario, chat=flood, limits=Limits(stall_s=0.2))


def test_a_reader_that_leaves_ends_its_stream(bench: Scenario) -> None:
    flood = Flood()

    async def scenario(on: Any) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", on.server.port)
        writer.write(stream_request())
        assert b"200" in await reader.readline()
        assert not flood.over
        writer.transport.abort()
        await on.until(lambda: flood.over and on.admission.running == 0)

    bench(scenario, chat=flood)


def test_a_stream_has_an_end_even_for_the_slowest_reader(bench: Scenario) -> None:
    flood = Flood()

    async def scenario(on: Any) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", on.server.port)
        writer.write(stream_request())
        with suppress(ConnectionError):
            await reader.read()
        writer.close()
        await on.until(lambda: flood.over and on.admission.running == 0)

    bench(scenario, chat=flood, limits=Limits(stream_s=0.1))
