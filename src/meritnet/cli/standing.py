"""How a running miner or validator stands: a page of facts and a table, once or again and again."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

from meritnet.chain.errors import MeritnetError
from meritnet.cli.render import emit, excerpt, facts, plain, said, table

if TYPE_CHECKING:
    from rich.console import RenderableType

    from meritnet.miner.status import Status as MinerStatus
    from meritnet.validator.status import Status as ValidatorStatus

EVERY_S = 2.0

_Status = TypeVar("_Status")


@dataclass(frozen=True)
class Page:
    """What a person sees: facts by name, as ``render.facts`` takes them, and rows under titles."""

    facts: Mapping[str, object]
    titles: Sequence[str]
    rows: Sequence[Sequence[object]]
    empty: str = ""
    """What stands in for a table without rows."""


def miner_page(status: MinerStatus) -> Page:
    """A miner as a whole, and what came to each of its paths."""
    standing = "not registered, or the chain has not been seen"
    if status.uid is not None and status.incentive is not None:
        standing = (
            f"uid {status.uid} · block {status.block} · incentive {status.incentive:.3f} · "
            f"stake {status.stake_tao:,.3f} τ · last epoch {status.epoch_emission_tao:,.3f} τ"
        )
    refusals = ", ".join(f"{count} {reason}" for reason, count in sorted(status.refusals.items()))
    return Page(
        {
            "miner": f"{status.hotkey} · version {status.version} · up {_duration(status.uptime_s)}",
            "ready": _ready(status.missing),
            "chain": standing,
            "now": f"{status.in_progress} in progress · {status.waiting} waiting · "
            f"{status.connections} connections",
            "refused": refusals or "nothing",
        },
        ("path", "requests>", "refused>", "mean>"),
        [
            (path.path, f"{path.requests:,}", f"{path.refused:,}", f"{path.mean_s * 1e3:,.1f} ms")
            for path in status.paths
        ],
    )


def validator_page(status: ValidatorStatus) -> Page:
    """A validator in its epoch, and what it thinks of each miner."""
    registered = "not registered" if status.uid is None else f"uid {status.uid}"
    reveals = ", ".join(f"epoch {epoch}" for epoch in status.reveals_due) or "none"
    asked = {} if status.missing is None else {"ready": _ready(status.missing)}
    return Page(
        {
            "validator": f"{status.validator} ({registered})",
            "running": status.is_running,
            **asked,
            "permit": status.has_permit,
            "stake_rao": status.stake_rao,
            "block": f"{status.block}, {status.blocks_left} left of epoch {status.epoch}",
            "steps": status.steps_done,
            "committed": status.committed,
            "reveals to come": reveals,
            "predicted_rao": "not yet" if status.predicted_rao is None else status.predicted_rao,
            "dividends": f"{status.dividends:.4f} of what validators get",
            **{name.replace("_", " "): f"{value:g}" for name, value in status.figures.items()},
        },
        ("uid>", "average>", "scores>", "weight>", "block>", "newest score"),
        [
            (
                one.uid,
                f"{one.average:.3f}",
                one.scores,
                f"{one.weight:.4f}",
                one.block,
                excerpt(one.why.encode()),
            )
            for one in status.miners
        ],
        "no miner has been scored yet",
    )


def show(read: Callable[[], _Status], page: Callable[[_Status], Page], *, watch: bool, as_json: bool) -> None:
    """What ``read`` gives, once, or with ``watch`` every two seconds until Ctrl-C, which ends it well."""
    if watch:
        with suppress(KeyboardInterrupt):
            (_documents if as_json else _live)(read, page)
        return
    found = read()
    emit(found, as_json, lambda: _printed(page(found)))


def _documents(read: Callable[[], _Status], page: Callable[[_Status], Page]) -> None:
    """One JSON document a look, each in a line of its own; an error is one too, but for the first look."""
    document = plain(read())
    while True:
        sys.stdout.write(json.dumps(document) + "\n")
        sys.stdout.flush()
        time.sleep(EVERY_S)
        try:
            document = plain(read())
        except MeritnetError as error:
            document = error.fields()


def _live(read: Callable[[], _Status], page: Callable[[_Status], Page]) -> None:
    """One page that is drawn anew; when nothing answers, the last one with the reason, and another look.

    Off a terminal, a page after the other.
    """
    from rich.live import Live

    last = page(read())
    if not sys.stdout.isatty():
        while True:
            _printed(last)
            print(flush=True)
            last = _looked(read, page, last)
    with Live(_drawn(last), auto_refresh=False) as live:
        while True:
            last = _looked(read, page, last)
            live.update(_drawn(last), refresh=True)


def _looked(read: Callable[[], _Status], page: Callable[[_Status], Page], last: Page) -> Page:
    time.sleep(EVERY_S)
    try:
        return page(read())
    except MeritnetError as error:
        words = " ".join(str(error).split())
        return replace(last, facts={**last.facts, "trouble": f"{words}; what stands here is older"})


def _printed(page: Page) -> None:
    facts(page.facts)
    if page.rows or page.empty:
        print()
        table(page.titles, page.rows, empty=page.empty)


def _drawn(page: Page) -> RenderableType:
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    told = Table(box=None, pad_edge=False, show_header=False)
    for name, value in said(page.facts).items():
        told.add_row(name, Text(value))
    if not page.rows:
        return Group(told, "", page.empty) if page.empty else told
    found = Table(box=None, pad_edge=False, header_style="bold")
    for title in page.titles:
        found.add_column(title.rstrip(">"), justify="right" if title.endswith(">") else "left", no_wrap=True)
    for row in page.rows:
        found.add_row(*(Text(str(cell)) for cell in row))
    return Group(told, "", found)


def _ready(missing: Iterable[str]) -> str:
    lines = list(missing)
    return "no: " + ", ".join(lines) if lines else "yes"


def _duration(seconds: float) -> str:
    minutes, rest_s = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest_s} s"
