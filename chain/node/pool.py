"""Transactions that wait for a block: which are ready, in what order they go, which give way or are refused.

The rules are Substrate's. A transaction *provides* tags and *requires* others (an account's nonces, in
practice); it is ready when every required tag is provided by a ready one or by the chain, and waits in the
future queue otherwise. Of two that provide the same tag only the one with the higher priority stays. A
transaction found invalid is banned for some blocks. There is no clock here: time is the block number.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from heapq import heapify, heappop, heappush

from meritnet.chain.node.block import blake2_256
from meritnet.chain.node.validity import (
    ALREADY_IMPORTED,
    BANNED,
    DROPPED,
    PRIORITY_TOO_LOW,
    Fault,
    PoolRefusal,
    Valid,
)

BAN_BLOCKS = 150
"""Blocks for which a transaction found invalid is refused: half an hour of 12-second slots."""


@dataclass(frozen=True)
class Limits:
    """How much may wait: transactions and bytes, ready and future together counted apart."""

    ready: int = 8_192
    ready_bytes: int = 20 * 1024 * 1024
    future: int = 819
    future_bytes: int = 2 * 1024 * 1024


@dataclass(frozen=True)
class Waiting:
    """A transaction in the pool: ``last_block`` is the last it may be in, ``arrival`` its place in line."""

    hash: bytes
    extrinsic: bytes
    priority: int
    requires: frozenset[bytes]
    provides: tuple[bytes, ...]
    last_block: int
    arrival: int

    @property
    def order(self) -> tuple[int, int, int]:
        """Smaller goes first: high priority, then short life, then early arrival."""
        return (-self.priority, self.last_block, self.arrival)


class Queue(dict[bytes, Waiting]):
    """Transactions by hash, and how many bytes they are together."""

    size = 0

    def add(self, waiting: Waiting) -> None:
        """Put one in, or in the place of its older self."""
        self.take(waiting.hash)
        self[waiting.hash] = waiting
        self.size += len(waiting.extrinsic)

    def take(self, extrinsic_hash: bytes) -> Waiting | None:
        """Take one out, if it is there."""
        waiting = self.pop(extrinsic_hash, None)
        self.size -= len(waiting.extrinsic) if waiting else 0
        return waiting


Report = Callable[[bytes, str, bytes | None], None]
"""Called with a transaction's hash, its new status (RPC's word) and a hash that belongs to the status."""


class Pool:
    """The transactions that wait. Not thread-safe: the node's lock protects it."""

    def __init__(self, report: Report, limits: Limits | None = None) -> None:
        self._report = report
        self._limits = limits or Limits()
        self._ready = Queue()
        self._future = Queue()
        self._tags: dict[bytes, bytes] = {}  # provided by ready ones -> their hash
        self._banned: OrderedDict[bytes, int] = OrderedDict()  # hash -> first block in which it may come back
        self._arrivals = 0

    def __len__(self) -> int:
        return len(self._ready) + len(self._future)

    def __contains__(self, extrinsic_hash: bytes) -> bool:
        return extrinsic_hash in self._ready or extrinsic_hash in self._future

    def provides(self, tag: bytes) -> bool:
        """Whether a ready transaction provides ``tag``."""
        return tag in self._tags

    def ready(self) -> list[bytes]:
        """The ready extrinsics in the order in which a block would take them."""
        return [waiting.extrinsic for waiting in self.in_order()]

    def in_order(self) -> Iterator[Waiting]:
        """The ready transactions, best first, each after those that it requires."""
        missing = {h: {t for t in w.requires if t in self._tags} for h, w in self._ready.items()}
        followers: dict[bytes, list[bytes]] = {}
        for extrinsic_hash, tags in missing.items():
            for tag in tags:
                followers.setdefault(tag, []).append(extrinsic_hash)
        line = [(self._ready[h].order, h) for h, tags in missing.items() if not tags]
        heapify(line)
        ready = dict(self._ready)
        while line:
            _, extrinsic_hash = heappop(line)
            yield ready[extrinsic_hash]
            for tag in ready[extrinsic_hash].provides:
                for follower in followers.get(tag, ()):
                    missing[follower].discard(tag)
                    if not missing[follower]:
                        heappush(line, (ready[follower].order, follower))

    def submit(self, extrinsic: bytes, number: int, validate: Callable[[bytes], Valid | Fault]) -> bytes:
        """Take an extrinsic while block ``number`` is the head; its hash. ``PoolRefusal`` says why not."""
        extrinsic_hash = blake2_256(extrinsic)
        if self._banned.get(extrinsic_hash, 0) > number:
            raise PoolRefusal("Transaction is temporarily banned", BANNED)
        if extrinsic_hash in self:
            raise PoolRefusal("Transaction Already Imported", ALREADY_IMPORTED, "0x" + extrinsic_hash.hex())
        verdict = validate(extrinsic)
        if isinstance(verdict, Fault):
            if verdict.known and not verdict.is_early:
                self._ban(extrinsic_hash, number)
            raise verdict.refusal()
        self._arrivals += 1
        life = min(number + verdict.longevity, 2**64 - 1)
        waiting = Waiting(
            extrinsic_hash,
            extrinsic,
            verdict.priority,
            frozenset(verdict.requires),
            verdict.provides,
            life,
            self._arrivals,
        )
        self._import(waiting)
        self._promote()
        self._enforce_limits()
        if extrinsic_hash not in self:
            raise PoolRefusal(
                "Immediately Dropped", DROPPED, "The transaction couldn't enter the pool because of the limit"
            )
        return extrinsic_hash

    def _import(self, waiting: Waiting) -> None:
        if not waiting.requires <= self._tags.keys():
            self._future.add(waiting)
            self._report(waiting.hash, "future", None)
            return
        losers = {self._tags[tag] for tag in waiting.provides if tag in self._tags}
        held = sum(self._ready[loser].priority for loser in losers)
        if losers and held >= waiting.priority:
            raise PoolRefusal(
                f"Priority is too low: ({held} vs {waiting.priority})",
                PRIORITY_TOO_LOW,
                "The transaction has too low priority to replace another transaction already in the pool.",
            )
        for loser in losers:
            self._forget(loser)
            self._report(loser, "usurped", waiting.hash)
        self._ready.add(waiting)
        self._tags.update(dict.fromkeys(waiting.provides, waiting.hash))
        self._report(waiting.hash, "ready", None)
        self._report(waiting.hash, "broadcast", None)
        if losers:
            self._demote()

    def _promote(self) -> None:
        """Move future transactions whose time has come, and those for which they make way."""
        followers: dict[bytes, list[Waiting]] = {}
        for waiting in self._future.values():
            for tag in waiting.requires:
                followers.setdefault(tag, []).append(waiting)
        due = sorted(self._future.values(), key=lambda waiting: waiting.order)
        while due:
            further: list[Waiting] = []
            for waiting in due:
                if waiting.requires <= self._tags.keys() and self._future.take(waiting.hash):
                    try:
                        self._import(waiting)
                    except PoolRefusal:
                        self._report(waiting.hash, "dropped", None)
                    else:
                        further += [later for tag in waiting.provides for later in followers.get(tag, ())]
            due = further

    def _demote(self) -> None:
        """Move ready transactions back to the future queue that lost a tag which they require."""
        while stranded := [w for w in self._ready.values() if not w.requires <= self._tags.keys()]:
            for waiting in stranded:
                self._forget(waiting.hash)
                self._future.add(waiting)
                self._report(waiting.hash, "future", None)

    def _forget(self, extrinsic_hash: bytes) -> Waiting | None:
        waiting = self._ready.take(extrinsic_hash)
        if waiting is None:
            return self._future.take(extrinsic_hash)
        for tag in waiting.provides:
            if self._tags.get(tag) == extrinsic_hash:
                del self._tags[tag]
        return waiting

    def _drop(self, extrinsic_hash: bytes, status: str) -> None:
        """Let a transaction go, with all that build on it."""
        gone = [extrinsic_hash]
        while gone:
            waiting = self._forget(gone.pop())
            if waiting:
                provided = set(waiting.provides)
                gone += [w.hash for w in self._ready.values() if w.requires & provided]
                self._report(waiting.hash, status, None)

    def _enforce_limits(self) -> None:
        limits = self._limits
        for queue, count, size in (
            (self._ready, limits.ready, limits.ready_bytes),
            (self._future, limits.future, limits.future_bytes),
        ):
            while len(queue) > count or queue.size > size:
                worst = max(queue.values(), key=lambda waiting: waiting.order)
                self._drop(worst.hash, "dropped")

    def _ban(self, extrinsic_hash: bytes, number: int) -> None:
        self._banned[extrinsic_hash] = number + BAN_BLOCKS
        while len(self._banned) > 2 * self._limits.ready:
            self._banned.popitem(last=False)

    def reject(self, extrinsic_hash: bytes, number: int) -> None:
        """A block could not take this one: it is invalid, and so are those that build on it."""
        self._ban(extrinsic_hash, number)
        self._drop(extrinsic_hash, "invalid")

    def settle(self, included: Iterable[bytes], block_hash: bytes, number: int) -> None:
        """A block is sealed: what it holds is gone, what it provided is provided by the chain."""
        granted: set[bytes] = set()
        for extrinsic_hash in included:
            waiting = self._forget(extrinsic_hash)
            granted.update(waiting.provides if waiting else ())
            self._report(extrinsic_hash, "inBlock", block_hash)
        for queue in (self._ready, self._future):
            for waiting in [w for w in queue.values() if w.requires & granted]:
                queue.add(replace(waiting, requires=waiting.requires - granted))
        self._promote()
        for waiting in [*self._ready.values(), *self._future.values()]:
            if waiting.last_block <= number:
                self.reject(waiting.hash, number)

    def snapshot(self) -> "Pool":
        """A copy that :meth:`restore` takes back."""
        copy = Pool(self._report, self._limits)
        copy.restore(self)
        return copy

    def restore(self, snapshot: "Pool") -> None:
        """Wait for what the snapshot waited for."""
        for queue, kept in ((self._ready, snapshot._ready), (self._future, snapshot._future)):
            queue.clear()
            queue.update(kept)
            queue.size = kept.size
        self._tags, self._banned = dict(snapshot._tags), OrderedDict(snapshot._banned)
        self._arrivals = snapshot._arrivals
