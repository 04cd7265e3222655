"""``archive_v1_``: any block and its state, without following."""

from itertools import islice
from typing import TYPE_CHECKING

from meritnet.chain.errors import HostError
from meritnet.chain.rpc.faults import invalid_params
from meritnet.chain.rpc.forms import from_hex, to_hash, to_hex, to_number, to_text
from meritnet.chain.rpc.reading import MOST_FOUND, queries, storage_of
from meritnet.chain.rpc.state import CALL_DEADLINE_S

if TYPE_CHECKING:
    from meritnet.chain.node.block import Block
    from meritnet.chain.rpc.session import Session


def genesis_hash(session: "Session") -> object:
    """The hash of block 0."""
    return to_hex(session.node.genesis_hash)


def finalized_height(session: "Session") -> object:
    """The height of the newest block that will not change."""
    return session.node.finalized.number


def hash_by_height(session: "Session", height: object) -> object:
    """The hashes of the blocks at a height: one, or none above the head."""
    found = session.node.block_hash(to_number(height))
    return [] if found is None else [to_hex(found)]


def header(session: "Session", block: object) -> object:
    """The SCALE-encoded header of a block; null if there is no such block."""
    found = _block(session, block)
    return to_hex(found.header.encoded) if found else None


def body(session: "Session", block: object) -> object:
    """The extrinsics of a block; null if there is no such block."""
    found = _block(session, block)
    return [to_hex(extrinsic) for extrinsic in found.extrinsics] if found else None


def call(session: "Session", block: object, function: object, parameters: object) -> object:
    """What a runtime API answers on the state of a block; null if there is no such block."""
    found = _block(session, block)
    if found is None:
        return None
    name, argument = to_text(function), from_hex(parameters)
    try:
        value = session.node.call(name, argument, found.hash, deadline_s=CALL_DEADLINE_S)
    except HostError as error:
        return {"success": False, "error": str(error)}
    return {"success": True, "value": to_hex(value)}


def storage(session: "Session", block: object, items: object, child_trie: object = None) -> object:
    """Keys, or all keys with a prefix, in the state of a block; the items come as notifications."""
    wanted = queries(items)
    found = _block(session, block)
    if found is None:
        raise invalid_params("no such block")
    state = storage_of(session.node.state(found.hash), child_trie)
    identifier = session.subscriptions.add("archive_v1_storageEvent", lambda _event: None)
    matching = (item for query in wanted for item in query.found(state))
    for item in islice(matching, MOST_FOUND):
        session.subscriptions.notify(identifier, {"event": "storage"} | item)
    more = next(matching, None) is not None
    end = (
        {"event": "storageError", "error": f"more than {MOST_FOUND} items"}
        if more
        else {"event": "storageDone"}
    )
    session.subscriptions.notify(identifier, end)
    session.subscriptions.remove(identifier)
    return identifier


def _block(session: "Session", block: object) -> "Block | None":
    block_hash = to_hash(block)
    if block_hash is None:
        raise invalid_params("a block hash is expected")
    return session.node.block(block_hash)
