"""How a running neuron is observed: lines of its log on standard error, and traces if they are wanted.

A line is bounded, whatever a stranger's words are in it: no value is longer than ``MOST_LETTERS``.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from meritnet.subnets.tracing import Traces

MOST_LETTERS = 2000
"""Of one value. What is longer keeps both ends: a stack says at its end what went wrong."""
_KEPT_END = 500


class LogLevel(StrEnum):
    """From which weight on a line is written."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class LogFormat(StrEnum):
    """How a line is written."""

    AUTO = "auto"
    JSON = "json"
    TEXT = "text"


Level = Annotated[
    LogLevel, typer.Option("--log-level", envvar="MERITNET_LOG_LEVEL", help="Log this and what is graver.")
]
Format = Annotated[
    LogFormat,
    typer.Option(
        "--log-format", envvar="MERITNET_LOG_FORMAT", help="auto: text on a terminal, JSON elsewhere."
    ),
]
Collector = Annotated[
    str | None,
    typer.Option(
        "--traces",
        metavar="URL",
        help="Send OpenTelemetry traces to this OTLP/HTTP collector, such as http://127.0.0.1:4318. "
        "The OTEL_… variables do it too.",
    ),
]


@contextmanager
def observed(
    service: str, collector: str | None, level: LogLevel = LogLevel.INFO, form: LogFormat = LogFormat.AUTO
) -> Iterator[Traces]:
    """Logs as asked around a block; the traces that it is to make. Raises ``UsageError``."""
    from meritnet.subnets.tracing import traces

    log_to_stderr(level, form)
    made = traces(service, os.environ, collector)
    if made.is_on:
        log_to_stderr(level, form, made)
    try:
        yield made
    finally:
        made.close()


def log_to_stderr(
    level: LogLevel = LogLevel.INFO, form: LogFormat = LogFormat.AUTO, traces: Traces | None = None
) -> None:
    """Structured log lines go to standard error: readable on a terminal, JSON elsewhere."""
    import structlog

    as_text = sys.stderr.isatty() if form is LogFormat.AUTO else form is LogFormat.TEXT
    renderer: Any = structlog.processors.JSONRenderer()
    if as_text:
        renderer = structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper("iso"),
            structlog.processors.format_exc_info,
            *([] if traces is None else [traces.stamp]),
            bounded,
            *([harmless] if as_text else []),
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level.upper())),
        # the stream of the moment: one that is kept here may be closed by the time something is said
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
    )


def bounded(_logger: Any, _method: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Cuts what is too long; what is no text, such as figures by name, counts as its JSON."""
    for name, value in line.items():
        if value is None or isinstance(value, int | float):
            continue
        text = value if isinstance(value, str) else json.dumps(value, default=str)
        if len(text) > MOST_LETTERS:
            line[name] = f"{text[: MOST_LETTERS - _KEPT_END]} … {text[-_KEPT_END:]}"
    return line


def harmless(_logger: Any, _method: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Takes out what would steer a terminal; JSON has it escaped."""
    for name, value in line.items():
        if isinstance(value, str) and not value.isprintable():
            line[name] = "".join(letter for letter in value if letter.isprintable() or letter == "\n")
    return line
