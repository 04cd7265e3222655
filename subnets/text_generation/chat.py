"""OpenAI-compatible chat and completions over the engine: what a person's own client speaks.

Transport-neutral: bytes in, `ChatReply` out; the miner's server mounts it under ``/v1``. What the model
cannot do (tools, a suffix, several prompts) is refused by name, never silently ignored.
"""

import asyncio
import time
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from meritnet.subnets.base import ChatReply, EngineSource
from meritnet.subnets.text_generation.drawing import (
    MAX_TOKENS,
    Drawing,
    DrawRequest,
    Face,
    Refused,
    Text,
    check_fits,
    engine_for,
    read,
    reply,
)

MAX_REQUEST_BYTES = 256 * 1024
MAX_CHAT_MESSAGES = 128
DEFAULT_CHAT_TOKENS = 256
DEFAULT_TEXT_TOKENS = 16
"""OpenAI's own default for completions."""


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


class ChatRequest(DrawRequest):
    """A conversation to be continued."""

    messages: list[ChatMessage] = Field(min_length=1, max_length=MAX_CHAT_MESSAGES)
    max_completion_tokens: int | None = Field(None, ge=1, le=MAX_TOKENS)
    metadata: dict[str, str] | None = None


class TextRequest(DrawRequest):
    """A text to be continued."""

    prompt: Text | Annotated[list[Text], Field(min_length=1, max_length=1)]
    best_of: Literal[1] | None = 1
    echo: Literal[False] | None = False
    logprobs: None = None
    logit_bias: None = None
    suffix: None = None

    def text(self) -> str:
        """The one prompt."""
        return self.prompt if isinstance(self.prompt, str) else self.prompt[0]


CHAT = Face(
    "chatcmpl",
    "chat.completion",
    "chat.completion.chunk",
    choice=lambda text: {"message": {"role": "assistant", "content": text}},
    piece=lambda text: {"delta": {"content": text} if text else {}},
    opening={"delta": {"role": "assistant", "content": ""}},
)
TEXT = Face(
    "cmpl",
    "text_completion",
    "text_completion",
    choice=lambda text: {"text": text},
    piece=lambda text: {"text": text},
)


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
            request = read(body, ChatRequest)
            engine = await engine_for(self._engine, request.model)
            messages = [message.plain() for message in request.messages]
            prompt = await asyncio.to_thread(engine.encode_chat, messages)
            most = request.max_completion_tokens or request.max_tokens or DEFAULT_CHAT_TOKENS
            check_fits(engine, prompt, most, "messages")
        except Refused as refused:
            return refused.reply
        return await Drawing(engine, request, prompt, request.sampling(most), self._variant, CHAT).reply()

    async def complete_text(self, body: bytes) -> ChatReply:
        """Continue a text, whole or as a stream."""
        try:
            request = read(body, TextRequest)
            engine = await engine_for(self._engine, request.model)
            # A text of no tokens leaves the model nothing to continue.
            prompt = await asyncio.to_thread(engine.encode, request.text()) or [min(engine.end_tokens)]
            most = request.max_tokens or DEFAULT_TEXT_TOKENS
            check_fits(engine, prompt, most, "prompt")
        except Refused as refused:
            return refused.reply
        return await Drawing(engine, request, prompt, request.sampling(most), self._variant, TEXT).reply()
