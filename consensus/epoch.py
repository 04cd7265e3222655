"""The epoch: from stored weights and stake to incentive, dividends and pay.

Notation: n uids; S raw stake, s active stake, W weights, B bonds, C consensus, R ranks, I incentive,
D dividends, E emission. The order of steps and every rounding are those of the public network's
production path; the README beside this file says where ours differs on purpose.
"""

from dataclasses import dataclass

import numpy as np

from meritnet.consensus import bonds, matrix, permits
from meritnet.consensus.fixed import (
    FRACTION,
    I64F64,
    ONE,
    Fixed,
    fixed,
    normalize,
    product,
    proportion,
    quotient,
    to_u16,
)
from meritnet.consensus.matrix import Mask, Matrix
from meritnet.consensus.params import Params
from meritnet.consensus.state import EpochInput, EpochOutput


@dataclass(frozen=True)
class Steps:
    """All that an epoch works out, in this order: where two implementations part is the first that differs.

    Vectors are (n,), one entry a uid, in I32F32; matrices are (m, n), a row for each uid in `rows`.
    """

    rows: Fixed
    """Who has any say or any bonds: the uids behind the matrices' rows, ascending."""
    active: Mask
    stake_rao: list[int]
    """S, in rao as I64F64."""
    stake: Fixed
    """S / Σ S."""
    active_stake: Fixed
    """s."""
    weights: Matrix
    """W, admitted and normalised."""
    consensus: Fixed
    """C."""
    clipped: Matrix
    """W'."""
    validator_trust: Fixed
    """T_i = Σ_j W'_ij."""
    incentive: Fixed
    """I."""
    bond_weights: Matrix
    """What bonds follow."""
    stored: Matrix
    """Bonds of 65,535 that survive."""
    bonds: Matrix
    """B."""
    dividends: Fixed
    """D."""
    permits: Mask
    """For the next epoch."""


def epoch(state: EpochInput, params: Params) -> EpochOutput:
    """Runs one epoch of one subnet. Pure; raises nothing for a valid state."""
    n = len(state.alpha_stake)
    steps = epoch_steps(state, matrix.from_rows(state.weights, n), matrix.from_rows(state.bonds, n), params)
    return output(steps, state.emission)


def epoch_steps(state: EpochInput, weights: Matrix, stored: Matrix, params: Params) -> Steps:
    """The epoch on weights and bonds that are matrices already, (n, n), of 65,535 as whole numbers; the rows
    in `state` are not read."""
    active = permits.active(state, params)
    stake_rao = permits.stake_weights(state, params)
    stake = permits.normalized_stake(stake_rao, state.owner_uid, params.stake_threshold)
    active_stake = permits.active_stake(stake, active, permits.permits_in_force(state))
    rows = np.flatnonzero((active_stake > 0) | weights.present.any(axis=1) | stored.present.any(axis=1))
    say = active_stake[rows]

    weights = admitted_weights(state, weights.take(rows), rows, params)
    consensus = matrix.weighted_medians(say, weights, proportion(params.kappa))
    clipped = matrix.clip_columns(weights, consensus)
    trust = fixed(clipped.values.sum(axis=1))
    incentive = normalize(matrix.column_products(clipped, say))

    bond_weights = matrix.interpolate(weights, clipped, proportion(params.bonds_penalty))
    bond_weights = charge_deviation(bond_weights, trust, consensus, params)
    stored = surviving_bonds(state, stored.take(rows), params)
    if params.yuma3:
        goes_by = None
        if params.liquid_alpha and consensus.any():
            goes_by = bonds.liquid_consensus(consensus, state.consensus, params)
        new_bonds, dividends = bonds.yuma3(bond_weights, stored, say, goes_by, incentive, params)
    else:
        new_bonds, dividends = bonds.yuma2(bond_weights, stored, say, incentive, params)
    return Steps(
        rows=rows,
        active=active,
        stake_rao=stake_rao,
        stake=stake,
        active_stake=active_stake,
        weights=weights,
        consensus=consensus,
        clipped=clipped,
        validator_trust=spread(trust, rows, len(stake)),
        incentive=incentive,
        bond_weights=bond_weights,
        stored=stored,
        bonds=new_bonds,
        dividends=spread(dividends, rows, len(stake)),
        permits=permits.next_permits(stake, state.owner_uid, params),
    )


