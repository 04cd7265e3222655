"""OpenAI-compatible chat over the engine: what a person's own client speaks, whole or as a stream.

Transport-neutral: bytes in, `ChatReply` out; the miner's server mounts it under ``/v1``. What the model
cannot do (tools, several choices, penalties) is refused by name, never silently ignored.
"""

import asyncio
import json
import secrets
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from hashlib import sha256
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from meritnet.subnets.base import ChatReply, EngineSource
from meritnet.subnets.models.engine import Engine
from meritnet.subnets.models.sampling import Sampling
from meritnet.subnets.strict import first_fault

MAX_REQUEST_BYTES = 256 * 1024
MAX_CHAT_MESSAGES = 128
MAX_CHAT_CHARACTERS = 32_000
MAX_CHAT_TOKENS = 2_048
DEFAULT_CHAT_TOKENS = 256
DEFAULT_TEMPERATURE = 0.2
"""Small models wander at OpenAI's default of 1."""
_JSON = "application/json"

_Neutral = Annotated[float, Field(ge=0, le=0)]
Text = Annotated[str, Field(max_length=MAX_CHAT_CHARACTERS)]


class Part(BaseModel):
    """A piece of a message's content; text is the only kind."""

    model_config = ConfigDict(extra="forbid")
    type: Literal["text"]
    text: Text


class ChatMessage(BaseModel):
    """One turn."""

    role: Literal["system", "developer", "user", "assistant"]
    content: Text | list[Part]

    def plain(self) -> dict[str, str]:
        """The message as a chat template wants it."""
        text = self.content if isinstance(self.content, str) else "".join(part.text for part in self.content)
        return {"role": "system" if self.role == "developer" else self.role, "content": text}


class StreamOptions(BaseModel):
    """Extras of a stream."""

    include_usage: bool = False


class ChatRequest(BaseModel):
    """The part of OpenAI's request that this model can honour; the rest may only have its neutral value."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)
    model: str
    messages: list[ChatMessage] = Field(min_length=1, max_length=MAX_CHAT_MESSAGES)
    max_tokens: int | None = Field(None, ge=1, le=MAX_CHAT_TOKENS)
    max_completion_tokens: int | None = Field(None, ge=1, le=MAX_CHAT_TOKENS)
    temperature: float | None = Field(None, ge=0, le=2)
    seed: int | None = None
    stop: Text | Annotated[list[Text], Field(max_length=4)] | None = None
    stream: bool | None = False
    stream_options: StreamOptions | None = None
    user: str | None = None
    metadata: dict[str, str] | None = None
    n: Literal[1] | None = 1
    top_p: Annotated[float, Field(ge=1, le=1)] | None = 1.0
    presence_penalty: _Neutral | None = 0.0
    frequency_penalty: _Neutral | None = 0.0

    def sampling(self) -> Sampling:
        """How to draw the answer; the same `seed` gives the same answer."""
        seed = secrets.token_bytes(32) if self.seed is None else sha256(str(self.seed).encode()).digest()
        temperature = DEFAULT_TEMPERATURE if self.temperature is None else self.temperature
        return Sampling(
            seed, temperature, self.max_completion_tokens or self.max_tokens or DEFAULT_CHAT_TOKENS
        )

    def stops(self) -> tuple[str, ...]:
        """Texts that end the answer, and do not appear in it."""
        given = [self.stop] if isinstance(self.stop, str) else self.stop or []
        return tuple(text for text in given if text)


class Assembler:
    """Turns tokens into text that is certain: no half characters, nothing that may yet become a stop text."""

    def __init__(self, decode: Callable[[list[int]], str], stops: tuple[str, ...]) -> None:
        self._decode = decode
        self._stops = stops
        self._tokens: list[int] = []
        self._given = 0
        self.stopped = False

    def add(self, token: int) -> str:
        """Take a token; give the text that is certain now and was not before."""
        self._tokens.append(token)
        text = self._decode(self._tokens)
        found = [at for stop in self._stops if (at := text.find(stop)) >= 0]
        if found:
            self.stopped = True
            return self._give(text[: min(found)])
        return self._give(text.rstrip("\ufffd")[: len(text) - self._held_back(text)])

    def rest(self) -> str:
        """Give what was held back, once no token follows."""
        return "" if self.stopped else self._give(self._decode(self._tokens))

    def _held_back(self, text: str) -> int:
        """Length of the longest end of the text that begins a stop text."""
        lengths = [n for stop in self._stops for n in range(1, len(stop)) if text.endswith(stop[:n])]
        return max(lengths, default=0)

    def _give(self, text: str) -> str:
        piece = text[self._given :]
        self._given = max(self._given, len(text))
        return piece


@dataclass
class Completion:
    """One answer in the making, and its face in OpenAI's words."""

    engine: Engine
    request: ChatRequest
    prompt: list[int]
    sampling: Sampling
    variant: str
    tokens: int = 0
    finish_reason: str = "length"

    def __post_init__(self) -> None:
        """Name the answer."""
        self.id = f"chatcmpl-{secrets.token_hex(12)}"
        self.created = int(time.time())

    async def pieces(self) -> AsyncGenerator[str, None]:
        """Text as it becomes certain; counts tokens and notes why it ended."""
        assembler = Assembler(self.engine.decode, self.request.stops())
        async with aclosing(self.engine.stream(self.prompt, self.sampling, variant=self.variant)) as drawn:
            async for token in drawn:
                self.tokens += 1
                if token in self.engine.end_tokens:
                    self.finish_reason = "stop"
                elif piece := assembler.add(token):
                    yield piece
                if assembler.stopped:
                    self.finish_reason = "stop"
                    break
        if piece := assembler.rest():
            yield piece

    def usage(self) -> dict[str, int]:
        """Tokens read and drawn."""
        read = len(self.prompt)
        return {"prompt_tokens": read, "completion_tokens": self.tokens, "total_tokens": read + self.tokens}

    def envelope(self, kind: str, choices: list[dict[str, object]]) -> dict[str, object]:
        """The fields that whole answers and chunks share."""
        return {
            "id": self.id,
            "object": kind,
            "created": self.created,
            "model": self.request.model,
            "choices": choices,
        }

    def chunk(self, delta: dict[str, str], finish_reason: str | None = None) -> bytes:
        """One event of a stream."""
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
        return event(self.envelope("chat.completion.chunk", [choice]))


