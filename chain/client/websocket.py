"""JSON-RPC over a WebSocket: a reader thread, a deadline on every request, and reconnection.

When the connection breaks, requests that were under way are sent again on a new one until their deadline:
reads may be repeated freely. Submissions are not repeated here; `submission.py` knows how to find out what
became of them. Subscriptions end with ``TransportError``; their owner subscribes again.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import queue
import socket
import ssl
import threading
import time
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

import websocket

from meritnet.chain.client.transport import Inbox, Subscription, result_of
from meritnet.chain.errors import DeadlineExceeded, TransportError, UsageError

KEEPALIVE_S = 3.0
"""A connection silent for this long is pinged; silent for twice as long, it is taken for dead. That is less
than the deadline of a request, which so comes through on a new connection."""

HANDSHAKE_S = 3.0
"""For one attempt to connect again; the next one may find the way clear."""

RETRY_FIRST_S, RETRY_MOST_S = 0.05, 2.0
"""Pause before the first new attempt to connect, and the longest pause; doubled in between."""


class WebSocketTransport:
    """A connection to ``ws://`` or ``wss://`` that comes back by itself."""

    def __init__(self, endpoint: str, timeout_s: float = 10.0) -> None:
        if not _is_address(endpoint):
            raise UsageError(f"{endpoint!r} is no WebSocket address", "write it as ws://127.0.0.1:9944")
        self.endpoint = endpoint
        self._numbers = itertools.count(1)
        self._lock = threading.RLock()
        self._link: _Link | None = None
        self._closed = False
        self._connected(time.monotonic() + timeout_s, patient=False)

    def request(self, method: str, params: Sequence[object] = (), timeout_s: float = 10.0) -> Any:
        """The ``result`` of one request. Raises ``RpcError``, ``TransportError`` or ``DeadlineExceeded``."""
        return self._exchange(method, params, timeout_s)[0]

    def subscribe(
        self, method: str, params: Sequence[object], unsubscribe: str, timeout_s: float = 10.0
    ) -> Subscription:
        """Ask for notifications on the connection of now."""
        identifier, link = self._exchange(method, params, timeout_s)

        def close() -> None:
            if link.inbox.shut(str(identifier)) and not link.broken:
                self.request(unsubscribe, [identifier], timeout_s)

        notifications = link.inbox.open(str(identifier))
        if link.broken:  # It broke before the queue was there to hear of it.
            link.inbox.fail(TransportError(f"the connection to {self.endpoint} broke"))
        return Subscription(notifications, close)

    def close(self) -> None:
        """End the connection for good."""
        with self._lock:
            self._closed = True
            link, self._link = self._link, None
        if link is not None:
            link.close()

    def _exchange(self, method: str, params: Sequence[object], timeout_s: float) -> tuple[Any, _Link]:
        deadline = time.monotonic() + timeout_s
        number = next(self._numbers)
        text = json.dumps({"jsonrpc": "2.0", "id": number, "method": method, "params": list(params)})
        while True:
            link = self._connected(deadline, patient=True)
            try:
                reply = link.exchange(number, text, deadline - time.monotonic())
            except DeadlineExceeded:
                raise DeadlineExceeded(
                    f"{self.endpoint} did not answer {method} within {timeout_s:g} s",
                    "the node is busy or far away: try again",
                ) from None
            except TransportError:
                if method.startswith("author_submit"):
                    raise
                time.sleep(min(RETRY_FIRST_S, max(deadline - time.monotonic(), 0)))
                continue
            return result_of(reply), link

    def _connected(self, deadline: float, *, patient: bool) -> _Link:
        """The live connection, made anew if it broke. ``patient`` goes on trying until the deadline."""
        pause = RETRY_FIRST_S
        while True:
            with self._lock:
                if self._closed:
                    raise TransportError("the connection to the node is closed")
                if self._link is not None and not self._link.broken:
                    return self._link
                left_s = deadline - time.monotonic()
                try:
                    self._link = _Link(self.endpoint, min(left_s, HANDSHAKE_S) if patient else left_s)
                    return self._link
                except (OSError, websocket.WebSocketException) as error:
                    reason = error
            if not patient or time.monotonic() + pause >= deadline:
                raise TransportError(
                    f"cannot reach the chain at {self.endpoint}: {_plain(reason)}",
                    "start one with `meritnet chain start`, or name another with --endpoint",
                ) from None
            time.sleep(pause)
            pause = min(2 * pause, RETRY_MOST_S)


