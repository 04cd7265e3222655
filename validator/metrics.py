"""A validator's figures for Prometheus, counted from its events, with a closed set of labels.

Names follow Prometheus' conventions: base units in the name, ``_total`` for what only grows.
"""

from __future__ import annotations

import time

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info

import meritnet
from meritnet.chain.types import RAO_PER_TAO
from meritnet.validator import events
from meritnet.validator.health import Health

PREFIX = "meritnet_validator_"
SUBNET = ("netuid", "validator")
"""Labels of every figure: which of this process's validators it is about."""
_SECONDS = (0.1, 0.5, 1, 2, 5, 10, 30, 60, 120)


class Metrics:
    """Takes every event in, ``watch`` adds how a validator stands; one registry a process is enough."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        began_s = time.time()
        Info(PREFIX + "build", "The running version", registry=self.registry).info(
            {"version": meritnet.__version__}
        )
        self._gauge("start_time_seconds", "When the process began to count, in Unix time", ()).set(began_s)
        self._answers = self._counter("answers", "Scored questions by whether an answer came", "answered")
        self._seconds = Histogram(
            PREFIX + "answer_duration_seconds",
            "Time from question to answer",
            SUBNET,
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._duties = self._counter("duties", "Duties done by kind", "kind")
        self._troubles = self._counter("troubles", "Failures")
        self._wrong = self._counter("wrong_predictions", "Epochs whose payout was not the predicted one")
        self._paid = self._gauge("epoch_emission_tao", "Paid by the last epoch")
        self._ready = self._gauge("ready", "1 when nothing is missing")
        self._age = self._gauge("chain_age_seconds", "Since the chain's last answer")
        self._block = self._gauge("block_height", "The newest block that a step was taken at")
        self._steps = self._gauge("epoch_steps", "Steps taken in the present epoch")

    def watch(self, netuid: int, validator: str, health: Health) -> None:
        """Shows what is so at the moment of the question."""
        labels = (str(netuid), validator)
        self._ready.labels(*labels).set_function(lambda: not health.missing)
        self._age.labels(*labels).set_function(lambda: _age_s(health))

    def take(self, event: events.Event) -> None:
        """Counts one event."""
        labels = (str(event.netuid), event.validator)
        match event:
            case events.Scored(elapsed_s=elapsed_s):
                self._answers.labels(*labels, "yes" if elapsed_s is not None else "no").inc()
                if elapsed_s is not None:
                    self._seconds.labels(*labels).observe(elapsed_s)
            case events.Stepped() | events.Committed() | events.Revealed() | events.WeightsSet():
                self._duties.labels(*labels, type(event).__name__.lower()).inc()
            case events.Paid(paid_rao=paid_rao):
                self._paid.labels(*labels).set(paid_rao / RAO_PER_TAO)
                self._wrong.labels(*labels).inc(0 if event.agrees else 1)
            case events.Trouble():
                self._troubles.labels(*labels).inc()
        if isinstance(event, events.Stepped):
            self._block.labels(*labels).set(event.block)
            self._steps.labels(*labels).set(event.step)

    def _counter(self, name: str, meaning: str, *labels: str) -> Counter:
        return Counter(f"{PREFIX}{name}_total", meaning, (*SUBNET, *labels), registry=self.registry)

    def _gauge(self, name: str, meaning: str, labels: tuple[str, ...] = SUBNET) -> Gauge:
        return Gauge(PREFIX + name, meaning, labels, registry=self.registry)


def _age_s(health: Health) -> float:
    seen_s = health.chain_seen_at_s
    return float("nan") if seen_s is None else time.monotonic() - seen_s
