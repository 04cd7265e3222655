"""``meritnet doctor``: what is wrong with this machine, and the command that mends it."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from meritnet.chain.errors import MeritnetError
from meritnet.cli.loading import Attention, DeviceMap, Dtype, Quantize, loading_of
from meritnet.cli.options import (
    Endpoint,
    Json,
    WalletPath,
    config,
    config_path,
    connect,
    resolve_endpoint,
    wallet_directory,
)
from meritnet.cli.render import emit, facts, plain, table
from meritnet.subnets.models import machine

if TYPE_CHECKING:
    from meritnet.subnets.models.fit import Fit
    from meritnet.subnets.models.loading import Loading

app = typer.Typer(help="Check this machine and say what to mend.", add_completion=False)

GIB = 2**30
NEEDED = ("wasmtime", "scalecodec", "sr25519", "nacl", "aiohttp", "numpy", "torch", "transformers")


@dataclass(frozen=True)
class Finding:
    """One thing looked at. ``note``: it works, but something is missing; ``bad``: it will not work."""

    what: str
    state: Literal["ok", "note", "bad"]
    detail: str
    mend: str = ""


@app.command()
def doctor(
    model: Annotated[
        str | None,
        typer.Option(
            "--model",
            metavar="MODEL",
            help="Instead: say what this model takes and whether it fits, before it is fetched.",
        ),
    ] = None,
    dtype: Dtype = None,
    device_map: DeviceMap = None,
    attention: Attention = None,
    quantize: Quantize = None,
    context: Annotated[
        int | None,
        typer.Option("--context", min=1, metavar="N", help="Tokens of a request. Default: 2048."),
    ] = None,
    batch: Annotated[
        int,
        typer.Option("--batch", min=1, max=4096, metavar="N", help="Requests at once; a miner has up to 8."),
    ] = 1,
    endpoint: Endpoint = None,
    wallet_path: WalletPath = None,
    as_json: Json = False,
) -> None:
    """Check this machine and say what to mend. Exit code 1 when something will not work.

    With --model: what the model takes, and what would fit.
    """
    if model is not None:
        _model(loading_of(model, dtype, device_map, attention, quantize), context, batch, as_json)
        return
    checks: tuple[Callable[[], Iterator[Finding]], ...] = (
        _python,
        _machine,
        _disk,
        _runtime,
        _config,
        lambda: _wallets(wallet_directory(wallet_path)),
        lambda: _chain(endpoint),
    )
    findings = [finding for check in checks for finding in check()]
    rows = [[found.state, found.what, found.detail, found.mend] for found in findings]
    emit(findings, as_json, lambda: table(("", "what", "found", "what to do"), rows))
    raise typer.Exit(1 if any(found.state == "bad" for found in findings) else 0)


def _python() -> Iterator[Finding]:
    version = ".".join(map(str, sys.version_info[:3]))
    good = sys.version_info >= (3, 11)
    yield Finding("python", "ok" if good else "bad", version, "" if good else "install Python 3.11 or later")
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        yield Finding("packages", "bad", f"missing: {', '.join(missing)}", "pip install --upgrade meritnet")
    else:
        yield Finding("packages", "ok", "all there")


def _machine() -> Iterator[Finding]:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    yield Finding(
        "cores", "ok" if cores > 1 else "note", str(cores), "" if cores > 1 else "expect it to be slow"
    )
    memory = machine.free_memory() / GIB
    enough = memory >= 4
    mend = "" if enough else "run a chain and wallets here, and models elsewhere"
    yield Finding("memory", "ok" if enough else "note", f"{memory:.1f} GiB free", mend)


def _disk() -> Iterator[Finding]:
    from platformdirs import user_cache_path, user_state_path

    for what, path in (("cache", user_cache_path("meritnet")), ("state", user_state_path("meritnet"))):
        there = next(folder for folder in (path, *path.parents) if folder.exists())
        free = machine.free_disk(path) / GIB
        if not os.access(there, os.W_OK):
            yield Finding(what, "bad", f"{there} is not writable", f"make {path} yours")
        else:
            enough = free >= 2
            mend = "" if enough else "a model and its cache need 2 GiB: make room"
            yield Finding(what, "ok" if enough else "note", f"{path}, {free:.0f} GiB free", mend)


def _runtime() -> Iterator[Finding]:
    from importlib.resources import files

    code = files("meritnet.chain.wasm").joinpath("runtime.wasm.zst")
    if code.is_file():
        yield Finding("runtime", "ok", f"packaged, {len(code.read_bytes()) // 1024} KiB")
    else:
        yield Finding(
            "runtime", "bad", "the package has no runtime", "pip install --force-reinstall meritnet"
        )


def _config() -> Iterator[Finding]:
    try:
        names = ", ".join(sorted(config())) or "nothing set"
        yield Finding("config", "ok", f"{config_path()}: {names}")
    except MeritnetError as error:
        yield Finding("config", "bad", str(error), error.hint or "correct or remove the file")


def _wallets(directory: Path) -> Iterator[Finding]:
    from meritnet.chain.wallet import wallets

    found = wallets(directory)
    if not found:
        yield Finding("wallets", "note", f"none in {directory}", "meritnet wallet create NAME")
        return
    secrets = [wallet.coldkey_file for wallet in found]
    secrets += [wallet.folder / "hotkeys" / name for wallet in found for name in wallet.hotkeys()]
    open_ones = [path for path in secrets if path.exists() and stat.S_IMODE(path.stat().st_mode) & 0o077]
    for path in open_ones:
        yield Finding("wallets", "bad", f"others can read {path}", f"chmod 600 {path}")
    if not open_ones:
        yield Finding("wallets", "ok", f"{', '.join(wallet.name for wallet in found)} in {directory}")


def _chain(endpoint: str | None) -> Iterator[Finding]:
    try:
        with connect(endpoint, timeout_s=3.0) as chain:
            head = chain.head()
            runtime = chain.runtime_version()
        detail = f"{resolve_endpoint(endpoint)}, block {head}, {runtime['specName']} {runtime['specVersion']}"
        yield Finding("chain", "ok", detail)
    except MeritnetError as error:
        yield Finding("chain", "note", str(error), error.hint)


def _model(wanted: Loading, context: int | None, batch: int, as_json: bool) -> None:
    from meritnet.subnets.models.fit import examine

    fit = examine(wanted, context, batch)
    good = fit.fits_memory and fit.fits_disk and not fit.missing_parameters
    verdict = {"needed_bytes": fit.estimate.needed_bytes, "fits": good}
    emit(plain(fit) | verdict, as_json, lambda: facts(_figures(fit)))
    raise typer.Exit(0 if good else 1)


def _figures(fit: Fit) -> dict[str, object]:
    """What a model takes, line by line, and the verdict."""
    from meritnet.subnets.models.fit import described_as, gib

    one, room = fit.estimate, fit.room
    by = ", ".join(f"{name} {gib(size)}" for name, size in fit.weights_bytes_by.items())
    longest = f"{fit.longest_context:,} tokens fit" if fit.longest_context else "none fits"
    disk = f"{gib(fit.disk_needed_bytes)} to fetch it" if fit.disk_needed_bytes else "it is here"
    shown: dict[str, object] = {
        "model": f"{one.loading.name}, {one.parameters:,} parameters",
        "weights": f"{gib(one.weights_bytes)} in {described_as(one.loading)}",
        "": by,
        "cache": f"{one.cache_bytes_per_token / 1024:,.1f} KiB a token, {gib(one.cache_bytes)} for "
        f"{one.batch} x {one.context:,} tokens",
        "work": f"{gib(one.work_bytes)} at most in one pass (estimate)",
        "needed": f"{gib(one.needed_bytes)} of {room.place}, beside the {gib(machine.own_memory())} that the "
        "program takes",
        "free": f"{gib(room.free_bytes)} of {room.place}; contexts: {longest}",
        "disk": f"{disk}; {gib(fit.disk_free_bytes)} free at {fit.where}",
    }
    return shown | {"verdict": _verdict(fit)}


def _verdict(fit: Fit) -> str:
    if fit.missing_parameters:
        return f"cannot work: its files lack {fit.missing_parameters:,} of its parameters; fetch it again"
    if not fit.fits_disk:
        return "does not fit on the disk"
    if fit.fits_memory:
        return "fits"
    ways = [*fit.instead, *([f"--context {fit.longest_context}"] if fit.longest_context else [])]
    return f"does not fit; {'these would: ' + ', '.join(ways) if ways else 'take a smaller model'}"
