"""Compiled modules on disk, by the hash of their code: compiling takes a second, loading some milliseconds.

What is loaded is machine code, so a file counts only if nobody else can have written it, if its checksum is
right and if wasmtime finds that it was made by the same version with the same settings. In any other case
the code is compiled.
"""

import contextlib
import hashlib
import os
import stat
import tempfile
from pathlib import Path

import platformdirs
import wasmtime
import xxhash

from meritnet.chain.errors import HostError
from meritnet.chain.host.engine import ENGINE

CHECKSUM_BYTES = 16

MAX_FILES = 32
"""Of a runtime some 10 MB each; the ones used least recently go first."""


def default_directory() -> Path:
    """Where compiled modules are kept unless the caller says otherwise."""
    return Path(platformdirs.user_cache_dir("meritnet")) / "modules"


def module_of(code: bytes, directory: Path) -> wasmtime.Module:
    """The compiled module of ``code``, binary or text, from ``directory`` or newly made and kept there."""
    name = f"{hashlib.blake2b(code, digest_size=20).hexdigest()}.cwasm"
    path = directory / name
    module = _loaded(path)
    if module is None:
        module = _compiled(code)
        with contextlib.suppress(OSError):  # a disk that is full or read-only costs the next start a second
            _keep(path, bytes(module.serialize()))
            _prune(directory)
    return module


def checksum(serialized: bytes) -> bytes:
    """What stands before a module in its file: against damage, not against those who could write there."""
    return xxhash.xxh3_128_digest(serialized)


def _compiled(code: bytes) -> wasmtime.Module:
    try:
        return wasmtime.Module(ENGINE, code)
    except wasmtime.WasmtimeError as error:
        raise HostError(f"the runtime's code is not acceptable WebAssembly: {_reason(error)}") from None


def _reason(error: wasmtime.WasmtimeError) -> str:
    """wasmtime's words in one line: what failed, and the cause at its end."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if len(lines) > 1 else lines[0]


def _loaded(path: Path) -> wasmtime.Module | None:
    """The module in a file, None if there is no file or it does not count."""
    try:
        if not _is_private(path) or not _is_private(path.parent):
            return None
        content = path.read_bytes()
        os.utime(path)
    except OSError:
        return None
    stated, serialized = content[:CHECKSUM_BYTES], content[CHECKSUM_BYTES:]
    if checksum(serialized) != stated:
        return None
    try:
        return wasmtime.Module.deserialize(ENGINE, serialized)
    except wasmtime.WasmtimeError:
        return None


def _is_private(path: Path) -> bool:
    """Whether nobody but this user can write there."""
    if os.name != "posix":
        return True
    status = path.stat()
    return status.st_uid == os.geteuid() and not status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)


def _keep(path: Path, serialized: bytes) -> None:
    """Write a module so that another process sees all of it or nothing."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".new-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(checksum(serialized) + serialized)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def _prune(directory: Path) -> None:
    """Delete the modules used least recently, so that upgrades of runtimes do not fill the disk."""
    kept = sorted(directory.glob("*.cwasm"), key=lambda path: path.stat().st_mtime_ns)
    for path in kept[:-MAX_FILES]:
        path.unlink(missing_ok=True)
