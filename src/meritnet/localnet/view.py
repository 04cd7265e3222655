"""The live picture of a local network, drawn from plain state."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

RAO_PER_TAO = 10**9
LOG_LINES = 10


@dataclass
class Row:
    """One neuron of a subnet as the table shows it."""

    uid: int
    name: str
    role: str
    lazy: bool
    score: float | None = None
    weight: float | None = None
    incentive: float = 0.0
    dividends: float = 0.0
    emission_rao: int = 0
    stake_rao: int = 0
    why: str = ""


@dataclass
class Board:
    """One subnet: its epoch clock and its neurons by uid."""

    netuid: int
    kind: str
    epoch: int = 0
    next_epoch_block: int = 0
    rows: dict[int, Row] = field(default_factory=dict)


@dataclass(frozen=True)
class Bar:
    """How far a piece of work has come; `total` is None where nobody knows."""

    done: float
    total: float | None
    note: str = ""


@dataclass
class State:
    """Everything that the view shows."""

    endpoint: str = ""
    block: int = 0
    emitted_rao: int = 0
    boards: dict[int, Board] = field(default_factory=dict)
    waiting: str = ""
    progress: dict[str, Bar] = field(default_factory=dict)
    log: deque[str] = field(default_factory=lambda: deque(maxlen=LOG_LINES))
    said: int = 0

    def show(self, label: str, done: float, total: float | None, note: str = "") -> None:
        """Show how far a piece of work has come; a finished one disappears."""
        if total is not None and done >= total:
            self.progress.pop(label, None)
        else:
            self.progress[label] = Bar(done, total, note)

    def say(self, line: str) -> None:
        """Add a line to the log; `said` counts them all, for whoever prints them one after another."""
        self.log.append(line)
        self.said += 1


def render(state: State) -> RenderableType:
    """Draw the whole picture."""
    parts: list[RenderableType] = [_headline(state)]
    if state.progress:
        parts.append(_bars(state.progress))
    parts += [_board(board, state.block) for board in state.boards.values()]
    if state.log:
        parts.append(
            Panel(Text("\n".join(state.log)), title="what happened", title_align="left", border_style="dim")
        )
    return Group(*parts)


def _headline(state: State) -> Text:
    text = Text.assemble(
        ("block ", "dim"), (str(state.block), "bold"), ("  emitted ", "dim"), tao(state.emitted_rao)
    )
    text.append(f"  {state.endpoint}", "dim")
    if state.waiting:
        text.append(f"  {state.waiting}", "yellow")
    return text


def _bars(progress: Mapping[str, Bar]) -> Table:
    grid = Table.grid(padding=(0, 1))
    for label, bar in sorted(progress.items()):
        scale = f"{bar.done:.0f}" if bar.total is None else f"{bar.done:.0f}/{bar.total:.0f}"
        line = ProgressBar(total=bar.total, completed=bar.done, width=40, pulse=bar.total is None)
        grid.add_row(Text(label), line, Text(scale), Text(bar.note, "dim"))
    return grid


def _board(board: Board, block: int) -> Table:
    left = max(0, board.next_epoch_block - block)
    table = Table(
        title=f"subnet {board.netuid} · {board.kind} · epoch {board.epoch} · next in {left} blocks",
        title_justify="left",
        title_style="bold",
        header_style="dim",
        expand=True,
    )
    for heading in ("uid", "neuron", "score", "weight", "incentive", "dividends", "emission", "stake"):
        table.add_column(heading, justify="left" if heading == "neuron" else "right", no_wrap=True)
    table.add_column("why", ratio=1)
    for row in sorted(board.rows.values(), key=lambda row: row.uid):
        table.add_row(*_cells(row), style="red" if row.lazy else "")
    return table


def _cells(row: Row) -> list[str]:
    role = f"{row.role} {row.name.lower()}" + (" (lazy)" if row.lazy else "")
    return [
        str(row.uid),
        role,
        "–" if row.score is None else f"{row.score:.2f}",
        "–" if row.weight is None else f"{row.weight:.2f}",
        f"{row.incentive:.2f}" if row.incentive else "–",
        f"{row.dividends:.2f}" if row.dividends else "–",
        tao(row.emission_rao),
        tao(row.stake_rao),
        row.why,
    ]


def tao(rao: int) -> str:
    """Return an amount of rao as a person reads it."""
    return f"{rao / RAO_PER_TAO:,.3f} τ"
