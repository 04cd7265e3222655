"""The miner's HTTP server: read within bounds, verify, admit, handle, sign, reply.

A request passes these gates in this order, and each refusal is one line of JSON with a status and a reason:

    headers whole, bounded, in time (400, 431, 408: ``listener``) · address not too often (429) · path known
    (404) · headers shaped, for us, fresh (401) · body plain (415), bounded (413), in time (408) · signature,
    replay (401) · registered, permitted (403) · rate (429) · room (503) · the handler (400)

From the signature on every reply to the subnet's own routes is signed, refusals too. Nothing of a body is
parsed before its signature held. Every reply carries the id under which the log knows the request.
"""

from __future__ import annotations

import asyncio
import json
import time
from contextlib import AbstractAsyncContextManager
from hashlib import sha256
from math import ceil

import structlog
from aiohttp import web

from meritnet.chain.errors import AuthError, MeritnetError
from meritnet.chain.keys import KeyPair
from meritnet.miner.addresses import Proxies
from meritnet.miner.admission import Admission, Refusal
from meritnet.miner.auth import ReplayStoreFull, Verifier
from meritnet.miner.chat import ChatGate, openai_refusal
from meritnet.miner.clients import Clients
from meritnet.miner.health import STOPPING, Health, is_local
from meritnet.miner.journal import REQUEST_ID, Journal, Visit, request_id
from meritnet.miner.listener import JSON, BoundedServer, Limits
from meritnet.miner.metrics import Metrics
from meritnet.subnets.artifacts import ArtifactError
from meritnet.subnets.base import InvalidRequest, MinerRole, Route
from meritnet.subnets.stack import stack
from meritnet.subnets.wire import SignedRequest, sign_response

ARTIFACTS = "/artifacts/"
BYTES = "application/octet-stream"
PAGES = ("/health", "/ready", "/metrics")
CUT_S = 0.5
"""How long requests that outlast the drain have to end when they are cut off."""
CLOSED_S = 5.0
"""After which to try a miner again that is not open yet, or not any more."""

