"""The first block: a runtime's own genesis preset, written into an empty state."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from meritnet.chain.errors import CodecError, UsageError
from meritnet.chain.host.executor import Executor
from meritnet.chain.host.overlay import Overlay
from meritnet.chain.host.trie import Trie, ordered_root
from meritnet.chain.node.block import NO_HASH, Block, Header
from meritnet.chain.scale import Reader, sized

CODE = b":code"
"""The key under which the state holds the runtime that acts on it."""


@dataclass(frozen=True)
class Genesis:
    """Block 0 and the state after it."""

    block: Block
    changes: Mapping[bytes, bytes | None]
    state: Trie


def presets(executor: Executor) -> list[str]:
    """The names of the genesis presets that the runtime knows."""
    reader = Reader(executor.call("GenesisBuilder_preset_names", b"", Overlay(Trie())).value)
    return [name.decode() for name in reader.vector(reader.octets)]


def configuration(executor: Executor, preset: str) -> bytes:
    """The whole genesis configuration of a preset, as JSON; :class:`UsageError` for an unknown name.

    A preset states what differs from the runtime's defaults; laid over them it becomes the whole.
    """
    defaults = _preset(executor, b"\x00")
    patch = _preset(executor, b"\x01" + sized(preset.encode()))
    if patch is None:
        known = ", ".join(presets(executor))
        raise UsageError(f"the runtime has no preset {preset!r}", f"choose one of: {known}")
    return json.dumps(_laid_over(defaults or {}, patch), separators=(",", ":")).encode()


def _preset(executor: Executor, argument: bytes) -> dict[str, Any] | None:
    reader = Reader(executor.call("GenesisBuilder_get_preset", argument, Overlay(Trie())).value)
    if not reader.boolean():
        return None
    found: dict[str, Any] = json.loads(reader.octets())
    return found


def _laid_over(base: dict[str, Any], patch: dict[str, Any]) -> dict[str, Any]:
    """``base`` with ``patch`` on it, as chain specifications do it: null removes, objects merge."""
    merged = {key: value for key, value in base.items() if patch.get(key, value) is not None}
    for key, value in patch.items():
        if isinstance(value, dict) and isinstance(merged.get(key), dict):
            merged[key] = _laid_over(merged[key], value)
        elif value is not None:
            merged[key] = value
    return merged


def build_genesis(executor: Executor, code: bytes, preset: str) -> Genesis:
    """Genesis of the runtime ``code`` under one of its presets."""
    overlay = Overlay(Trie())
    outcome = executor.call("GenesisBuilder_build_state", sized(configuration(executor, preset)), overlay)
    reader = Reader(outcome.value)
    if reader.boolean():
        reason = reader.octets().decode(errors="replace")
        raise CodecError(f"the runtime refuses its preset {preset!r}: {reason}")
    overlay.put(CODE, code)
    layout = executor.version.state_version
    state = overlay.applied(layout)
    header = Header(NO_HASH, 0, state.root(), ordered_root([], layout), ())
    return Genesis(Block(header, ()), overlay.changes(), state)
