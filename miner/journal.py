"""One request as logs and figures see it: an id, who came, what became of it, and how long it took."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus

import structlog
from aiohttp import web

from meritnet.miner.allowances import Allowances
from meritnet.miner.metrics import Metrics
from meritnet.subnets.wire import HEADER_NONCE

REQUEST_ID = "X-Request-Id"
LINES_PER_S = 20.0
LINES_AT_ONCE = 200
"""Lines about requests are bounded: strangers decide how many requests there are, and disks are finite."""

_LEFT = 499
_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")
_NONCE = re.compile(r"[1-9][0-9]{7,19}")
_log = structlog.get_logger("miner")


@dataclass
class Visit:
    """A request on its way."""

    id: str
    path: str
    """As the figures name it."""
    address: str
    caller: str = ""
    """The hotkey or the API client, once it has shown to be that."""
    status: int = _LEFT
    reason: str = ""
    """The kind of refusal, from a closed set."""
    message: str = ""
    """What the caller was told, if refused."""

    def refuse(self, status: int, message: str, kind: str = "") -> None:
        """Notes a refusal; its kind is the name of the error, or of the status."""
        self.reason, self.message = kind or HTTPStatus(status).name.lower(), message


class Journal:
    """Counts every visit, and writes a line about as many as a disk can take."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._lines = Allowances(LINES_PER_S, LINES_AT_ONCE, time.monotonic)
        self._left_out = 0

    @contextmanager
    def visit(self, path: str, address: str, request_id: str) -> Iterator[Visit]:
        """Records what happens inside; the block sets the status."""
        visit = Visit(request_id, path, address)
        began_s = time.perf_counter()
        try:
            yield visit
        finally:
            seconds = time.perf_counter() - began_s
            self._metrics.count(path, visit.status, visit.reason, seconds)
            self._write(visit, seconds)

    def _write(self, visit: Visit, seconds: float) -> None:
        if self._lines.spend(""):
            self._left_out += 1
            return
        left_out, self._left_out = self._left_out, 0
        told = {
            "request_id": visit.id,
            "path": visit.path,
            "status": visit.status,
            "seconds": round(seconds, 6),
            "address": visit.address,
            "caller": visit.caller,
            "reason": visit.reason,
            "message": visit.message,
            "lines_left_out": left_out,
        }
        _log.info("request", **{name: value for name, value in told.items() if value not in ("", 0)})


def request_id(request: web.BaseRequest, *, forwarded: bool) -> str:
    """The nonce of a signed request, by which its sender knows it too; else the id that a proxy of our own
    has given it; else a fresh one. Until the line names a caller, a nonce is a stranger's word."""
    nonce = request.headers.get(HEADER_NONCE)
    if nonce is not None and _NONCE.fullmatch(nonce):
        return nonce
    given = request.headers.get(REQUEST_ID, "") if forwarded else ""
    return given if _ID.fullmatch(given) else secrets.token_hex(8)
