"""Traces: what a neuron does, as spans that a collector of OpenTelemetry's puts together. Off by default.

A span has a name, a beginning, an end, and a few attributes: who, where, which request, how it ended. Never
a body, a key, a salt or the text of an error. The names follow OpenTelemetry's conventions for HTTP; what
they do not have is called ``meritnet.…``.

A validator's spans and its miners' are one trace: the header ``traceparent`` (W3C) says under which span a
request was sent. It is not signed, as it changes nothing that a miner does; what has not its form is ignored.

This module knows nothing of OpenTelemetry; ``meritnet.subnets.otel``, which does, is imported by ``traces``
alone, and only where traces are wanted.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, MutableMapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Literal, Protocol

from meritnet.chain.errors import UsageError

TRACEPARENT = "traceparent"
Kind = Literal["internal", "client", "server"]
Attributes = Mapping[str, str | int | float | bool | None]
"""By dotted name; ``None`` is left out."""

_TRACEPARENT = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
_ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
_PROTOCOLS = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
_NONE: Attributes = {}


class Span:
    """Work under way. This one notes nothing: it is what there is without traces."""

    @property
    def traceparent(self) -> str:
        """The header that makes others' spans its children; empty without traces."""
        return ""

    def note(self, attributes: Attributes) -> None:
        """Adds attributes."""

    def fail(self, kind: str) -> None:
        """Says that the work failed, and how: a name from a closed set, or an HTTP status."""


class Traces(Protocol):
    """Where spans go."""

    @property
    def is_on(self) -> bool:
        """Whether they go anywhere."""
        ...

    def span(
        self, name: str, attributes: Attributes = _NONE, *, kind: Kind = "internal", parent: str = ""
    ) -> AbstractContextManager[Span]:
        """A span around a block, below the one around it or below ``parent``, a ``traceparent``.

        Names are from a closed set. An exception marks the span as failed, by its type alone.
        """
        ...

    def current(self) -> Span:
        """The span around the present line."""
        ...

    def stamp(self, logger: Any, method: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        """Adds ``trace_id`` to a line of the log; a processor for structlog."""
        ...

    def close(self) -> None:
        """Sends what is left, for a few seconds at most."""
        ...


class Off:
    """No traces."""

    is_on = False

    @contextmanager
    def span(
        self, name: str, attributes: Attributes = _NONE, *, kind: Kind = "internal", parent: str = ""
    ) -> Iterator[Span]:
        """Nothing around a block."""
        yield _NOTHING

    def current(self) -> Span:
        """No span."""
        return _NOTHING

    def stamp(self, logger: Any, method: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        """The line as it is."""
        return line

    def close(self) -> None:
        """There is nothing to send."""


_NOTHING = Span()
OFF: Traces = Off()


def caller_span(given: Sequence[str]) -> str:
    """The ``traceparent`` among a request's headers of that name, if it is the only one and has its form."""
    return given[0] if len(given) == 1 and _TRACEPARENT.fullmatch(given[0]) else ""


def traces(service: str, environment: Mapping[str, str], collector: str | None = None) -> Traces:
    """Traces as the ``OTEL_…`` variables want them, or to ``collector``, the URL of an OTLP/HTTP receiver.

    Off without any of them. Raises ``UsageError`` for what cannot be, such as without the extra ``otel``.
    """
    if not _wanted(environment, collector):
        return OFF
    exporter = environment.get("OTEL_TRACES_EXPORTER", "").strip()
    if not exporter or collector is not None:
        exporter = "otlp"
    if exporter not in ("otlp", "console"):
        raise UsageError(
            f"traces cannot be sent by {exporter!r}", "OTEL_TRACES_EXPORTER may be otlp, console or none"
        )
    spoken = _first(environment, _PROTOCOLS)
    if exporter == "otlp" and spoken not in ("", "http/protobuf"):
        raise UsageError(f"traces cannot be sent by {spoken!r}", f"{_PROTOCOLS[1]} may be http/protobuf")
    if collector is not None and not collector.startswith(("http://", "https://")):
        raise UsageError(f"{collector!r} is no URL of a collector", "write it like http://127.0.0.1:4318")
    return _started()(service, exporter, collector)


def _wanted(environment: Mapping[str, str], collector: str | None) -> bool:
    if environment.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return False
    if collector is not None:
        return True
    exporter = environment.get("OTEL_TRACES_EXPORTER", "").strip()
    return exporter != "none" and bool(exporter or _first(environment, _ENDPOINTS))


def _first(environment: Mapping[str, str], names: Sequence[str]) -> str:
    return next((found for name in names if (found := environment.get(name, "").strip())), "")


def _started() -> Callable[[str, str, str | None], Traces]:
    try:
        from meritnet.subnets.otel import started
    except ImportError:
        raise UsageError(
            "traces are asked for, and OpenTelemetry is not installed", "pip install 'meritnet[otel]'"
        ) from None
    return started
