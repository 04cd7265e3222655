"""The miner's figures for Prometheus, one registry a server, with a closed set of labels.

Names follow Prometheus' conventions: base units in the name, ``_total`` for what only grows.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import cache

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

import meritnet
from meritnet.chain.types import RAO_PER_TAO
from meritnet.miner.admission import Admission
from meritnet.miner.health import Health, Standing

PREFIX = "meritnet_miner_"
_SECONDS = (0.005, 0.025, 0.1, 0.5, 1, 2, 5, 10, 30, 60, 120, 300)


class Metrics:
    """Counts requests by path and status, and refusals by reason; ``watch`` adds how the miner stands."""

    content_type = CONTENT_TYPE_LATEST

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        requests = Counter(
            PREFIX + "requests_total",
            "Requests by path and status; 499 when the client left before",
            ["path", "status"],
            registry=self.registry,
        )
        refusals = Counter(
            PREFIX + "refusals_total", "Requests refused, by reason", ["reason"], registry=self.registry
        )
        durations = Histogram(
            PREFIX + "request_duration_seconds",
            "Time from headers to reply",
            ["path"],
            buckets=_SECONDS,
            registry=self.registry,
        )
        # A look-up by labels costs more than the counting; the sets of labels are closed.
        self._request = cache(lambda path, status: requests.labels(path, str(status)))
        self._refusal = cache(refusals.labels)
        self._duration = cache(durations.labels)

    def count(self, path: str, status: int, reason: str, seconds: float) -> None:
        """One request has ended; ``reason`` is empty unless it was refused."""
        self._request(path, status).inc()
        self._duration(path).observe(seconds)
        if reason:
            self._refusal(reason).inc()

    def watch(
        self, hotkey: str, admission: Admission, health: Health, connections: Callable[[], int]
    ) -> None:
        """Shows what is so at the moment of the question."""
        about = {"version": meritnet.__version__, "hotkey": hotkey}
        Info(PREFIX + "build", "The running version, and whose it is", registry=self.registry).info(about)
        began_s = time.time()
        self._gauge("start_time_seconds", "When it began to serve, in Unix time", lambda: began_s)
        self._gauge("requests_waiting", "Requests that wait for a handler", lambda: admission.queue_length)
        self._gauge("requests_in_progress", "Requests in the handlers", lambda: admission.running)
        self._gauge("connections", "Open connections", connections)
        self._gauge("ready", "1 when nothing is missing", lambda: not health.missing(time.monotonic()))
        self._gauge("chain_age_seconds", "Since the last look at the chain", lambda: _age_s(health))
        self._standing("uid", "The miner's number in the subnet", health, lambda at: at.uid)
        self._standing("block_height", "The newest block that it knows", health, lambda at: at.block)
        self._standing("incentive_ratio", "Its share of the incentive", health, lambda at: at.incentive)
        self._standing("stake_tao", "Stake on its hotkey", health, lambda at: at.stake_rao / RAO_PER_TAO)
        self._standing(
            "epoch_emission_tao", "Paid by the last epoch", health, lambda at: at.emission_rao / RAO_PER_TAO
        )

    def text(self) -> bytes:
        """All figures in Prometheus' text format."""
        return generate_latest(self.registry)

    def _gauge(self, name: str, meaning: str, value: Callable[[], float]) -> None:
        Gauge(PREFIX + name, meaning, registry=self.registry).set_function(value)

    def _standing(self, name: str, meaning: str, health: Health, value: Callable[[Standing], float]) -> None:
        self._gauge(name, meaning, lambda: value(health.standing) if health.standing else float("nan"))


def _age_s(health: Health) -> float:
    seen_s = health.chain_seen_at_s
    return float("nan") if seen_s is None else time.monotonic() - seen_s
