"""API keys for people and their tools: a file of ``name:key`` lines that only its owner may read.

Keys are kept as hashes from the moment they are read, and compared with all of them in constant time. Errors
name a line or a client, never a key.
"""

from __future__ import annotations

import hmac
import os
import re
import stat
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

from meritnet.chain.errors import UsageError

MIN_KEY_CHARACTERS = 16
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_HOW = (
    'write lines like `alice:KEY`, with a KEY of `python -c "import secrets; print(secrets.token_hex(32))"`'
)


class Clients:
    """Who may use ``/v1`` by a bearer token."""

    def __init__(self, keys: Mapping[str, str]) -> None:
        """``keys`` maps a client's name to its key."""
        self._digests = {name: _digest(key) for name, key in keys.items()}

    def __repr__(self) -> str:
        return f"Clients({', '.join(self._digests)})"

    def name_of(self, authorization: str) -> str | None:
        """The client behind an ``Authorization`` header; all keys are compared, whichever fits."""
        scheme, _, given = authorization.partition(" ")
        digest = _digest(given.strip())
        found = [name for name, known in self._digests.items() if hmac.compare_digest(known, digest)]
        return found[0] if found and scheme.lower() == "bearer" else None


def read_clients(path: Path) -> Clients:
    """The clients of a file. Raises ``UsageError``: it is open to others, malformed, or not there."""
    try:
        with path.open(encoding="utf-8") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            if os.name == "posix" and mode & 0o077:
                raise UsageError(f"{path} is open to other users (mode {mode:04o})", f"chmod 600 {path}")
            lines = file.read().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no UTF-8"
        raise UsageError(f"the API keys cannot be read from {path}: {reason}", _HOW) from None
    return Clients(_parsed(path, lines))


def _parsed(path: Path, lines: list[str]) -> dict[str, str]:
    keys: dict[str, str] = {}
    for number, line in enumerate(map(str.strip, lines), start=1):
        if not line or line.startswith("#"):
            continue
        name, colon, key = (part.strip() for part in line.partition(":"))
        if not colon or not _NAME.fullmatch(name):
            raise UsageError(f"line {number} of {path} is no `name:key`", _HOW)
        if len(key) < MIN_KEY_CHARACTERS or not key.isascii() or not key.isprintable() or " " in key:
            wanted = f"one word of at least {MIN_KEY_CHARACTERS} ASCII characters"
            raise UsageError(f"the key of {name} in {path} is not {wanted}", _HOW)
        if name in keys or key in keys.values():
            raise UsageError(f"line {number} of {path} repeats a name or a key", "give each client its own")
        keys[name] = key
    if not keys:
        raise UsageError(f"{path} holds no API key", _HOW)
    return keys


def _digest(key: str) -> bytes:
    return sha256(key.encode("utf-8", "surrogateescape")).digest()