class Chat:
    """The backend of one miner."""

    max_request_bytes = MAX_REQUEST_BYTES

    def __init__(self, engine: EngineSource, variant: str = "") -> None:
        self._engine = engine
        self._variant = variant
        self._since = int(time.time())

    async def models(self) -> ChatReply:
        """List the one model."""
        engine = await asyncio.to_thread(self._engine)
        model = {"id": engine.name, "object": "model", "created": self._since, "owned_by": "meritnet"}
        return reply(200, {"object": "list", "data": [model]})

    async def complete(self, body: bytes) -> ChatReply:
        """Answer a conversation, whole or as a stream."""
        try:
            request = ChatRequest.model_validate_json(body)
        except ValidationError as error:
            where = error.errors(include_url=False, include_input=False)[0]["loc"]
            return refusal(400, first_fault(error), param=str(where[0]) if where else None)
        engine = await asyncio.to_thread(self._engine)
        if request.model != engine.name:
            message = f"no model {request.model[:100]!r} here; this miner serves {engine.name!r}"
            return refusal(404, message, "model", "model_not_found")
        messages = [message.plain() for message in request.messages]
        prompt = await asyncio.to_thread(engine.encode_chat, messages)
        sampling = request.sampling()
        if len(prompt) + sampling.max_tokens > engine.context_tokens:
            return refusal(
                400,
                f"{len(prompt)} tokens to read and {sampling.max_tokens} to draw exceed the context of "
                f"{engine.context_tokens} tokens",
                "messages",
                "context_length_exceeded",
            )
        completion = Completion(engine, request, prompt, sampling, self._variant)
        if request.stream:
            return ChatReply(200, "text/event-stream", events=stream(completion))
        return await whole(completion)


async def whole(completion: Completion) -> ChatReply:
    """The answer in one piece."""
    text = "".join([piece async for piece in completion.pieces()])
    choice: dict[str, object] = {
        "index": 0,
        "message": {"role": "assistant", "content": text},
        "logprobs": None,
        "finish_reason": completion.finish_reason,
    }
    return reply(200, completion.envelope("chat.completion", [choice]) | {"usage": completion.usage()})


async def stream(completion: Completion) -> AsyncGenerator[bytes, None]:
    """The answer as events: the role, pieces of text, the reason of the end, the usage if asked for, DONE."""
    yield completion.chunk({"role": "assistant", "content": ""})
    async with aclosing(completion.pieces()) as pieces:
        async for piece in pieces:
            yield completion.chunk({"content": piece})
    yield completion.chunk({}, completion.finish_reason)
    options = completion.request.stream_options
    if options and options.include_usage:
        yield event(completion.envelope("chat.completion.chunk", []) | {"usage": completion.usage()})
    yield b"data: [DONE]\n\n"


def event(content: dict[str, object]) -> bytes:
    """Frame one server-sent event."""
    return b"data: " + json.dumps(content, ensure_ascii=False).encode() + b"\n\n"


def reply(status: int, content: dict[str, Any]) -> ChatReply:
    """A JSON answer."""
    return ChatReply(status, _JSON, json.dumps(content, ensure_ascii=False).encode())


def refusal(status: int, message: str, param: str | None = None, code: str | None = None) -> ChatReply:
    """An error in OpenAI's shape."""
    error = {"message": message, "type": "invalid_request_error", "param": param, "code": code}
    return reply(status, {"error": error})