class _Link:
    """One connection and the thread that reads from it. Once broken it stays broken."""

    def __init__(self, endpoint: str, timeout_s: float) -> None:
        self.broken = False
        self.inbox = Inbox()
        self._waiting: dict[int, queue.SimpleQueue[dict[str, Any] | None]] = {}
        self._lock = threading.Lock()
        self._socket = _opened(endpoint, max(timeout_s, 0.01))
        self._socket.settimeout(KEEPALIVE_S)
        threading.Thread(target=self._read, name=f"rpc {endpoint}", daemon=True).start()

    def exchange(self, number: int, text: str, timeout_s: float) -> dict[str, Any]:
        """Send one request and wait for its reply."""
        answer: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        with self._lock:
            self._waiting[number] = answer
        try:
            if self.broken:
                raise TransportError("the connection broke")
            self._socket.send(text)
            reply = answer.get(timeout=max(timeout_s, 0.0))
        except queue.Empty:
            raise DeadlineExceeded("no answer") from None
        except (OSError, websocket.WebSocketException) as error:
            self._break()
            raise TransportError(f"the connection broke: {_plain(error)}") from None
        finally:
            with self._lock:
                self._waiting.pop(number, None)
        if reply is None:
            raise TransportError("the connection broke")
        return reply

    def close(self) -> None:
        """Close the socket; the reader thread ends."""
        self._break()

    def _read(self) -> None:
        heard = time.monotonic()
        while not self.broken:
            try:
                # Control frames are wanted too: the pong of a quiet node is a sign of life.
                kind, data = self._socket.recv_data(control_frame=True)
            except websocket.WebSocketTimeoutException:
                if time.monotonic() - heard > 2 * KEEPALIVE_S or not self._ping():
                    break
                continue
            except (OSError, websocket.WebSocketException):
                break
            if kind == websocket.ABNF.OPCODE_CLOSE:
                break
            heard = time.monotonic()
            if kind == websocket.ABNF.OPCODE_TEXT:
                self._dispatch(data)
        self._break()

    def _ping(self) -> bool:
        try:
            self._socket.ping()
        except (OSError, websocket.WebSocketException):
            return False
        return True

    def _dispatch(self, text: bytes) -> None:
        try:
            message = json.loads(text)
        except (ValueError, RecursionError):
            return  # Not JSON, so nobody's answer: whoever waits meets the deadline.
        if not isinstance(message, dict):
            return
        if "method" in message:
            self.inbox.deliver(message)
            return
        number = message.get("id")
        with self._lock:
            waiting = self._waiting.get(number) if isinstance(number, int) else None
        if waiting is not None:
            waiting.put(message)

    def _break(self) -> None:
        with self._lock:
            if self.broken:
                return
            self.broken = True
            waiting = list(self._waiting.values())
        with contextlib.suppress(OSError, websocket.WebSocketException):
            self._socket.send_close()
        with contextlib.suppress(OSError, websocket.WebSocketException):
            if self._socket.sock is not None:  # Closing alone would leave the reader waiting.
                self._socket.sock.shutdown(socket.SHUT_RDWR)
        with contextlib.suppress(OSError, websocket.WebSocketException):
            self._socket.shutdown()  # type: ignore[no-untyped-call]
        for answer in waiting:
            answer.put(None)
        self.inbox.fail(TransportError("the connection to the node broke"))


def _is_address(endpoint: str) -> bool:
    try:
        parts = urlsplit(endpoint)
        return parts.scheme in ("ws", "wss") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is no number, or an address in brackets that is none
        return False


def _opened(endpoint: str, timeout_s: float) -> websocket.WebSocket:
    """A connected WebSocket. The socket is made here, since the library leaves a refused one open."""
    parts = urlsplit(endpoint)
    secure = parts.scheme == "wss"
    port = parts.port or (443 if secure else 80)
    raw: socket.socket = socket.create_connection((parts.hostname or "", port), timeout_s)
    try:
        if secure:
            raw = ssl.create_default_context().wrap_socket(raw, server_hostname=parts.hostname)
        return websocket.create_connection(
            endpoint, timeout=timeout_s, socket=raw, enable_multithread=True, skip_utf8_validation=True
        )
    except BaseException:
        raw.close()
        raise


def _plain(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
