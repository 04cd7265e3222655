"""Pictures as PNG files. Imports matplotlib, so import this only when a picture is wanted."""

from __future__ import annotations

from pathlib import Path

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from meritnet.chain.errors import MeritnetError
from meritnet.lab.study import Picture


def draw(picture: Picture, path: Path) -> None:
    """Write the picture. Raises ``MeritnetError`` where the file cannot be written."""
    figure = Figure(figsize=(7.2, 4.6), layout="constrained")
    FigureCanvasAgg(figure)  # draws into memory: there may be no screen
    axes = figure.subplots()
    for line in picture.lines:
        axes.plot(line.xs, line.ys, marker="o", markersize=3.5, linewidth=1.4, label=line.name)
    if picture.level is not None:
        axes.axhline(picture.level, color="0.5", linewidth=0.8, linestyle="--")
    axes.set_title(picture.title, fontsize=11)
    axes.set_xlabel(picture.x)
    axes.set_ylabel(picture.y)
    axes.grid(color="0.9")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(fontsize=8, frameon=False)
    try:
        figure.savefig(path, dpi=140, format="png")
    except OSError as error:
        raise MeritnetError(f"cannot write {path}: {error.strerror}", "name another file") from None
