"""What a subnet's next epoch will pay, by the executable specification; and what it did pay, by the chain.

The chain's state after the block before the epoch's is all that the epoch sees, so from there the prediction
is exact to the rao. What was paid is by how much the stake behind the hotkey grew in the epoch's block; a
transfer of stake to or from the hotkey in that very block would be counted in and show as a difference.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

from meritnet.chain.client.client import Chain
from meritnet.chain.client.epoch_state import EpochState
from meritnet.chain.client.storage_key import blake2_128_concat, item_prefix
from meritnet.chain.keys import ss58_decode
from meritnet.chain.types import BlockNumber
from meritnet.consensus.commit import RevealWindow, reveal_window
from meritnet.consensus.emission import MAX_TAKE, OWNER_CUT, Pots
from meritnet.consensus.outlook import Outlook, Treasury, outlook
from meritnet.consensus.params import LiquidAlphaMode, Params
from meritnet.consensus.stake_average import StakeHistory
from meritnet.consensus.state import EpochInput

PALLET = "SubtensorModule"


@dataclass(frozen=True)
class Prediction:
    """What the epoch in ``block`` pays into the stake behind each hotkey, in rao."""

    epoch: int
    block: int
    rao: dict[str, int]
    """By hotkey; the owner's part is in the owner hotkey's."""


def predict(chain: Chain, netuid: int, epoch_block: int) -> Prediction:
    """The payout of the epoch that runs in ``epoch_block``, from the state after the block before it.

    Raises ``ChainError`` when that block is not there yet.
    """
    at = chain.block_hash(BlockNumber(epoch_block - 1))
    state = chain.epoch_state(netuid, at=at)
    seen = run(chain, state, epoch_block, at)
    rao: dict[str, int] = dict(zip(map(str, state.hotkeys), seen.distribution.neurons, strict=True))
    owner = str(chain.metagraph(netuid, at=at).owner_hotkey)
    rao[owner] = rao.get(owner, 0) + seen.distribution.owner
    return Prediction(state.epoch_index, epoch_block, rao)


def paid(chain: Chain, netuid: int, hotkey: str, epoch_block: int) -> int:
    """By how many rao the stake behind a hotkey grew in the epoch's block."""
    key = item_prefix(PALLET, "TotalHotkeyAlpha") + blake2_128_concat(ss58_decode(hotkey))
    key += netuid.to_bytes(2, "little")
    before, after = (
        chain.storage(key, chain.block_hash(BlockNumber(number))) for number in (epoch_block - 1, epoch_block)
    )
    return int.from_bytes(after or b"", "little") - int.from_bytes(before or b"", "little")


def run(chain: Chain, state: EpochState, epoch_block: int, at: str) -> Outlook:
    """The epoch in ``epoch_block``, run on the chain's state at ``at``."""
    parameters = {field.name: getattr(state.parameters, field.name) for field in fields(Params)}
    mode = LiquidAlphaMode(state.parameters.liquid_alpha_mode)
    return outlook(
        epoch_input(state, epoch_block),
        Params(**parameters | {"liquid_alpha_mode": mode}),
        _treasury(chain, state, epoch_block, at),
        _takes(chain, state, at),
    )


def epoch_input(state: EpochState, epoch_block: int) -> EpochInput:
    """The chain's state in the specification's words; the emission is left to the treasury."""
    return EpochInput(
        block=epoch_block,
        last_step=state.last_step,
        alpha_stake=_counted_stake(state, epoch_block),
        tao_stake=state.tao_stake,
        last_update=state.last_update,
        registered_at=state.registered_at,
        permits=state.permits,
        owner_uid=state.owner_uid,
        oldest_commit_block=[_oldest_open_commit(state, uid) for uid in range(len(state.hotkeys))],
        weights=[tuple((int(uid), weight) for uid, weight in row) for row in state.weights],
        bonds=[tuple((int(uid), bond) for uid, bond in row) for row in state.bonds],
        emission=0,
        consensus=state.consensus,
        weights_at=state.weights_at,
    )


def _counted_stake(state: EpochState, epoch_block: int) -> list[int]:
    """Each uid's stake as the epoch counts it: as it is, or its average where the subnet's rules say so."""
    histories = [StakeHistory(*(known or (0, state.last_epoch_block))) for known in state.stake_histories]
    if not state.rules.average_stake:
        return list(state.alpha_stake)
    return [
        history.average(stake, state.last_epoch_block, epoch_block)
        for history, stake in zip(histories, state.alpha_stake, strict=True)
    ]


def _oldest_open_commit(state: EpochState, uid: int) -> int | None:
    """The block of a uid's oldest commit that could still be revealed when the epoch runs."""
    epoch = state.epoch_index + 1  # the epoch that is about to begin counts already
    windows = {
        commit.block: reveal_window(commit.epoch, commit.reveal_period or state.reveal_period_epochs, epoch)
        for commit in state.commits[uid]
    }
    return min(
        (block for block, window in windows.items() if window is not RevealWindow.EXPIRED), default=None
    )


def _treasury(chain: Chain, state: EpochState, epoch_block: int, at: str) -> Treasury:
    """Issuance, the emitting subnets and this one's pots after the block ``at``."""
    emitting = _emitting(chain, epoch_block, at)
    subnet = state.netuid.to_bytes(2, "little")
    issuance, cut, cut_enabled = chain.storage_many(
        [
            item_prefix(PALLET, "TotalIssuance"),
            item_prefix(PALLET, "SubnetOwnerCut"),
            item_prefix(PALLET, "OwnerCutEnabled") + subnet,
        ],
        at,
    )
    owner_cut = OWNER_CUT if cut is None else int.from_bytes(cut, "little")
    return Treasury(
        block=state.block,
        issuance=int.from_bytes(issuance or b"", "little"),
        prices=[1] * len(emitting),
        position=emitting.index(state.netuid) if state.netuid in emitting else None,
        pots=Pots(state.pending_owner_cut_rao, state.pending_server_rao, state.pending_validator_rao),
        owner_cut=0 if cut_enabled == b"\0" else owner_cut,
        carry_dust=state.rules.carry_dust,
    )


def _emitting(chain: Chain, epoch_block: int, at: str) -> list[int]:
    """The subnets that get emission in the epoch's block: started, and not switched off. All prices are 1
    here: every subnet is of the stable mechanism."""
    netuids = [int(subnet.netuid) for subnet in chain.subnets(at) if subnet.netuid != 0]
    switches = ("SubtokenEnabled", "NetworkRegistrationAllowed", "SubnetEmissionEnabled")
    keys = [
        item_prefix(PALLET, item) + netuid.to_bytes(2, "little")
        for netuid in netuids
        for item in ("FirstEmissionBlockNumber", *switches)
    ]
    values = chain.storage_many(keys, at)
    emitting = []
    for index, netuid in enumerate(netuids):
        first, started, registers, emits = values[4 * index : 4 * index + 4]
        begun = first is not None and int.from_bytes(first, "little") <= epoch_block
        if begun and started == b"\1" and registers != b"\0" and emits != b"\0":
            emitting.append(netuid)
    return emitting


def _takes(chain: Chain, state: EpochState, at: str) -> list[int]:
    """The delegate take of each uid's hotkey, of 65,535."""
    prefix = item_prefix(PALLET, "Delegates")
    keys = [prefix + blake2_128_concat(ss58_decode(hotkey)) for hotkey in state.hotkeys]
    values = chain.storage_many(keys, at)
    return [MAX_TAKE if value is None else int.from_bytes(value, "little") for value in values]
