"""The same world on the real runtime: each epoch is run by the embedded node, in a block of its own.

The node's chain stands at one block. For every epoch the whole subnet is written into its storage, with all
block numbers shifted so that the epoch is due in the next block; that block is made, what it stored and paid
is read back, and the chain is put back. Commits wait in the world: the runtime sees the block of the oldest.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from meritnet.chain.client.storage_key import blake2_128_concat, identity, item_prefix, twox_64_concat
from meritnet.chain.errors import MeritnetError, UsageError
from meritnet.chain.node.node import Node
from meritnet.chain.scale import Reader, compact
from meritnet.consensus.emission import Pots
from meritnet.consensus.fixed import FRACTION, Fixed
from meritnet.consensus.matrix import Matrix
from meritnet.consensus.params import LiquidAlphaMode
from meritnet.consensus.simulate import Case, Rules, Settle, Settled

PALLET = "SubtensorModule"
NETUID = (1).to_bytes(2, "little")
HEAD = 400
"""The block on which every epoch builds: later than any activity cutoff of the experiments run here."""
OWNER = b"\xee" * 32
"""Coldkey of the subnet's owner; its hotkey is another, unless it has a uid."""
UNREGISTERED = b"\xef" * 32
EPOCH_INDEX = 10

Storage = dict[bytes, bytes]


@contextmanager
def runtime() -> Iterator[Settle]:
    """What runs a world's epochs on the packaged runtime, while the node is open."""
    with Node.open("local") as node:
        node.advance(HEAD)

        def settle(case: Case) -> Settled:
            _require_known(case)
            shifted = HEAD + 1 - case.state.block
            with node.anchor():
                node.set_storage(_written(case, shifted, _number(node, _balances())))
                node.seal()
                return _read(node, case)

        yield settle


def _require_known(case: Case) -> None:
    """The chain is young, so that nothing can have happened long ago. Raises ``UsageError``."""
    if case.rules.params.activity_cutoff > HEAD:
        raise UsageError(f"on the runtime the activity cutoff is at most {HEAD} blocks", "leave out --chain")


def _written(case: Case, shift: int, balances: int) -> Storage:
    state, n = case.state, len(case.state.alpha_stake)
    staked = sum(case.stake)
    moved = {
        "LastUpdate": [max(block + shift, 0) for block in state.last_update],
        "BlockAtRegistration": [max(block + shift, 0) for block in state.registered_at],
    }
    storage = {
        _item("NetworksAdded", NETUID): b"\1",
        _item("SubnetworkN", NETUID): _le(n, 2),
        _item("SubnetOwner", NETUID): OWNER,
        _item("SubnetOwnerHotkey", NETUID): _owner_hotkey(case),
        _item("Owner", UNREGISTERED, hashed=True): OWNER,
        _item("TotalIssuance"): _le(balances + staked + case.pots.total),
        _item("TotalStake"): _le(staked),
        _item("SubnetTAO", NETUID): _le(staked),
        _item("SubnetAlphaOut", NETUID): _le(staked),
        _item("PendingOwnerCut", NETUID): _le(case.pots.owner),
        _item("PendingServerEmission", NETUID): _le(case.pots.server),
        _item("PendingValidatorEmission", NETUID): _le(case.pots.validator),
        _item("LastMechansimStepBlock", NETUID): _le(
            max(state.last_step + shift, 1) if state.last_step else 0
        ),
        _item("LastEpochBlock", NETUID): _le(max(state.last_step + shift, 0)),
        _item("SubnetEpochIndex", NETUID): _le(EPOCH_INDEX),
        _item("PendingEpochAt", NETUID): _le(HEAD + 1),
        _item("LastUpdate", NETUID): _vector(moved["LastUpdate"], 8),
        _item("ValidatorPermit", NETUID): _vector([int(permit) for permit in state.permits], 1),
        _item("Active", NETUID): _vector([0] * n, 1),
        _item("Emission", NETUID): _vector([0] * n, 8),
    }
    previous = list(state.consensus) or [0] * n
    for name in ("Consensus", "Incentive", "Dividends", "ValidatorTrust", "StakeWeight"):
        storage[_item(name, NETUID)] = _vector(previous if name == "Consensus" else [0] * n, 2)
    weights, bonds = (_rows(matrix) for matrix in (case.weights, case.bonds))
    for uid in range(n):
        storage |= _neuron(case, uid, moved["BlockAtRegistration"][uid], shift)
        storage[_item("Weights", NETUID, _le(uid, 2))] = weights[uid]
        storage[_item("Bonds", NETUID, _le(uid, 2))] = bonds[uid]
    return storage | _hyperparameters(case.rules)


