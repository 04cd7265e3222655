"""``python -m meritnet.cli.reference``: the page docs/cli.md, from the commands themselves.

``--check FILE`` compares instead of printing; exit code 1 when the file is stale.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from meritnet.cli.app import COMMANDS, load

INTRODUCTION = """# The command line

Made by `python -m meritnet.cli.reference`; do not edit. A noun, then a verb; the plural of a noun works too.

- **Precedence**: flag, then environment (`MERITNET_…`), then the config file (`config.toml` in the user's
  config directory, or where `MERITNET_CONFIG` points; it may set `endpoint`, `wallet`, `hotkey`,
  `wallet_path`, `password_file`), then the default.
- **Exit codes**: 0 done, 1 failed, 2 asked wrongly, 130 interrupted.
- **`--json`** prints one object on standard output, errors included: `{"error", "kind", "hint", …}`.
  Without it, an error is one line on standard error: what was wrong, and what to do.
- **Spending** is asked for on a terminal; elsewhere it needs `--yes`. Nothing prompts off a terminal.
- **Development keys**: on a chain of this machine, `--wallet //Alice` (Bob, Charlie, Dave, Eve, Ferdie)
  needs no file; the hotkey `NAME` of such a wallet is the key `//Alice//NAME`.
- **Passwords** come from the terminal or from `--password-file`, never from an argument.
- **Completion**: `meritnet --install-completion`.
"""


def page() -> str:
    """The whole page."""
    parts = [INTRODUCTION]
    for name in COMMANDS:
        parts += [_section(path, command) for path, command in _walk((name,), load(name))]
    return "\n".join(parts)


def _walk(path: tuple[str, ...], command: Any) -> Iterator[tuple[tuple[str, ...], Any]]:
    """A command and all below it."""
    yield path, command
    for name, inner in getattr(command, "commands", {}).items():
        yield from _walk((*path, name), inner)


def _section(path: tuple[str, ...], command: Any) -> str:
    words = " ".join(path)
    text = " ".join((command.help or "").split())
    if hasattr(command, "commands"):
        return f"## {words}\n\n{text}\n"
    shown = [parameter for parameter in command.params if parameter.name != "help"]
    arguments = [parameter for parameter in shown if parameter.param_type_name == "argument"]
    options = [parameter for parameter in shown if parameter.param_type_name == "option"]
    usage = " ".join(["meritnet", words, *(_argument(found) for found in arguments), "[OPTIONS]"])
    level = "##" if len(path) == 1 else "###"
    lines = [f"{level} {words}", "", f"`{usage}`", "", text, ""]
    lines += [f"- `{_argument(found)}`: {_help(found)}" for found in arguments]
    lines += [f"- `{_option(found)}`: {_help(found)}" for found in options]
    return "\n".join([*lines, ""])


def _argument(parameter: Any) -> str:
    name = (parameter.metavar or parameter.name.upper()).strip("[]")
    return name if parameter.required else f"[{name}]"


def _option(parameter: Any) -> str:
    names = ", ".join([*parameter.opts, *parameter.secondary_opts])
    if parameter.is_flag:
        return names
    return f"{names} {(parameter.metavar or parameter.name).upper()}"


def _help(parameter: Any) -> str:
    text = " ".join((getattr(parameter, "help", "") or "").split())
    default = parameter.default
    shown = default is not None and default is not False and not callable(default) and "Default" not in text
    variable = f" (`{parameter.envvar}`)" if getattr(parameter, "envvar", None) else ""
    return text + (f" Default: {default}." if shown else "") + variable


def main(arguments: list[str]) -> int:
    """Print the page, or compare a file with it."""
    if arguments[:1] == ["--check"] and len(arguments) == 2:
        stale = Path(arguments[1]).read_text() != page()
        if stale:
            sys.stderr.write(f"{arguments[1]} is stale: python -m meritnet.cli.reference > {arguments[1]}\n")
        return int(stale)
    sys.stdout.write(page())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
