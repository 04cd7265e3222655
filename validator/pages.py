"""A validator's pages on loopback: ``/health``, ``/ready`` and ``/metrics``, for programs of this machine.

They come from a thread of their own, so that they answer while the validator is busy judging.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

from prometheus_client import generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from meritnet.chain.errors import MeritnetError
from meritnet.validator.health import Health
from meritnet.validator.metrics import Metrics

HOST = "127.0.0.1"
REQUEST_S = 5.0
"""For a whole request; a connection that says nothing is closed after it."""
_NAMES = ("127.0.0.1", "localhost")
_JSON = "application/json"


@contextmanager
def pages(port: int, hotkey: str, health: Health, metrics: Metrics) -> Iterator[int]:
    """Answers around a block; gives the port. Raises ``MeritnetError`` when the port cannot be had."""

    class Pages(BaseHTTPRequestHandler):
        """One connection."""

        timeout = REQUEST_S

        def do_GET(self) -> None:
            """A page, or why there is none."""
            self._send(*page(self.path, self.headers.get("Host", ""), self.headers.get("Origin")))

        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - the parent's name
            """Nothing: who asks is this machine."""

        def _send(self, status: int, kind: str, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    def page(path: str, host: str, origin: str | None) -> tuple[int, str, bytes]:
        # A page of the web that had its name rebound to this machine sends its own name, or an Origin.
        if origin is not None or host.rpartition(":")[0] not in _NAMES:
            return 403, _JSON, b'{"error": "these pages are for programs of this machine"}\n'
        match path.partition("?")[0]:
            case "/health":
                return 200, _JSON, _line({"status": "ok", "hotkey": hotkey})
            case "/ready":
                missing = health.missing
                return 503 if missing else 200, _JSON, _line({"ready": not missing, "missing": missing})
            case "/metrics":
                return 200, CONTENT_TYPE_LATEST, generate_latest(metrics.registry)
            case _:
                return 404, _JSON, b'{"error": "there are /health, /ready and /metrics"}\n'

    try:
        server = ThreadingHTTPServer((HOST, port), Pages)
    except OSError as error:
        raise MeritnetError(
            f"cannot listen on {HOST}:{port}: {error.strerror}", "choose another --metrics-port"
        ) from error
    thread = Thread(target=server.serve_forever, name="validator pages", daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()


def _line(value: object) -> bytes:
    return json.dumps(value).encode() + b"\n"
