"""``author_``: transactions into the pool, and what becomes of them."""

from typing import TYPE_CHECKING

from meritnet.chain.node.block import blake2_256
from meritnet.chain.rpc.forms import from_hex, to_hex
from meritnet.chain.rpc.subscriptions import extrinsic_status

if TYPE_CHECKING:
    from meritnet.chain.rpc.session import Session


def submit(session: "Session", extrinsic: object) -> object:
    """Put an extrinsic into the pool; its hash."""
    return to_hex(session.node.submit(from_hex(extrinsic)))


def submit_and_watch(session: "Session", extrinsic: object) -> object:
    """Put an extrinsic into the pool and tell what becomes of it."""
    data = from_hex(extrinsic)
    identifier = session.subscriptions.add("author_extrinsicUpdate", extrinsic_status(blake2_256(data)))
    try:
        session.node.submit(data)
    except BaseException:
        session.subscriptions.remove(identifier)
        raise
    return identifier


def pending(session: "Session") -> object:
    """The extrinsics that wait for the next block, in order."""
    return [to_hex(extrinsic) for extrinsic in session.node.pending()]
