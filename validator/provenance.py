"""Where a bundle comes from: which chain, validator and kind, with which thresholds and which code."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any

from meritnet import __version__
from meritnet.subnets.base import ValidatorRole


@dataclass(frozen=True)
class Origin:
    """What all bundles of one validator's life in a subnet have in common."""

    genesis: str
    """Hash of the chain's first block."""
    netuid: int
    validator: str
    kind: str
    """The subnet's kind; empty where a program of its own gave the role."""
    parameters: Mapping[str, Any]
    """The constants of the module that judges: thresholds, deadlines, bounds."""
    version: str
    """Meritnet's version."""
    code: str
    """BLAKE2b-256, in hex, of the sources that judge; empty where there are none to read."""


def origin(genesis: str, netuid: int, validator: str, kind: str, role: ValidatorRole) -> Origin:
    """The origin of what a role will judge."""
    return Origin(genesis, netuid, validator, kind, parameters(role), __version__, code(role))


def parameters(role: ValidatorRole) -> dict[str, Any]:
    """Every upper-case constant that the role's module defines or imports, if JSON can carry it."""
    module = sys.modules.get(type(role).__module__)
    found = {name: _plain(value) for name, value in sorted(vars(module).items())} if module else {}
    return {name: value for name, value in found.items() if name.isupper() and value is not None}


def code(role: ValidatorRole) -> str:
    """The digest of the role's source file and, where that is part of a package, of all files beside it."""
    try:
        file = Path(inspect.getfile(type(role)))
    except (TypeError, OSError):
        return ""
    files = sorted(file.parent.glob("*.py")) if (file.parent / "__init__.py").exists() else [file]
    digest = blake2b(digest_size=32)
    for path in files:
        if path.is_file():
            source = path.read_bytes()
            digest.update(f"{path.name}\0{len(source)}\0".encode() + source)
    return digest.hexdigest()


def _plain(value: object) -> Any:
    """A constant as JSON reads it back; ``None`` for what is none."""
    if isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, tuple | list | frozenset | set):
        parts = [_plain(part) for part in (value if isinstance(value, tuple | list) else sorted(value))]
        return None if None in parts else parts
    return None