def _neuron(case: Case, uid: int, registered_at: int, shift: int) -> Storage:
    key, stake, history = _hotkey(uid), case.stake[uid], case.histories[uid]
    storage = {
        _item("Keys", NETUID, _le(uid, 2)): key,
        _item("Uids", NETUID, blake2_128_concat(key)): _le(uid, 2),
        _item("IsNetworkMember", key, NETUID, hashed=True): b"\1",
        _item("Owner", key, hashed=True): _coldkey(uid),
        _item("Delegates", key, hashed=True): _le(case.takes[uid], 2),
        _item("BlockAtRegistration", NETUID, _le(uid, 2)): _le(registered_at),
    }
    if stake:
        storage |= {
            _item("TotalHotkeyAlpha", key, NETUID, hashed=True): _le(stake),
            _item("TotalHotkeyShares", key, NETUID, hashed=True): _le(stake << 64, 16),
            _item("Alpha", key, blake2_128_concat(_coldkey(uid)), NETUID, hashed=True): _le(stake << 64, 16),
        }
    if case.rules.average_stake:
        since = _le(max(history.since + shift, 0))
        storage[_item("StakeIntegral", NETUID, blake2_128_concat(key))] = _le(history.integral, 16) + since
    if case.state.weights_at:
        made_at = max(case.state.weights_at[uid] + shift, 0)
        storage[_item("WeightsMadeAt", NETUID, _le(uid, 2))] = _le(made_at)
    committed = case.state.oldest_commit_block[uid]
    if committed is not None:
        waiting = bytes(32) + _le(EPOCH_INDEX) + _le(max(committed + shift, 0)) + _le(0)
        name = item_prefix(PALLET, "WeightCommits") + twox_64_concat(NETUID) + twox_64_concat(key)
        storage[name] = b"\x04" + waiting
    return storage


