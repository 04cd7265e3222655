"""A chain through the client: the real runtime, in process, a block for each transaction."""

from collections.abc import Iterator

import pytest

from meritnet.chain.client import Chain
from meritnet.chain.keys import KeyPair
from meritnet.chain.node.node import Node
from meritnet.chain.node.seal import Instant, Manual
from meritnet.chain.rpc.session import Session

ALICE, BOB, CHARLIE, DAVE = (KeyPair.from_uri(f"//{name}") for name in ("Alice", "Bob", "Charlie", "Dave"))


@pytest.fixture
def alice() -> KeyPair:
    return ALICE


@pytest.fixture
def bob() -> KeyPair:
    return BOB


@pytest.fixture
def manual_chain(node: Node) -> Iterator[Chain]:
    """The client of a node that seals when told to."""
    with Chain.in_process(lambda send: Session(node, send, dev=True)) as chain:
        yield chain


@pytest.fixture
def chain(node: Node, manual_chain: Chain) -> Iterator[Chain]:
    """The client of a node that makes a block for each transaction."""
    node.set_seal(Instant())
    yield manual_chain
    node.set_seal(Manual())
