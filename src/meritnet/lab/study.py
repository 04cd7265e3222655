"""What every experiment's result has in common: tables, a meaning in two lines, perhaps a picture."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from typing import Protocol, TypeVar

Case = TypeVar("Case")
Found = TypeVar("Found")


@dataclass(frozen=True)
class Table:
    """Rows under a title. A column whose name ends in ``>`` holds numbers."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Line:
    """One curve of a picture."""

    name: str
    xs: tuple[float, ...]
    ys: tuple[float, ...]


@dataclass(frozen=True)
class Picture:
    """Curves over one axis; `level` is drawn across, where nothing is won or lost."""

    title: str
    x: str
    y: str
    lines: tuple[Line, ...]
    level: float | None = None


class Study(Protocol):
    """A result that can be shown."""

    @property
    def meaning(self) -> str:
        """What the figures say, in two lines."""

    def tables(self) -> tuple[Table, ...]:
        """The figures."""

    def picture(self) -> Picture | None:
        """The figures as curves, where that says more."""


def each(work: Callable[[Case], Found], cases: Sequence[Case], jobs: int = 1) -> list[Found]:
    """The work on every case, in order; with more jobs than one in so many processes."""
    jobs = min(jobs, len(cases))
    if jobs <= 1:
        return [work(case) for case in cases]
    with ProcessPoolExecutor(jobs, get_context("spawn")) as pool:
        return list(pool.map(work, cases))


def processors() -> int:
    """How many jobs this machine does at once."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def mean(values: Iterable[float]) -> float:
    """The average; 0 of nothing."""
    found = list(values)
    return sum(found) / len(found) if found else 0.0


def percent(value: float) -> str:
    """A share as per cent with one digit."""
    return f"{100 * value:.1f} %"
