"""What validators hold of miners: the moving averages behind dividends.

Matrices are (m, n) I32F32, a row for each validator who has any say, a column for each miner;
`active_stake` and dividends are (m,), `consensus` and `incentive` (n,).
"""

from collections.abc import Sequence

import numpy as np

from meritnet.consensus.fixed import (
    FRACTION,
    HALF,
    I32F32,
    I64F64,
    ONE,
    U16_MAX,
    Fixed,
    convert,
    exp,
    fixed,
    normalize,
    product,
    proportion,
    quotient,
)
from meritnet.consensus.matrix import Matrix, normalize_columns, row_products, scale_rows, upscale_columns
from meritnet.consensus.params import LiquidAlphaMode, Params
from meritnet.consensus.state import Row


def yuma2(
    weights: Matrix, stored: Matrix, active_stake: Fixed, incentive: Fixed, params: Params
) -> tuple[Matrix, Fixed]:
    """Bonds to store and dividends D, where bonds are shares of a column.

    ΔB_ij = W_ij s_i and B are column-normalised; B ← a ΔB + (1 - a) B, column-normalised again;
    D_i = Σ_j B_ij I_j, normalised. Stored with each column's largest bond scaled to 1.
    """
    delta = normalize_columns(scale_rows(weights, active_stake))
    bonds = normalize_columns(moving_average(delta, normalize_columns(stored), plain_alpha(params)))
    return upscale_columns(bonds), normalize(row_products(bonds, incentive))


def yuma3(
    weights: Matrix,
    stored: Matrix,
    active_stake: Fixed,
    consensus: Fixed | None,
    incentive: Fixed,
    params: Params,
) -> tuple[Matrix, Fixed]:
    """Bonds to store and dividends D, where bonds are values in [0, 1] of a pair.

    B_ij ← (1 - a) B_ij + a W_ij; D_i = s_i Σ_j (B_ij / Σ_k B_kj) I_j, normalised. The speed a is the
    pair's own where there is a consensus to measure it by (liquid alpha).
    """
    old = stored.map(quotient(stored.values, I32F32.integer(U16_MAX)))
    if consensus is not None:
        bonds = liquid_average(weights, old, consensus, params)
    else:
        bonds = moving_average(weights, old, plain_alpha(params))
    held = row_products(normalize_columns(bonds), incentive)
    return bonds, normalize(product(held, active_stake))


def plain_alpha(params: Params) -> int:
    """a = 1 - bonds_moving_average / 10**6, the part of a bond that an epoch renews."""
    kept = I64F64.div(I64F64.integer(params.bonds_moving_average), I64F64.integer(1_000_000))
    return ONE - convert(kept, I64F64, I32F32)


def moving_average(new: Matrix, old: Matrix, alpha: int) -> Matrix:
    """alpha × new + (1 - alpha) × old over the entries of both; only positive values are kept."""
    values = product(new.values, alpha) + product(old.values, ONE - alpha)
    return Matrix(values, values > 0)


def liquid_average(weights: Matrix, old: Matrix, consensus: Fixed, params: Params) -> Matrix:
    """B_ij ← min(1, (1 - a_ij) B_ij + a_ij W_ij) where a weight is present, and nothing elsewhere.

    So a bond without a weight entry vanishes at once, while one with an entry of 0 decays, unless
    `absent_as_zero` lets both decay.
    """
    present = weights.present | old.present if params.absent_as_zero else weights.present
    alpha = liquid_alpha(weights.values, old.values, consensus, params)
    values = product(old.values, ONE - alpha) + product(weights.values, alpha)
    return Matrix(np.where(present, np.minimum(values, ONE), 0), present).positive()


def liquid_alpha(weight: Fixed, bond: Fixed, consensus: Fixed, params: Params) -> Fixed:
    """a_ij = low + (high - low) / (1 + e**(-steepness (d - 1/2))), within [low, high].

    d in [0, 1] is how far the weight exceeds the consensus (buying), or falls below the bond (selling).
    """
    low, high = proportion(params.alpha_low), proportion(params.alpha_high)
    distance = np.clip(np.where(weight >= bond, weight - consensus, bond - weight), 0, ONE)
    steepness = I32F32.div(I32F32.integer(params.alpha_sigmoid_steepness), I32F32.integer(-100))
    sigmoid = quotient(ONE, ONE + exp(product(distance - HALF, steepness)))
    return fixed(np.maximum(np.minimum(low + product(sigmoid, high - low), high), low))


def liquid_consensus(current: Fixed, stored: Sequence[int], params: Params) -> Fixed:
    """The consensus that liquid alpha measures weights by: the one just formed, or the one that the
    previous epoch stored (of 65,535) so that nobody can move it now, as `liquid_alpha_mode` says.

    A subnet that stored none yet uses the current one. Specification 446 of the public network.
    """
    mode = params.liquid_alpha_mode
    if mode is LiquidAlphaMode.AUTO:
        whole = params.bonds_penalty == U16_MAX
        mode = LiquidAlphaMode.PREVIOUS if whole else LiquidAlphaMode.CURRENT
    if mode is LiquidAlphaMode.CURRENT or not stored:
        return current
    return quotient(fixed(stored) << FRACTION, I32F32.integer(U16_MAX))


def reset(bonds: Sequence[Row], miner: int) -> tuple[Row, ...]:
    """Stored bonds once a miner has asked for a new start: everybody's bond on it is 0."""
    return tuple(tuple((uid, 0 if uid == miner else bond) for uid, bond in row) for row in bonds)
