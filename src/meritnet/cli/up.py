"""``meritnet up``: the whole loop on this machine."""

import asyncio
import json
import signal
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from meritnet.cli.loading import Attention, DeviceMap, Dtype, Model, Quantize, check, loading_of
from meritnet.cli.options import Json

if TYPE_CHECKING:
    from meritnet.localnet.run import Run
    from meritnet.localnet.summary import Summary
    from meritnet.localnet.view import State

app = typer.Typer(add_completion=False)
KINDS = ("text_generation", "fine_tuning")
INTERRUPTED = 130


@app.command()
def up(
    subnet: Annotated[
        list[str] | None, typer.Option(metavar="KIND", help="A subnet to run; repeat for several.")
    ] = None,
    miners: Annotated[int, typer.Option(help="Miners; the last of several is lazy on purpose.")] = 3,
    validators: Annotated[int, typer.Option(help="Validators.")] = 2,
    epochs: Annotated[int | None, typer.Option(help="Stop after so many epochs of every subnet.")] = None,
    model: Model = None,
    dtype: Dtype = None,
    device_map: DeviceMap = None,
    attention: Attention = None,
    quantize: Quantize = None,
    isolate: Annotated[bool, typer.Option("--isolate", help="Give each part a process of its own.")] = False,
    block_time: Annotated[float, typer.Option(metavar="SECONDS", help="Pause between two blocks.")] = 0.25,
    rpc_port: Annotated[int, typer.Option(help="Port of the chain's RPC.")] = 9944,
    as_json: Json = False,
) -> int:
    """Run a chain, miners and validators here, and watch them work. Ctrl-C stops everything."""
    from meritnet.cli.logs import log_to_stderr
    from meritnet.localnet.plan import Plan
    from meritnet.localnet.run import Run
    from meritnet.localnet.view import State

    log_to_stderr()
    plan = Plan(
        kinds=tuple(subnet or KINDS),
        miners=miners,
        validators=validators,
        epochs=epochs,
        block_time_s=block_time,
        isolate=isolate,
        loading=loading_of(model, dtype, device_map, attention, quantize),
        rpc_port=rpc_port,
    )
    check(plan.loading, plan.loads)
    state = State()
    run = Run(plan, state, changed=lambda: None)
    live = not as_json and sys.stderr.isatty()
    summary = asyncio.run(_watched(run, state) if live else _told(run, state))
    _conclude(summary, as_json)
    return INTERRUPTED if run.stop.is_set() and epochs is not None else 0


async def _watched(run: "Run", state: "State") -> "Summary | None":
    """Run with a live picture on the terminal."""
    from rich.console import Console
    from rich.live import Live

    from meritnet.localnet.view import render

    _stop_on_signals(run)
    with Live(console=Console(stderr=True), get_renderable=lambda: render(state), refresh_per_second=4):
        return await run.run()


async def _told(run: "Run", state: "State") -> "Summary | None":
    """Run with a plain line for everything that happens."""
    told = 0

    def tell() -> None:
        nonlocal told
        fresh = min(state.said - told, len(state.log))
        for line in list(state.log)[len(state.log) - fresh :]:
            sys.stderr.write(f"block {state.block}: {line}\n")
        told = state.said

    run.changed = tell
    _stop_on_signals(run)
    return await run.run()


def _stop_on_signals(run: "Run") -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, run.stop.set)


def _conclude(summary: "Summary | None", as_json: bool) -> None:
    if summary is None:
        sys.stderr.write("stopped before there was anything to sum up\n")
    elif as_json:
        sys.stdout.write(json.dumps(summary.as_json()) + "\n")
    else:
        sys.stdout.write("\n".join(summary.lines()) + "\n")
