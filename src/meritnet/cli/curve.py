"""A curve of losses as lines of text, or as a picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

Points = Sequence[tuple[float, float]]

WIDTH, HEIGHT = 60, 12
TRAINED, HELD_OUT = "*", "o"


def lines(trained: Points, held_out: Points, width: int = WIDTH, height: int = HEIGHT) -> list[str]:
    """Draw losses over steps, in plain characters; points that share a column are averaged.

    Values that are not finite are left out. The axis begins at the smallest loss shown, not at 0.
    """
    columns = {HELD_OUT: _binned(held_out, _last(trained, held_out), width)}
    columns[TRAINED] = _binned(trained, _last(trained, held_out), width)
    values = [value for column in columns.values() for value in column.values()]
    if not values:
        return []
    low, high = min(values), max(values)
    rows = [[" "] * width for _ in range(height)]
    for mark in (TRAINED, HELD_OUT):  # what was measured on held-out text is drawn over the rest
        for place, value in columns[mark].items():
            down = 0 if high == low else round((high - value) / (high - low) * (height - 1))
            rows[down][place] = mark
    edge = {0: f"{high:.3f}", height - 1: f"{low:.3f}"} if high > low else {0: f"{high:.3f}"}
    margin = max(map(len, edge.values()))
    drawn = [f"{edge.get(row, ''):>{margin}} |{''.join(cells).rstrip()}" for row, cells in enumerate(rows)]
    last = f"{_last(trained, held_out):g}"
    drawn.append(f"{'':>{margin}} +{'-' * width}")
    drawn.append(f"{'':>{margin}}  1{last:>{width - 1}}")
    named = f"{TRAINED} loss of the step's text" + (f", {HELD_OUT} held-out text" if held_out else "")
    drawn.append(f"{'':>{margin}}  steps; nats a token: {named}")
    return drawn


def picture(trained: Points, held_out: Points, path: Path) -> None:
    """Draw the same as PNG. Raises MeritnetError where the file cannot be written."""
    from meritnet.lab.plots import draw
    from meritnet.lab.study import Line, Picture

    named = {"text of the step": trained, "held-out text": held_out}
    curves = [
        Line(name, tuple(step for step, _ in points), tuple(loss for _, loss in points))
        for name, points in named.items()
        if points
    ]
    draw(Picture("loss of base + adapter", "steps", "nats a token", tuple(curves)), path)


def _last(trained: Points, held_out: Points) -> float:
    return max((step for step, _ in (*trained, *held_out)), default=1)


def _binned(points: Points, last: float, width: int) -> dict[int, float]:
    """Mean of the finite values in each column."""
    found: dict[int, list[float]] = {}
    for step, value in points:
        if abs(value) < float("inf"):
            found.setdefault(round((step - 1) / max(1, last - 1) * (width - 1)), []).append(value)
    return {place: sum(values) / len(values) for place, values in found.items()}
