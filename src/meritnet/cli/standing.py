"""A running miner's status as a page of facts and a table, once or again and again."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import RenderableType

    from meritnet.miner.status import Status

EVERY_S = 2.0


def lines(status: Status) -> dict[str, str]:
    """What is said about a miner as a whole."""
    standing = "not registered, or the chain has not been seen"
    if status.uid is not None and status.incentive is not None:
        standing = (
            f"uid {status.uid} · block {status.block} · incentive {status.incentive:.3f} · "
            f"stake {status.stake_tao:,.3f} τ · last epoch {status.epoch_emission_tao:,.3f} τ"
        )
    work = f"{status.in_progress} in progress · {status.waiting} waiting · {status.connections} connections"
    refusals = ", ".join(f"{count} {reason}" for reason, count in sorted(status.refusals.items()))
    return {
        "miner": f"{status.hotkey} · version {status.version} · up {_duration(status.uptime_s)}",
        "ready": "yes" if status.ready else "no: " + ", ".join(status.missing),
        "chain": standing,
        "now": work,
        "refused": refusals or "nothing",
    }


COLUMNS = ("path", "requests>", "refused>", "mean>")


def rows(status: Status) -> Iterator[tuple[str, str, str, str]]:
    """One row for each path."""
    for path in status.paths:
        yield path.path, f"{path.requests:,}", f"{path.refused:,}", f"{path.mean_s * 1e3:,.1f} ms"


def watch(url: str) -> None:
    """Shows the status anew every two seconds, until interrupted or the miner has gone."""
    from rich.live import Live

    from meritnet.miner.status import read_status

    with Live(_page(read_status(url)), auto_refresh=False) as live:
        try:
            while True:
                time.sleep(EVERY_S)
                live.update(_page(read_status(url)), refresh=True)
        except KeyboardInterrupt:
            return


def _page(status: Status) -> RenderableType:
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    facts = Table(box=None, pad_edge=False, show_header=False)
    for name, value in lines(status).items():
        facts.add_row(name, Text(value))
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in COLUMNS:
        table.add_column(title.rstrip(">"), justify="right" if title.endswith(">") else "left")
    for row in rows(status):
        table.add_row(*map(Text, row))
    return Group(facts, "", table)


def _duration(seconds: float) -> str:
    minutes, rest_s = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest_s} s"
