"""The epoch: from stored weights and stake to incentive, dividends and pay.

Notation: n uids; S raw stake, s active stake, W weights, B bonds, C consensus, R ranks, I incentive,
D dividends, E emission. The order of steps and every rounding are those of the public network's
production path; the README beside this file says where ours differs on purpose.
"""

import numpy as np

from meritnet.consensus import bonds, matrix, permits
from meritnet.consensus.fixed import FRACTION, I64F64, Fixed, fixed, normalize, proportion, quotient, to_u16
from meritnet.consensus.matrix import Matrix
from meritnet.consensus.params import Params
from meritnet.consensus.state import EpochInput, EpochOutput


def epoch(state: EpochInput, params: Params) -> EpochOutput:
    """Runs one epoch of one subnet. Pure; raises nothing for a valid state."""
    active = permits.active(state, params)
    stake_rao = permits.stake_weights(state, params)
    stake = permits.normalized_stake(stake_rao, state.owner_uid, params.stake_threshold)
    in_force = permits.permits_in_force(state)
    active_stake = permits.active_stake(stake, active, in_force)

    weights = admitted_weights(state, params)
    consensus = matrix.weighted_medians(active_stake, weights, proportion(params.kappa))
    clipped = matrix.clip_columns(weights, consensus)
    validator_trust = fixed(clipped.values.sum(axis=1))
    incentive = normalize(matrix.column_products(clipped, active_stake))

    bond_weights = matrix.interpolate(weights, clipped, proportion(params.bonds_penalty))
    stored = surviving_bonds(state, params)
    if params.yuma3:
        new_bonds, dividends = bonds.yuma3(bond_weights, stored, active_stake, consensus, incentive, params)
    else:
        new_bonds, dividends = bonds.yuma2(bond_weights, stored, active_stake, incentive, params)

    server, validator, combined = emissions(incentive, dividends, active_stake, stake, state.emission)
    next_permits = permits.next_permits(stake, state.owner_uid, params)
    return EpochOutput(
        active=tuple(active.tolist()),
        consensus=to_u16(consensus),
        incentive=to_u16(incentive),
        dividends=to_u16(dividends),
        validator_trust=to_u16(validator_trust),
        stake_weight=to_u16(stake),
        stake=tuple(I64F64.floor(amount) for amount in stake_rao),
        permits=next_permits,
        server_emission=server,
        validator_emission=validator,
        combined_emission=combined,
        bonds=matrix.to_rows(new_bonds, next_permits),
    )


def admitted_weights(state: EpochInput, params: Params) -> Matrix:
    """W, each row normalised: only weights of permit holders, on others than themselves (the owner may
    weight itself), and on the holder of the uid whom they were meant for.

    A weight misses its holder if the miner registered after the validator's last update or, under
    commit-reveal, after the oldest commit that it may still reveal.
    """
    n = len(state.alpha_stake)
    registered = np.array(state.registered_at, np.int64)[np.newaxis, :]
    updated = np.array(state.last_update, np.int64)[:, np.newaxis]
    admitted = permits.permits_in_force(state)[:, np.newaxis] & (updated > registered)
    if params.commit_reveal:
        never = np.iinfo(np.int64).max
        committed = [never if block is None else block for block in state.oldest_commit_block]
        admitted &= np.array(committed, np.int64)[:, np.newaxis] >= registered
    itself = np.eye(n, dtype=np.bool_)
    if state.owner_uid is not None:
        itself[state.owner_uid, state.owner_uid] = False
    return matrix.normalize_rows(matrix.from_rows(state.weights).keep(admitted & ~itself))


def surviving_bonds(state: EpochInput, params: Params) -> Matrix:
    """B as stored, on miners who registered before the last epoch that paid."""
    last_tempo = state.last_step + 1 if state.last_step else max(state.block - params.tempo, 0)
    registered = np.array(state.registered_at, np.int64)
    return matrix.from_rows(state.bonds).keep(registered[np.newaxis, :] < last_tempo)


def emissions(
    incentive: Fixed, dividends: Fixed, active_stake: Fixed, stake: Fixed, emission_rao: int
) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]:
    """Pay of miners, of validators, and both as displayed, in rao.

    E = (I + D) / Σ(I + D), times the epoch's emission, floored. Without any incentive or dividend
    validators are paid by active stake, or by stake if nobody is active; miners then get nothing.
    """
    total = int((incentive + dividends).sum())
    if total:
        shares = [quotient(part, total) for part in (incentive, dividends, incentive + dividends)]
    else:
        idle = active_stake if active_stake.any() else stake
        shares = [np.zeros_like(idle), idle, idle]
    server, validator, combined = (
        tuple((share * emission_rao) >> FRACTION for share in part.tolist()) for part in shares
    )
    return server, validator, combined
