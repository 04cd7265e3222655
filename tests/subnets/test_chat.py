"""The OpenAI-compatible chat: shapes of answers, chunks and refusals, stop texts, repeatable seeds."""

import json
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from meritnet.subnets.base import ChatReply
from meritnet.subnets.models.engine import Engine
from meritnet.subnets.text_generation.chat import Chat
from meritnet.subnets.text_generation.drawing import Assembler

Run = Callable[[Coroutine[Any, Any, Any]], Any]
REQUEST: dict[str, Any] = {
    "model": "tiny",
    "messages": [{"role": "user", "content": "hi"}],
    "seed": 7,
    "max_tokens": 12,
    "temperature": 1.0,
}


@pytest.fixture
def chat(engine: Engine) -> Chat:
    return Chat(lambda: engine)


@pytest.fixture
def ask(chat: Chat, run: Run) -> Callable[..., tuple[int, Any]]:
    def complete(**change: object) -> tuple[int, Any]:
        reply: ChatReply = run(chat.complete(json.dumps(REQUEST | change).encode()))
        assert reply.content_type == "application/json"
        return reply.status, json.loads(reply.body)

    return complete


@pytest.fixture
def events(chat: Chat, run: Run) -> Callable[..., list[Any]]:
    async def collected(change: dict[str, object]) -> list[bytes]:
        reply = await chat.complete(json.dumps(REQUEST | {"stream": True} | change).encode())
        assert (reply.status, reply.content_type) == (200, "text/event-stream")
        assert reply.events is not None
        return [event async for event in reply.events]

    def read(**change: object) -> list[Any]:
        found = run(collected(change))
        assert all(event.startswith(b"data: ") and event.endswith(b"\n\n") for event in found)
        assert found[-1] == b"data: [DONE]\n\n"
        return [json.loads(event[6:]) for event in found[:-1]]

    return read


def test_the_model_is_listed(chat: Chat, run: Run) -> None:
    listed = json.loads(run(chat.models()).body)
    assert listed["object"] == "list"
    assert [(model["id"], model["object"]) for model in listed["data"]] == [("tiny", "model")]


def test_a_whole_answer_has_openais_shape(ask: Callable[..., tuple[int, Any]]) -> None:
    status, answer = ask()
    assert status == 200
    assert answer["object"] == "chat.completion"
    assert answer["model"] == "tiny"
    assert answer["id"].startswith("chatcmpl-")
    (choice,) = answer["choices"]
    assert choice["message"]["role"] == "assistant"
    assert choice["finish_reason"] in ("stop", "length")
    usage = answer["usage"]
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]
    assert 1 <= usage["completion_tokens"] <= 12


def test_a_stream_says_the_same_in_pieces(
    ask: Callable[..., tuple[int, Any]], events: Callable[..., list[Any]]
) -> None:
    _, whole = ask()
    chunks = events(stream_options={"include_usage": True})
    assert chunks[0]["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    assert {chunk["object"] for chunk in chunks} == {"chat.completion.chunk"}
    assert len({chunk["id"] for chunk in chunks}) == 1
    text = "".join(chunk["choices"][0]["delta"].get("content", "") for chunk in chunks[:-1])
    assert text == whole["choices"][0]["message"]["content"]
    assert chunks[-2]["choices"][0]["finish_reason"] == whole["choices"][0]["finish_reason"]
    assert chunks[-1]["choices"] == []
    assert chunks[-1]["usage"] == whole["usage"]


def test_the_public_client_reads_our_answers(
    chat: Chat, ask: Callable[..., tuple[int, Any]], events: Callable[..., list[Any]]
) -> None:
    types = pytest.importorskip("openai.types.chat")
    assert types.ChatCompletion.model_validate(ask()[1], strict=True).choices[0].message.role == "assistant"
    for chunk in events(stream_options={"include_usage": True}):
        types.ChatCompletionChunk.model_validate(chunk, strict=True)


def test_a_stop_text_ends_the_answer_before_it(ask: Callable[..., tuple[int, Any]]) -> None:
    text = ask()[1]["choices"][0]["message"]["content"]
    stop = text[4:6]
    _, answer = ask(stop=[stop])
    assert answer["choices"][0]["message"]["content"] == text[: text.index(stop)]
    assert answer["choices"][0]["finish_reason"] == "stop"


def test_neutral_values_are_accepted_and_content_may_come_in_parts(
    ask: Callable[..., tuple[int, Any]],
) -> None:
    parts = [{"type": "text", "text": "h"}, {"type": "text", "text": "i"}]
    neutral = {"n": 1, "top_p": 1, "presence_penalty": 0, "frequency_penalty": 0.0, "user": "me"}
    status, answer = ask(messages=[{"role": "user", "content": parts}], **neutral)
    assert status == 200
    assert answer["choices"][0]["message"] == ask()[1]["choices"][0]["message"]


REFUSALS: list[tuple[dict[str, object], int, str | None]] = [
    ({"model": "gpt-5"}, 404, "model"),
    ({"n": 2}, 400, "n"),
    ({"top_p": 0.5}, 400, "top_p"),
    ({"presence_penalty": 1}, 400, "presence_penalty"),
    ({"tools": [{"type": "function"}]}, 400, "tools"),
    ({"temperature": 3}, 400, "temperature"),
    ({"max_tokens": 0}, 400, "max_tokens"),
    ({"max_tokens": 10**9}, 400, "max_tokens"),
    ({"messages": []}, 400, "messages"),
    ({"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": "x"}]}]}, 400, "messages"),
    ({"messages": [{"role": "user", "content": "x" * 2040}]}, 400, "messages"),
    ({"stop": ["a"] * 5}, 400, "stop"),
]


@pytest.mark.parametrize(("change", "status", "param"), REFUSALS)
def test_what_the_model_cannot_do_is_refused_by_name(
    ask: Callable[..., tuple[int, Any]], change: dict[str, object], status: int, param: str | None
) -> None:
    found, answer = ask(**change)
    assert found == status
    assert set(answer["error"]) == {"message", "type", "param", "code"}
    assert answer["error"]["type"] == "invalid_request_error"
    assert answer["error"]["param"] == param


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b"[" * 10_000, b"\xff"])
def test_no_json_is_a_refusal_not_a_crash(chat: Chat, run: Run, body: bytes) -> None:
    reply = run(chat.complete(body))
    assert reply.status == 400
    assert json.loads(reply.body)["error"]["type"] == "invalid_request_error"


def test_half_characters_and_possible_stops_are_held_back() -> None:
    texts = ["x", "x\ufffd", "xé", "xé#", "xé##", "xé##!", "xé##! end"]
    assembler = Assembler(lambda tokens: texts[len(tokens) - 1], ("###",))
    assert [assembler.add(0) for _ in texts] == ["x", "", "é", "", "", "##!", " end"]
    assert assembler.rest() == ""
    held = Assembler(lambda tokens: "a#" * len(tokens), ("##",))
    assert [held.add(0), held.add(0), held.rest()] == ["a", "#a", "#"]
