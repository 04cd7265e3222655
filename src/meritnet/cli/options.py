"""What several commands take: options, and how their values are found.

Precedence: flag, then environment (``MERITNET_…``), then the config file, then the default.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlsplit

import typer

from meritnet.chain.errors import UsageError

if TYPE_CHECKING:
    from meritnet.chain.client import Chain
    from meritnet.chain.wallet import DevelopmentWallet, Wallet

DEFAULT_ENDPOINT = "ws://127.0.0.1:9944"
CONFIG_KEYS = (
    "endpoint", "wallet", "hotkey", "wallet_path", "password_file",
    "model", "dtype", "device_map", "attention", "quantize",
)  # fmt: skip

Endpoint = Annotated[
    str | None,
    typer.Option(
        "--endpoint",
        envvar="MERITNET_ENDPOINT",
        metavar="URL",
        help=f"The chain's node. Default: {DEFAULT_ENDPOINT}.",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before spending.")]
WalletName = Annotated[
    str | None,
    typer.Option(
        "--wallet",
        envvar="MERITNET_WALLET",
        metavar="NAME",
        help="Wallet, or NAME/HOTKEY. On this machine's chains also //Alice and the like.",
    ),
]
HotkeyName = Annotated[
    str | None,
    typer.Option(
        "--hotkey", envvar="MERITNET_HOTKEY", metavar="NAME", help="The wallet's hotkey. Default: default."
    ),
]
WalletPath = Annotated[
    Path | None,
    typer.Option(
        "--wallet-path",
        envvar="MERITNET_WALLET_PATH",
        metavar="DIR",
        help="Directory of wallets. Default: the user's data directory.",
    ),
]
PasswordFile = Annotated[
    Path | None,
    typer.Option(
        "--password-file",
        envvar="MERITNET_PASSWORD_FILE",
        metavar="FILE",
        help="File whose first line is the coldkey's password.",
    ),
]


@cache
def config() -> dict[str, Any]:
    """The config file's values; an empty table when there is no such file."""
    path = config_path()
    if not path.is_file():
        return {}
    import tomllib

    try:
        values = tomllib.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise UsageError(f"{path} is no TOML file: {error}") from None
    unknown = sorted(set(values) - set(CONFIG_KEYS))
    if unknown:
        raise UsageError(f"{path} sets {', '.join(unknown)}", f"it may set {', '.join(CONFIG_KEYS)}")
    return values


def config_path() -> Path:
    """Where the config file is: ``MERITNET_CONFIG``, or the user's config directory."""
    named = os.environ.get("MERITNET_CONFIG")
    if named:
        return Path(named)
    from platformdirs import user_config_path

    return user_config_path("meritnet") / "config.toml"


def resolve_endpoint(given: str | None) -> str:
    """The chain to talk to."""
    return str(given or config().get("endpoint") or DEFAULT_ENDPOINT)


def connect(endpoint: str | None, timeout_s: float = 10.0) -> Chain:
    """The chain behind the endpoint; to be closed, best by ``with``."""
    from meritnet.chain.client import Chain

    return Chain.connect(resolve_endpoint(endpoint), timeout_s)


def is_local(endpoint: str | None) -> bool:
    """Whether the endpoint is on this machine."""
    return urlsplit(resolve_endpoint(endpoint)).hostname in ("127.0.0.1", "::1", "localhost")


def wallet_directory(given: Path | None) -> Path:
    """Where wallets are kept."""
    from meritnet.chain.wallet import default_directory

    named = given or config().get("wallet_path")
    return Path(named).expanduser() if named else default_directory()


@dataclass(frozen=True)
class Unlocked:
    """A wallet, and how its coldkey's password is found."""

    wallet: Wallet | DevelopmentWallet
    ask: Callable[[], str]

    def coldkey(self) -> Any:
        """The coldkey's pair; asks for the password when one is needed."""
        return self.wallet.coldkey(self.ask)

    def hotkey(self) -> Any:
        """The hotkey's pair."""
        return self.wallet.hotkey()


