"""Who may chat with a miner under /v1, and in whose words it refuses."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from meritnet.chain.keys import KeyPair
from meritnet.miner.clients import Clients

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
