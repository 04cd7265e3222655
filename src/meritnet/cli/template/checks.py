"""What a new subnet proves first: its scoring is sound, the honest earn, the lazy do not, the chain pays."""

import asyncio
from pathlib import Path

import pytest

from meritnet.chain.client import Chain
from meritnet.chain.client.neurons import burned_register
from meritnet.chain.client.stake import add_stake
from meritnet.chain.client.subnets import (
    next_epoch_block,
    register_subnet,
    set_hyperparameter,
    start_subnet,
)
from meritnet.chain.client.weights import set_weights
from meritnet.chain.keys import KeyPair
from meritnet.chain.node.node import Node
from meritnet.chain.node.seal import Instant
from meritnet.chain.rpc.session import Session
from meritnet.cli.template.sums import subnet
from meritnet.subnets.base import Answer, InvalidRequest, MinerContext, Score, ValidatorContext
from meritnet.testing import check_subnet, no_engine

SEED = b"\x01" * 32


def test_the_scoring_keeps_the_rules(tmp_path: Path) -> None:
    check_subnet(subnet, tmp_path)


def exchange(folder: Path, *, lazy: bool) -> Score:
    """One task, answered by a miner and judged by a validator, without a network."""
    miner = subnet.miner(MinerContext(no_engine, folder, "5Miner", lazy=lazy))
    validator = subnet.validator(ValidatorContext(no_engine, folder, "5Validator"))

    async def step() -> Score:
        task = validator.task(SEED, 7)
        body = await miner.routes[task.path].handler(task.body)
        return await validator.score(task, Answer(body, elapsed_s=0.0), {})

    return asyncio.run(step())


def test_an_honest_miner_earns_everything(tmp_path: Path) -> None:
    assert exchange(tmp_path, lazy=False).value == 1.0


def test_a_lazy_miner_earns_nothing_and_hears_why(tmp_path: Path) -> None:
    score = exchange(tmp_path, lazy=True)
    assert score.value == 0.0
    assert "it is" in score.why


def test_a_miner_refuses_what_it_does_not_understand(tmp_path: Path) -> None:
    miner = subnet.miner(MinerContext(no_engine, tmp_path, "5Miner"))

    async def ask() -> bytes:
        return await miner.routes["/sums"].handler(b'{"numbers": ["a"]}')

    with pytest.raises(InvalidRequest, match="valid integer"):
        asyncio.run(ask())


def test_the_chain_pays_the_miner_by_the_score(node: Node, tmp_path: Path) -> None:
    owner, owner_hot = KeyPair.from_uri("//Alice"), KeyPair.from_uri("//Alice//validator")
    worker, worker_hot = KeyPair.from_uri("//Bob"), KeyPair.from_uri("//Bob//miner")
    node.set_seal(Instant())
    with Chain.in_process(lambda send: Session(node, send, dev=True)) as chain:
        netuid, _ = register_subnet(chain, owner, owner_hot.address)
        start_subnet(chain, owner, netuid)
        set_hyperparameter(chain, owner, netuid, "commit_reveal_weights_enabled", False)
        burned_register(chain, netuid, worker, worker_hot.address)
        add_stake(chain, owner, owner_hot.address, netuid, 1_000 * 10**9)
        run_epoch(chain, netuid)
        score = exchange(tmp_path, lazy=False).value
        set_weights(chain, netuid, owner_hot, [1], [round(score * 65_535)])
        run_epoch(chain, netuid)
        assert chain.metagraph(netuid).incentive.tolist() == [0.0, 1.0]
        (earned,) = chain.stake(worker.address)
        assert earned.stake_rao > 0


def run_epoch(chain: Chain, netuid: int) -> None:
    """Make blocks until the subnet's next epoch has run."""
    due = next_epoch_block(chain, netuid)
    assert due is not None
    chain.advance(due - chain.head())
