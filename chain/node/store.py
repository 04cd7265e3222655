"""Where blocks and states are kept: one line of blocks without forks, and every version of the state.

A *version* is the state after one atomic write. A block makes one; an edit from outside (``dev_setStorage``)
makes another at the same block. So the state of a block is its newest version, a snapshot is a version's
index, and going back is :meth:`Store.truncate`. All versions are kept.
"""

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from meritnet.chain.host.trie import Trie
from meritnet.chain.node.block import Block

Changes = Mapping[bytes, bytes | None]
"""What a write does to the state: the new value of each key, None for a key that goes."""


@dataclass(frozen=True)
class Version:
    """One state: its place in the order of writes, the block it belongs to, the root of its trie."""

    index: int
    number: int
    root: bytes


class Store(Protocol):
    """Blocks and states. Every write happens whole or not at all. Failures raise ``StoreError``."""

    def label(self, name: str) -> bytes | None:
        """What was written down about the chain under ``name``."""

    def put_labels(self, labels: Mapping[str, bytes]) -> None:
        """Write down what the chain is."""

    def head(self) -> Version | None:
        """The newest version; None while there is not even a genesis block."""

    def put_block(self, block: Block, changes: Changes, trie: Trie) -> Version:
        """Append the next block; ``changes`` led from the newest state to ``trie``."""

    def put_edit(self, changes: Changes, trie: Trie) -> Version:
        """Change the state of the newest block from outside."""

    def truncate(self, index: int) -> None:
        """Forget all versions after ``index``, and their blocks."""

    def block(self, number: int) -> Block | None:
        """The block at a height."""

    def number_of(self, block_hash: bytes) -> int | None:
        """The height of a block that is kept."""

    def version_at(self, number: int) -> Version:
        """The newest state of the block at a height that exists."""

    def trie(self, index: int) -> Trie:
        """The state ``index``."""

    def close(self) -> None:
        """Let go of everything; a store is not used afterwards."""


class MemoryStore:
    """A store that ends with the process. Its tries share what they have in common."""

    def __init__(self) -> None:
        self._labels: dict[str, bytes] = {}
        self._blocks: list[Block] = []
        self._numbers: dict[bytes, int] = {}
        self._versions: list[Version] = []
        self._tries: list[Trie] = []

    def label(self, name: str) -> bytes | None:
        return self._labels.get(name)

    def put_labels(self, labels: Mapping[str, bytes]) -> None:
        self._labels.update(labels)

    def head(self) -> Version | None:
        return self._versions[-1] if self._versions else None

    def put_block(self, block: Block, changes: Changes, trie: Trie) -> Version:
        self._blocks.append(block)
        self._numbers[block.hash] = block.number
        return self.put_edit(changes, trie)

    def put_edit(self, changes: Changes, trie: Trie) -> Version:
        version = Version(len(self._versions), len(self._blocks) - 1, trie.root())
        self._versions.append(version)
        self._tries.append(trie)
        return version

    def truncate(self, index: int) -> None:
        del self._versions[index + 1 :], self._tries[index + 1 :]
        kept = self._versions[-1].number + 1
        for block in self._blocks[kept:]:
            del self._numbers[block.hash]
        del self._blocks[kept:]

    def block(self, number: int) -> Block | None:
        return self._blocks[number] if 0 <= number < len(self._blocks) else None

    def number_of(self, block_hash: bytes) -> int | None:
        return self._numbers.get(block_hash)

    def version_at(self, number: int) -> Version:
        return self._versions[bisect_right(self._versions, number, key=lambda version: version.number) - 1]

    def trie(self, index: int) -> Trie:
        return self._tries[index]

    def close(self) -> None:
        self._tries.clear()
