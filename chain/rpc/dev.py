"""``dev_``: time and state under control, for a node that was started for that.

The names and forms are Chopsticks', where it has them; ``dev_snapshot`` and ``dev_revert`` are ours.
"""

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from meritnet.chain.node.seal import Instant, Manual, Seal
from meritnet.chain.rpc.faults import invalid_params
from meritnet.chain.rpc.forms import from_hex, to_hex, to_list, to_number, to_text
from meritnet.chain.rpc.named import named_changes

if TYPE_CHECKING:
    from meritnet.chain.rpc.session import Session

MOST_BLOCKS = 100_000
MOST_TRANSACTIONS = 10_000
MOST_CHANGES = 100_000
MODES: dict[str, Seal] = {"Batch": Instant(), "Instant": Instant(), "Manual": Manual()}


def new_block(session: "Session", options: object = None, **named: object) -> object:
    """Make blocks: ``{"count": n}`` or ``{"to": height}``, ``"transactions"`` first; the last one's hash."""
    wanted = options if isinstance(options, dict) else named
    unknown = wanted.keys() - {"count", "to", "transactions"}
    if unknown:
        raise invalid_params(f"unknown: {', '.join(sorted(unknown))}; known: count, to, transactions")
    node = session.node
    count = to_number(wanted.get("count", 1), MOST_BLOCKS)
    if "to" in wanted:
        count = to_number(wanted["to"]) - node.head.number
    if not 1 <= count <= MOST_BLOCKS:
        raise invalid_params(f"1 to {MOST_BLOCKS} blocks at a time")
    for extrinsic in to_list(wanted.get("transactions", []), MOST_TRANSACTIONS):
        node.submit(from_hex(extrinsic))
    return to_hex(node.advance(count).hash)


def set_storage(session: "Session", values: object, at: object = None) -> object:
    """Change the head's state: ``[[key, value], …]`` in hex, or values by names of pallets and items.

    A null value deletes. The answer is the head's hash.
    """
    if at is not None and from_hex(at) != session.node.head.hash:
        raise invalid_params("only the head's state can be changed")
    if isinstance(values, dict):
        session.node.set_storage(named_changes(session.node, values))
        return to_hex(session.node.head.hash)
    changes: dict[bytes, bytes | None] = {}
    for pair in to_list(values, MOST_CHANGES):
        if not isinstance(pair, list) or len(pair) != 2:
            raise invalid_params("a change is [key, value], both hex")
        changes[from_hex(pair[0])] = None if pair[1] is None else from_hex(pair[1])
    session.node.set_storage(changes)
    return to_hex(session.node.head.hash)


def time_travel(session: "Session", date: object) -> object:
    """Let the next block come not before a date (ISO 8601 or Unix milliseconds); its time in milliseconds."""
    if isinstance(date, str):
        try:
            moment = datetime.fromisoformat(date)
        except ValueError:
            raise invalid_params(f"{date[:40]!r} is no date like 2025-06-01T12:00:00Z") from None
        date = int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)
    return session.node.travel(to_number(date, 2**48))


def set_head(session: "Session", where: object) -> object:
    """Go back to a block: its hash, its height, or how many blocks back (negative). The head's hash."""
    node = session.node
    if isinstance(where, str):
        block = node.block(from_hex(where))
        if block is None:
            raise invalid_params("no such block")
        return to_hex(node.set_head(block.number).hash)
    if not isinstance(where, int):
        raise invalid_params("a hash or a number of a block is expected")
    return to_hex(node.set_head(where if where >= 0 else node.head.number + where).hash)


def set_block_build_mode(session: "Session", mode: object) -> object:
    """Make blocks when asked (Manual) or for each transaction (Instant, Batch)."""
    if mode not in MODES:
        raise invalid_params(f"use one of {', '.join(MODES)}")
    session.node.set_seal(MODES[to_text(mode)])
    return None


def snapshot(session: "Session") -> object:
    """Remember chain, pool and clock; the name to come back by."""
    return session.node.mark()


def revert(session: "Session", name: object) -> object:
    """Go back to a snapshot; the head's hash."""
    session.node.revert_to(to_text(name))
    return to_hex(session.node.head.hash)
