"""pytest plugin for subnet authors: a chain in this process, put back after every test.

The fixture ``node`` is a node in memory with the preset ``local`` that makes a block when told to. It is
opened once; each test gets it at genesis, and afterwards every block that the test made is executed again
and the runtime's own invariants are checked. Importing this module loads nothing of the chain.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from meritnet.chain.node.node import Node

MOST_REPLAYED = 200
"""Blocks executed again after a test that made many: the last ones."""

INVARIANTS = "MeritnetApi_check_invariants"
"""The runtime API that answers ``Result<(), Vec<u8>>``: the text says which invariant does not hold."""


@pytest.fixture(scope="session")
def meritnet_template() -> Iterator[Node]:
    """The node behind all ``node`` fixtures, at genesis."""
    from meritnet.chain.node.node import Node

    with Node.open("local") as template:
        yield template


@pytest.fixture
def node(meritnet_template: Node) -> Iterator[Node]:
    """A chain at genesis, sealed by ``node.seal()`` and ``node.advance(count)``."""
    sealing = meritnet_template.sealing
    with meritnet_template.anchor() as fresh:
        try:
            yield fresh
        finally:
            fresh.set_seal(sealing)
            fresh.unsubscribe_all()
        check(fresh)


def check(node: Node) -> None:
    """Execute the node's newest blocks again and check the runtime's invariants; AssertionError otherwise."""
    head = node.head.number
    for number in range(max(1, head - MOST_REPLAYED + 1), head + 1):
        node.replay(number)
    broken = violated(node)
    assert broken is None, f"after block {head}: {broken}"


def violated(node: Node) -> str | None:
    """What the runtime says is wrong with its state; None if all is well, or if it cannot tell."""
    from meritnet.chain.node.node import UnknownApi
    from meritnet.chain.scale import Reader

    try:
        reader = Reader(node.call(INVARIANTS, b""))
    except UnknownApi:
        return None
    return reader.octets().decode(errors="replace") if reader.boolean() else None
