"""``chainHead_v1_`` and ``transaction_v1_``: the chain's end, followed.

The form is that of the newer JSON-RPC specification. Blocks that a follower was told of stay *pinned* for it
until it lets them go; a follower that keeps too many, or whose chain went back, is stopped and follows anew.
Operations are done at once, and their events come behind the answer that names them.
"""

from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING

from meritnet.chain.errors import ChainError, HostError
from meritnet.chain.node.events import Event, NewHead
from meritnet.chain.node.genesis import CODE
from meritnet.chain.rpc.faults import RpcFault, invalid_params
from meritnet.chain.rpc.forms import from_hex, runtime_form, to_hash, to_hex, to_list, to_text
from meritnet.chain.rpc.reading import MOST_FOUND, queries, storage_of
from meritnet.chain.rpc.state import CALL_DEADLINE_S

if TYPE_CHECKING:
    from collections.abc import Callable

    from meritnet.chain.rpc.session import Session

TOO_MANY_FOLLOWERS, NO_SUCH_BLOCK = -32800, -32801
MOST_FOLLOWERS = 4
MOST_PINNED = 2_048
PAGE = 1_000
LIMIT_REACHED: dict[str, object] = {"result": "limitReached"}


@dataclass
class Follower:
    """One subscription of a client: the blocks pinned for it, and how many operations it began."""

    with_runtime: bool
    pinned: set[bytes] = field(default_factory=set)
    last: bytes = b""
    operations: int = 0


def follow(session: "Session", with_runtime: object) -> object:
    """Tell of the newest finalised block now, and of every new one."""
    if not isinstance(with_runtime, bool):
        raise invalid_params("withRuntime is true or false")
    if len(session.followers) >= MOST_FOLLOWERS:
        raise RpcFault(TOO_MANY_FOLLOWERS, "Maximum number of chainHead_follow has been reached")
    follower = Follower(with_runtime)
    identifier = ""

    def watch(event: Event) -> None:
        if isinstance(event, NewHead):
            _tell_of(session, identifier, follower, event)

    with session.node.still():
        identifier = session.subscriptions.add("chainHead_v1_followEvent", watch)
        session.followers[identifier] = follower
        follower.last = session.node.finalized.hash
        follower.pinned.add(follower.last)
        told: dict[str, object] = {"event": "initialized", "finalizedBlockHashes": [to_hex(follower.last)]}
        if with_runtime:
            told["finalizedBlockRuntime"] = runtime_form(session.node.runtime.version)
        session.subscriptions.notify(identifier, told)
        return identifier


def _tell_of(session: "Session", identifier: str, follower: Follower, event: NewHead) -> None:
    block = event.block
    if block.header.parent_hash != follower.last or len(follower.pinned) >= MOST_PINNED:
        session.subscriptions.notify(identifier, {"event": "stop"})
        unfollow(session, identifier)
        return
    upgraded = follower.with_runtime and CODE in event.changes
    runtime = runtime_form(session.node.runtime.version) if upgraded else None
    block_hash = to_hex(block.hash)
    follower.last = block.hash
    follower.pinned.add(block.hash)
    parent = to_hex(block.header.parent_hash)
    told: tuple[dict[str, object], ...] = (
        {"event": "newBlock", "blockHash": block_hash, "parentBlockHash": parent, "newRuntime": runtime},
        {"event": "bestBlockChanged", "bestBlockHash": block_hash},
        {"event": "finalized", "finalizedBlockHashes": [block_hash], "prunedBlockHashes": []},
    )
    for each in told:
        session.subscriptions.notify(identifier, each)


def unfollow(session: "Session", subscription: object) -> object:
    """Follow no more; all pins are gone."""
    identifier = to_text(subscription)
    if session.followers.pop(identifier, None):
        session.subscriptions.remove(identifier)
    return None


def header(session: "Session", subscription: object, block: object) -> object:
    """The SCALE-encoded header of a pinned block."""
    follower = session.followers.get(to_text(subscription))
    if follower is None:
        return None
    found = session.node.header(_pinned(follower, block))
    return to_hex(found.encoded) if found else None