_log = structlog.get_logger("miner")


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
        clients: Clients | None = None,
        proxies: Proxies | None = None,
        limits: Limits | None = None,
    ) -> None:
        self.host = host
        self.port = port
        self.metrics = Metrics()
        self._pair = pair
        self._role = role
        self._admission = admission
        self._verifier = verifier
        self._health = health
        self._limits = limits or Limits()
        self._proxies = proxies or Proxies()
        self._journal = Journal(self.metrics)
        self._chat = ChatGate(role.chat, admission, clients, self._limits) if role.chat is not None else None
        self._runner: web.ServerRunner | None = None

    async def start(self) -> None:
        """Listens. Raises ``MeritnetError`` when the port cannot be had."""
        server = BoundedServer(self._reply, self._limits, self._proxies.trusts)
        self._runner = web.ServerRunner(server, shutdown_timeout=CUT_S)
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, self.host, self.port).start()
        except OSError as error:
            await self._runner.cleanup()
            raise MeritnetError(
                f"cannot listen on {self.host}:{self.port}: {error.strerror}", "choose another --port"
            ) from error
        self.port = self._runner.addresses[0][1]
        address = str(self._pair.address)
        self.metrics.watch(address, self._admission, self._health, lambda: server.open_connections)

    async def stop(self) -> None:
        """Takes no new request and waits for those in flight, at most ``drain_s``; the pages still answer."""
        if self._runner is None:
            return
        self._health.closed = STOPPING
        runner, self._runner = self._runner, None
        if isinstance(runner.server, BoundedServer):
            await runner.server.drained(self._limits.drain_s)
        await runner.cleanup()

    async def _reply(self, request: web.BaseRequest) -> web.StreamResponse:
        path = request.raw_path.partition("?")[0]
        forwarded = self._proxies.trusts(request.remote or "")
        known_as = request_id(request, forwarded=forwarded)
        with self._journal.visit(self._label(path), self._proxies.client(request), known_as) as visit:
            response = await self._outermost(request, path, visit)
            if not response.prepared:
                response.headers[REQUEST_ID] = visit.id
            visit.status = response.status
        return response

    async def _outermost(self, request: web.BaseRequest, path: str, visit: Visit) -> web.StreamResponse:
        try:
            if request.method == "GET" and (page := self._page(request, path)) is not None:
                return page
            if self._health.closed:
                raise Refusal(503, self._health.closed, CLOSED_S)
            self._admission.admit_address(visit.address)
            if path.startswith("/v1/") and self._chat is not None:
                return await self._converse(request, path, self._chat, visit)
            return await self._serve(request, path, visit)
        except Refusal as refusal:
            visit.refuse(refusal.status, str(refusal))
            return refused(refusal)
        except AuthError as error:
            visit.refuse(401, str(error), type(error).__name__)
            return refused(Refusal(401, str(error)), kind=type(error).__name__)
        except ReplayStoreFull as error:
            visit.refuse(503, str(error))
            return refused(Refusal(503, str(error), 60))
        except ConnectionError:
            raise  # the client has left
        except Exception as error:  # the edge of a request: one failure must not end the server
            # The stack as text: a renderer that shows local variables would show keys.
            _log.error("request failed", request_id=visit.id, path=visit.path, stack=stack(error))
            if request.writer.output_size > 0:
                raise ConnectionError("the reply broke off") from error
            return refused(Refusal(500, "the miner failed at this request"))

    async def _serve(self, request: web.BaseRequest, path: str, visit: Visit) -> web.StreamResponse:
        """A signed request, from its headers to the signed reply."""
        route = self._role.routes.get(path)
        wanted = None if route is not None else self._artifact_id(path)
        if route is None and wanted is None:
            raise Refusal(404, "no such path on this miner")
        if request.method != ("GET" if route is None else "POST"):
            raise Refusal(405, f"use {'GET' if route is None else 'POST'} here")
        believed, body = await self._believe(request, 0 if route is None else route.max_request_bytes, visit)
        try:
            async with self._admitted(believed.sender):
                if route is not None:
                    return self._signed(believed, 200, await self._handle(route, body), JSON)
                return await self._send_artifact(request, believed, wanted or "", visit)
        except Refusal as refusal:
            visit.refuse(refusal.status, str(refusal))
            return self._signed(believed, refusal.status, reason(refusal), JSON, refusal.retry_after_s)

    async def _believe(
        self, request: web.BaseRequest, most_bytes: int, visit: Visit
    ) -> tuple[SignedRequest, bytes]:
        """Who signed this request, and its body. Raises ``AuthError``, ``Refusal`` or ``ReplayStoreFull``."""
        claim = self._verifier.claim(request.method, request.raw_path, request.headers.items())
        body = await read_body(request, most_bytes, self._limits.read_s)
        believed = self._verifier.believe(claim, sha256(body).hexdigest())
        visit.caller = believed.sender
        return believed, body

    def _admitted(self, sender: str) -> AbstractAsyncContextManager[None]:
        """A place among the requests in the handlers, for a hotkey that may have one. Raises ``Refusal``."""
        return self._admission.place(self._admission.admit(sender))

    async def _handle(self, route: Route, body: bytes) -> bytes:
        try:
            async with asyncio.timeout(self._limits.handle_s):
                return await route.handler(body)
        except (InvalidRequest, RecursionError, UnicodeDecodeError, json.JSONDecodeError) as error:
            raise Refusal(400, str(error) or "the request is no JSON of this route") from error
        except TimeoutError:
            raise Refusal(504, f"no answer within {self._limits.handle_s:g} s") from None

    async def _send_artifact(
        self, request: web.BaseRequest, believed: SignedRequest, content_id: str, visit: Visit
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
        response = web.StreamResponse(
            headers={**signature.headers, "Content-Type": BYTES, REQUEST_ID: visit.id}
        )
        response.content_length = path.stat().st_size
        async with asyncio.timeout(self._limits.send_s):
            await response.prepare(request)
            with path.open("rb") as file:
                while chunk := file.read(1 << 18):
                    await response.write(chunk)
            await response.write_eof()
        return response

    async def _converse(
        self, request: web.BaseRequest, path: str, chat: ChatGate, visit: Visit
    ) -> web.StreamResponse:
        """OpenAI's side: signed requests are verified and admitted as everywhere, guests as ``chat`` says."""
        try:
            if chat.is_signed(request):
                believed, body = await self._believe(request, chat.max_request_bytes, visit)
                return await chat.answer(request, path, body, self._admission.admit(believed.sender), visit)
            visit.caller = chat.admit_guest(request)
            body = await read_body(request, chat.max_request_bytes, self._limits.read_s)
            return await chat.answer(request, path, body, None, visit)
        except AuthError as error:
            visit.refuse(401, str(error), type(error).__name__)
            return openai_refusal(Refusal(401, str(error)))
        except Refusal as refusal:
            visit.refuse(refusal.status, str(refusal))
            return openai_refusal(refusal)

    def _page(self, request: web.BaseRequest, path: str) -> web.Response | None:
        """The open pages: whether the process lives and is ready; figures only for this machine."""
        if path == "/health":
            return json_response(200, {"status": "ok", "hotkey": self._pair.address})
        if path == "/ready":
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
        return first if first in ("/artifacts", "/v1", *PAGES) else "other"


async def read_body(request: web.BaseRequest, most: int, deadline_s: float) -> bytes:
    """The body, if it is not encoded, at most ``most`` bytes and there in time. Raises ``Refusal``."""
    if "Content-Encoding" in request.headers:
        raise Refusal(415, "send the body as it is, without Content-Encoding")
    if request.content_length is not None and request.content_length > most:
        raise Refusal(413, f"at most {most:,} bytes are read here")
    body = bytearray()
    try:
        if request.content.is_eof() and request.content.total_bytes <= most:
            return request.content.read_nowait()  # it has come with its headers, as most do
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
