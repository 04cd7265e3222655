"""OpenAI-compatible chat under ``/v1``: for people and their tools, beside the subnet's own signed routes.

Who may use it: a validator by its signature (``server`` has verified and admitted it), whoever holds the API
key when one is configured, and otherwise only programs on this machine.
"""

from __future__ import annotations

import asyncio
import hmac
import json
from collections.abc import AsyncGenerator

from aiohttp import web

from meritnet.miner.admission import Admission, Peer, Refusal
from meritnet.miner.health import is_local
from meritnet.subnets.base import ChatBackend, ChatReply
from meritnet.subnets.wire import HEADER_SIGNATURE

WRITE_S = 30.0
"""For one event to a reader that does not read."""

_GUEST = Peer(uid=-1, permit=False, stake_rao=0)
"""Whoever comes with a key or from this machine stands behind every staker in the queue."""
_ERROR_TYPES = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}


class ChatGate:
    """Lets requests through to the role's chat, and puts its replies on the wire."""

    def __init__(self, chat: ChatBackend, admission: Admission, api_key: str | None) -> None:
        self.max_request_bytes = chat.max_request_bytes
        self._chat = chat
        self._admission = admission
        self._api_key = api_key

    def is_signed(self, request: web.BaseRequest) -> bool:
        """Whether the caller offers a signature; then only the signature counts."""
        return HEADER_SIGNATURE in request.headers

    def check_guest(self, request: web.BaseRequest) -> None:
        """Raises ``Refusal`` unless the caller holds the API key or, where none is configured, is local."""
        if self._api_key is None:
            if not is_local(request):
                raise Refusal(401, "chat is open to this machine only: this miner has no API key configured")
            return
        scheme, _, given = request.headers.get("Authorization", "").partition(" ")
        same = hmac.compare_digest(given.strip().encode(), self._api_key.encode())
        if scheme.lower() != "bearer" or not same:
            raise Refusal(401, "the API key is missing or wrong")

    async def answer(
        self, request: web.BaseRequest, path: str, body: bytes, peer: Peer | None
    ) -> web.StreamResponse:
        """The reply to an admitted caller, or to a guest (``None``). Raises ``Refusal``."""
        if (request.method, path) == ("GET", "/v1/models"):
            return _whole(await self._chat.models())
        if (request.method, path) != ("POST", "/v1/chat/completions"):
            raise Refusal(404, f"{request.method} {path} is not offered here")
        async with self._admission.place(peer or _GUEST):
            return await _send(request, await self._chat.complete(body))


def openai_refusal(refusal: Refusal) -> web.Response:
    """A refusal in the shape that OpenAI's clients read."""
    kind = _ERROR_TYPES.get(
        refusal.status, "invalid_request_error" if refusal.status < 500 else "server_error"
    )
    error = {"message": str(refusal), "type": kind, "param": None, "code": None}
    return _whole(ChatReply(refusal.status, "application/json", json.dumps({"error": error}).encode()))


async def _send(request: web.BaseRequest, reply: ChatReply) -> web.StreamResponse:
    if reply.events is None:
        return _whole(reply)
    response = web.StreamResponse(
        status=reply.status, headers={"Content-Type": reply.content_type, "Cache-Control": "no-cache"}
    )
    await response.prepare(request)
    try:
        async for event in reply.events:
            async with asyncio.timeout(WRITE_S):
                await response.write(event)
    finally:
        if isinstance(reply.events, AsyncGenerator):
            await reply.events.aclose()  # ends the generation when the reader has gone
    await response.write_eof()
    return response


def _whole(reply: ChatReply) -> web.Response:
    return web.Response(status=reply.status, body=reply.body, headers={"Content-Type": reply.content_type})
