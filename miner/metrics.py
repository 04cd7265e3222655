"""The miner's figures for Prometheus, one registry a server, with a closed set of labels."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

_SECONDS = (0.005, 0.025, 0.1, 0.5, 1, 2, 5, 10, 30, 60, 120)


@dataclass
class Outcome:
    """How a request ended; 499 when its client left before."""

    status: int = 499


class Metrics:
    """Counts requests by path and status, and how long they took."""

    content_type = CONTENT_TYPE_LATEST

    def __init__(self, queue_length: Callable[[], int]) -> None:
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "meritnet_miner_requests",
            "Requests by path and status",
            ["path", "status"],
            registry=self.registry,
        )
        self._seconds = Histogram(
            "meritnet_miner_request_seconds",
            "Time from headers to reply",
            ["path"],
            buckets=_SECONDS,
            registry=self.registry,
        )
        waiting = Gauge("meritnet_miner_waiting", "Requests that wait for a handler", registry=self.registry)
        waiting.set_function(queue_length)

    @contextmanager
    def observed(self, path: str) -> Iterator[Outcome]:
        """Counts what happens inside; the block sets the status."""
        outcome = Outcome()
        began_s = time.perf_counter()
        try:
            yield outcome
        finally:
            self._requests.labels(path, str(outcome.status)).inc()
            self._seconds.labels(path).observe(time.perf_counter() - began_s)

    def text(self) -> bytes:
        """All figures in Prometheus' text format."""
        return generate_latest(self.registry)
