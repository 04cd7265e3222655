"""The traced server over sockets: the same answers, and spans whose names no stranger chooses."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind

from meritnet.chain.keys import KeyPair
from meritnet.miner.clients import Clients
from meritnet.subnets.otel import LiveTraces, traces_to

Scenario = Callable[..., None]
TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
GOOD = f"00-{TRACE}-{SPAN}-01"
NOBODY = f"00-{'0' * 32}-{SPAN}-01"


@pytest.fixture
def memory() -> Iterator[tuple[InMemorySpanExporter, LiveTraces]]:
    exporter = InMemorySpanExporter()
    traces = traces_to(SimpleSpanProcessor(exporter), "test")
    yield exporter, traces
    traces.close()


def served(exporter: InMemorySpanExporter) -> list[ReadableSpan]:
    """The spans of whole requests, in the order in which they ended."""
    return [span for span in exporter.get_finished_spans() if span.kind is SpanKind.SERVER]


@pytest.mark.parametrize(
    ("header", "is_child"),
    [
        (GOOD, True),
        (GOOD + "-x", False),
        ("00-zz", False),
        ("0" * 4000, False),
        (f"00-{'0' * 32}-{SPAN}-01", False),
    ],
)
def test_a_caller_s_span_is_taken_if_it_has_its_form(
    bench: Scenario, memory: tuple[InMemorySpanExporter, LiveTraces], header: str, is_child: bool
) -> None:
    exporter, traces = memory

    async def scenario(on: Any) -> None:
        headers = {**on.sign("/echo").headers, "traceparent": header, "tracestate": "a=b"}
        assert (await on.send("POST", "/echo", b"hello", headers)).status == 200

    bench(scenario, traces=traces)
    (span,) = served(exporter)
    assert (f"{span.context.trace_id:032x}" == TRACE) == is_child
    assert (span.parent is not None) == is_child
    assert not span.context.trace_state


def test_a_header_that_comes_twice_is_ignored(
    bench: Scenario, memory: tuple[InMemorySpanExporter, LiveTraces]
) -> None:
    exporter, traces = memory

    async def scenario(on: Any) -> None:
        headers = [*on.sign("/echo").headers.items(), ("traceparent", GOOD), ("traceparent", GOOD)]
        assert (await on.send("POST", "/echo", b"hello", headers)).status == 200

    bench(scenario, traces=traces)
    assert served(exporter)[0].parent is None


def test_no_name_is_a_stranger_s(bench: Scenario, memory: tuple[InMemorySpanExporter, LiveTraces]) -> None:
    exporter, traces = memory

    async def scenario(on: Any) -> None:
        for number in range(5):
            await on.send("PROPFIND", f"/{number}", b"", {})
            await on.send("GET", f"/v1/{number}?q={number}", None, {})
        for page in ("/health", "/ready", "/metrics"):
            await on.send("GET", page, None, {})
        await on.ask("/echo", pair=KeyPair.from_uri("//Eve"))

    bench(scenario, traces=traces)
    assert {span.name for span in exporter.get_finished_spans()} == {
        "_OTHER other",
        "GET /v1",
        "POST /echo",
        "verify",
        "admit",
        "sign",
    }
    last = dict(served(exporter)[-1].attributes or {})
    assert last["meritnet.caller"] == KeyPair.from_uri("//Eve").address
    assert last["http.response.status_code"] == 403


def test_chat_and_streams_are_traced_to_their_end(
    bench: Scenario, memory: tuple[InMemorySpanExporter, LiveTraces]
) -> None:
    exporter, traces = memory
    key = "k" * 16

    async def scenario(on: Any) -> None:
        bearer = {"Authorization": f"Bearer {key}"}
        stream = await on.send("POST", "/v1/chat/completions", b'{"stream": true}', bearer)
        assert stream.body.endswith(b"data: [DONE]\n\n")
        assert (await on.ask("/v1/chat/completions", b"{}")).status == 200
        ids = [dict(span.attributes or {})["meritnet.request_id"] for span in served(exporter)]
        assert ids[0] == stream.header("X-Request-Id")

    bench(scenario, chat=True, clients=Clients({"me": key}), traces=traces)
    assert [span.name for span in exporter.get_finished_spans()] == [
        "chat",
        "POST /v1",
        "verify",
        "chat",
        "POST /v1",
    ]