def output(steps: Steps, emission_rao: int) -> EpochOutput:
    """What the chain stores and pays of an epoch."""
    server, validator, combined = emissions(
        steps.incentive, steps.dividends, steps.active_stake, steps.stake, emission_rao
    )
    kept = steps.bonds.keep(steps.permits[steps.rows, np.newaxis])
    stored = dict(zip(steps.rows.tolist(), matrix.to_rows(kept), strict=True))
    return EpochOutput(
        active=tuple(steps.active.tolist()),
        consensus=tuple(to_u16(steps.consensus).tolist()),
        incentive=tuple(to_u16(steps.incentive).tolist()),
        dividends=tuple(to_u16(steps.dividends).tolist()),
        validator_trust=tuple(to_u16(steps.validator_trust).tolist()),
        stake_weight=tuple(to_u16(steps.stake).tolist()),
        stake=tuple(I64F64.floor(amount) for amount in steps.stake_rao),
        permits=tuple(steps.permits.tolist()),
        server_emission=server,
        validator_emission=validator,
        combined_emission=combined,
        bonds=tuple(stored.get(uid, ()) for uid in range(len(steps.stake))),
    )


def spread(values: Fixed, rows: Fixed, n: int) -> Fixed:
    """A value for each of some uids as a vector over all, 0 elsewhere."""
    vector = np.zeros(n, np.int64)
    vector[rows] = values
    return vector


def admitted_weights(state: EpochInput, weights: Matrix, rows: Fixed, params: Params) -> Matrix:
    """W, each row normalised: only weights of permit holders, on others than themselves (the owner may
    weight itself), and on the holder of the uid whom they were meant for.

    A weight misses its holder if the miner registered after the validator's last update or, under
    commit-reveal, after the oldest commit that it may still reveal. A later commit moves that update on, so
    a newcomer inherits what was revealed of its predecessor, unless weights are dated (`weights_at`, ours).
    """
    registered = np.array(state.registered_at, np.int64)
    updated = np.array(state.weights_at or state.last_update, np.int64)[rows, np.newaxis]
    admitted = permits.permits_in_force(state)[rows, np.newaxis] & (updated > registered)
    if params.commit_reveal:
        never = np.iinfo(np.int64).max
        committed = [never if block is None else block for block in state.oldest_commit_block]
        admitted &= np.array(committed, np.int64)[rows, np.newaxis] >= registered
    itself = rows != state.owner_uid
    admitted[np.flatnonzero(itself), rows[itself]] = False
    return matrix.normalize_rows(weights.keep(admitted))


def charge_deviation(weights: Matrix, trust: Fixed, consensus: Fixed, params: Params) -> Matrix:
    """W_ij × (1 - cost × u_i), where u_i = 1 - T_i / Σ C is the part of the consensus that the validator
    does not support. Ours; without a cost, or without a consensus, nothing changes."""
    total = int(consensus.sum())
    if not params.deviation_cost or not total:
        return weights
    supported = quotient(trust, total)
    factors = ONE - product(ONE - supported, proportion(params.deviation_cost))
    return matrix.scale_rows(weights, factors)


def surviving_bonds(state: EpochInput, stored: Matrix, params: Params) -> Matrix:
    """B as stored, on miners who registered before the last epoch that paid."""
    last_tempo = state.last_step + 1 if state.last_step else max(state.block - params.tempo, 0)
    return stored.keep(np.array(state.registered_at, np.int64) < last_tempo)


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
