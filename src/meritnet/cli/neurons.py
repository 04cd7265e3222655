"""What `meritnet miner` and `meritnet validator` share: joining, the subnet's kind, a model, signals."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from meritnet.chain.errors import UsageError
from meritnet.cli.options import Unlocked, confirm, is_local
from meritnet.cli.render import emit, excerpt, tao, write_line, written

if TYPE_CHECKING:
    from meritnet.chain.client import Chain
    from meritnet.subnets.base import Progress, Subnet

Netuid = Annotated[
    int | None,
    typer.Option("--netuid", "--subnet", envvar="MERITNET_NETUID", metavar="N", help="The subnet."),
]
Kind = Annotated[
    str | None,
    typer.Option(
        "--kind", metavar="KIND", help="The subnet's kind. Default: what its owner wrote on the chain."
    ),
]
DataDir = Annotated[
    Path | None,
    typer.Option(
        "--data-dir",
        envvar="MERITNET_DATA_DIR",
        metavar="DIR",
        help="Where to keep state. Default: the user's state directory.",
    ),
]
Watch = Annotated[
    bool,
    typer.Option(
        "--watch", help="Show it anew every 2 s, until Ctrl-C; with --json one object a line each time."
    ),
]
AllowPrivate = Annotated[
    bool,
    typer.Option(
        "--allow-private", help="Ask miners at private and loopback addresses, on a chain of another machine."
    ),
]


def register(chain: Chain, unlocked: Unlocked, netuid: int, role: str, yes: bool, as_json: bool) -> None:
    """Registers the wallet's hotkey in a subnet and says what it cost."""
    from meritnet.chain.client.neurons import burned_register, registration_price, uid_of

    address = unlocked.wallet.hotkey_address
    uid = uid_of(chain, netuid, address)
    if uid is not None:
        raise UsageError(
            f"{address} is registered on subnet {netuid} already, as uid {uid}", _next(role, netuid)
        )
    price = registration_price(chain, netuid)
    confirm(f"burn {tao(price)} to register {address} on subnet {netuid}", yes)
    receipt = burned_register(chain, netuid, unlocked.coldkey(), address)
    uid = uid_of(chain, netuid, address)
    result = written(receipt) | {"netuid": netuid, "uid": uid, "hotkey": address, "price_rao": price}

    def human() -> None:
        write_line(receipt, f"uid {uid} on subnet {netuid}", f"paid {tao(price)}")
        print(_next(role, netuid))

    emit(result, as_json, human)


def _next(role: str, netuid: int) -> str:
    return f"run it with: meritnet {role} run --netuid {netuid}"


def kind_of(chain: Chain, netuid: int, given: str | None) -> Subnet:
    """The kind of a subnet: as given, else as its owner wrote it on the chain (description, then name)."""
    from meritnet.subnets.registry import kinds, subnet

    if given is not None:
        return subnet(given)
    for words in written_kind(chain, netuid):
        if words in kinds():
            return subnet(words)
    raise UsageError(
        f"the chain does not tell the kind of subnet {netuid}", f"say it by --kind: {', '.join(kinds())}"
    )


def written_kind(chain: Chain, netuid: int) -> list[str]:
    """Where the owner of a subnet may have written its kind: description and name of its identity."""
    from meritnet.chain.client.storage_key import blake2_128_concat, item_prefix
    from meritnet.chain.scale import Reader

    key = item_prefix("SubtensorModule", "SubnetIdentitiesV3") + blake2_128_concat(
        netuid.to_bytes(2, "little")
    )
    value = chain.storage(key)
    if value is None:
        return []
    reader = Reader(value)
    name, _repository, _contact, _url, _discord, description = (reader.text() for _ in range(6))
    return [description, name]


def state_directory(given: Path | None, role: str, hotkey: str, netuid: int) -> Path:
    """Where a neuron keeps what must survive a restart; a directory for each role, hotkey and subnet."""
    if given is not None:
        return given
    from platformdirs import user_state_path

    return user_state_path("meritnet") / role / hotkey / str(netuid)


def may_ask_private(endpoint: str | None, allowed: bool) -> bool:
    """Whether private addresses are asked: the chain is on this machine, or the user said so."""
    return allowed or is_local(endpoint)


def live(life: Callable[[asyncio.Event], Awaitable[object]]) -> None:
    """Runs until the work ends by itself or SIGTERM or Ctrl-C asks to stop; the first signal drains, the next
    one ends at once."""

    async def main() -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        task = asyncio.ensure_future(life(stop))

        def asked() -> None:
            if stop.is_set():
                task.cancel()
            stop.set()

        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, asked)
        await task

    try:
        asyncio.run(main())
    except asyncio.CancelledError:
        raise typer.Exit(130) from None


class StatusLine:
    """One line that stays, on a terminal; elsewhere a line for each thing that happens."""

    def __init__(self, as_json: bool) -> None:
        self._as_json = as_json
        self._stays = sys.stdout.isatty() and not as_json
        self._shown = ""

    def say(self, text: str, event: object = None) -> None:
        """Something happened: a line of its own (with ``--json``, the event as an object)."""
        if self._as_json:
            import json

            from meritnet.cli.render import plain

            sys.stdout.write(json.dumps({"event": type(event).__name__} | plain(event)) + "\n")
            sys.stdout.flush()
            return
        self._clear()
        print(excerpt(text.encode()), flush=True)  # it may repeat a stranger's words
        self._draw()

    def stay(self, text: str) -> None:
        """How things stand: replaces the line at the bottom; nothing off a terminal."""
        if self._stays:
            self._clear()
            self._shown = text
            self._draw()

    def progress(self, progress: Progress) -> None:
        """Long work, such as loading the model."""
        part = f" {progress.done:,.0f} of {progress.total:,.0f} {progress.unit}" if progress.total else ""
        self.stay(" · ".join(words for words in (f"{progress.stage}{part}", progress.note) if words))

    @contextmanager
    def open(self) -> Iterator[StatusLine]:
        """Leaves the terminal with a fresh line at the end."""
        try:
            yield self
        finally:
            self._clear()

    def _clear(self) -> None:
        if self._shown:
            sys.stdout.write("\r\x1b[2K")
            sys.stdout.flush()

    def _draw(self) -> None:
        if self._shown:
            import shutil

            sys.stdout.write(self._shown[: shutil.get_terminal_size().columns - 1])
            sys.stdout.flush()