def _hyperparameters(rules: Rules) -> Storage:
    params = rules.params
    # The runtime's cutoff is a factor of the tempo, floored; the factor here is the least that gives it.
    factor = -(-params.activity_cutoff * 1_000 // params.tempo)
    plain = {
        "Tempo": (params.tempo, 2),
        "Kappa": (params.kappa, 2),
        "BondsPenalty": (params.bonds_penalty, 2),
        "BondsMovingAverage": (params.bonds_moving_average, 8),
        "AlphaSigmoidSteepness": (params.alpha_sigmoid_steepness, 2),
        "AlphaValues": (params.alpha_low | params.alpha_high << 16, 4),
        "MaxAllowedValidators": (params.max_allowed_validators, 2),
        "ActivityCutoffFactorMilli": (factor, 4),
        "CommitRevealWeightsEnabled": (int(params.commit_reveal), 1),
        "LiquidAlphaConsensusMode": (list(LiquidAlphaMode).index(params.liquid_alpha_mode), 1),
    }
    # What adapts the reveal period is left out: commits wait in the world.
    flags = (rules.carry_dust, params.absent_as_zero, rules.average_stake, rules.dated_weights)
    ours = bytes(flags) + _le(params.deviation_cost, 2) + _le(0, 2)
    storage = {_item(name, NETUID): _le(value, width) for name, (value, width) in plain.items()}
    return storage | {
        _item("EpochRules", NETUID): ours,
        _item("StakeThreshold"): _le(params.stake_threshold),
        _item("TaoWeight"): _le(params.tao_weight),
        item_prefix(PALLET, "RevealPeriodEpochs") + twox_64_concat(NETUID): _le(1),
        _item("Yuma3On", NETUID, hashed=True): _le(int(params.yuma3), 1),
        _item("LiquidAlphaOn", NETUID, hashed=True): _le(int(params.liquid_alpha), 1),
    }


def _read(node: Node, case: Case) -> Settled:
    n = len(case.state.alpha_stake)
    if _number(node, _item("SubnetEpochIndex", NETUID)) != EPOCH_INDEX + 1:
        raise MeritnetError("the runtime ran no epoch", "the packaged runtime does not fit these rules")
    stake = [_number(node, _item("TotalHotkeyAlpha", _hotkey(uid), NETUID, hashed=True)) for uid in range(n)]
    pending = Pots(
        *(
            _number(node, _item(name, NETUID))
            for name in ("PendingOwnerCut", "PendingServerEmission", "PendingValidatorEmission")
        )
    )
    earned = np.array(stake, np.int64) - np.array(case.stake, np.int64)
    return Settled(
        block=case.state.block,
        consensus=_numbers(node, "Consensus", 2),
        incentive=_numbers(node, "Incentive", 2),
        dividends=_numbers(node, "Dividends", 2),
        trust=_numbers(node, "ValidatorTrust", 2),
        permits=_numbers(node, "ValidatorPermit", 1).astype(np.bool_),
        earned=earned,
        bonds=_stored_bonds(node, n),
        pending=pending,
        owner=case.pots.total - pending.total - int(earned.sum()),
    )


def _stored_bonds(node: Node, n: int) -> Matrix:
    values, present = np.zeros((n, n), np.int64), np.zeros((n, n), np.bool_)
    for uid in range(n):
        reader = Reader(node.storage(_item("Bonds", NETUID, _le(uid, 2))) or b"\0")
        for _ in range(reader.compact()):
            column = reader.unsigned(2)
            values[uid, column], present[uid, column] = reader.unsigned(2) << FRACTION, True
    return Matrix(values, present)


def _rows(matrix: Matrix) -> list[bytes]:
    """Rows of whole numbers as the chain stores them."""
    found = []
    for values, present in zip(matrix.values >> FRACTION, matrix.present, strict=True):
        uids = np.flatnonzero(present).tolist()
        found.append(compact(len(uids)) + b"".join(_le(uid, 2) + _le(int(values[uid]), 2) for uid in uids))
    return found


def _item(name: str, *keys: bytes, hashed: bool = False) -> bytes:
    """The key of a storage item; its first key is hashed or stands as it is, as do the others."""
    hasher = blake2_128_concat if hashed else identity
    return item_prefix(PALLET, name) + (hasher(keys[0]) if keys else b"") + b"".join(keys[1:])


def _balances() -> bytes:
    return item_prefix("Balances", "TotalIssuance")


def _number(node: Node, key: bytes) -> int:
    return int.from_bytes(node.storage(key) or b"", "little")


def _numbers(node: Node, name: str, width: int) -> Fixed:
    reader = Reader(node.storage(_item(name, NETUID)) or b"\0")
    return np.array([reader.unsigned(width) for _ in range(reader.compact())], np.int64)


def _vector(values: list[int], width: int) -> bytes:
    return compact(len(values)) + b"".join(_le(value, width) for value in values)


def _le(value: int, width: int = 8) -> bytes:
    return value.to_bytes(width, "little", signed=value < 0)


def _hotkey(uid: int) -> bytes:
    return b"hot" + uid.to_bytes(29, "little")


def _coldkey(uid: int) -> bytes:
    return b"cold" + uid.to_bytes(28, "little")


def _owner_hotkey(case: Case) -> bytes:
    return UNREGISTERED if case.state.owner_uid is None else _hotkey(case.state.owner_uid)
