"""Making a block by calling the runtime, and executing one again to check it.

The order is Substrate's: ``Core_initialize_block`` with the slot that the author claims, the inherents that
the runtime makes of the inherent data, each transaction in an overlay transaction of its own, and
``BlockBuilder_finalize_block``, which gives the header with both roots.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from meritnet.chain.errors import ChainError, HostError
from meritnet.chain.host.executor import Executor
from meritnet.chain.host.overlay import Overlay
from meritnet.chain.host.trie import Trie
from meritnet.chain.node.block import NO_HASH, Block, Header, decode_body, decode_header, pre_digest
from meritnet.chain.node.pool import Waiting
from meritnet.chain.node.validity import Fault, decode_applied
from meritnet.chain.scale import sized, vector

TIMESTAMP_INHERENT = b"timstap0"
FULL_AFTER = 8
"""Transactions in a row that find no room before the block counts as full."""


class BlockRejected(ChainError):
    """A block whose re-execution does not give what its header says."""


@dataclass(frozen=True)
class Draft:
    """A block without a seal, what it did to the state, and the transactions it could not take."""

    block: Block
    overlay: Overlay
    included: tuple[bytes, ...]
    rejected: tuple[bytes, ...]
    logs: tuple[str, ...]


class Builder:
    """One block in the making on top of ``parent``, whose state is ``state``."""

    def __init__(self, executor: Executor, parent: Header, state: Trie, slot: int) -> None:
        self._executor = executor
        self._extrinsics: list[bytes] = []
        self.overlay = Overlay(state)
        self.logs: list[str] = []
        header = Header(parent.hash, parent.number + 1, NO_HASH, NO_HASH, (pre_digest(slot),))
        self._call("Core_initialize_block", header.encoded)

    def _call(self, entry: str, argument: bytes) -> bytes:
        outcome = self._executor.call(entry, argument, self.overlay)
        self.logs += outcome.logs
        return outcome.value

    def add_inherents(self, timestamp_ms: int) -> None:
        """Put the extrinsics first that the runtime itself wants in every block."""
        data = vector([TIMESTAMP_INHERENT + sized(timestamp_ms.to_bytes(8, "little"))])
        self.overlay.begin()
        try:
            encoded = self._call("BlockBuilder_inherent_extrinsics", data)
        finally:
            self.overlay.rollback()
        for extrinsic in decode_body(encoded):
            fault = self.apply(extrinsic)
            if fault:
                raise HostError(f"the runtime refuses its own inherent: {fault.text}")

    def apply(self, extrinsic: bytes) -> Fault | None:
        """Run an extrinsic. None when it is in the block now; otherwise why not, and nothing is changed."""
        return decode_applied(self.run(extrinsic))

    def run(self, extrinsic: bytes) -> bytes:
        """:meth:`apply` with the runtime's own answer: an encoded ``ApplyExtrinsicResult``."""
        self.overlay.begin()
        try:
            answer = self._call("BlockBuilder_apply_extrinsic", extrinsic)
            fault = decode_applied(answer)
        except BaseException:
            self.overlay.rollback()
            raise
        if fault:
            self.overlay.rollback()
        else:
            self.overlay.commit()
            self._extrinsics.append(extrinsic)
        return answer

    def finish(self) -> Block:
        """Close the block: its header carries the roots of the state and of the extrinsics."""
        header = decode_header(self._call("BlockBuilder_finalize_block", b""))
        return Block(header, tuple(self._extrinsics))


def author(builder: Builder, timestamp_ms: int, candidates: Iterable[Waiting]) -> Draft:
    """A block of the inherents and of as many candidates, in their order, as there is room for."""
    builder.add_inherents(timestamp_ms)
    included, rejected = [], []
    misfits = 0
    for candidate in candidates:
        try:
            fault = builder.apply(candidate.extrinsic)
        except HostError:
            rejected.append(candidate.hash)
            continue
        if fault is None:
            included.append(candidate.hash)
        elif fault.exhausts_the_block:
            misfits += 1
            if misfits == FULL_AFTER:
                break
        elif not fault.is_early:
            rejected.append(candidate.hash)
    block = builder.finish()
    return Draft(block, builder.overlay, tuple(included), tuple(rejected), tuple(builder.logs))


def execute(executor: Executor, block: Block, state: Trie) -> Overlay:
    """Run a whole block on its parent's state; the runtime checks its roots, digest and inherents itself.

    Raises :class:`BlockRejected` when it objects, or when the resulting state has another root.
    """
    overlay = Overlay(state)
    bare = Block(block.header.unsealed(), block.extrinsics)
    try:
        executor.call("Core_execute_block", bare.encoded, overlay)
    except HostError as error:
        raise BlockRejected(f"block {block.number} does not execute again: {error}") from error
    if overlay.root(executor.version.state_version) != block.header.state_root:
        raise BlockRejected(f"block {block.number} leads to another state root than its header says")
    return overlay
