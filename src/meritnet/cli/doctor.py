"""``meritnet doctor``: what is wrong with this machine, and the command that mends it."""

from __future__ import annotations

import os
import shutil
import stat
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

import typer

from meritnet.chain.errors import MeritnetError
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
from meritnet.cli.render import emit, table

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
def doctor(endpoint: Endpoint = None, wallet_path: WalletPath = None, as_json: Json = False) -> None:
    """Check this machine and say what to mend. Exit code 1 when something will not work."""
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
    if not hasattr(os, "sysconf") or "SC_PHYS_PAGES" not in os.sysconf_names:
        return
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / GIB
    enough = memory >= 4
    mend = "" if enough else "run a chain and wallets here, and models elsewhere"
    yield Finding("memory", "ok" if enough else "note", f"{memory:.1f} GiB", mend)


def _disk() -> Iterator[Finding]:
    from platformdirs import user_cache_path, user_state_path

    for what, path in (("cache", user_cache_path("meritnet")), ("state", user_state_path("meritnet"))):
        there = next(folder for folder in (path, *path.parents) if folder.exists())
        free = shutil.disk_usage(there).free / GIB
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
