"""Files that are either the old one or the new one, whatever happens in between."""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from meritnet.chain.errors import MeritnetError

FRESH = ".new"
"""Ends the name of a file on its way."""


LOOKING_S = 0.05
"""Longer than anybody takes who only looks whether a directory is held."""


@contextmanager
def exclusive(directory: Path) -> Iterator[None]:
    """Nobody else may work on a directory meanwhile; the lock goes with the process, however that ends.

    Raises ``MeritnetError`` when another process holds it.
    """
    directory.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(directory / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        if not (_locked(descriptor) or _locked(descriptor, after_s=LOOKING_S)):
            raise MeritnetError(
                f"another process works in {directory}", "stop it, or name another directory by --data-dir"
            )
        yield
    finally:
        os.close(descriptor)


def _locked(descriptor: int, *, after_s: float = 0.0) -> bool:
    """Whether the lock is ours now."""
    time.sleep(after_s)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def is_held(directory: Path) -> bool:
    """Whether a process works on a directory just now."""
    try:
        descriptor = os.open(directory / "lock", os.O_RDWR)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def write_bytes(path: Path, data: bytes) -> None:
    """Replaces a file; when this returns the new one survives a loss of power. Mode 0600."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(path.name + FRESH)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def write_json(path: Path, value: object) -> None:
    """Replaces a file of JSON as ``write_bytes`` does."""
    write_bytes(path, json.dumps(value, allow_nan=False).encode())


def read_json(path: Path) -> Any:
    """What ``write_json`` wrote, ``None`` without a file. Raises ``MeritnetError`` for a damaged one."""
    try:
        return json.loads(path.read_text())
    except FileNotFoundError:
        return None
    except (ValueError, OSError) as error:
        raise MeritnetError(
            f"{path} cannot be read: {error}", "move the file away to start without it; scores begin anew"
        ) from error
