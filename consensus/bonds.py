"""What validators hold of miners: the moving averages behind dividends.

Matrices are (n, n) I32F32, row = validator, column = miner; vectors (n,).
"""

import numpy as np

from meritnet.consensus.fixed import (
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
from meritnet.consensus.params import Params


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
    weights: Matrix, stored: Matrix, active_stake: Fixed, consensus: Fixed, incentive: Fixed, params: Params
) -> tuple[Matrix, Fixed]:
    """Bonds to store and dividends D, where bonds are values in [0, 1] of a pair.

    B_ij ← (1 - a) B_ij + a W_ij; D_i = s_i Σ_j (B_ij / Σ_k B_kj) I_j, normalised. The speed a is the
    pair's own with liquid alpha, given any consensus at all.
    """
    old = stored.map(quotient(stored.values, I32F32.integer(U16_MAX)))
    if params.liquid_alpha and consensus.any():
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
    return Matrix(values, new.present | old.present).positive()


def liquid_average(weights: Matrix, old: Matrix, consensus: Fixed, params: Params) -> Matrix:
    """B_ij ← min(1, (1 - a_ij) B_ij + a_ij W_ij) where a weight is present, and nothing elsewhere.

    So a bond without a weight entry vanishes at once, while one with an entry of 0 decays.
    """
    rows, columns = np.nonzero(weights.present)
    weight, bond = weights.values[rows, columns], old.values[rows, columns]
    pairs = zip(weight.tolist(), bond.tolist(), consensus[columns].tolist(), strict=True)
    alpha = fixed([liquid_alpha(w, b, c, params) for w, b, c in pairs])
    values = np.zeros_like(weights.values)
    values[rows, columns] = np.minimum(product(bond, ONE - alpha) + product(weight, alpha), ONE)
    return weights.map(values).positive()


def liquid_alpha(weight: int, bond: int, consensus: int, params: Params) -> int:
    """a_ij = low + (high - low) / (1 + e**(-steepness (d - 1/2))), within [low, high], in I32F32.

    d in [0, 1] is how far the weight exceeds the consensus (buying), or falls below the bond (selling).
    """
    low, high = proportion(params.alpha_low), proportion(params.alpha_high)
    distance = weight - consensus if weight >= bond else bond - weight
    steepness = I32F32.div(I32F32.integer(params.alpha_sigmoid_steepness), I32F32.integer(-100))
    exponent = I32F32.mul(steepness, min(max(distance, 0), ONE) - HALF)
    sigmoid = I32F32.div(ONE, I32F32.saturate(ONE + exp(exponent)))
    return max(min(low + I32F32.mul(sigmoid, high - low), high), low)
