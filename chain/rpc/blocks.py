"""``chain_``: blocks, headers and their subscriptions."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from meritnet.chain.node.events import Event
from meritnet.chain.rpc import subscriptions
from meritnet.chain.rpc.forms import (
    block_form,
    header_form,
    optional_hex,
    to_hash,
    to_hex,
    to_list,
    to_number,
    to_text,
)

if TYPE_CHECKING:
    from meritnet.chain.rpc.session import Session

MOST_HASHES = 1_000


def block_hash(session: "Session", number: object = None) -> object:
    """The hash of the block at a height, of the head without one; of each of a list of heights."""
    if number is None:
        return to_hex(session.node.head.hash)
    if isinstance(number, list):
        return [block_hash(session, to_number(each)) for each in to_list(number, MOST_HASHES)]
    return optional_hex(session.node.block_hash(to_number(number)))


def finalized_head(session: "Session") -> object:
    """The hash of the newest block that will not change."""
    return to_hex(session.node.finalized.hash)


def header(session: "Session", at: object = None) -> object:
    """A header; null if there is no such block."""
    found = session.node.header(to_hash(at))
    return header_form(found) if found else None


def block(session: "Session", at: object = None) -> object:
    """A block; null if there is no such block."""
    found = session.node.block(to_hash(at))
    return block_form(found) if found else None


def subscribe_new_heads(session: "Session") -> object:
    """The head now and every new one."""
    return _subscribe(session, "chain_newHead", subscriptions.heads)


def subscribe_all_heads(session: "Session") -> object:
    """The head now and every new one: there are no forks."""
    return _subscribe(session, "chain_allHead", subscriptions.heads)


def subscribe_finalized_heads(session: "Session") -> object:
    """The newest finalised header now and every new one."""
    return _subscribe(session, "chain_finalizedHead", subscriptions.finalized_heads)


def _subscribe(session: "Session", notification: str, watch: Callable[[Event], object | None]) -> str:
    with session.node.still():
        identifier = session.subscriptions.add(notification, watch)
        session.subscriptions.notify(identifier, header_form(session.node.head))
        return identifier


def unsubscribe(session: "Session", identifier: object) -> object:
    """End a subscription; whether there was one."""
    return session.subscriptions.remove(to_text(identifier))
