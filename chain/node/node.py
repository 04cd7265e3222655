"""A development node: one chain around the host, with time under control.

``Node`` is what RPC serves and what tests use directly. Every method may be called from any thread; one lock
makes them take turns. Callbacks of subscribers run inside that lock and must return at once.
"""

import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from meritnet.chain.errors import ChainError, HostError, MeritnetError, UsageError
from meritnet.chain.host.executor import Executor
from meritnet.chain.host.overlay import Overlay
from meritnet.chain.host.trie import Trie
from meritnet.chain.node.author import Builder, Draft, author, execute
from meritnet.chain.node.block import Block, Header, decode_extrinsic
from meritnet.chain.node.events import Edited, Event, ExtrinsicStatus, Finalized, NewHead
from meritnet.chain.node.genesis import CODE
from meritnet.chain.node.opening import executor_of, open_store, packaged_runtime
from meritnet.chain.node.pool import Pool
from meritnet.chain.node.seal import Instant, Interval, Manual, Seal, Sealer, next_moment
from meritnet.chain.node.signing import Author
from meritnet.chain.node.store import Changes, Store, Version
from meritnet.chain.node.validity import (
    BAD_FORMAT,
    VERIFICATION_FAILED,
    Fault,
    PoolRefusal,
    Valid,
    decode_validity,
)

LOG = logging.getLogger(__name__)

EXTERNAL = b"\x02"
"""``TransactionSource::External``: the transaction came from outside of the node."""

MOST_MARKS = 1_000
"""Snapshots kept by name."""


class UnknownBlock(ChainError):
    """No block with this hash is on the chain."""


class UnknownApi(HostError):
    """The runtime has no such runtime API."""


@dataclass(frozen=True)
class Snapshot:
    """A state of the whole node to which :meth:`Node.revert` goes back."""

    version: Version
    block_hash: bytes
    pool: Pool
    not_before_ms: int


