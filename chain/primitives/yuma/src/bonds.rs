//! What validators hold of miners: the moving averages behind dividends.

use crate::{
    fixed::{self, ONE, ZERO},
    matrix::{self, Matrix, SparseRow},
    params::{LiquidAlphaMode, Params},
    state::Row,
};
use alloc::{collections::BTreeSet, vec, vec::Vec};
use substrate_fixed::types::{I32F32, I64F64};

const MILLION: I64F64 = I64F64::from_bits(1_000_000 << 64);
const HALF: I32F32 = I32F32::from_bits(1 << 31);
const MINUS_HUNDRED: I32F32 = I32F32::from_bits(-100 << 32);

/// Bonds and dividends after an epoch.
pub struct Bonding {
    /// Bonds to store.
    pub bonds: Matrix,
    /// Each validator's share of the validators' pay; sums to 1 or 0.
    pub dividends: Vec<I32F32>,
}

/// Yuma 2: bonds are shares of a column, `B = a ΔB + (1 - a) B` with `ΔB = W s`, both column
/// normalised; `D_i = Σ_j B_ij I_j`. Stored with each column's largest bond scaled to 1.
pub fn yuma2(
    weights: &[SparseRow],
    stored: &[SparseRow],
    active_stake: &[I32F32],
    incentive: &[I32F32],
    params: &Params,
) -> Bonding {
    let n = incentive.len();
    let old = matrix::normalize_columns(stored, n);
    let delta = matrix::normalize_columns(&matrix::scale_rows(weights, active_stake), n);
    let averaged = moving_average(&delta, &old, plain_alpha(params), n);
    let bonds = matrix::normalize_columns(&averaged, n);
    let mut dividends = matrix::row_products(&bonds, incentive);
    fixed::normalize(&mut dividends);
    Bonding { bonds: matrix::upscale_columns(&bonds, n), dividends }
}

/// Yuma 3: bonds are values in [0, 1] of a pair, `B = (1 - a) B + a W`, and
/// `D_i = s_i Σ_j (B_ij / Σ_k B_kj) I_j`. The speed is the pair's own where there is a consensus to
/// measure it by (liquid alpha).
pub fn yuma3(
    weights: &[SparseRow],
    stored: &[SparseRow],
    active_stake: &[I32F32],
    consensus: Option<&[I32F32]>,
    incentive: &[I32F32],
    params: &Params,
) -> Bonding {
    let n = incentive.len();
    let old = matrix::map(stored, |_, bond| fixed::div(bond, fixed::integer(u16::MAX)));
    let bonds = match consensus {
        Some(consensus) => liquid_average(weights, &old, consensus, params),
        None => moving_average(weights, &old, plain_alpha(params), n),
    };
    let held = matrix::row_products(&matrix::normalize_columns(&bonds, n), incentive);
    let mut dividends: Vec<I32F32> =
        held.iter().zip(active_stake).map(|(held, stake)| fixed::mul(*held, *stake)).collect();
    fixed::normalize(&mut dividends);
    Bonding { bonds, dividends }
}

/// Part of a bond that an epoch renews: `1 - bonds_moving_average / 1,000,000`.
pub fn plain_alpha(params: &Params) -> I32F32 {
    let kept = I64F64::saturating_from_num(params.bonds_moving_average).checked_div(MILLION);
    ONE.saturating_sub(I32F32::saturating_from_num(kept.unwrap_or_default()))
}

/// `alpha × new + (1 - alpha) × old`; only positive values are kept.
fn moving_average(new: &[SparseRow], old: &[SparseRow], alpha: I32F32, n: usize) -> Matrix {
    let kept = ONE.saturating_sub(alpha);
    let average = |(new, old): (&SparseRow, &SparseRow)| {
        let mut dense = vec![ZERO; n];
        for (row, factor) in [(new, alpha), (old, kept)] {
            for (column, value) in row {
                if let Some(cell) = dense.get_mut(usize::from(*column)) {
                    *cell = cell.saturating_add(fixed::mul(factor, *value));
                }
            }
        }
        (0..).zip(dense).filter(|(_, value)| *value > ZERO).collect()
    };
    new.iter().zip(old).map(average).collect()
}

/// `B = min(1, (1 - a_ij) B + a_ij W)` with the pair's own speed, for present weights only: a bond
/// without a weight entry vanishes at once, one with an entry of 0 decays, unless `absent_as_zero`
/// lets both decay.
fn liquid_average(weights: &[SparseRow], old: &[SparseRow], consensus: &[I32F32], params: &Params) -> Matrix {
    let average = |(weights, old): (&SparseRow, &SparseRow)| {
        let bond = |(column, weight): &(u16, I32F32)| {
            let bond = matrix::entry(old, *column);
            let alpha = liquid_alpha(*weight, bond, matrix::at(consensus, *column), params);
            let kept = fixed::mul(ONE.saturating_sub(alpha), bond);
            (*column, kept.saturating_add(fixed::mul(alpha, *weight)).min(ONE))
        };
        let grown = if params.absent_as_zero { with_absent(weights, old) } else { weights.clone() };
        grown.iter().map(bond).filter(|(_, value)| *value > ZERO).collect()
    };
    weights.iter().zip(old).map(average).collect()
}

/// The row with an entry of 0 for each bond that has no weight.
fn with_absent(weights: &SparseRow, old: &SparseRow) -> SparseRow {
    let columns: BTreeSet<u16> = weights.iter().chain(old).map(|(column, _)| *column).collect();
    columns.into_iter().map(|column| (column, matrix::entry(weights, column))).collect()
}

/// Speed of one bond: `low + (high - low) / (1 + e^(-steepness (d - 1/2)))`, where `d` in [0, 1]
/// is how far the weight exceeds the consensus when buying, or falls below the bond when selling.
pub fn liquid_alpha(weight: I32F32, bond: I32F32, consensus: I32F32, params: &Params) -> I32F32 {
    let low = fixed::proportion(params.alpha_low);
    let high = fixed::proportion(params.alpha_high);
    let distance = if weight >= bond { weight.saturating_sub(consensus) } else { bond.saturating_sub(weight) };
    let steepness = I32F32::from_num(params.alpha_sigmoid_steepness);
    let exponent = fixed::mul(fixed::div(steepness, MINUS_HUNDRED), distance.clamp(ZERO, ONE).saturating_sub(HALF));
    let sigmoid = fixed::div(ONE, ONE.saturating_add(fixed::exp(exponent)));
    let alpha = low.saturating_add(fixed::mul(sigmoid, high.saturating_sub(low)));
    alpha.min(high).max(low)
}

/// The consensus that liquid alpha measures weights by: the one just formed, or the one that the
/// previous epoch stored, as `liquid_alpha_mode` says. A subnet that stored none uses the current one.
pub fn liquid_consensus(current: &[I32F32], stored: &[u16], params: &Params) -> Vec<I32F32> {
    let previous = match params.liquid_alpha_mode {
        LiquidAlphaMode::Current => false,
        LiquidAlphaMode::Previous => true,
        LiquidAlphaMode::Auto => params.bonds_penalty == u16::MAX,
    };
    if previous && !stored.is_empty() {
        stored.iter().copied().map(fixed::proportion).collect()
    } else {
        current.to_vec()
    }
}

/// Stored bonds once a miner has asked for a new start: everybody's bond on it is 0.
pub fn reset(bonds: &mut [Row], miner: u16) {
    for (_, bond) in bonds.iter_mut().flatten().filter(|(uid, _)| *uid == miner) {
        *bond = 0;
    }
}
