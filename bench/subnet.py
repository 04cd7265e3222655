"""What a full subnet costs: the block with the epoch of 256 uids and 64 dense validators, and its
metagraph.

    python bench/subnet.py

Everything is made through the client: registrations, stake, weights. The rival of the epoch is an empty
block of the same chain.
"""

import statistics
import time
from collections.abc import Callable

from meritnet.chain.client.client import Chain
from meritnet.chain.client.codec import Call
from meritnet.chain.client.subnets import register_subnet, set_hyperparameter, start_subnet
from meritnet.chain.client.weights import set_weights
from meritnet.chain.keys import KeyPair
from meritnet.chain.node.node import Node
from meritnet.chain.node.seal import Instant, Manual
from meritnet.chain.rpc.session import Session

UIDS = 256
VALIDATORS = 64
RUNS = 5
TAO = 10**9


def median_ms(work: Callable[[], object], runs: int = RUNS) -> float:
    """Return the median wall time of some work in milliseconds."""
    times = []
    for _ in range(runs):
        begun = time.perf_counter()
        work()
        times.append(time.perf_counter() - begun)
    return statistics.median(times) * 1000


def batch(chain: Chain, calls: list[Call], signer: KeyPair) -> None:
    """Submit calls as one extrinsic that fails as a whole."""
    chain.submit(Call("Utility", "batch_all", {"calls": calls}), signer)


def full_subnet(chain: Chain) -> tuple[int, list[KeyPair]]:
    """Make a subnet of 256 uids whose first 64 after the owner are staked validators."""
    alice = KeyPair.from_uri("//Alice")
    hotkeys = [KeyPair.from_uri(f"//Alice//{number}") for number in range(UIDS)]
    netuid, _ = register_subnet(chain, alice, hotkeys[0].address)
    for name, value in (
        ("max_burn", TAO),
        ("max_validators", VALIDATORS),
        ("commit_reveal_weights_enabled", False),
    ):
        set_hyperparameter(chain, alice, netuid, name, value, as_root=True)
    start_subnet(chain, alice, netuid)
    for begin in range(1, UIDS, 32):
        joined = [
            Call("SubtensorModule", "burned_register", {"netuid": netuid, "hotkey": pair.address})
            for pair in hotkeys[begin : begin + 32]
        ]
        batch(chain, joined, alice)
    stakes = [
        Call(
            "SubtensorModule",
            "add_stake",
            {"hotkey": pair.address, "netuid": netuid, "amount_staked": 1000 * TAO},
        )
        for pair in hotkeys[1 : VALIDATORS + 1]
    ]
    batch(chain, stakes, alice)
    return netuid, hotkeys


def to_epoch(node: Node, chain: Chain, netuid: int) -> float:
    """Make blocks up to the next epoch's and return what that block took, in milliseconds."""
    graph = chain.metagraph(netuid)
    node.advance(graph.last_epoch_block + graph.tempo - node.head.number - 1)
    return median_ms(node.seal, runs=1)


def weighted_subnet(node: Node, chain: Chain) -> int:
    """A full subnet whose validators weight all miners, past its first such epoch; its number."""
    netuid, hotkeys = full_subnet(chain)
    node.set_seal(Manual())
    to_epoch(node, chain, netuid)
    node.set_seal(Instant())
    miners = list(range(VALIDATORS + 1, UIDS))
    for number, pair in enumerate(hotkeys[1 : VALIDATORS + 1]):
        values = [1 + (uid * 7919 + number * 104729) % 65_535 for uid in miners]
        set_weights(chain, netuid, pair, miners, values, 0)
    node.set_seal(Manual())
    to_epoch(node, chain, netuid)
    assert int((chain.metagraph(netuid).incentive_u16 > 0).sum()) == len(miners)
    return netuid


def figures(node: Node, chain: Chain, netuid: int) -> tuple[float, float]:
    """What a block with an epoch takes, and an empty one, in milliseconds."""
    epochs = [to_epoch(node, chain, netuid) for _ in range(RUNS)]
    return statistics.median(epochs), median_ms(node.seal)


def main() -> None:
    """Print the figures."""
    with Node.open("local", seal=Instant()) as node:
        chain = Chain.in_process(lambda send: Session(node, send))
        netuid = weighted_subnet(node, chain)
        took, empty = figures(node, chain, netuid)
        print(f"empty block beside {UIDS} neurons   {empty:8.2f} ms")
        print(f"block with the epoch            {took:8.2f} ms   {took / empty:6.1f} x an empty one")
        read = median_ms(lambda: chain.metagraph(netuid))
        print(f"metagraph of {UIDS} uids           {read:8.2f} ms   (no rival in this run)")


if __name__ == "__main__":
    main()
