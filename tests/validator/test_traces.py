"""A validator's step and its miners' work as one trace, over sockets, in OpenTelemetry's own words."""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import structlog
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from meritnet.chain.keys import KeyPair
from meritnet.subnets.base import Answer, ArtifactRef, Score, Task
from meritnet.subnets.otel import LiveTraces, traces_to
from meritnet.validator.archive import Archive
from meritnet.validator.bundle import StepBundle
from meritnet.validator.events import Asked, Scored
from meritnet.validator.provenance import origin
from meritnet.validator.scores import ScoreBook
from meritnet.validator.step import Bench, Moment, step
from meritnet.validator.view import Block

VALIDATOR = KeyPair.from_uri("//Alice").address
BLOCK = Block(7, "0x" + "42" * 32)
OTHERS = KeyPair.from_uri("//Charlie")


class Judge:
    """Wants a file with each answer."""

    def task(self, seed: bytes, uid: int) -> Task:
        return Task("/task", b"the question", 2.0, 100)

    def artifacts(self, task: Task, answer: Answer) -> list[ArtifactRef]:
        return [ArtifactRef(answer.body.decode(), 1000)]

    async def score(self, task: Task, answer: Answer, artifacts: Mapping[str, Path]) -> Score:
        return Score(0.5, "right")


@pytest.fixture
def memory() -> Iterator[tuple[InMemorySpanExporter, LiveTraces]]:
    exporter = InMemorySpanExporter()
    traces = traces_to(SimpleSpanProcessor(exporter), "test")
    yield exporter, traces
    traces.close()


def taken(street: Any, traces: LiveTraces, events: list[Any]) -> Bench:
    """A bench whose asker and step make spans."""
    role = Judge()
    street.asker._traces = traces
    return Bench(
        origin("0x" + "00" * 32, 1, VALIDATOR, "files", role),
        role,
        street.asker,
        ScoreBook(),
        Archive(street.directory / "bundles"),
        events.append,
        asyncio.Semaphore(8),
        ThreadPoolExecutor(1),
        traces,
    )


class Spans:
    """Finished spans by name, and which lies in which."""

    def __init__(self, exporter: InMemorySpanExporter) -> None:
        self.all = exporter.get_finished_spans()

    def one(
        self, name: str, within: ReadableSpan | None = None, kind: SpanKind | None = None
    ) -> ReadableSpan:
        (found,) = (
            span
            for span in self.all
            if span.name == name
            and (within is None or (span.parent and span.parent.span_id == within.context.span_id))
            and kind in (None, span.kind)
        )
        return found

    def names_within(self, above: ReadableSpan) -> list[str]:
        return [s.name for s in self.all if s.parent and s.parent.span_id == above.context.span_id]


def test_a_step_and_the_miner_s_work_are_one_trace(
    on_street: Callable[..., None], memory: tuple[InMemorySpanExporter, LiveTraces]
) -> None:
    exporter, traces = memory
    events: list[Any] = []
    ids: list[str] = []

    async def scenario(street: Any) -> None:
        offered: list[bytes] = []

        async def answer(body: bytes) -> bytes:
            return offered[0]

        target, role = await street.miner(4, answer, traces=traces)
        offered.append(role.artifacts.put(b"a file").encode())
        at = taken(street, traces, events)
        with traces.span("step"), structlog.testing.capture_logs(processors=[traces.stamp]) as lines:
            done = await step(at, Moment(BLOCK, 1, 0), [target], 10)
        assert [one.score.value for one in done.judged] == [0.5]
        ids.extend(f"{line['trace_id']} {line['request_id']}" for line in lines)
        bundle = at.archive.get(done.bundle)
        assert isinstance(bundle, StepBundle)
        assert bundle.entries[0].receipt.request is not None
        ids.append(bundle.entries[0].receipt.request.id)

    on_street(scenario)
    spans = Spans(exporter)
    assert len({span.context.trace_id for span in spans.all}) == 1
    whole = spans.one("step")
    assert whole.parent is None
    assert spans.names_within(whole) == ["draw", "ask", "score"]
    ask, score = spans.one("ask", whole), spans.one("score", whole)
    sent = spans.one("POST /task", ask, SpanKind.CLIENT)
    served = spans.one("POST /task", sent, SpanKind.SERVER)
    assert spans.names_within(served) == ["verify", "admit", "handle", "sign"]
    fetched = spans.one("GET /artifacts/{content_id}", score, SpanKind.CLIENT)
    assert spans.names_within(spans.one("GET /artifacts", fetched)) == ["verify", "admit"]

    # One id for the question: in the validator's events, the miner's log, the receipt and the trace.
    asked, scored = (event for event in events if isinstance(event, Asked | Scored))
    trace_id = f"{whole.context.trace_id:032x}"
    assert asked.request_id == scored.request_id == ids[-1]
    assert ids[0] == f"{trace_id} {asked.request_id}"
    assert {span.attributes["meritnet.request_id"] for span in (ask, score, sent, served)} == {ids[-1]}  # type: ignore[index]
    assert dict(served.attributes or {}) == {
        "http.request.method": "POST",
        "http.route": "/task",
        "http.response.status_code": 200,
        "url.scheme": "http",
        "server.address": "127.0.0.1",
        "server.port": sent.attributes["server.port"],  # type: ignore[index]
        "client.address": "127.0.0.1",
        "meritnet.netuid": 1,
        "meritnet.hotkey": KeyPair.from_uri("//miner4").address,
        "meritnet.caller": VALIDATOR,
        "meritnet.request_id": ids[-1],
    }
    assert dict(score.attributes or {})["meritnet.score"] == 0.5


def test_what_fails_is_marked_by_its_kind_alone(
    on_street: Callable[..., None], memory: tuple[InMemorySpanExporter, LiveTraces]
) -> None:
    exporter, traces = memory

    async def breaks(body: bytes) -> bytes:
        raise ValueError(f"a secret in {body!r}")

    async def scenario(street: Any) -> None:
        broken, _ = await street.miner(1, breaks, traces=traces)
        refusing, _ = await street.miner(2, breaks, traces=traces, admits=OTHERS)
        await step(taken(street, traces, []), Moment(BLOCK, 1, 0), [broken, refusing], 10)

    with structlog.testing.capture_logs():
        on_street(scenario)
    failed = {
        (span.name, span.kind.name, (span.attributes or {}).get("error.type"))
        for span in exporter.get_finished_spans()
        if span.status.status_code is StatusCode.ERROR
    }
    assert failed == {
        ("handle", "INTERNAL", "ValueError"),
        ("POST /task", "SERVER", "500"),
        ("POST /task", "CLIENT", "BadResponse"),  # a failure is not signed
        ("admit", "INTERNAL", "Refusal"),
        ("POST /task", "CLIENT", "403"),
    }
    for span in exporter.get_finished_spans():
        assert not span.events
        assert span.status.description is None
        assert "secret" not in span.to_json()


def test_a_silent_miner_is_a_timeout(
    on_street: Callable[..., None], memory: tuple[InMemorySpanExporter, LiveTraces]
) -> None:
    exporter, traces = memory

    async def scenario(street: Any) -> None:
        silent = await street.hostile(1, b"", then_wait=True)
        street.asker._traces = traces
        await street.asker.ask(silent, Task("/task", b"", 0.01, 100))

    on_street(scenario)
    (sent,) = exporter.get_finished_spans()
    assert (sent.attributes or {})["error.type"] == "timeout"
