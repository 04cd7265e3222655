"""The miner's HTTP server: read within bounds, verify, admit, handle, sign, reply.

A request passes these gates in this order, and each refusal is one line of JSON with a status and a reason:

    path known (404) · headers shaped, for us, fresh (401) · body plain (415), bounded (413), in time (408)
    · signature, replay (401) · registered, permitted (403) · rate (429) · room (503) · the handler (400)

From the signature on every reply is signed, refusals too. Nothing of a body is parsed before its signature
held.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections import Counter
from dataclasses import dataclass
from hashlib import sha256
from math import ceil
from typing import Any

import structlog
from aiohttp import web

from meritnet.chain.errors import AuthError, MeritnetError
from meritnet.chain.keys import KeyPair
from meritnet.miner.admission import Admission, Refusal
from meritnet.miner.auth import ReplayStoreFull, Verifier
from meritnet.miner.chat import ChatGate, openai_refusal
from meritnet.miner.health import Health, is_local
from meritnet.miner.metrics import Metrics
from meritnet.subnets.artifacts import ArtifactError
from meritnet.subnets.base import InvalidRequest, MinerRole, Route
from meritnet.subnets.wire import SignedRequest, sign_response

ARTIFACTS = "/artifacts/"
JSON = "application/json"
BYTES = "application/octet-stream"

# aiohttp logs each malformed request with its stack at level ERROR: a stranger's way to fill the disk.
_QUIET = logging.getLogger("meritnet.miner.http")
_QUIET.setLevel(logging.CRITICAL)
_log = structlog.get_logger("miner")


@dataclass(frozen=True)
class Limits:
    """Bounds on one connection and one request."""

    header_fields: int = 64
    header_field_bytes: int = 8190
    read_s: float = 10.0
    """For a whole body, and for the headers of a new or kept connection."""
    handle_s: float = 120.0
    """For the subnet's handler."""
    drain_s: float = 10.0
    """For requests in flight when the server stops."""
    send_s: float = 300.0
    """For sending a whole file to a slow reader."""
    connections: int = 1024
    connections_per_address: int = 128


