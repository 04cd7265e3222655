"""What a validator reads of its subnet at one block before it acts."""

from __future__ import annotations

from dataclasses import dataclass

from meritnet.chain.client.client import Chain
from meritnet.chain.client.metagraph import Metagraph
from meritnet.chain.client.storage_key import item_prefix
from meritnet.chain.types import BlockNumber
from meritnet.validator.ask import Target
from meritnet.validator.schedule import EpochClock

DEFAULT_TEMPO = 360
"""What the runtime reads where no tempo is stored."""


@dataclass(frozen=True)
class Block:
    """A block by number and hash."""

    number: int
    hash: str


def head(chain: Chain) -> Block:
    """The newest block."""
    number = chain.head()
    return Block(number, chain.block_hash(BlockNumber(number)))


def epoch_clock(chain: Chain, netuid: int, block: Block) -> EpochClock:
    """Where the subnet stands after a block. Raises ``UsageError`` when it has no tempo."""
    items = ("Tempo", "LastEpochBlock", "SubnetEpochIndex", "PendingEpochAt")
    keys = [item_prefix("SubtensorModule", item) + netuid.to_bytes(2, "little") for item in items]
    values = chain.storage_many(keys, block.hash)
    stored = [None if value is None else int.from_bytes(value, "little") for value in values]
    tempo, last, epoch, pending = (
        default if found is None else found
        for found, default in zip(stored, (DEFAULT_TEMPO, 0, 0, 0), strict=True)
    )
    return EpochClock(block.number, tempo, last, epoch, pending)


def targets(metagraph: Metagraph, own_hotkey: str) -> list[Target]:
    """The miners that can be asked: who announced an address, but not ourselves nor those who validate.

    A permit alone does not make a validator: every staked neuron gets one while there are few. Whoever holds
    one and has set or committed weights since it registered does validate.
    """
    validates = metagraph.validator_permit & (metagraph.last_update > metagraph.registered_at)
    return [
        Target(uid, str(hotkey), axon)
        for uid, (hotkey, axon) in enumerate(zip(metagraph.hotkeys, metagraph.axons, strict=True))
        if axon.is_serving and hotkey != own_hotkey and not validates[uid]
    ]
