"""What the chain allows a validator's weights at a block, and a rehearsal of its checks before any is sent.

The rehearsal asks in the chain's own order (``do_commit_weights`` and ``store_weights`` in the runtime).
Under commit-reveal, permit and stake count at the reveal only: the epoch in between may give them.
"""

from __future__ import annotations

from dataclasses import dataclass

from meritnet.chain.client.client import Chain
from meritnet.chain.client.storage_key import item_prefix
from meritnet.chain.client.subnets import Hyperparameters
from meritnet.chain.errors import MeritnetError
from meritnet.validator.view import Block
from meritnet.validator.weights import WeightVector

MAX_UNREVEALED_COMMITS = 10
"""How many commits of one hotkey the chain keeps."""


class NotYet(MeritnetError):
    """The chain takes these weights from block ``from_block`` on."""

    def __init__(self, message: str, from_block: int) -> None:
        super().__init__(message)
        self.from_block = from_block


@dataclass(frozen=True)
class Limits:
    """A subnet's limits as they concern one neuron, after ``block``."""

    block: Block
    hotkeys: tuple[str, ...]
    """By uid."""
    own_uid: int
    commits: bool
    """Whether weights are committed first; else they are set in the open."""
    min_allowed_weights: int
    version_key: int
    rate_limit_blocks: int
    last_update: int
    """The block of the neuron's last weights or commit, or of its registration; 0 for none."""
    commits_waiting: int
    has_permit: bool
    is_owner: bool
    alpha_stake_rao: int
    stake_threshold_rao: int

    @property
    def from_block(self) -> int:
        """The first block that takes weights of this neuron."""
        return 0 if self.last_update == 0 else self.last_update + self.rate_limit_blocks


def read_limits(chain: Chain, netuid: int, address: str, block: Block, hyper: Hyperparameters) -> Limits:
    """The limits after a block. Raises ``MeritnetError`` for a hotkey that is not registered."""
    metagraph = chain.metagraph(netuid, block.hash)
    uid = metagraph.uid_of(address)
    if uid is None:
        raise MeritnetError(
            f"{address} is not registered on subnet {netuid}",
            "`meritnet validator register` joins it again",
        )
    threshold = chain.storage(item_prefix("SubtensorModule", "StakeThreshold"), block.hash)
    return Limits(
        block=block,
        hotkeys=tuple(map(str, metagraph.hotkeys)),
        own_uid=uid,
        commits=hyper.commit_reveal_weights_enabled,
        min_allowed_weights=hyper.min_allowed_weights,
        version_key=hyper.weights_version,
        rate_limit_blocks=hyper.weights_rate_limit,
        last_update=int(metagraph.last_update[uid]),
        commits_waiting=len(chain.weight_commits(netuid, address, block.hash)),
        has_permit=bool(metagraph.validator_permit[uid]),
        is_owner=metagraph.owner_hotkey == address,
        alpha_stake_rao=int(metagraph.alpha_stake_rao[uid]),
        stake_threshold_rao=int.from_bytes(threshold or b"", "little"),
    )


def rehearse(limits: Limits, vector: WeightVector) -> None:
    """Raises ``NotYet`` or another ``MeritnetError`` where the next block would refuse these weights."""
    if not limits.commits:
        _stake(limits)
    next_block = limits.block.number + 1
    if next_block < limits.from_block:
        raise NotYet(
            f"the subnet takes weights every {limits.rate_limit_blocks} blocks, the last were at block "
            f"{limits.last_update}: the next may be sent in block {limits.from_block}",
            limits.from_block,
        )
    if limits.commits:
        if limits.commits_waiting >= MAX_UNREVEALED_COMMITS:
            raise MeritnetError(f"{limits.commits_waiting} commits wait for their reveal, more are not kept")
    elif not (limits.has_permit or limits.is_owner):
        raise MeritnetError(
            f"uid {limits.own_uid} holds no validator permit",
            "more stake earns one at the next epoch: `meritnet stake add`",
        )
    _row(limits, vector)


def _stake(limits: Limits) -> None:
    if limits.alpha_stake_rao < limits.stake_threshold_rao and not limits.is_owner:
        raise MeritnetError(
            f"{limits.alpha_stake_rao} rao are staked, weights need {limits.stake_threshold_rao}",
            "`meritnet stake add` adds stake",
        )


def _row(limits: Limits, vector: WeightVector) -> None:
    """The row itself: its length, its uids."""
    neurons, uids = len(limits.hotkeys), vector.uids
    if len(set(uids)) != len(uids) or any(not 0 <= uid < neurons for uid in uids):
        raise MeritnetError(f"the weights name uids that are double or not among {neurons}")
    if uids != (limits.own_uid,) and len(uids) < min(limits.min_allowed_weights, neurons):
        raise MeritnetError(f"{len(uids)} weights are fewer than the subnet's {limits.min_allowed_weights}")
