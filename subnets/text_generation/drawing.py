"""What both of OpenAI's routes share: a request's common part, text from tokens, replies, events.

What the model cannot do (several choices, penalties) is refused by name, never silently ignored.
"""

import asyncio
import json
import secrets
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from hashlib import sha256
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from meritnet.subnets.base import ChatReply, EngineSource
from meritnet.subnets.models.engine import Engine
from meritnet.subnets.models.sampling import Sampling
from meritnet.subnets.strict import first_fault

MAX_CHARACTERS = 32_000
MAX_TOKENS = 2_048
DEFAULT_TEMPERATURE = 0.2
"""Small models wander at OpenAI's default of 1."""
_JSON = "application/json"

_Neutral = Annotated[float, Field(ge=0, le=0)]
Text = Annotated[str, Field(max_length=MAX_CHARACTERS)]


class StreamOptions(BaseModel):
    """Extras of a stream."""

    include_usage: bool = False


class DrawRequest(BaseModel):
    """The part of OpenAI's requests that this model can honour; the rest may only have its neutral value."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)
    model: str
    max_tokens: int | None = Field(None, ge=1, le=MAX_TOKENS)
    temperature: float | None = Field(None, ge=0, le=2)
    seed: int | None = None
    stop: Text | Annotated[list[Text], Field(max_length=4)] | None = None
    stream: bool | None = False
    stream_options: StreamOptions | None = None
    user: str | None = None
    n: Literal[1] | None = 1
    top_p: Annotated[float, Field(ge=1, le=1)] | None = 1.0
    presence_penalty: _Neutral | None = 0.0
    frequency_penalty: _Neutral | None = 0.0

    def sampling(self, max_tokens: int) -> Sampling:
        """How to draw the answer; the same `seed` gives the same answer."""
        seed = secrets.token_bytes(32) if self.seed is None else sha256(str(self.seed).encode()).digest()
        temperature = DEFAULT_TEMPERATURE if self.temperature is None else self.temperature
        return Sampling(seed, temperature, max_tokens)

    def stops(self) -> tuple[str, ...]:
        """Texts that end the answer, and do not appear in it."""
        given = [self.stop] if isinstance(self.stop, str) else self.stop or []
        return tuple(text for text in given if text)


R = TypeVar("R", bound=DrawRequest)


class Refused(Exception):
    """A request that gets an error in OpenAI's shape instead of an answer."""

    def __init__(self, reply: ChatReply) -> None:
        super().__init__(reply.status)
        self.reply = reply


@dataclass(frozen=True)
class Face:
    """How one route words its answers."""

    id_prefix: str
    whole: str
    """The `object` of an answer in one piece."""
    chunk: str
    """The `object` of an event."""
    choice: Callable[[str], dict[str, object]]
    """The fields of a whole answer's choice that hold its text."""
    piece: Callable[[str], dict[str, object]]
    """The fields of a chunk's choice that hold a piece of text; the empty piece ends it."""
    opening: dict[str, object] | None = None
    """The fields of a choice before the first piece."""


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
class Drawing:
    """One answer in the making, and its face in OpenAI's words."""

    engine: Engine
    request: DrawRequest
    prompt: list[int]
    sampling: Sampling
    variant: str
    face: Face
    tokens: int = 0
    finish_reason: str = "length"

    def __post_init__(self) -> None:
        """Name the answer."""
        self.id = f"{self.face.id_prefix}-{secrets.token_hex(12)}"
        self.created = int(time.time())

    async def reply(self) -> ChatReply:
        """The answer as the request wants it, whole or as a stream."""
        if self.request.stream:
            return ChatReply(200, "text/event-stream", events=self.events())
        text = "".join([piece async for piece in self.pieces()])
        choice = self._choice(self.face.choice(text), self.finish_reason)
        return reply(200, self._envelope(self.face.whole, [choice]) | {"usage": self.usage()})

    async def events(self) -> AsyncGenerator[bytes, None]:
        """The answer as events: pieces of text, the reason of the end, the usage if asked for, DONE."""
        if self.face.opening is not None:
            yield self._chunk(self.face.opening)
        async with aclosing(self.pieces()) as pieces:
            async for piece in pieces:
                yield self._chunk(self.face.piece(piece))
        yield self._chunk(self.face.piece(""), self.finish_reason)
        options = self.request.stream_options
        if options and options.include_usage:
            yield event(self._envelope(self.face.chunk, []) | {"usage": self.usage()})
        yield b"data: [DONE]\n\n"

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

    def _envelope(self, kind: str, choices: list[dict[str, object]]) -> dict[str, object]:
        """The fields that whole answers and chunks share."""
        return {
            "id": self.id,
            "object": kind,
            "created": self.created,
            "model": self.request.model,
            "choices": choices,
        }

    def _chunk(self, fields: dict[str, object], finish_reason: str | None = None) -> bytes:
        return event(self._envelope(self.face.chunk, [self._choice(fields, finish_reason)]))

    def _choice(self, fields: dict[str, object], finish_reason: str | None) -> dict[str, object]:
        return {"index": 0, **fields, "logprobs": None, "finish_reason": finish_reason}


def read(body: bytes, shape: type[R]) -> R:
    """A request of the wanted shape. Raises Refused, which names the first fault."""
    try:
        return shape.model_validate_json(body)
    except ValidationError as error:
        where = error.errors(include_url=False, include_input=False)[0]["loc"]
        param = str(where[0]) if where else None
        raise Refused(refusal(400, first_fault(error), param=param)) from None


async def engine_for(source: EngineSource, model: str) -> Engine:
    """The engine, if it serves the model of this name. Raises Refused."""
    engine = await asyncio.to_thread(source)
    if model != engine.name:
        message = f"no model {model[:100]!r} here; this miner serves {engine.name!r}"
        raise Refused(refusal(404, message, "model", "model_not_found"))
    return engine


def check_fits(engine: Engine, prompt: list[int], max_tokens: int, param: str) -> None:
    """Raises Refused when prompt and answer exceed what the model can hold."""
    if len(prompt) + max_tokens > engine.context_tokens:
        message = (
            f"{len(prompt)} tokens to read and {max_tokens} to draw exceed the context of "
            f"{engine.context_tokens} tokens"
        )
        raise Refused(refusal(400, message, param, "context_length_exceeded"))


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
