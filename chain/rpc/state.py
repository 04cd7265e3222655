"""``state_`` and ``childstate_``: the state at a block, runtime calls, and their subscriptions."""

from typing import TYPE_CHECKING

from meritnet.chain.host.trie import CHILD_STORAGE, Trie
from meritnet.chain.node.block import blake2_256
from meritnet.chain.rpc.faults import COUNT_TOO_LARGE, RpcFault, invalid_params
from meritnet.chain.rpc.forms import (
    from_hex,
    optional_hex,
    to_hash,
    to_hex,
    to_list,
    to_number,
    to_text,
    version_form,
)
from meritnet.chain.rpc.subscriptions import runtime_versions, storage_changes, storage_form
from meritnet.chain.scale import Reader

if TYPE_CHECKING:
    from meritnet.chain.rpc.session import Session

CALL_DEADLINE_S = 10.0
"""How long a client's runtime call may take."""

MOST_KEYS_PAGED = 1_000
MOST_KEYS = 4_096
MOST_PAIRS = 10_000
MOST_BLOCKS = 256


def call(session: "Session", function: object, argument: object, at: object = None) -> object:
    """What a runtime API answers."""
    name, data = to_text(function), from_hex(argument)
    return to_hex(session.node.call(name, data, to_hash(at), deadline_s=CALL_DEADLINE_S))


def metadata(session: "Session", at: object = None) -> object:
    """The runtime's metadata, version 14."""
    return to_hex(Reader(session.node.call("Metadata_metadata", b"", to_hash(at))).octets())


def runtime_version(session: "Session", at: object = None) -> object:
    """The runtime's version."""
    return version_form(session.node.runtime_at(to_hash(at)).version)


def storage(session: "Session", key: object, at: object = None) -> object:
    """The value of a key."""
    return optional_hex(session.node.storage(from_hex(key), to_hash(at)))


def storage_hash(session: "Session", key: object, at: object = None) -> object:
    """The BLAKE2b-256 hash of a key's value."""
    value = session.node.storage(from_hex(key), to_hash(at))
    return None if value is None else to_hex(blake2_256(value))


def storage_size(session: "Session", key: object, at: object = None) -> object:
    """The size in bytes of a key's value."""
    value = session.node.storage(from_hex(key), to_hash(at))
    return None if value is None else len(value)


def keys_paged(
    session: "Session", prefix: object, count: object, start: object = None, at: object = None
) -> object:
    """Keys that begin with ``prefix``, in order, those after ``start``."""
    page = _page(count)
    first = None if start is None else from_hex(start)
    found = session.node.keys_paged(from_hex(prefix or ""), page, first, to_hash(at))
    return [to_hex(key) for key in found]


def pairs(session: "Session", prefix: object, at: object = None) -> object:
    """Keys that begin with ``prefix``, and their values."""
    found: list[list[str]] = []
    for key, value in session.node.state(to_hash(at)).items(from_hex(prefix)):
        if len(found) == MOST_PAIRS:
            raise invalid_params(f"more than {MOST_PAIRS} pairs; use state_getKeysPaged")
        found.append([to_hex(key), to_hex(value)])
    return found


def query_storage_at(session: "Session", keys: object, at: object = None) -> object:
    """The values of several keys at one block."""
    block_hash = to_hash(at) or session.node.head.hash
    state = session.node.state(block_hash)
    wanted = [from_hex(key) for key in to_list(keys, MOST_KEYS)]
    return [storage_form(block_hash, {key: state.get(key) for key in wanted})]


def query_storage(session: "Session", keys: object, first: object, last: object = None) -> object:
    """The values of several keys at the first block, and their changes up to the last."""
    node = session.node
    wanted = [from_hex(key) for key in to_list(keys, MOST_KEYS)]
    headers = [node.header(to_hash(first)), node.header(to_hash(last))]
    if headers[0] is None or headers[1] is None:
        raise invalid_params("no such block")
    numbers = range(headers[0].number, headers[1].number + 1)
    if len(numbers) > MOST_BLOCKS:
        raise invalid_params(f"more than {MOST_BLOCKS} blocks")
    sets = []
    before: dict[bytes, bytes | None] = {}
    for block_hash in filter(None, map(node.block_hash, numbers)):
        state = node.state(block_hash)
        values = {key: state.get(key) for key in wanted}
        changed = {key: value for key, value in values.items() if key not in before or before[key] != value}
        if changed:
            sets.append(storage_form(block_hash, changed))
        before = values
    return sets


def read_proof(session: "Session", keys: object, at: object = None) -> object:
    """The trie nodes that show what the keys hold."""
    block_hash = to_hash(at) or session.node.head.hash
    wanted = [from_hex(key) for key in to_list(keys, MOST_KEYS)]
    proof = session.node.state(block_hash).proof(wanted)
    return {"at": to_hex(block_hash), "proof": [to_hex(part) for part in proof]}


def subscribe_storage(session: "Session", keys: object = None) -> object:
    """The values of keys now and whenever they change; without keys, every change."""
    wanted = None if keys is None else frozenset(from_hex(key) for key in to_list(keys, MOST_KEYS))
    with session.node.still():
        identifier = session.subscriptions.add("state_storage", storage_changes(wanted))
        if wanted is not None:
            state = session.node.state()
            values = {key: state.get(key) for key in sorted(wanted)}
            session.subscriptions.notify(identifier, storage_form(session.node.head.hash, values))
        return identifier


def subscribe_runtime_version(session: "Session") -> object:
    """The runtime's version now and whenever it changes."""
    identifier = session.subscriptions.add("state_runtimeVersion", runtime_versions(session.node))
    session.subscriptions.notify(identifier, version_form(session.node.runtime.version))
    return identifier


def child_keys_paged(
    session: "Session", child: object, prefix: object, count: object, start: object = None, at: object = None
) -> object:
    """Keys of a child storage that begin with ``prefix``, in order, those after ``start``."""
    begin, page = from_hex(prefix or ""), _page(count)
    after = None if start is None else from_hex(start)
    found = [key for key in _child(session, child, at).keys(begin) if after is None or key > after]
    return [to_hex(key) for key in found[:page]]


def child_storage(session: "Session", child: object, key: object, at: object = None) -> object:
    """The value of a key in a child storage."""
    return optional_hex(_child(session, child, at).get(from_hex(key)))


def _child(session: "Session", child: object, at: object) -> Trie:
    name = from_hex(child)
    if not name.startswith(CHILD_STORAGE):
        raise RpcFault(4001, "Client error: Invalid child storage key")
    return session.node.state(to_hash(at)).child(name.removeprefix(CHILD_STORAGE))


def _page(count: object) -> int:
    page = to_number(count)
    if page > MOST_KEYS_PAGED:
        text = f"count exceeds maximum value. value: {page}, max: {MOST_KEYS_PAGED}"
        raise RpcFault(COUNT_TOO_LARGE, text)
    return page