class MinerServer:
    """Serves one role on one port. ``start`` before ``stop``; ``port`` is known after ``start``."""

    def __init__(
        self,
        pair: KeyPair,
        role: MinerRole,
        admission: Admission,
        verifier: Verifier,
        health: Health,
        *,
        host: str,
        port: int,
        api_key: str | None = None,
        limits: Limits | None = None,
    ) -> None:
        self.host = host
        self.port = port
        self.metrics = Metrics(lambda: admission.queue_length)
        self._pair = pair
        self._role = role
        self._admission = admission
        self._verifier = verifier
        self._health = health
        self._limits = limits or Limits()
        self._chat = ChatGate(role.chat, admission, api_key) if role.chat is not None else None
        self._runner: web.ServerRunner | None = None

    async def start(self) -> None:
        """Listens. Raises ``MeritnetError`` when the port cannot be had."""
        limits = self._limits
        server = _BoundedServer(
            self._reply,
            most=limits.connections,
            most_per_address=limits.connections_per_address,
            handler_cancellation=True,
            access_log=None,
            logger=_QUIET,
            auto_decompress=False,
            max_headers=limits.header_fields,
            max_field_size=limits.header_field_bytes,
            max_line_size=limits.header_field_bytes,
            keepalive_timeout=limits.read_s,
            lingering_time=0.5,
        )
        self._runner = web.ServerRunner(server, shutdown_timeout=limits.drain_s)
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, self.host, self.port).start()
        except OSError as error:
            await self._runner.cleanup()
            raise MeritnetError(
                f"cannot listen on {self.host}:{self.port}: {error.strerror}", "choose another --port"
            ) from error
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Takes no new request and waits for those in flight, at most ``drain_s``."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _reply(self, request: web.BaseRequest) -> web.StreamResponse:
        path = request.raw_path.partition("?")[0]
        with self.metrics.observed(self._label(path)) as outcome:
            response = await self._outermost(request, path)
            outcome.status = response.status
        return response

    async def _outermost(self, request: web.BaseRequest, path: str) -> web.StreamResponse:
        try:
            if path.startswith("/v1/") and self._chat is not None:
                return await self._converse(request, path, self._chat)
            if request.method == "GET" and (page := self._page(request, path)) is not None:
                return page
            return await self._serve(request, path)
        except Refusal as refusal:
            return refused(refusal)
        except AuthError as error:
            return refused(Refusal(401, str(error)), kind=type(error).__name__)
        except ReplayStoreFull as error:
            return refused(Refusal(503, str(error), 60))
        except Exception as error:  # the edge of a request: one failure must not end the server
            _log.exception("request failed", path=path)
            if request.writer.output_size > 0:
                raise ConnectionError("the reply broke off") from error
            return refused(Refusal(500, "the miner failed at this request"))

    async def _serve(self, request: web.BaseRequest, path: str) -> web.StreamResponse:
        """A signed request, from its headers to the signed reply."""
        route = self._role.routes.get(path)
        wanted = None if route is not None else self._artifact_id(path)
        if route is None and wanted is None:
            raise Refusal(404, "no such path on this miner")
        if request.method != ("GET" if route is None else "POST"):
            raise Refusal(405, f"use {'GET' if route is None else 'POST'} here")
        claim = self._verifier.claim(request.method, request.raw_path, request.headers.items())
        body = await read_body(request, 0 if route is None else route.max_request_bytes, self._limits.read_s)
        believed = self._verifier.believe(claim, sha256(body).hexdigest())
        try:
            peer = self._admission.admit(believed.sender)
            async with self._admission.place(peer):
                if route is not None:
                    return self._signed(believed, 200, await self._handle(route, body), JSON)
                return await self._send_artifact(request, believed, wanted or "")
        except Refusal as refusal:
            return self._signed(believed, refusal.status, reason(refusal), JSON, refusal.retry_after_s)

    async def _handle(self, route: Route, body: bytes) -> bytes:
        try:
            async with asyncio.timeout(self._limits.handle_s):
                return await route.handler(body)
        except (InvalidRequest, RecursionError, UnicodeDecodeError, json.JSONDecodeError) as error:
            raise Refusal(400, str(error) or "the request is no JSON of this route") from error
        except TimeoutError:
            raise Refusal(504, f"no answer within {self._limits.handle_s:g} s") from None

    async def _send_artifact(
        self, request: web.BaseRequest, believed: SignedRequest, content_id: str
    ) -> web.StreamResponse:
        """A file by content id, in pieces; its id is the hash that the reply's signature covers."""
        store = self._role.artifacts
        try:
            if store is None:
                raise ArtifactError("this miner offers no files")
            path = store.path(content_id)
        except ArtifactError as error:
            raise Refusal(404, str(error)) from error
        signature = sign_response(self._pair, believed, 200, content_id)
        response = web.StreamResponse(headers={**signature.headers, "Content-Type": BYTES})
        response.content_length = path.stat().st_size
        async with asyncio.timeout(self._limits.send_s):
            await response.prepare(request)
            with path.open("rb") as file:
                while chunk := file.read(1 << 18):
                    await response.write(chunk)
            await response.write_eof()
        return response

    async def _converse(self, request: web.BaseRequest, path: str, chat: ChatGate) -> web.StreamResponse:
        """OpenAI's side: signed requests are verified and admitted as everywhere, guests as ``chat`` says."""
        try:
            if not chat.is_signed(request):
                chat.check_guest(request)
                body = await read_body(request, chat.max_request_bytes, self._limits.read_s)
                return await chat.answer(request, path, body, None)
            claim = self._verifier.claim(request.method, request.raw_path, request.headers.items())
            body = await read_body(request, chat.max_request_bytes, self._limits.read_s)
            believed = self._verifier.believe(claim, sha256(body).hexdigest())
            return await chat.answer(request, path, body, self._admission.admit(believed.sender))
        except AuthError as error:
            return openai_refusal(Refusal(401, str(error)))
        except Refusal as refusal:
            return openai_refusal(refusal)

    def _page(self, request: web.BaseRequest, path: str) -> web.Response | None:
        """The open pages: whether the process lives and is ready; figures only for this machine."""
        if path == "/healthz":
            return json_response(200, {"status": "ok", "hotkey": self._pair.address})
        if path == "/readyz":
            missing = self._health.missing(time.monotonic())
            return json_response(503 if missing else 200, {"ready": not missing, "missing": missing})
        if path == "/metrics":
            if not is_local(request):
                raise Refusal(403, "figures are for this machine only")
            return web.Response(body=self.metrics.text(), headers={"Content-Type": self.metrics.content_type})
        return None

    def _signed(
        self, believed: SignedRequest, status: int, body: bytes, kind: str, retry_after_s: float | None = None
    ) -> web.Response:
        signature = sign_response(self._pair, believed, status, sha256(body).hexdigest())
        return web.Response(
            status=status,
            body=body,
            headers={**signature.headers, "Content-Type": kind, **_retry_after(retry_after_s)},
        )

    def _artifact_id(self, path: str) -> str | None:
        return path.removeprefix(ARTIFACTS) if path.startswith(ARTIFACTS) else None

    def _label(self, path: str) -> str:
        """The path as the metrics name it: a closed set, whatever strangers ask for."""
        if path in self._role.routes:
            return path
        first = "/" + path[1:].partition("/")[0]
        return first if first in ("/artifacts", "/v1", "/healthz", "/readyz", "/metrics") else "other"