def open_wallet(
    name: str | None,
    hotkey: str | None = None,
    directory: Path | None = None,
    password_file: Path | None = None,
    endpoint: str | None = None,
) -> Unlocked:
    """The wallet named on the command line, ``NAME`` or ``NAME/HOTKEY``, or in the config file.

    Raises ``UsageError`` without a name, and for development keys on a chain of another machine.
    """
    from meritnet.chain.wallet import DevelopmentWallet, Wallet

    named = name or config().get("wallet")
    if not named:
        raise UsageError("no wallet is named", "add --wallet NAME; `meritnet wallet list` shows yours")
    chosen = hotkey or config().get("hotkey") or "default"

    def ask() -> str:
        return password(password_file)

    if named.startswith("//"):
        if not is_local(endpoint):
            raise UsageError(
                f"{named} is a development key that everybody knows; it is for chains on this machine only",
                "name a wallet of your own",
            )
        return Unlocked(DevelopmentWallet(named, chosen), ask)
    base, slash, inner = named.partition("/")
    return Unlocked(Wallet(wallet_directory(directory), base, inner if slash else chosen), ask)


def password(file: Path | None, *, new: bool = False) -> str:
    """The coldkey's password: from the file, else typed on the terminal (twice for a new one)."""
    named = file or config().get("password_file")
    if named:
        found = _password_in(Path(named).expanduser())
        return _not_empty(found) if new else found
    if not sys.stdin.isatty():
        raise UsageError(
            "the coldkey is encrypted, and nobody is there to type its password",
            "name a file with --password-file or MERITNET_PASSWORD_FILE",
        )
    import getpass

    typed = getpass.getpass("coldkey password: ")
    if new and typed != getpass.getpass("once more: "):
        raise UsageError("the two passwords differ", "run the command again")
    return _not_empty(typed) if new else typed


def _not_empty(text: str) -> str:
    if not text:
        raise UsageError("an empty password protects nothing", "choose one, or say --no-password")
    return text


def _password_in(path: Path) -> str:
    try:
        with path.open(encoding="utf-8") as file:
            return file.readline(4096).rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no text file"
        raise UsageError(f"the password file {path} cannot be read: {reason}") from None


def confirm(question: str, yes: bool) -> None:
    """Ask before spending. Off a terminal ``--yes`` is needed."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise UsageError(f"this would: {question}", "add --yes to do it")
    typer.confirm(f"{question}?", abort=True, err=True)


@dataclass(frozen=True)
class Wanted:
    """An option that a command cannot do without: how it is written, what it means, how it is read."""

    flag: str
    meaning: str
    read: Callable[[str], Any] = str


def complete(values: dict[Wanted, Any]) -> list[Any]:
    """Every value, asked for on a terminal when it is missing; off a terminal one error names all that are.

    After asking, the options that would not have asked are printed.
    """
    missing = [wanted for wanted, value in values.items() if value is None]
    if missing and not sys.stdin.isatty():
        raise UsageError(f"missing: {' '.join(wanted.flag for wanted in missing)}", "see --help")
    asked: list[str] = []
    for wanted in missing:
        text = typer.prompt(f"{wanted.meaning} ({wanted.flag})", err=True)
        try:
            values[wanted] = wanted.read(text)
        except ValueError:
            raise UsageError(f"{text!r} is no value for {wanted.flag}") from None
        asked.append(f"{wanted.flag.split()[0]} {text}")
    if asked:
        typer.echo(f"next time: {' '.join(asked)}", err=True)
    return list(values.values())


def amount(text: str) -> int:
    """An amount of TAO on the command line, in rao."""
    from meritnet.chain.types import tao_to_rao

    try:
        return tao_to_rao(text)
    except ValueError as error:
        raise UsageError(str(error), "write it like 1.5") from None
