"""Waiting for new blocks."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Self

from meritnet.chain.client.transport import Subscription, Transport
from meritnet.chain.errors import DeadlineExceeded, TransportError


class Heads:
    """A subscription to new heads that outlives broken connections. Use as a context manager."""

    def __init__(self, transport: Transport, timeout_s: float) -> None:
        self._transport = transport
        self._subscription = self._subscribed(timeout_s)

    def wait(self, timeout_s: float) -> bool:
        """Whether a block came within the time. A new connection counts: blocks may have been missed."""
        deadline = time.monotonic() + timeout_s
        if timeout_s <= 0:
            return False
        try:
            self._subscription.next(deadline - time.monotonic())
        except DeadlineExceeded:
            return False
        except TransportError:
            self._subscription = self._subscribed(deadline - time.monotonic())
        return True

    def _subscribed(self, timeout_s: float) -> Subscription:
        return self._transport.subscribe(
            "chain_subscribeNewHeads", (), "chain_unsubscribeNewHeads", timeout_s=timeout_s
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the subscription; asks the node, so it may block as long as a request."""
        self._subscription.close()
