"""A bound on a server's connections that does not lock out those who come with something to say.

Whoever opens connections and says nothing would otherwise keep the rest out until each has timed out, or
until the process may open no more files. So one connection too many takes the place of a silent one: the
longest silent of the address that has the most. Only where none is silent, it is cut.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

from aiohttp import web


class Door:
    """Makes the protocol of each new connection, as an event loop's server asks for it."""

    def __init__(self, server: web.Server, most: int) -> None:
        self._server = server
        self._most = most

    def __call__(self) -> asyncio.BaseProtocol:
        handlers = self._server.connections
        if len(handlers) < self._most:
            return self._server()
        crowd = Counter(map(_address, handlers))
        silent = filter(is_silent, handlers)  # those that were opened first stand first, also among equals
        victim = max(silent, key=lambda handler: crowd[_address(handler)], default=None)
        if victim is None:
            return _Cut()
        victim.force_close()
        return self._server()


def is_silent(handler: Any) -> bool:
    """Whether a connection waits for a request, or for the rest of one's head."""
    waiter = handler._waiter
    return waiter is not None and not waiter.done()


def _address(handler: Any) -> str:
    peer = handler.transport.get_extra_info("peername") if handler.transport is not None else None
    return str(peer[0]) if peer else ""


class _Cut(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        transport.abort()
