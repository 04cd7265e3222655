"""OpenAI-compatible chat under ``/v1``: for people and their tools, beside the subnet's own signed routes.

Who may use it: a validator by its signature (``server`` has verified and admitted it), whoever holds an API
key when there are any, and otherwise only programs on this machine.
"""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncGenerator, AsyncIterator
from math import ceil
from urllib.parse import unquote

from aiohttp import web

from meritnet.miner.admission import Admission, Peer, Refusal
from meritnet.miner.clients import Clients
from meritnet.miner.health import is_local
from meritnet.miner.journal import REQUEST_ID, Visit
from meritnet.miner.listener import JSON, Limits
from meritnet.subnets.base import ChatBackend, ChatReply
from meritnet.subnets.wire import HEADER_SIGNATURE

MODELS = "/v1/models"
UNREAD_BYTES = 16 * 1024
"""Of a stream that may lie with us, and again with the operating system, before it waits for its reader."""

_GUEST = Peer(uid=-1, permit=False, stake_rao=0)
"""Whoever comes with a key or from this machine stands behind every staker in the queue."""
_ERROR_TYPES = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}


class ChatGate:
    """Lets requests through to the role's chat, and puts its replies on the wire."""

    def __init__(
        self, chat: ChatBackend, admission: Admission, clients: Clients | None, limits: Limits
    ) -> None:
        self.max_request_bytes = chat.max_request_bytes
        self._chat = chat
        self._admission = admission
        self._clients = clients
        self._limits = limits
        self._posted = {"/v1/chat/completions": chat.complete, "/v1/completions": chat.complete_text}

    def is_signed(self, request: web.BaseRequest) -> bool:
        """Whether the caller offers a signature; then only the signature counts."""
        return HEADER_SIGNATURE in request.headers

    def admit_guest(self, request: web.BaseRequest) -> str:
        """The client behind the API key; where no keys are configured, ``""`` for a program of this machine.

        Raises ``Refusal``: no key or a wrong one (401), or too often (429).
        """
        if self._clients is None:
            if not is_local(request):
                raise Refusal(401, "chat is open to this machine only: this miner has no API keys configured")
            return ""
        name = self._clients.name_of(request.headers.get("Authorization", ""))
        if name is None:
            raise Refusal(401, "the API key is missing or wrong")
        self._admission.admit_client(name)
        return name

    async def answer(
        self, request: web.BaseRequest, path: str, body: bytes, peer: Peer | None, visit: Visit
    ) -> web.StreamResponse:
        """The reply to an admitted caller, or to a guest (``None``). Raises ``Refusal``."""
        if request.method == "GET" and path == MODELS:
            return _whole(await self._chat.models())
        if request.method == "GET" and path.startswith(MODELS + "/"):
            return _whole(_one_of(await self._chat.models(), unquote(path.removeprefix(MODELS + "/"))))
        complete = self._posted.get(path) if request.method == "POST" else None
        if complete is None:
            raise Refusal(404, f"{request.method} {path} is not offered here")
        async with self._admission.place(peer or _GUEST):
            try:
                async with asyncio.timeout(self._limits.handle_s):
                    reply = await complete(body)
            except TimeoutError:
                raise Refusal(504, f"no answer within {self._limits.handle_s:g} s") from None
            if reply.events is None:
                return _whole(reply)
            return await self._stream(request, reply, reply.events, visit)

    async def _stream(
        self, request: web.BaseRequest, reply: ChatReply, events: AsyncIterator[bytes], visit: Visit
    ) -> web.StreamResponse:
        """Events as they come. A reader that stops reading or leaves ends what is behind them."""
        response = web.StreamResponse(status=reply.status, headers={"Content-Type": reply.content_type})
        response.headers.update({"Cache-Control": "no-cache", REQUEST_ID: visit.id})
        _bound_unread(request.transport)
        await response.prepare(request)
        try:
            async with asyncio.timeout(self._limits.stream_s):
                async for event in events:
                    async with asyncio.timeout(self._limits.stall_s):
                        await response.write(event)
                        await request.writer.drain()
                await response.write_eof()
        except TimeoutError:
            if request.transport is not None:
                request.transport.abort()  # closing would wait for the reader
            raise ConnectionError("the reader does not read") from None
        finally:
            if isinstance(events, AsyncGenerator):
                await events.aclose()
        return response


def openai_refusal(refusal: Refusal) -> web.Response:
    """A refusal in the shape that OpenAI's clients read."""
    response = _whole(_error(refusal.status, str(refusal)))
    if refusal.retry_after_s is not None:
        response.headers["Retry-After"] = str(max(1, ceil(refusal.retry_after_s)))
    if refusal.status in (401, 408, 413, 415):
        response.force_close()  # what is left of the body is not wanted
    return response


def _error(status: int, message: str, param: str | None = None, code: str | None = None) -> ChatReply:
    kind = _ERROR_TYPES.get(status, "invalid_request_error" if status < 500 else "server_error")
    error = {"message": message, "type": kind, "param": param, "code": code}
    return ChatReply(status, JSON, json.dumps({"error": error}).encode())


def _one_of(models: ChatReply, name: str) -> ChatReply:
    """The model of that name out of the list."""
    for model in json.loads(models.body)["data"]:
        if model["id"] == name:
            return ChatReply(200, JSON, json.dumps(model).encode())
    return _error(404, f"no model {name[:100]!r} here", "model", "model_not_found")


def _bound_unread(transport: asyncio.Transport | None) -> None:
    """Keeps little of a stream ahead of its reader, so that a write waits for one that does not read."""
    if transport is None:
        return
    transport.set_write_buffer_limits(high=UNREAD_BYTES)
    connection = transport.get_extra_info("socket")
    if connection is not None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, UNREAD_BYTES)


def _whole(reply: ChatReply) -> web.Response:
    return web.Response(status=reply.status, body=reply.body, headers={"Content-Type": reply.content_type})
