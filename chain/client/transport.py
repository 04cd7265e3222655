"""How JSON-RPC messages reach a node: one narrow interface, in the same process or over a socket.

A client cannot tell the two apart: both carry the same messages, both raise the same errors.
"""

from __future__ import annotations

import contextlib
import json
import queue
import threading
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, Protocol, Self

from meritnet.chain.errors import DeadlineExceeded, RpcError, TransportError

BACKLOG = 1_024
"""Notifications kept for a subscriber that does not read; the oldest are dropped after that."""


class Transport(Protocol):
    """A connection to one node. Safe to use from several threads."""

    def request(self, method: str, params: Sequence[object] = (), timeout_s: float = 10.0) -> Any:
        """The ``result`` of one request. Raises ``RpcError``, ``TransportError`` or ``DeadlineExceeded``."""

    def subscribe(
        self, method: str, params: Sequence[object], unsubscribe: str, timeout_s: float = 10.0
    ) -> Subscription:
        """Ask for notifications; ``unsubscribe`` is the method that ends them."""

    def close(self) -> None:
        """End the connection; further requests raise ``TransportError``."""


class Session(Protocol):
    """The node's end of a connection without a socket (``meritnet.chain.rpc`` provides one)."""

    def receive(self, text: str) -> str | None:
        """Handle one JSON-RPC message and return the reply."""


class Subscription:
    """Notifications of one subscription, in order, until closed. Use as a context manager."""

    def __init__(self, notifications: queue.Queue[Any], close: Callable[[], None]) -> None:
        self._notifications = notifications
        self._close = close

    def next(self, timeout_s: float) -> Any:
        """The next notification. Raises ``DeadlineExceeded``, or ``TransportError`` on a broken link."""
        try:
            item = self._notifications.get(timeout=max(timeout_s, 0.0))
        except queue.Empty:
            raise DeadlineExceeded(f"no notification from the node within {timeout_s:g} s") from None
        if isinstance(item, TransportError):
            raise item
        return item

    def close(self) -> None:
        """Tell the node to stop. That it cannot be told, or does not answer, changes nothing any more."""
        with contextlib.suppress(TransportError, RpcError):
            self._close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class Inbox:
    """Routes notifications to their subscriptions.

    A node may send the first notification before the answer that names the subscription; such early ones are
    kept, within bounds, until the name is known.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: dict[str, queue.Queue[Any]] = {}
        self._early: OrderedDict[str, deque[Any]] = OrderedDict()

    def deliver(self, message: dict[str, Any]) -> None:
        """Take in one notification message; one without a subscription is nobody's."""
        params = message.get("params")
        if not isinstance(params, dict):
            return
        identifier, result = str(params.get("subscription")), params.get("result")
        with self._lock:
            waiting = self._open.get(identifier)
            if waiting is None:
                self._early.setdefault(identifier, deque(maxlen=BACKLOG)).append(result)
                while len(self._early) > 64:
                    self._early.popitem(last=False)
                return
            _put(waiting, result)

    def open(self, identifier: str) -> queue.Queue[Any]:
        """The queue of a subscription, with what came early already in it."""
        with self._lock:
            waiting: queue.Queue[Any] = queue.Queue(BACKLOG)
            for result in self._early.pop(identifier, ()):
                _put(waiting, result)
            self._open[identifier] = waiting
            return waiting

    def shut(self, identifier: str) -> bool:
        """Forget a subscription; whether it was open."""
        with self._lock:
            return self._open.pop(identifier, None) is not None

    def fail(self, error: TransportError) -> None:
        """End every subscription with the error: the connection they lived on is gone."""
        with self._lock:
            for waiting in self._open.values():
                _put(waiting, error)
            self._open.clear()
            self._early.clear()


def _put(waiting: queue.Queue[Any], item: object) -> None:
    while True:
        try:
            waiting.put_nowait(item)
            return
        except queue.Full:
            # Only a reader that lags a thousand blocks gets here; the newest head is what it needs.
            with contextlib.suppress(queue.Empty):
                waiting.get_nowait()


def result_of(reply: dict[str, Any]) -> Any:
    """The result in a JSON-RPC reply. Raises ``RpcError`` when it carries an error."""
    error = reply.get("error")
    if error is None:
        return reply.get("result")
    if not isinstance(error, dict):
        raise RpcError(f"the node answered with a malformed error: {error!r:.200}")
    code = error.get("code")
    message = str(error.get("message", "unknown error"))
    raise RpcError(message, code if isinstance(code, int) else 0, error.get("data"))


class InProcessTransport:
    """A node in the same process: messages go through its session directly, without a socket.

    Requests run in the calling thread and are not cut short: the node has deadlines of its own.
    """

    def __init__(self, session_factory: Callable[[Callable[[str], None]], Session]) -> None:
        self._inbox = Inbox()
        self._session: Session | None = session_factory(self._notified)
        self._count = 0
        self._lock = threading.Lock()

    def request(self, method: str, params: Sequence[object] = (), timeout_s: float = 10.0) -> Any:
        """The ``result`` of one request; ``timeout_s`` has no effect here."""
        session = self._session
        if session is None:
            raise TransportError("the connection to the node is closed")
        with self._lock:
            self._count += 1
            number = self._count
        message = {"jsonrpc": "2.0", "id": number, "method": method, "params": list(params)}
        reply = session.receive(json.dumps(message))
        if reply is None:
            raise TransportError(f"the node did not answer {method}")
        return result_of(json.loads(reply))

    def subscribe(
        self, method: str, params: Sequence[object], unsubscribe: str, timeout_s: float = 10.0
    ) -> Subscription:
        """Ask for notifications."""
        identifier = self.request(method, params, timeout_s)

        def close() -> None:
            if self._inbox.shut(str(identifier)) and self._session is not None:
                self.request(unsubscribe, [identifier])

        return Subscription(self._inbox.open(str(identifier)), close)

    def close(self) -> None:
        """Drop the session; its subscriptions end."""
        session, self._session = self._session, None
        self._inbox.fail(TransportError("the connection to the node is closed"))
        close = getattr(session, "close", None)
        if close is not None:
            close()

    def _notified(self, text: str) -> None:
        self._inbox.deliver(json.loads(text))
