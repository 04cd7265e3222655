"""A validator's figures for Prometheus, counted from its events."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, start_http_server

from meritnet.chain.errors import MeritnetError
from meritnet.validator import events

_SECONDS = (0.1, 0.5, 1, 2, 5, 10, 30, 60, 120)


class Metrics:
    """Takes every event in; one registry a process is enough for all its validators."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        subnet = ["netuid", "validator"]
        self._answers = Counter(
            "meritnet_validator_answers",
            "Scored questions by whether an answer came",
            [*subnet, "answered"],
            registry=self.registry,
        )
        self._seconds = Histogram(
            "meritnet_validator_answer_seconds",
            "Time from question to answer",
            subnet,
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._duties = Counter(
            "meritnet_validator_duties", "Duties done by kind", [*subnet, "kind"], registry=self.registry
        )
        self._troubles = Counter("meritnet_validator_troubles", "Failures", subnet, registry=self.registry)
        self._wrong = Counter(
            "meritnet_validator_wrong_predictions",
            "Epochs whose payout was not the predicted one",
            subnet,
            registry=self.registry,
        )
        self._paid = Gauge(
            "meritnet_validator_paid_rao", "What the last epoch paid", subnet, registry=self.registry
        )

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
                self._paid.labels(*labels).set(paid_rao)
                self._wrong.labels(*labels).inc(0 if event.agrees else 1)
            case events.Trouble():
                self._troubles.labels(*labels).inc()

    def serve(self, port: int) -> None:
        """Answers ``/metrics`` on loopback from a thread until the process ends.

        Raises ``MeritnetError`` when the port cannot be had.
        """
        try:
            start_http_server(port, addr="127.0.0.1", registry=self.registry)
        except OSError as error:
            raise MeritnetError(
                f"cannot listen on 127.0.0.1:{port}: {error.strerror}", "choose another --metrics-port"
            ) from error
