"""The pytest plugin: a chain at genesis for every test, and checks that find what is wrong."""

import subprocess
import sys

import pytest
import xxhash

from meritnet.chain import testing
from meritnet.chain.node.author import BlockRejected
from meritnet.chain.node.node import Node
from meritnet.chain.node.seal import Instant, Manual
from meritnet.chain.node.store import MemoryStore


def key(pallet: str, item: str) -> bytes:
    """The storage key of a plain value."""
    words = [pallet.encode(), item.encode()]
    return b"".join(
        xxhash.xxh64(word, seed).intdigest().to_bytes(8, "little") for word in words for seed in (0, 1)
    )


@pytest.mark.parametrize("run", [1, 2])
def test_every_test_gets_the_chain_at_genesis(node: Node, run: int) -> None:
    assert node.head.number == 0
    assert node.pending() == []
    assert node.storage(b"left behind") is None
    assert node.sealing == Manual()
    node.set_seal(Instant())
    node.set_storage({b"left behind": b"by run 1"})
    node.advance(2)


def test_a_broken_invariant_is_found_and_named(node: Node) -> None:
    assert testing.violated(node) is None
    with node.anchor():
        node.set_storage({key("SubtensorModule", "TotalIssuance"): (5).to_bytes(8, "little")})
        broken = testing.violated(node)
        assert broken
        with pytest.raises(AssertionError, match="after block 0"):
            testing.check(node)
    testing.check(node)


def test_a_block_that_does_not_execute_again_is_found() -> None:
    with Node.open() as node:
        node.advance(2)
        store = node._store
        assert isinstance(store, MemoryStore)
        store._tries[1] = store._tries[0]  # block 2 was not made of this state
        with pytest.raises(BlockRejected, match="block 2"):
            testing.check(node)


def test_loading_the_plugin_loads_nothing_of_the_chain() -> None:
    heavy = "[name for name in sys.modules if 'wasmtime' in name or 'chain.node' in name]"
    code = f"import sys, pytest, meritnet.chain.testing; print({heavy})"
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert answer.stdout.strip() == "[]"
