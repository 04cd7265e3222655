"""The live picture of a local network, drawn from plain state."""

from collections import deque
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
    tempo: int = 0
    epoch: int = 0
    next_epoch_block: int = 0
    rows: dict[int, Row] = field(default_factory=dict)


@dataclass
class State:
    """Everything that the view shows."""

    endpoint: str = ""
    model: str = ""
    block: int = 0
    emitted_rao: int = 0
    boards: dict[int, Board] = field(default_factory=dict)
    waiting: str = ""
    progress: dict[str, tuple[float, float]] = field(default_factory=dict)
    log: deque[str] = field(default_factory=lambda: deque(maxlen=LOG_LINES))


def render(state: State) -> RenderableType:
    """Draw the whole picture."""
    parts: list[RenderableType] = [_headline(state)]
    parts += [_bar(label, done, total) for label, (done, total) in state.progress.items()]
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
    text.append(f"  {state.endpoint}  {state.model}", "dim")
    if state.waiting:
        text.append(f"  {state.waiting}", "yellow")
    return text


def _bar(label: str, done: float, total: float) -> Table:
    grid = Table.grid(padding=(0, 1))
    grid.add_row(
        Text(label),
        ProgressBar(total=total or 1.0, completed=done, width=40),
        Text(f"{done:.0f}/{total:.0f}"),
    )
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
