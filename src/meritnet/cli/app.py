"""The ``meritnet`` command: the table of its commands, and the one place where errors become a line of text.

A command's module is imported when the command runs, so ``meritnet --help`` loads none of them.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from meritnet.chain.errors import MeritnetError, UsageError

EVERYDAY, NEURONS, CHAIN = "Everyday", "Miners and validators", "Chain and money"


@dataclass(frozen=True)
class Entry:
    """A command of the first level: its module has a Typer object ``app``."""

    module: str
    summary: str
    panel: str


COMMANDS = {
    "up": Entry("meritnet.cli.up", "Run the whole loop on this machine, live.", EVERYDAY),
    "doctor": Entry("meritnet.cli.doctor", "Check this machine and say what to mend.", EVERYDAY),
    "miner": Entry("meritnet.cli.miner", "Register and run a miner.", NEURONS),
    "validator": Entry("meritnet.cli.validator", "Register and run a validator.", NEURONS),
    "model": Entry("meritnet.cli.model", "Fetch and list models.", NEURONS),
    "subnet": Entry("meritnet.cli.subnet", "Register, start, set and look at subnets.", CHAIN),
    "weights": Entry("meritnet.cli.weights", "Look at weights and bonds.", CHAIN),
    "stake": Entry("meritnet.cli.stake", "Add, remove, move and list stake.", CHAIN),
    "wallet": Entry("meritnet.cli.wallet", "Create and use wallets, send money.", CHAIN),
    "chain": Entry("meritnet.cli.chain", "Start a chain, watch it, move its time.", CHAIN),
    "lab": Entry("meritnet.cli.lab", "Attack the rules of incentive, and measure what it pays.", CHAIN),
}
"""Every command of the first level, in the order of the help page."""


class LazyGroup(TyperGroup):
    """The first level: lists its commands from the table, imports one when it is called."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        for name, entry in COMMANDS.items():
            self.commands[name] = TyperCommand(name, help=entry.summary)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """The commands under the headings of the table."""
        for panel in dict.fromkeys(entry.panel for entry in COMMANDS.values()):
            with formatter.section(panel):
                formatter.write_dl(
                    [(name, entry.summary) for name, entry in COMMANDS.items() if entry.panel == panel]
                )

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The command itself instead of its line in the table. A noun in the plural is accepted."""
        if args and args[0] not in self.commands and args[0].removesuffix("s") in self.commands:
            args = [args[0].removesuffix("s"), *args[1:]]
        name, found, rest = super().resolve_command(ctx, args)
        return name, load(name) if found is not None and name in COMMANDS else found, rest


def load(name: str) -> Any:
    """The real command of that name. Its help is plain text, which takes half the time of a decorated one."""
    inner = import_module(COMMANDS[name].module).app
    inner.rich_markup_mode = None
    command = typer.main.get_command(inner)
    command.name = name
    # Completion is installed for the whole program, by the first level's option.
    command.params = [found for found in command.params if not str(found.name).endswith("_completion")]
    return command


app = typer.Typer(
    cls=LazyGroup,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["--help", "-h"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        from meritnet import __version__

        typer.echo(f"meritnet {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """An incentive-and-validation subnet protocol on a Substrate chain, whole, on your machine.

    Start with `meritnet up`. Every command takes --help, and --json for programs.
    """


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit: 0 done, 1 failed, 2 asked wrongly, 130 interrupted."""
    sys.exit(run(sys.argv[1:] if arguments is None else arguments))


def run(arguments: Sequence[str]) -> int:
    """Run one command line; the exit code."""
    as_json = "--json" in arguments
    try:
        code = typer.main.get_command(app)(list(arguments), prog_name="meritnet", standalone_mode=False)
        sys.stdout.flush()  # here, where a reader who has left is caught; Python's own flush comes too late
    except MeritnetError as error:
        return report(error, as_json)
    except (typer.Abort, KeyboardInterrupt):
        return 130
    except typer.TyperException as error:  # what the parser says about the command line
        return _parser_error(error, as_json)
    except BrokenPipeError:
        # Whoever read the output has gone; so that Python does not complain when it flushes at the end:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception:  # noqa: BLE001 - the edge of the process: a user sees a line, the trace goes to a file
        return report(_unexpected(), as_json)
    return code if isinstance(code, int) else 0


def report(error: MeritnetError, as_json: bool) -> int:
    """Say what was wrong, in one line on standard error, or as an object on standard output."""
    if as_json:
        sys.stdout.write(json.dumps(error.fields(), default=str) + "\n")
    else:
        hint = f"  hint: {error.hint}" if error.hint else ""
        sys.stderr.write(f"error: {' '.join(str(error).split())}{hint}\n")
    return error.exit_code


def _parser_error(error: typer.TyperException, as_json: bool) -> int:
    message = error.format_message()
    context = getattr(error, "ctx", None)
    if message.startswith("Usage:"):  # a noun without a verb: the parser answers with its help page
        sys.stderr.write(message + "\n")
        return 2
    return report(UsageError(message, f"see `{context.command_path} --help`" if context else ""), as_json)


def _unexpected() -> MeritnetError:
    """An error that nobody foresaw: its trace is kept in a file and named."""
    import tempfile
    import traceback

    trace = traceback.format_exc()
    with tempfile.NamedTemporaryFile("w", prefix="meritnet-", suffix=".txt", delete=False) as file:
        file.write(trace)
    return MeritnetError(
        f"something went wrong that should not: {trace.strip().splitlines()[-1]}",
        f"this is a fault in meritnet; please report it with {file.name}",
    )
