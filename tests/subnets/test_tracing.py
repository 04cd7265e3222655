"""Traces are off unless asked for, cost no import then, and say in one line what they lack."""

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from meritnet.chain.errors import UsageError
from meritnet.subnets.otel import LiveTraces, traces_to
from meritnet.subnets.tracing import OFF, caller_span, traces

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
NOWHERE = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"}


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"OTEL_SERVICE_NAME": "mine"},
        {"OTEL_TRACES_EXPORTER": "none", **NOWHERE},
        {"OTEL_SDK_DISABLED": "true", **NOWHERE},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": " "},
    ],
)
def test_nothing_is_traced_unless_asked_for(environment: dict[str, str]) -> None:
    assert traces("meritnet-miner", environment) is OFF


@pytest.mark.parametrize(
    ("environment", "collector", "says"),
    [
        ({"OTEL_TRACES_EXPORTER": "zipkin"}, None, "cannot be sent by 'zipkin'"),
        ({"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc", **NOWHERE}, None, "cannot be sent by 'grpc'"),
        ({"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "http/json", **NOWHERE}, None, "by 'http/json'"),
        ({}, "localhost:4318", "'localhost:4318' is no URL of a collector"),
    ],
)
def test_what_cannot_be_sent_is_a_usage_error(
    environment: dict[str, str], collector: str | None, says: str
) -> None:
    with pytest.raises(UsageError, match=says):
        traces("meritnet-miner", environment, collector)


def test_the_extra_is_named_where_it_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "meritnet.subnets.otel", raising=False)
    monkeypatch.setitem(sys.modules, "opentelemetry", None)
    with pytest.raises(UsageError, match="OpenTelemetry is not installed") as error:
        traces("meritnet-miner", NOWHERE)
    assert error.value.hint == "pip install 'meritnet[otel]'"


def test_what_serves_and_asks_loads_no_opentelemetry_without_being_asked() -> None:
    program = (
        "import sys, meritnet.cli.miner, meritnet.cli.validator, meritnet.miner.run, meritnet.validator.run\n"
        "from meritnet.cli.logs import observed\n"
        "with observed('meritnet-miner', None) as traces:\n    assert not traces.is_on\n"
        "print(*(name for name in sys.modules if name.startswith('opentelemetry')))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.strip() == ""


@pytest.mark.parametrize(
    "given",
    [
        [],
        [""],
        ["00"],
        [f"00-{TRACE}-{SPAN}-01"] * 2,
        [f"01-{TRACE}-{SPAN}-01"],
        [f"00-{TRACE.upper()}-{SPAN}-01"],
        [f"00-{'0' * 32}-{SPAN}-01"],
        [f"00-{TRACE}-{'0' * 16}-01"],
        [f"00-{TRACE}-{SPAN}-01\n"],
        [f"00-{TRACE}-{SPAN}-01-more"],
        [f" 00-{TRACE}-{SPAN}-01"],
        ["0" * 8000],
    ],
)
def test_a_header_without_its_form_is_ignored(given: list[str]) -> None:
    assert caller_span(given) == ""


def test_a_header_of_its_form_is_taken() -> None:
    assert caller_span([f"00-{TRACE}-{SPAN}-00"]) == f"00-{TRACE}-{SPAN}-00"


@given(st.lists(st.text(max_size=60), max_size=3))
def test_no_header_at_all_breaks_the_reader(given: list[str]) -> None:
    found = caller_span(given)
    assert found == "" or found in given


@pytest.fixture
def memory() -> Iterator[tuple[InMemorySpanExporter, LiveTraces]]:
    exporter = InMemorySpanExporter()
    live = traces_to(SimpleSpanProcessor(exporter), "meritnet-test")
    yield exporter, live
    live.close()


def test_a_span_below_another_s_keeps_its_trace(memory: tuple[InMemorySpanExporter, LiveTraces]) -> None:
    exporter, live = memory
    with live.span("outer", kind="server", parent=f"00-{TRACE}-{SPAN}-01") as outer:
        assert outer.traceparent.startswith(f"00-{TRACE}-")
        live.current().note({"meritnet.uid": 3, "meritnet.hotkey": None, "meritnet.words": "x" * 10_000})
    (span,) = exporter.get_finished_spans()
    assert span.parent is not None
    assert (f"{span.context.trace_id:032x}", f"{span.parent.span_id:016x}") == (TRACE, SPAN)
    assert dict(span.attributes or {}) == {"meritnet.uid": 3, "meritnet.words": "x" * 256}
    assert span.resource.attributes["service.name"] == "meritnet-test"


def test_a_name_from_the_environment_goes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_SERVICE_NAME", "mine")
    exporter = InMemorySpanExporter()
    live = traces_to(SimpleSpanProcessor(exporter), "meritnet-test")
    with live.span("one"):
        pass
    live.close()
    assert exporter.get_finished_spans()[0].resource.attributes["service.name"] == "mine"


def test_a_collector_that_is_away_is_a_line_without_its_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("meritnet.subnets.otel.CLOSE_S", 20.0)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "0.01")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer top-secret,no header top-secret")
    with structlog.testing.capture_logs() as lines:
        live = traces("meritnet-miner", {}, "http://127.0.0.1:1")
        with live.span("one"):
            pass
        live.close()
    assert {(line["doing"], line["log_level"]) for line in lines} == {("send traces", "warning")}
    assert "OTEL_EXPORTER_OTLP_HEADERS is not of the form" in lines[0]["error"]
    assert len(lines) >= 2
    assert "top-secret" not in str(lines)


def test_a_collector_gets_what_was_traced(monkeypatch: pytest.MonkeyPatch) -> None:
    from http.server import BaseHTTPRequestHandler, HTTPServer
    from threading import Thread

    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    came: list[tuple[str, Any]] = []

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            came.append((self.path, ExportTraceServiceRequest.FromString(body)))
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *arguments: Any) -> None: ...  # noqa: A002

    with HTTPServer(("127.0.0.1", 0), Collector) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        live = traces("meritnet-miner", {}, f"http://127.0.0.1:{server.server_port}")
        with live.span("one"):
            pass
        live.close()
        server.shutdown()
    ((path, sent),) = came
    assert path == "/v1/traces"
    assert sent.resource_spans[0].scope_spans[0].spans[0].name == "one"
