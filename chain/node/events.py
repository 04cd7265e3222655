"""What a node tells those who subscribed to it. Events come in the order in which things happened."""

from collections.abc import Mapping
from dataclasses import dataclass

from meritnet.chain.node.block import Block


@dataclass(frozen=True)
class NewHead:
    """The chain's head is another one: a block was sealed, or the chain went back.

    ``changes`` are the keys whose values differ from the head before, with their values now.
    """

    block: Block
    changes: Mapping[bytes, bytes | None]


@dataclass(frozen=True)
class Finalized:
    """A block will not change any more. With one author that is so as soon as it is sealed."""

    block: Block


@dataclass(frozen=True)
class Edited:
    """The state of the head was changed from outside of any block."""

    block: Block
    changes: Mapping[bytes, bytes | None]


@dataclass(frozen=True)
class ExtrinsicStatus:
    """Where a transaction is: ``status`` is the word that RPC uses, ``value`` the hash that belongs to it.

    ready | future | broadcast | inBlock(block) | finalized(block) | usurped(by) | dropped | invalid.
    """

    extrinsic_hash: bytes
    status: str
    value: bytes | None


Event = NewHead | Finalized | Edited | ExtrinsicStatus