def body(session: "Session", subscription: object, block: object) -> object:
    """Begin to read the extrinsics of a pinned block."""

    def work(block_hash: bytes) -> list[dict[str, object]]:
        found = session.node.block(block_hash)
        value = [to_hex(extrinsic) for extrinsic in found.extrinsics] if found else []
        return [{"event": "operationBodyDone", "value": value}]

    return _begin(session, subscription, block, work)


def call(
    session: "Session", subscription: object, block: object, function: object, parameters: object
) -> object:
    """Begin a runtime call on the state of a pinned block."""
    name, argument = to_text(function), from_hex(parameters)

    def work(block_hash: bytes) -> list[dict[str, object]]:
        output = session.node.call(name, argument, block_hash, deadline_s=CALL_DEADLINE_S)
        return [{"event": "operationCallDone", "output": to_hex(output)}]

    return _begin(session, subscription, block, work)


def storage(
    session: "Session", subscription: object, block: object, items: object, child_trie: object = None
) -> object:
    """Begin to read keys, or all keys with a prefix, in the state of a pinned block."""
    wanted = queries(items)

    def work(block_hash: bytes) -> list[dict[str, object]]:
        state = storage_of(session.node.state(block_hash), child_trie)
        found = (item for query in wanted for item in query.found(state))
        events: list[dict[str, object]] = []
        while page := list(islice(found, PAGE)):
            events.append({"event": "operationStorageItems", "items": page})
            if len(events) * PAGE > MOST_FOUND:
                raise HostError(f"more than {MOST_FOUND} items")
        return [*events, {"event": "operationStorageDone"}]

    started = _begin(session, subscription, block, work)
    return started if started is LIMIT_REACHED else started | {"discardedItems": 0}


def _begin(
    session: "Session",
    subscription: object,
    block: object,
    work: "Callable[[bytes], list[dict[str, object]]]",
) -> dict[str, object]:
    identifier = to_text(subscription)
    follower = session.followers.get(identifier)
    if follower is None:
        return LIMIT_REACHED
    block_hash = _pinned(follower, block)
    follower.operations += 1
    operation = f"operation-{follower.operations}"
    try:
        events = work(block_hash)
    except ChainError as error:
        events = [{"event": "operationError", "error": str(error)}]
    for event in events:
        session.subscriptions.notify(identifier, event | {"operationId": operation})
    return {"result": "started", "operationId": operation}


def _pinned(follower: Follower, block: object) -> bytes:
    block_hash = to_hash(block)
    if block_hash not in follower.pinned:
        raise RpcFault(NO_SUCH_BLOCK, "Block hash is not pinned")
    assert block_hash is not None
    return block_hash


def unpin(session: "Session", subscription: object, blocks: object) -> object:
    """Let a block go, or several."""
    follower = session.followers.get(to_text(subscription))
    if follower is None:
        return None
    wanted = [
        _pinned(follower, each)
        for each in (to_list(blocks, MOST_PINNED) if isinstance(blocks, list) else [blocks])
    ]
    if len(set(wanted)) != len(wanted):
        raise RpcFault(-32804, "Duplicate block hashes")
    follower.pinned.difference_update(wanted)
    return None


def proceed(session: "Session", subscription: object, operation: object) -> object:
    """Go on with an operation that waits: none ever does."""
    raise RpcFault(-32803, "Operation is not waiting")


def stop_operation(session: "Session", subscription: object, operation: object) -> object:
    """Stop an operation: it is done already."""
    return None


def broadcast(session: "Session", transaction: object) -> object:
    """Put a transaction into the pool; what becomes of it is read from the blocks."""
    extrinsic = from_hex(transaction)
    session.broadcasts += 1
    with suppress(ChainError):  # what is invalid is broadcast like anything else, and nothing comes of it
        session.node.submit(extrinsic)
    return f"broadcast-{session.broadcasts}"


def stop_broadcast(session: "Session", operation: object) -> object:
    """Broadcast a transaction no more; the pool keeps it."""
    to_text(operation)
    return None
