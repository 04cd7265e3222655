"""The rehearsal says what the chain would say, and when it may."""

from dataclasses import replace
from typing import Any

import pytest

from meritnet.chain.client.subnets import set_hyperparameter
from meritnet.chain.client.weights import set_weights
from meritnet.chain.errors import DispatchFailed, MeritnetError
from meritnet.chain.keys import KeyPair
from meritnet.validator.archive import Archive
from meritnet.validator.commit import CommitBook, Committer
from meritnet.validator.limits import Limits, NotYet, read_limits, rehearse
from meritnet.validator.view import Block, epoch_clock, head
from meritnet.validator.weights import WeightVector

OWNER = KeyPair.from_uri("//Alice")
VECTOR = WeightVector((3, 4), (65_535, 1_000))
ROOMY = Limits(
    block=Block(50, "0x00"),
    hotkeys=("a", "b", "c", "d", "e"),
    own_uid=0,
    commits=False,
    min_allowed_weights=2,
    version_key=0,
    rate_limit_blocks=10,
    last_update=41,
    commits_waiting=0,
    has_permit=True,
    is_owner=False,
    alpha_stake_rao=10,
    stake_threshold_rao=10,
)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({}, ""),
        ({"last_update": 42}, r"the last were at block 42: the next may be sent in block 52"),
        ({"last_update": 0, "rate_limit_blocks": 1000}, ""),
        ({"has_permit": False}, "uid 0 holds no validator permit"),
        ({"has_permit": False, "is_owner": True}, ""),
        ({"has_permit": False, "commits": True}, ""),
        ({"alpha_stake_rao": 9}, "9 rao are staked, weights need 10"),
        ({"alpha_stake_rao": 9, "is_owner": True}, ""),
        ({"alpha_stake_rao": 9, "commits": True}, ""),
        ({"commits_waiting": 10, "commits": True}, "10 commits wait for their reveal"),
        ({"min_allowed_weights": 3}, "2 weights are fewer than the subnet's 3"),
        ({"hotkeys": ("a", "b", "c", "d")}, "double or not among 4"),
    ],
)
def test_each_limit_has_its_words(change: dict[str, Any], says: str) -> None:
    limits = replace(ROOMY, **change)
    if not says:
        rehearse(limits, VECTOR)
        return
    with pytest.raises(MeritnetError, match=says):
        rehearse(limits, VECTOR)


def limits_now(town: Any, chain: Any) -> Limits:
    block = head(chain)
    hyper = chain.hyperparameters(town.netuid, block.hash)
    return read_limits(chain, town.netuid, town.validators[0].address, block, hyper)


def test_the_chain_takes_weights_from_the_very_block_that_is_named(town: Any) -> None:
    with town.connect() as chain:
        with town.instant():
            set_hyperparameter(chain, OWNER, town.netuid, "weights_rate_limit", 12, as_root=True)
        book, archive = CommitBook(town.directory / "commits.json"), Archive(town.directory / "bundles")
        committer = Committer(chain, town.netuid, town.validators[0], book, archive)
        limits = limits_now(town, chain)
        assert (limits.own_uid, limits.rate_limit_blocks, limits.commits) == (1, 12, True)
        while head(chain).number < limits.from_block - 1:
            with pytest.raises(NotYet) as error:
                rehearse(limits_now(town, chain), VECTOR)
            assert error.value.from_block == limits.from_block
            town.node.seal()
        rehearse(limits_now(town, chain), VECTOR)
        with town.instant():
            made = committer.commit(VECTOR, 0, epoch_clock(chain, town.netuid, head(chain)).epoch, "ab" * 32)
            assert made.block == limits.from_block

        limits = limits_now(town, chain)
        assert limits.last_update == made.block
        while head(chain).number < limits.from_block - 2:
            town.node.seal()
        with pytest.raises(NotYet):
            rehearse(limits_now(town, chain), VECTOR)
        with town.instant(), pytest.raises(DispatchFailed, match="CommittingWeightsTooFast"):
            committer.commit(VECTOR, 0, 99, "cd" * 32)
        rehearse(limits_now(town, chain), VECTOR)


def test_in_the_open_the_chain_agrees_too(town: Any) -> None:
    with town.connect() as chain, town.instant():
        set_hyperparameter(chain, OWNER, town.netuid, "commit_reveal_weights_enabled", False, as_root=True)
        set_hyperparameter(chain, OWNER, town.netuid, "weights_rate_limit", 0, as_root=True)
        set_hyperparameter(chain, OWNER, town.netuid, "min_allowed_weights", 3, as_root=True)
        while not limits_now(town, chain).has_permit:
            with pytest.raises(MeritnetError, match="no validator permit"):
                rehearse(limits_now(town, chain), VECTOR)
            town.node.seal()
        with pytest.raises(MeritnetError, match="2 weights are fewer than the subnet's 3"):
            rehearse(limits_now(town, chain), VECTOR)
        pair = town.validators[0]
        with pytest.raises(DispatchFailed, match="WeightVecLengthIsLow"):
            set_weights(chain, town.netuid, pair, VECTOR.uids, VECTOR.values)
        wide = WeightVector((2, *VECTOR.uids), (0, *VECTOR.values))
        rehearse(limits_now(town, chain), wide)
        set_weights(chain, town.netuid, pair, wide.uids, wide.values)


def test_who_is_not_registered_is_told(town: Any) -> None:
    with town.connect() as chain:
        block = head(chain)
        hyper = chain.hyperparameters(town.netuid, block.hash)
        with pytest.raises(MeritnetError, match="is not registered on subnet 1"):
            read_limits(chain, town.netuid, KeyPair.from_uri("//Nobody").address, block, hyper)
