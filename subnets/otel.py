"""OpenTelemetry behind ``meritnet.subnets.tracing``; needs the extra ``otel``."""

from __future__ import annotations

import logging
import os
import sys
import threading
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from typing import Any

import structlog
from opentelemetry import context, trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter, SpanExporter
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

import meritnet
from meritnet.subnets.tracing import TRACEPARENT, Attributes, Kind, Span

CLOSE_S = 5.0
"""For what is left when a process ends; the collector may be away."""
MOST_LETTERS = 256
"""Of an attribute."""
_PATH = "/v1/traces"
_NONE: Attributes = {}
_KINDS = {kind.name.lower(): kind for kind in trace.SpanKind}
_propagator = TraceContextTextMapPropagator()


class _LiveSpan(Span):
    """A span of OpenTelemetry's."""

    def __init__(self, span: trace.Span) -> None:
        self._span = span

    @property
    def traceparent(self) -> str:
        """The header for whoever is asked from within."""
        carrier: dict[str, str] = {}
        _propagator.inject(carrier, trace.set_span_in_context(self._span))
        return carrier.get(TRACEPARENT, "")

    def note(self, attributes: Attributes) -> None:
        """Adds attributes."""
        self._span.set_attributes(_sent(attributes))

    def fail(self, kind: str) -> None:
        """Marks it as failed."""
        self._span.set_attribute("error.type", kind)
        self._span.set_status(trace.StatusCode.ERROR)


class LiveTraces:
    """Spans of one provider."""

    is_on = True

    def __init__(self, provider: TracerProvider) -> None:
        self._provider = provider
        self._tracer = provider.get_tracer("meritnet", meritnet.__version__)

    @contextmanager
    def span(
        self, name: str, attributes: Attributes = _NONE, *, kind: Kind = "internal", parent: str = ""
    ) -> Iterator[Span]:
        """A span around a block."""
        above = _propagator.extract({TRACEPARENT: parent}, context.Context()) if parent else None
        # The text of an exception, and its stack, may hold what somebody sent: neither is recorded.
        with self._tracer.start_as_current_span(
            name,
            above,
            _KINDS[kind],
            _sent(attributes),
            record_exception=False,
            set_status_on_exception=False,
        ) as begun:
            span = _LiveSpan(begun)
            try:
                yield span
            except BaseException as error:
                span.fail(type(error).__name__)
                raise

    def current(self) -> Span:
        """The span around the present line."""
        return _LiveSpan(trace.get_current_span())

    def stamp(self, logger: Any, method: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        """Adds ``trace_id``."""
        found = trace.get_current_span().get_span_context()
        if found.is_valid:
            line["trace_id"] = trace.format_trace_id(found.trace_id)
        return line

    def close(self) -> None:
        """Sends what is left."""
        # OpenTelemetry would wait for half a minute.
        last = threading.Thread(target=self._provider.shutdown, name="last traces", daemon=True)
        last.start()
        last.join(CLOSE_S)


def started(service: str, exporter: str, collector: str | None) -> LiveTraces:
    """Traces on their way; everything else about them is read from the ``OTEL_…`` variables."""
    _log_as_we_do()
    sent: SpanExporter = ConsoleSpanExporter(out=sys.stderr)
    if exporter == "otlp":
        url = None if collector is None else collector.rstrip("/").removesuffix(_PATH) + _PATH
        sent = OTLPSpanExporter(endpoint=url)
    return traces_to(BatchSpanProcessor(sent), service)


def traces_to(processor: SpanProcessor, service: str = "meritnet") -> LiveTraces:
    """Traces that end in a processor, for a program of one's own and for tests."""
    about = {"service.version": meritnet.__version__}
    if "OTEL_SERVICE_NAME" not in os.environ:
        about["service.name"] = service
    provider = TracerProvider(resource=Resource.create(about), shutdown_on_exit=False)
    provider.add_span_processor(processor)
    return LiveTraces(provider)


class _Lines(logging.Handler):
    """What OpenTelemetry has to say, such as that the collector is away, as lines of our log."""

    def emit(self, record: logging.LogRecord) -> None:
        """One line of structlog's, without a stack."""
        words = record.getMessage()
        if record.name == "opentelemetry.util.re":  # it shows the header, which may be a key
            words = "OTEL_EXPORTER_OTLP_HEADERS is not of the form name=value,name=value"
        structlog.get_logger("traces").warning("trouble", doing="send traces", error=words)


def _log_as_we_do() -> None:
    theirs = logging.getLogger("opentelemetry")
    if not any(isinstance(handler, _Lines) for handler in theirs.handlers):
        theirs.addHandler(_Lines(logging.WARNING))
        theirs.propagate = False


def _sent(attributes: Attributes) -> dict[str, str | int | float | bool]:
    return {
        name: value[:MOST_LETTERS] if isinstance(value, str) else value
        for name, value in attributes.items()
        if value is not None
    }
