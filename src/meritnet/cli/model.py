"""``meritnet model``: fetch models, and see which are here."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from meritnet.cli.options import Json
from meritnet.cli.progress import bar
from meritnet.cli.render import emit, facts, table

app = typer.Typer(help="Fetch and list models.", no_args_is_help=True)

MIB = 2**20
Name = Annotated[str | None, typer.Argument(metavar="[MODEL]", help="A known name, a folder, or a hub id.")]


@app.command()
def pull(model: Name = None, as_json: Json = False) -> None:
    """Fetch a model and convert it, once; afterwards nothing needs a network."""
    from meritnet.subnets.models import sources

    name = model or sources.DEFAULT_MODEL
    with bar() as report:
        folder = sources.locate(name, report)
    found = {"model": name, "path": str(folder), "size_bytes": _size_bytes(folder)}
    emit(found, as_json, lambda: facts({"model": name, "folder": folder, "size": _mib(folder)}))


@app.command("list")
def list_models(as_json: Json = False) -> None:
    """Show the known models, and those that are on this machine."""
    from meritnet.subnets.models import sources

    rows = []
    for name, wheel in sources.WHEELS.items():
        folder = sources.cached(name)
        rows.append(
            {
                "model": name,
                "source": wheel.requirement,
                "default": name == sources.DEFAULT_MODEL,
                "path": str(folder) if folder else None,
                "size_bytes": _size_bytes(folder) if folder else None,
            }
        )
    shown = [
        (row["model"], row["source"], _mib(Path(str(row["path"]))), row["path"])
        if row["path"]
        else (row["model"], row["source"], "not here yet", "meritnet model pull")
        for row in rows
    ]
    emit(rows, as_json, lambda: table(("model", "from", "size>", "folder"), shown))


def _size_bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _mib(folder: Path) -> str:
    return f"{_size_bytes(folder) / MIB:,.0f} MiB"