class Node:
    """One chain, its pool and its clock. Made by :meth:`open`; to be closed."""

    def __init__(self, store: Store, preset: str, seal: Seal) -> None:
        self.preset = preset
        self.failure: MeritnetError | None = None
        self._store = store
        self._lock = threading.RLock()
        self._listeners: list[Callable[[Event], None]] = []
        self._pool = Pool(self._report)
        self._author = Author()
        self._not_before_ms = 0
        self._marks: dict[str, Snapshot] = {}
        self._marked = 0
        self._closed = False
        self._sealer: Sealer | None = None
        self._take_head()
        self._slot_ms = int.from_bytes(self.call("AuraApi_slot_duration", b""), "little")
        self.set_seal(seal)

    @classmethod
    def open(
        cls,
        preset: str = "local",
        base_path: Path | None = None,
        runtime: bytes | None = None,
        seal: Seal | None = None,
    ) -> Self:
        """The chain in ``base_path``, made there if there is none; in memory without a path.

        ``runtime`` is the code that genesis is made of; the packaged one if None. ``StoreError`` when the
        directory holds a chain of another runtime or preset, is in use or is damaged.
        """
        store = open_store(preset, base_path, runtime or packaged_runtime())
        try:
            return cls(store, preset, seal or Manual())
        except BaseException:
            store.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop sealing and let go of the store. What was sealed is on disk already."""
        if self._sealer:
            self._sealer.stop()
        with self._lock:
            if not self._closed:
                self._closed = True
                self._store.close()

    # Reading

    @property
    def head(self) -> Header:
        """The header of the newest block."""
        return self._head.header

    @property
    def finalized(self) -> Header:
        """The header of the newest block that will not change: with one author, the newest block."""
        return self._head.header

    @property
    def genesis_hash(self) -> bytes:
        """The hash of block 0."""
        return self._genesis_hash

    @property
    def slot_ms(self) -> int:
        """Length of a slot in milliseconds."""
        return self._slot_ms

    @property
    def runtime(self) -> Executor:
        """The runtime that acts on the newest state."""
        return self._executor(self._state)

    def runtime_at(self, at: bytes | None) -> Executor:
        """The runtime in the state of a block."""
        with self._lock:
            return self._executor(self._trie(at))

    def block_hash(self, number: int) -> bytes | None:
        """The hash of the block at a height; None above the head."""
        block = self.block_at(number)
        return block.hash if block else None

    def block_at(self, number: int) -> Block | None:
        """The block at a height; None above the head."""
        with self._lock:
            return self._head if number == self._head.number else self._store.block(number)

    def block(self, block_hash: bytes | None = None) -> Block | None:
        """The block with a hash, None if it is not on the chain; the newest without a hash."""
        with self._lock:
            if block_hash is None or block_hash == self._head.hash:
                return self._head
            number = self._store.number_of(block_hash)
            return None if number is None else self._store.block(number)

    def header(self, block_hash: bytes | None = None) -> Header | None:
        """The header of :meth:`block`."""
        block = self.block(block_hash)
        return block.header if block else None

    def state(self, at: bytes | None = None) -> Trie:
        """The state after a block, the newest without a hash; it does not change any more."""
        with self._lock:
            return self._trie(at)

    def storage(self, key: bytes, at: bytes | None = None) -> bytes | None:
        """The value of a key in the state after a block."""
        return self.state(at).get(key)

    def keys_paged(
        self, prefix: bytes, count: int, start: bytes | None = None, at: bytes | None = None
    ) -> list[bytes]:
        """Up to ``count`` keys that begin with ``prefix``, in order, those after ``start``."""
        state = self.state(at)
        keys = [prefix] if start is None and prefix in state and count else []
        key = state.next_key(prefix if start is None else max(start, prefix))
        while key is not None and key.startswith(prefix) and len(keys) < count:
            keys.append(key)
            key = state.next_key(key)
        return keys

    def call(
        self, api_method: str, argument: bytes, at: bytes | None = None, deadline_s: float | None = None
    ) -> bytes:
        """What a runtime API answers on the state after a block; the state stays as it is."""
        with self._lock:
            state = self._trie(at)
            executor = self._executor(state)
        try:
            return executor.call(api_method, argument, Overlay(state), deadline_s=deadline_s).value
        except HostError:
            if api_method not in {item.name for item in executor.module.exports}:
                raise UnknownApi(f"Exported method {api_method} is not found") from None
            raise

    def _trie(self, at: bytes | None) -> Trie:
        if at is None or at == self._head.hash:
            return self._state
        number = self._store.number_of(at)
        if number is None:
            raise UnknownBlock(f"Header was not found in the database: 0x{at.hex()}")
        return self._store.trie(self._store.version_at(number).index)

    def _executor(self, state: Trie) -> Executor:
        return executor_of(state.get(CODE) or b"")

    # Transactions

    def submit(self, extrinsic: bytes) -> bytes:
        """Put an extrinsic into the pool; its hash. :class:`PoolRefusal` when the pool does not take it."""
        with self._lock:
            try:
                decode_extrinsic(extrinsic)
            except ChainError as error:
                raise PoolRefusal(f"Extrinsic has invalid format: {error}", BAD_FORMAT) from None
            extrinsic_hash = self._pool.submit(extrinsic, self._head.number, self._validate)
            if isinstance(self.sealing, Instant):
                self.seal()
            return extrinsic_hash

    def _validate(self, extrinsic: bytes) -> Valid | Fault:
        argument = EXTERNAL + extrinsic + self._head.hash
        try:
            return decode_validity(self.call("TaggedTransactionQueue_validate_transaction", argument))
        except ChainError as error:
            raise PoolRefusal(f"Verification Error: Runtime error: {error}", VERIFICATION_FAILED) from None

    def pending(self) -> list[bytes]:
        """The extrinsics that are ready for the next block, in order."""
        with self._lock:
            return self._pool.ready()

    def next_nonce(self, account: bytes) -> int:
        """The nonce of the next transaction of an account, after those that are ready in the pool."""
        with self._lock:
            nonce = int.from_bytes(self.call("AccountNonceApi_account_nonce", account), "little")
            while self._pool.provides(account + nonce.to_bytes(4, "little")):
                nonce += 1
            return nonce

    def dry_run(self, extrinsic: bytes, at: bytes | None = None) -> bytes:
        """``ApplyExtrinsicResult`` of an extrinsic in a block after ``at`` that nobody will see."""
        with self._lock:
            parent = self.header(at)
            if parent is None:
                raise UnknownBlock(f"Header was not found in the database: 0x{(at or b'').hex()}")
            state = self._trie(at)
            moment = next_moment(Manual(), parent.slot, self._slot_ms)
            builder = Builder(self._executor(state), parent, state, moment.slot)
            builder.add_inherents(moment.timestamp_ms)
            return builder.run(extrinsic)

    def _report(self, extrinsic_hash: bytes, status: str, value: bytes | None) -> None:
        self._emit(ExtrinsicStatus(extrinsic_hash, status, value))

    # Making blocks

    @property
    def sealing(self) -> Seal:
        """When blocks are made."""
        return self._seal_mode

    def set_seal(self, seal: Seal) -> None:
        """Make blocks in another way from now on."""
        if self._sealer:
            self._sealer.stop()
        self._seal_mode = seal
        self._sealer = Sealer(self._seal_or_fail, seal.seconds) if isinstance(seal, Interval) else None

    def _seal_or_fail(self) -> bool:
        try:
            self.seal()
        except MeritnetError as error:
            self.failure = error
        except Exception as error:  # the edge of the sealing thread: whoever asks the node hears of it
            LOG.exception("sealing failed")
            self.failure = ChainError(f"no more blocks are made: {error!r}")
        return self.failure is None

    def seal(self) -> Block:
        """Make one block now of what is ready in the pool; it is durable when this returns."""
        with self._lock:
            self._require_open()
            parent = self._head.header
            moment = next_moment(self.sealing, parent.slot, self._slot_ms, self._not_before_ms)
            builder = Builder(self.runtime, parent, self._state, moment.slot)
            draft = author(builder, moment.timestamp_ms, self._pool.in_order())
            return self._commit(draft)

    def advance(self, count: int) -> Block:
        """Make ``count`` blocks; the last one."""
        if count < 1:
            raise UsageError(f"cannot make {count} blocks", "ask for one or more")
        for _ in range(count - 1):
            self.seal()
        return self.seal()

    def _commit(self, draft: Draft) -> Block:
        header = draft.block.header
        block = Block(header.sealed(self._author.sign(header.hash)), draft.block.extrinsics)
        state = draft.overlay.applied(self.runtime.version.state_version)
        changes = self._differences(draft.overlay.changes())
        self._store.put_block(block, changes, state)
        self._head, self._state = block, state
        self._not_before_ms = 0
        for rejected in draft.rejected:
            self._pool.reject(rejected, block.number)
        self._pool.settle(draft.included, block.hash, block.number)
        self._emit(NewHead(block, changes))
        self._emit(Finalized(block))
        for included in draft.included:
            self._report(included, "finalized", block.hash)
        return block

    def _differences(self, changes: Changes) -> Changes:
        return {key: value for key, value in changes.items() if self._state.get(key) != value}

    def _require_open(self) -> None:
        if self._closed:
            raise UsageError("the node is closed")
        if self.failure:
            raise self.failure

    def replay(self, number: int) -> None:
        """Execute the block at a height again on its parent's state; ``BlockRejected`` if that differs."""
        with self._lock:
            block, parent = self.block_at(number), self.block_at(number - 1)
            if number < 1 or block is None or parent is None:
                raise UsageError(f"there is no block {number} with a parent")
            state = self._trie(parent.hash)
            execute(self._executor(state), block, state)

    # Time and state under control

    def travel(self, timestamp_ms: int) -> int:
        """Let the next block come not before a time (Unix, ms); the time that it will carry."""
        with self._lock:
            moment = next_moment(Manual(), self.head.slot, self._slot_ms, timestamp_ms)
            if timestamp_ms < moment.timestamp_ms - self._slot_ms:
                raise UsageError("the chain is past that time already", "go back to an older block first")
            self._not_before_ms = timestamp_ms
            return moment.timestamp_ms

    def set_storage(self, changes: Changes) -> None:
        """Change the newest state from outside; the next block builds on it."""
        with self._lock:
            self._require_open()
            changes = self._differences(changes)
            self._state = self._state.apply(changes, self.runtime.version.state_version)
            self._store.put_edit(changes, self._state)
            self._emit(Edited(self._head, changes))

    def snapshot(self) -> Snapshot:
        """What :meth:`revert` takes: chain, pool and clock as they are now. It costs nothing."""
        with self._lock:
            version = self._store.head()
            assert version is not None
            return Snapshot(version, self._head.hash, self._pool.snapshot(), self._not_before_ms)

    def revert(self, snapshot: Snapshot) -> None:
        """Go back to a snapshot; blocks since then never were. It can be used again."""
        with self._lock:
            version = snapshot.version
            newest = self._store.head()
            known = newest is not None and version.index <= newest.index
            if not known or not self._is_true(snapshot):
                raise UsageError("the chain has gone back to before this snapshot was taken")
            self._truncate(version)
            self._pool.restore(snapshot.pool)
            self._not_before_ms = snapshot.not_before_ms

    def _is_true(self, snapshot: Snapshot) -> bool:
        same_block = self.block_hash(snapshot.version.number) == snapshot.block_hash
        return same_block and self._store.trie(snapshot.version.index).root() == snapshot.version.root

    def mark(self) -> str:
        """Take a snapshot and name it, for those who cannot hold a Python object; the newest are kept."""
        with self._lock:
            self._marked += 1
            name = f"snapshot-{self._marked}"
            self._marks[name] = self.snapshot()
            if len(self._marks) > MOST_MARKS:
                del self._marks[next(iter(self._marks))]
            return name

    def revert_to(self, name: str) -> None:
        """Go back to the snapshot with that name."""
        with self._lock:
            if name not in self._marks:
                raise UsageError(f"there is no snapshot {name!r}")
            self.revert(self._marks[name])

    def set_head(self, number: int) -> Block:
        """Go back to the block at a height; what waits in the pool is validated there again."""
        with self._lock:
            if not 0 <= number <= self._head.number:
                known = f"the chain has blocks 0 to {self._head.number}"
                raise UsageError(f"there is no block {number}", known)
            waiting = self._pool.ready()
            self._truncate(self._store.version_at(number))
            self._pool.restore(Pool(self._report))
            for extrinsic in waiting:
                try:
                    self._pool.submit(extrinsic, number, self._validate)
                except PoolRefusal:
                    continue  # it does not fit that state
            return self._head

    @contextmanager
    def anchor(self) -> Iterator[Self]:
        """Whatever happens to the chain inside is undone at the end."""
        snapshot = self.snapshot()
        try:
            yield self
        finally:
            self.revert(snapshot)

    def _truncate(self, version: Version) -> None:
        self._require_open()
        if version == self._store.head():
            return
        before = self._state
        self._store.truncate(version.index)
        self._take_head()
        self._emit(NewHead(self._head, _difference(before, self._state)))

    def _take_head(self) -> None:
        version = self._store.head()
        assert version is not None, "a store is opened with its genesis block"
        head, genesis = self._store.block(version.number), self._store.block(0)
        assert head is not None
        assert genesis is not None
        self._head, self._genesis_hash = head, genesis.hash
        self._state = self._store.trie(version.index)

    # Subscribers

    @contextmanager
    def still(self) -> Iterator[None]:
        """Nothing changes inside: no block is made, no transaction is taken."""
        with self._lock:
            yield

    def subscribe(self, callback: Callable[[Event], None]) -> Callable[[], None]:
        """Call ``callback`` with every event from now on; what is returned ends that."""
        with self._lock:
            self._listeners = [*self._listeners, callback]

        def unsubscribe() -> None:
            with self._lock:
                self._listeners = [listener for listener in self._listeners if listener is not callback]

        return unsubscribe

    def unsubscribe_all(self) -> None:
        """Call nobody any more."""
        with self._lock:
            self._listeners = []

    def _emit(self, event: Event) -> None:
        for listener in self._listeners:
            try:
                listener(event)
            except Exception:  # the edge to code that is not the node's: a block is sealed whatever it does
                LOG.exception("a subscriber failed on %s", type(event).__name__)


def _difference(before: Trie, after: Trie) -> Mapping[bytes, bytes | None]:
    old, new = dict(before.items()), dict(after.items())
    return {key: new.get(key) for key in old.keys() | new.keys() if old.get(key) != new.get(key)}