class _BoundedServer(web.Server):
    """aiohttp's server with bounds on connections, in all and from one address; one more is cut unread."""

    def __init__(self, *args: Any, most: int, most_per_address: int, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._most = most
        self._most_per_address = most_per_address
        self._by_address: Counter[str] = Counter()
        self._addresses: dict[object, str] = {}

    def connection_made(self, handler: Any, transport: asyncio.Transport) -> None:
        super().connection_made(handler, transport)
        address = (transport.get_extra_info("peername") or ("",))[0]
        self._addresses[handler] = address
        self._by_address[address] += 1
        if len(self._addresses) > self._most or self._by_address[address] > self._most_per_address:
            transport.abort()

    def connection_lost(self, handler: Any, exc: BaseException | None = None) -> None:
        super().connection_lost(handler, exc)
        address = self._addresses.pop(handler, None)
        if address is not None:
            self._by_address[address] -= 1
            if not self._by_address[address]:
                del self._by_address[address]


async def read_body(request: web.BaseRequest, most: int, deadline_s: float) -> bytes:
    """The body, if it is not encoded, at most ``most`` bytes and there in time. Raises ``Refusal``."""
    if "Content-Encoding" in request.headers:
        raise Refusal(415, "send the body as it is, without Content-Encoding")
    if request.content_length is not None and request.content_length > most:
        raise Refusal(413, f"at most {most:,} bytes are read here")
    body = bytearray()
    try:
        async with asyncio.timeout(deadline_s):
            while chunk := await request.content.readany():
                body += chunk
                if len(body) > most:
                    raise Refusal(413, f"at most {most:,} bytes are read here")
    except TimeoutError:
        raise Refusal(408, f"the body did not arrive within {deadline_s:g} s") from None
    except web.RequestPayloadError as error:
        raise Refusal(400, f"the body is broken: {error}") from error
    return bytes(body)


def refused(refusal: Refusal, kind: str = "") -> web.Response:
    """An unsigned refusal: the caller is not known, or the miner itself failed."""
    response = json_response(refusal.status, {"error": str(refusal)} | ({"kind": kind} if kind else {}))
    response.headers.update(_retry_after(refusal.retry_after_s))
    if refusal.status in (408, 413, 415):
        response.force_close()  # what is left of the body is not wanted
    return response


def reason(refusal: Refusal) -> bytes:
    """The body of a signed refusal."""
    return json.dumps({"error": str(refusal)}).encode()


def json_response(status: int, value: object) -> web.Response:
    """One line of JSON."""
    return web.Response(
        status=status, body=json.dumps(value).encode() + b"\n", headers={"Content-Type": JSON}
    )


def _retry_after(seconds: float | None) -> dict[str, str]:
    return {} if seconds is None else {"Retry-After": str(max(1, ceil(seconds)))}
