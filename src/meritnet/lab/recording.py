"""Epochs of a live chain as a file that `replay` reads."""

from __future__ import annotations

import json
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any

from meritnet.chain.client import Chain
from meritnet.chain.client.epoch_state import EpochState
from meritnet.chain.client.storage_key import item_prefix
from meritnet.chain.errors import MeritnetError
from meritnet.chain.scale import Reader
from meritnet.chain.types import BlockNumber
from meritnet.consensus.params import Params
from meritnet.lab.replay import FORMAT
from meritnet.validator.outlook import epoch_input

PALLET = "SubtensorModule"


def record(chain: Chain, netuid: int, epochs: int) -> dict[str, Any]:
    """The last epochs of a subnet, as many as it had and at most so many, oldest first.

    Each is read from the state after the block before it. Raises ``MeritnetError`` where there were none.
    """
    found: list[dict[str, Any]] = []
    block = int(chain.epoch_state(netuid).last_epoch_block)
    while block > 1 and len(found) < epochs:
        at = chain.block_hash(BlockNumber(block - 1))
        state = chain.epoch_state(netuid, at=at)
        found.append(_epoch(chain, state, block, at))
        block = int(state.last_epoch_block)
    if not found:
        raise MeritnetError(
            f"subnet {netuid} has had no epoch yet", "wait for one, or `meritnet chain advance`"
        )
    return {"format": FORMAT, "netuid": netuid, "epochs": found[::-1]}


def write(recorded: dict[str, Any], path: Path) -> None:
    """Write the file. Raises ``MeritnetError`` where it cannot be written."""
    try:
        path.write_text(json.dumps(recorded, separators=(",", ":")) + "\n", encoding="utf-8")
    except OSError as error:
        raise MeritnetError(f"cannot write {path}: {error.strerror}", "name another file") from None


def _epoch(chain: Chain, state: EpochState, block: int, at: str) -> dict[str, Any]:
    known = {one.name for one in fields(type(state.parameters))}
    params = {one.name: getattr(state.parameters, one.name) for one in fields(Params) if one.name in known}
    paid = sum(_vector(chain, "Emission", state.netuid, 8, chain.block_hash(BlockNumber(block))))
    pots = state.pending_server_rao + state.pending_validator_rao
    given = replace(
        epoch_input(state, block),
        emission=paid or pots,
        consensus=_vector(chain, "Consensus", state.netuid, 2, at),
    )
    return {"input": asdict(given), "params": params}


def _vector(chain: Chain, item: str, netuid: int, width: int, at: str) -> list[int]:
    key = item_prefix(PALLET, item) + netuid.to_bytes(2, "little")
    reader = Reader(chain.storage(key, at) or b"\0")
    return [reader.unsigned(width) for _ in range(reader.compact())]
