"""Chains through the client: the real runtime, in process.

``chain`` makes a block for each transaction, ``manual_chain`` when told to; both start at genesis. ``world``
is a small network that is built once and put back after each test.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from meritnet.chain.client import Chain
from meritnet.chain.client.codec import Call
from meritnet.chain.client.submission import Receipt
from meritnet.chain.keys import KeyPair
from meritnet.chain.node.node import Node
from meritnet.chain.node.seal import Instant, Manual
from meritnet.chain.rpc.session import Session
from meritnet.chain.testing import violated

TAO = 10**9
ALICE, BOB, CHARLIE = (KeyPair.from_uri(f"//{name}") for name in ("Alice", "Bob", "Charlie"))
ALICE_HOT, BOB_HOT, CHARLIE_HOT, STRANGER = (
    KeyPair.from_uri(f"//{name}//hot") for name in ("Alice", "Bob", "Charlie", "Nobody")
)


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


@dataclass(frozen=True)
class World:
    """Two subnets and two neurons, every rate limit off.

    Subnet 1 is Alice's (who is root, too), is started, and takes weights in the open. Her hotkey is uid 0;
    Bob's is uid 1, has stake and a permit. Subnet 2 is Alice's, too, and was not started. Charlie owns a
    hotkey that is registered nowhere.
    """

    node: Node
    chain: Chain
    alice: KeyPair = ALICE
    bob: KeyPair = BOB
    charlie: KeyPair = CHARLIE
    alice_hot: KeyPair = ALICE_HOT
    bob_hot: KeyPair = BOB_HOT
    charlie_hot: KeyPair = CHARLIE_HOT
    stranger: KeyPair = STRANGER

    def do(
        self, signer: KeyPair, function: str, /, pallet: str = "SubtensorModule", **arguments: object
    ) -> Receipt:
        """Submit a call; arguments that are key pairs stand for their addresses."""
        return self.chain.submit(Call(pallet, function, _plain(arguments)), signer)

    def admin(self, function: str, /, **arguments: object) -> Receipt:
        """Submit a setter of ``AdminUtils`` as root."""
        call = Call("AdminUtils", function, _plain(arguments))
        return self.chain.submit(Call("Sudo", "sudo", {"call": call}), self.alice)

    def weigh(
        self, signer: KeyPair, uids: list[int], values: list[int] | None = None, **other: int
    ) -> Receipt:
        """Set weights in the open."""
        arguments = {
            "netuid": 1,
            "dests": uids,
            "weights": values or [1] * len(uids),
            "version_key": 0,
        } | other
        return self.do(signer, "set_weights", **arguments)

    def commit_reveal(self, enabled: bool) -> None:
        """Let subnet 1 take weights by commit and reveal, or in the open."""
        self.admin("sudo_set_commit_reveal_weights_enabled", netuid=1, enabled=enabled)

    def next_epoch(self) -> None:
        """Go on until the epoch of subnet 1 has run once more."""
        before = self.chain.epoch_state(1).epoch_index
        while self.chain.epoch_state(1).epoch_index == before:
            self.chain.advance()


def _plain(arguments: dict[str, object]) -> dict[str, object]:
    return {name: value.address if isinstance(value, KeyPair) else value for name, value in arguments.items()}


@pytest.fixture(scope="session")
def built_world() -> Iterator[World]:
    with (
        Node.open(seal=Instant()) as node,
        Chain.in_process(lambda send: Session(node, send, dev=True)) as chain,
    ):
        world = World(node, chain)
        world.do(ALICE, "register_network", hotkey=world.alice_hot)
        world.do(ALICE, "start_call", netuid=1)
        world.do(BOB, "burned_register", netuid=1, hotkey=world.bob_hot)
        world.do(BOB, "add_stake", hotkey=world.bob_hot, netuid=1, amount_staked=1_000 * TAO)
        world.commit_reveal(False)
        world.do(ALICE, "register_network", hotkey=world.alice_hot)
        world.do(CHARLIE, "try_associate_hotkey", hotkey=world.charlie_hot)
        while not chain.metagraph(1).validator_permit[1]:
            chain.advance()
        yield world


@pytest.fixture
def world(built_world: World) -> Iterator[World]:
    with built_world.node.anchor():
        yield built_world
        assert violated(built_world.node) is None
