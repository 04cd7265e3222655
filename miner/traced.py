"""The miner's server with a span around each request and around what is done for it.

A server of its own, so that one without traces pays nothing for them.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from aiohttp import web

from meritnet.miner.chat import ChatGate
from meritnet.miner.journal import REQUEST_ID, Visit
from meritnet.miner.server import PAGES, MinerServer
from meritnet.subnets.base import Route
from meritnet.subnets.tracing import TRACEPARENT, Attributes, Traces, caller_span
from meritnet.subnets.wire import SignedRequest

_METHODS = {"GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"}


class TracedServer(MinerServer):
    """Spans: the request; below it verify (the body's arrival included), admit (the wait for a place
    included), handle, sign; for OpenAI's side verify and chat; for the pages, which are asked all the time,
    none."""

    def __init__(self, *arguments: Any, traces: Traces, netuid: int, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._traces = traces
        self._netuid = netuid

    async def _reply(self, request: web.BaseRequest) -> web.StreamResponse:
        method = request.method if request.method in _METHODS else "_OTHER"
        route = self._label(request.raw_path.partition("?")[0])
        if route in PAGES:
            return await super()._reply(request)
        standing = self._health.standing
        about: Attributes = {
            "http.request.method": method,
            "http.route": route,
            "url.scheme": "http",
            "server.address": self.host,
            "server.port": self.port,
            "client.address": self._proxies.client(request),
            "meritnet.netuid": self._netuid,
            "meritnet.uid": None if standing is None else standing.uid,
            "meritnet.hotkey": str(self._pair.address),
        }
        asked_by = caller_span(request.headers.getall(TRACEPARENT, ()))
        with self._traces.span(f"{method} {route}", about, kind="server", parent=asked_by) as span:
            response = await super()._reply(request)
            span.note(
                {
                    "http.response.status_code": response.status,
                    "meritnet.request_id": response.headers.get(REQUEST_ID),
                }
            )
            if response.status >= 500:
                span.fail(str(response.status))
            return response

    async def _believe(
        self, request: web.BaseRequest, most_bytes: int, visit: Visit
    ) -> tuple[SignedRequest, bytes]:
        whole = self._traces.current()
        with self._traces.span("verify"):
            believed, body = await super()._believe(request, most_bytes, visit)
        whole.note({"meritnet.caller": believed.sender})
        return believed, body

    @asynccontextmanager
    async def _admitted(self, sender: str) -> AsyncIterator[None]:
        async with AsyncExitStack() as place:
            with self._traces.span("admit"):
                await place.enter_async_context(super()._admitted(sender))
            yield

    async def _handle(self, route: Route, body: bytes) -> bytes:
        with self._traces.span("handle"):
            return await super()._handle(route, body)

    def _signed(
        self, believed: SignedRequest, status: int, body: bytes, kind: str, retry_after_s: float | None = None
    ) -> web.Response:
        with self._traces.span("sign"):
            return super()._signed(believed, status, body, kind, retry_after_s)

    async def _converse(
        self, request: web.BaseRequest, path: str, chat: ChatGate, visit: Visit
    ) -> web.StreamResponse:
        with self._traces.span("chat"):
            return await super()._converse(request, path, chat, visit)
