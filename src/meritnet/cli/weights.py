"""``meritnet weights``: what validators say of miners, as the chain has it."""

from __future__ import annotations

from typing import Annotated

import typer

from meritnet.chain.types import U16_MAX
from meritnet.cli.options import Endpoint, Json, connect
from meritnet.cli.render import emit, table

app = typer.Typer(help="Look at weights and bonds.", no_args_is_help=True)


@app.callback()
def root() -> None:
    """Look at weights and bonds."""


@app.command()
def show(
    netuid: Annotated[int, typer.Argument(help="The subnet.")],
    bonds: Annotated[bool, typer.Option("--bonds", help="Bonds instead of weights.")] = False,
    endpoint: Endpoint = None,
    as_json: Json = False,
) -> None:
    """Show each validator's weights, as shares of its whole, and the commits that wait for their reveal."""
    with connect(endpoint) as chain:
        at = chain.block_hash()
        rows = chain.bonds(netuid, at) if bonds else chain.weights(netuid, at)
        graph = chain.metagraph(netuid, at)
        validators = [uid for uid in graph.uids.tolist() if graph.validator_permit[uid] or uid in rows]
        waiting = {uid: len(chain.weight_commits(netuid, graph.hotkeys[uid], at)) for uid in validators}
    result = {
        "netuid": netuid,
        "block": graph.block,
        "rows": {uid: dict(row) for uid, row in rows.items()},
        "waiting_commits": waiting,
    }
    columns = sorted({uid for row in rows.values() for uid, _ in row})

    def cells(uid: int) -> list[object]:
        row = dict(rows.get(uid, []))  # type: ignore[call-overload]
        whole = U16_MAX if bonds else sum(row.values())
        shares = [f"{row[column] / whole:.3f}" if column in row else "" for column in columns]
        return [uid, waiting[uid], *shares]

    titles = ("validator>", "commits>", *(f"{uid}>" for uid in columns))
    empty = f"there are no {'bonds' if bonds else 'weights'} in subnet {netuid} yet"
    shown = [cells(uid) for uid in validators] if rows or any(waiting.values()) else []
    emit(result, as_json, lambda: table(titles, shown, empty))
