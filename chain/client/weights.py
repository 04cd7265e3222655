"""Weights and bonds: reading them, setting weights plainly, committing and revealing them."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from meritnet.chain.client.codec import Call
from meritnet.chain.client.storage_key import item_prefix, twox_64_concat
from meritnet.chain.keys import KeyPair, ss58_decode
from meritnet.chain.scale import Reader, u16
from meritnet.chain.types import BlockNumber, NetUid, Uid

if TYPE_CHECKING:
    from meritnet.chain.client.client import Chain
    from meritnet.chain.client.submission import Receipt


@dataclass(frozen=True)
class WeightCommit:
    """A hash of weights on the chain, with the subnet's epoch and the block in which it was committed.

    It may be revealed in the epoch ``epoch + reveal period`` only.
    """

    commit_hash: bytes
    epoch: int
    block: BlockNumber
    reveal_period: int = 0
    """Epochs until its reveal where the subnet's period adapts; 0: as the subnet has it."""


def rows(chain: Chain, item: str, netuid: NetUid, at: str | None = None) -> dict[Uid, list[tuple[Uid, int]]]:
    """The sparse rows of ``Weights`` or ``Bonds``: uid → (uid, u16)…; rows that are empty are left out."""
    pairs = chain.storage_map(item_prefix("SubtensorModule", item) + u16(netuid), at)
    found: dict[Uid, list[tuple[Uid, int]]] = {}
    for key, value in pairs.items():
        reader = Reader(value)
        entries = struct.iter_unpack("<HH", reader.take(4 * reader.compact()))
        row = [(Uid(uid), weight) for uid, weight in entries]
        if row:
            found[Uid(int.from_bytes(key, "little"))] = row
    return dict(sorted(found.items()))


def commits_key(netuid: NetUid, hotkey: bytes) -> bytes:
    """Where the commits of a hotkey's account are stored."""
    keys = twox_64_concat(u16(netuid)) + twox_64_concat(hotkey)
    return item_prefix("SubtensorModule", "WeightCommits") + keys


def commits(chain: Chain, netuid: NetUid, hotkey: str, at: str | None = None) -> list[WeightCommit]:
    """The commits of a hotkey that wait for their reveal, oldest first."""
    return decoded_commits(chain.storage(commits_key(netuid, ss58_decode(hotkey)), at))


def decoded_commits(value: bytes | None) -> list[WeightCommit]:
    """The stored queue of commits."""
    if value is None:
        return []
    reader = Reader(value)

    def commit() -> WeightCommit:
        digest, epoch, block = reader.take(32), reader.unsigned(8), reader.unsigned(8)
        return WeightCommit(digest, epoch, BlockNumber(block), reader.unsigned(8))

    return reader.vector(commit)


def set_weights(
    chain: Chain,
    netuid: int,
    hotkey: KeyPair,
    uids: Sequence[int],
    values: Sequence[int],
    version_key: int = 0,
) -> Receipt:
    """Set weights in the open, on a subnet without commit-reveal."""
    arguments = {
        "netuid": netuid,
        "dests": list(uids),
        "weights": list(values),
        "version_key": version_key,
    }
    return chain.submit(Call("SubtensorModule", "set_weights", arguments), hotkey)


def commit_weights(chain: Chain, netuid: int, hotkey: KeyPair, commit_hash: bytes) -> Receipt:
    """Put the hash of weights on the chain; the weights follow by ``reveal_weights``."""
    arguments = {"netuid": netuid, "commit_hash": commit_hash}
    return chain.submit(Call("SubtensorModule", "commit_weights", arguments), hotkey)


def reveal_weights(
    chain: Chain,
    netuid: int,
    hotkey: KeyPair,
    uids: Sequence[int],
    values: Sequence[int],
    salt: Sequence[int],
    version_key: int = 0,
) -> Receipt:
    """Show the weights behind a commit, inside its reveal window."""
    arguments = {
        "netuid": netuid,
        "uids": list(uids),
        "values": list(values),
        "salt": list(salt),
        "version_key": version_key,
    }
    return chain.submit(Call("SubtensorModule", "reveal_weights", arguments), hotkey)
