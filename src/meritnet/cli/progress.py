"""Bars for long work, on standard error."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from meritnet.subnets.base import Progress, Report


@contextmanager
def bar() -> Iterator[Report]:
    """Draw a bar for each stage, with the figure of the moment, when somebody looks at it."""
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bars

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[part]}"),
        TimeElapsedColumn(),
        TextColumn("{task.fields[note]}"),
    )
    with Bars(
        *columns, console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()
    ) as drawn:
        tasks = {}

        def report(progress: Progress) -> None:
            if progress.stage not in tasks:
                tasks[progress.stage] = drawn.add_task(
                    progress.stage, total=progress.total, part="", note=progress.note
                )
            counted = progress.total is not None and progress.unit not in ("", "B")
            part = f"{progress.done:,.0f} of {progress.total:,.0f} {progress.unit}" if counted else ""
            drawn.update(
                tasks[progress.stage],
                completed=progress.done,
                total=progress.total,
                part=part,
                note=progress.note,
            )

        yield report
