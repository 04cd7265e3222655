"""Who counts: stake weights, validator permits, active stake."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from meritnet.consensus.fixed import I32F32, I64F64, I96F32, U64_MAX, Fixed, convert, fixed, normalize
from meritnet.consensus.params import Params
from meritnet.consensus.state import EpochInput


def stake_weights(state: EpochInput, params: Params) -> list[int]:
    """S_i = alpha_i + tao_i × tao_weight / (2**64 - 1), in rao as I64F64."""
    weight = I96F32.div(I96F32.integer(params.tao_weight), I96F32.integer(U64_MAX))
    weight = convert(weight, I96F32, I64F64)
    return [
        I64F64.saturate(I64F64.integer(alpha) + I64F64.mul(I64F64.integer(tao), weight))
        for alpha, tao in zip(state.alpha_stake, state.tao_stake, strict=True)
    ]


def normalized_stake(stake: Sequence[int], owner: int | None, threshold: int) -> Fixed:
    """S_i / Σ S, (n,): formed in I64F64, cut to I32F32. Stakes below the threshold count as 0, except
    the owner's."""
    counted = [
        amount if uid == owner or I64F64.floor(amount) >= threshold else 0 for uid, amount in enumerate(stake)
    ]
    total = I64F64.saturate(sum(counted))
    return fixed([convert(I64F64.div(amount, total), I64F64, I32F32) for amount in counted])


def next_permits(stake: Fixed, owner: int | None, params: Params) -> NDArray[np.bool_]:
    """Permits for the next epoch: the `max_allowed_validators` highest non-zero stakes, ties going to
    the higher uid, and the owner in any case, (n,)."""
    losers = max(len(stake) - params.max_allowed_validators, 0)
    permits: NDArray[np.bool_] = stake != 0
    permits[np.argsort(stake, kind="stable")[:losers]] = False
    if owner is not None:
        permits[owner] = True
    return permits


def permits_in_force(state: EpochInput) -> NDArray[np.bool_]:
    """Permits in this epoch: those the previous epoch issued, and the owner's, (n,)."""
    return np.array(
        [bool(permit) or uid == state.owner_uid for uid, permit in enumerate(state.permits)], np.bool_
    )


def active(state: EpochInput, params: Params) -> NDArray[np.bool_]:
    """Who set weights within the activity cutoff, (n,)."""
    return np.array(
        [updated + params.activity_cutoff >= state.block for updated in state.last_update], np.bool_
    )


def active_stake(stake: Fixed, active: NDArray[np.bool_], permits: NDArray[np.bool_]) -> Fixed:
    """s: stake of active permit holders, normalised among them, (n,)."""
    return normalize(fixed(np.where(active & permits, stake, 0)))
