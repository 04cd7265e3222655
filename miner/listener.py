"""aiohttp's server with bounds, and one line of JSON for what it would refuse in other ways or not at all.

What reaches a handler has whole and bounded headers. A connection beyond the bounds is cut unread; headers
that are malformed, too large or too slow get 400, 431 or 408 and the connection is closed.
"""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from aiohttp import web
from aiohttp.http_exceptions import LineTooLong

JSON = "application/json"

# aiohttp logs each malformed request with its stack at level ERROR: a stranger's way to fill the disk.
_QUIET = logging.getLogger("meritnet.miner.http")
_QUIET.setLevel(logging.CRITICAL)

LOOK_S = 0.02
"""How often a draining server looks whether it is done."""
LINGER_S = 0.5
"""How long a refused client may go on sending, unread: closed at once, it would be reset before it has read
why it is refused."""

_SLOW_HEADERS = "the headers did not arrive in time"


@dataclass(frozen=True)
class Limits:
    """Bounds on one connection and one request."""

    header_fields: int = 64
    header_field_bytes: int = 8190
    read_s: float = 10.0
    """For a whole body, and for the headers of a new or kept connection."""
    handle_s: float = 120.0
    """For the subnet's handler."""
    stream_s: float = 600.0
    """For a whole stream of events."""
    drain_s: float = 10.0
    """For requests in flight when the server stops."""
    send_s: float = 300.0
    """For sending a whole file to a slow reader."""
    stall_s: float = 15.0
    """For one event to a reader that does not read: then its stream, and the work behind it, ends."""
    connections: int = 1024
    connections_per_address: int = 128


class BoundedServer(web.Server):
    """aiohttp's server with bounds on connections, in all and from one address.

    One more takes the place of a silent one: the longest silent of the address that has the most, so that
    whoever opens connections and says nothing keeps nobody out; where none is silent, it is cut unread.
    """

    def __init__(
        self,
        handler: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]],
        limits: Limits,
        is_proxy: Callable[[str], bool],
    ) -> None:
        super().__init__(
            handler,
            handler_cancellation=True,
            access_log=None,
            logger=_QUIET,
            auto_decompress=False,
            max_headers=limits.header_fields,
            max_field_size=limits.header_field_bytes,
            max_line_size=limits.header_field_bytes,
            keepalive_timeout=limits.read_s,
            lingering_time=LINGER_S,
        )
        self._limits = limits
        self._is_proxy = is_proxy
        self._by_address: Counter[str] = Counter()
        self._addresses: dict[_Connection, str] = {}
        self._most = min(limits.connections, openable_files() // 2)

    def __call__(self) -> web.RequestHandler:
        return _Connection(self, loop=self._loop, **self._kwargs)

    @property
    def open_connections(self) -> int:
        """Connections at this moment."""
        return len(self._addresses)

    def connection_made(self, handler: Any, transport: asyncio.Transport) -> None:
        super().connection_made(handler, transport)
        address = (transport.get_extra_info("peername") or ("",))[0]
        # All clients of a proxy come from its one address.
        crowded = self._by_address[address] >= self._limits.connections_per_address
        if crowded and not self._is_proxy(address):
            room = self._make_room([address])
        else:
            room = len(self._addresses) < self._most or self._make_room(self._most_crowded())
        self._addresses[handler] = address
        self._by_address[address] += 1
        if not room:
            transport.abort()

    def _most_crowded(self) -> list[str]:
        """The addresses, those with the most connections first, and our proxies last."""
        crowd = self._by_address.most_common()
        return [address for address, _ in sorted(crowd, key=lambda one: self._is_proxy(one[0]))]

    def _make_room(self, addresses: Iterable[str]) -> bool:
        """Cuts the longest silent connection of the first address that has one; whether there was one."""
        silent: dict[str, _Connection] = {}
        for handler, address in self._addresses.items():  # those that were opened first stand first
            if handler.waits and not handler.is_cut:
                silent.setdefault(address, handler)
        victim = next((silent[address] for address in addresses if address in silent), None)
        if victim is not None:
            victim.cut()
        return victim is not None

    def connection_lost(self, handler: Any, exc: BaseException | None = None) -> None:
        super().connection_lost(handler, exc)
        address = self._addresses.pop(handler, None)
        if address is not None:
            self._by_address[address] -= 1
            if not self._by_address[address]:
                del self._by_address[address]

    async def drained(self, deadline_s: float) -> None:
        """Returns when no request is in the handler, or when the deadline has passed."""
        with suppress(TimeoutError):
            async with asyncio.timeout(deadline_s):
                while any(connection.is_answering for connection in self._addresses):  # noqa: ASYNC110 - aiohttp tells nobody
                    await asyncio.sleep(LOOK_S)


class _Connection(web.RequestHandler):
    """One connection, whose refusals before the handler are said in the server's words."""

    _half_a_head = False
    _is_late = False
    is_cut = False

    @property
    def waits(self) -> bool:
        """Whether it waits for a request, or for the rest of one's head."""
        return self._waiter is not None and not self._waiter.done()

    def cut(self) -> None:
        """Ends it without a word."""
        self.is_cut = True
        if self.transport is not None:
            self.transport.abort()

    def data_received(self, data: bytes) -> None:
        if self._is_late:
            return
        super().data_received(data)
        self._half_a_head = (bool(data.strip()) or self._half_a_head) and self.waits

    def _process_keepalive(self) -> None:
        # aiohttp closes a connection without a word when no request has come in time. Asked before the
        # parent, as that lets the transport go.
        transport = self.transport
        late = self._loop.time() >= self._next_keepalive_close_time
        if transport is not None and self.waits and late and self._half_a_head and not self._is_late:
            self._is_late = True
            transport.write(_raw(408, _SLOW_HEADERS))
            transport.write_eof()
            self._loop.call_later(LINGER_S, super()._process_keepalive)
            return
        super()._process_keepalive()

    @property
    def is_answering(self) -> bool:
        """Whether a request of this connection is in the handler, or its reply on the way."""
        return self._request_in_progress

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """What aiohttp refuses: headers that are malformed or too large."""
        super().handle_error(request, status, exc, message)  # logs, and gives up a reply that has begun
        large = isinstance(exc, LineTooLong) or "Too many headers" in (message or "")
        if status == 400 and large:
            status, words = 431, "the request line or the headers are too large"
        elif status == 400:
            words = f"malformed HTTP: {(message or 'no request').strip().splitlines()[0].rstrip(':')}"
        else:
            words = "the miner failed at this request"
        response = web.Response(status=status, body=_line(words), headers={"Content-Type": JSON})
        response.force_close()
        return response


def openable_files() -> int:
    """How many files and sockets this process may have open at once."""
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return sys.maxsize
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return sys.maxsize if soft == resource.RLIM_INFINITY else soft


def _raw(status: int, words: str) -> bytes:
    body = _line(words)
    head = f"HTTP/1.1 {status} Request Timeout\r\nContent-Type: {JSON}\r\nContent-Length: {len(body)}\r\n"
    return f"{head}Connection: close\r\n\r\n".encode() + body


def _line(words: str) -> bytes:
    return json.dumps({"error": words}).encode() + b"\n"
