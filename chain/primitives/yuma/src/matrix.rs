//! The vector and matrix words of the epoch, on sparse rows.
//!
//! An absent entry and an entry of 0 are different things: the liquid moving average of bonds
//! lets an absent one vanish at once and a zero one decay. No word here may confuse the two.

use crate::{
    fixed::{self, ONE, ZERO},
    state::Row,
};
use alloc::{vec, vec::Vec};
use substrate_fixed::types::I32F32;

/// One row: `(uid, value)`, sorted by uid, each uid at most once.
pub type SparseRow = Vec<(u16, I32F32)>;
/// Rows of validators over columns of miners.
pub type Matrix = Vec<SparseRow>;

/// The value at `column`, 0 beyond the end.
pub fn at(vector: &[I32F32], column: u16) -> I32F32 {
    vector.get(usize::from(column)).copied().unwrap_or(ZERO)
}

/// Stored rows as numbers, cut to `n` rows and columns, sorted by uid.
pub fn from_rows(rows: &[Row], n: usize) -> Matrix {
    let mut matrix: Matrix = rows
        .iter()
        .take(n)
        .map(|row| {
            let known = row.iter().filter(|(column, _)| usize::from(*column) < n);
            let mut sorted: SparseRow = known.map(|(column, value)| (*column, fixed::integer(*value))).collect();
            sorted.sort_by_key(|(column, _)| *column);
            sorted
        })
        .collect();
    matrix.resize(n, Vec::new());
    matrix
}

/// The entries for which `keep(row, column)` holds.
pub fn filter(matrix: &[SparseRow], keep: impl Fn(usize, u16) -> bool) -> Matrix {
    let kept = |(i, row): (usize, &SparseRow)| row.iter().filter(|(column, _)| keep(i, *column)).copied().collect();
    matrix.iter().enumerate().map(kept).collect()
}

/// Every value replaced by `f(column, value)`.
pub fn map(matrix: &[SparseRow], f: impl Fn(u16, I32F32) -> I32F32) -> Matrix {
    let mapped = |row: &SparseRow| row.iter().map(|(column, value)| (*column, f(*column, *value))).collect();
    matrix.iter().map(mapped).collect()
}

/// Sum of each row.
pub fn row_sums(matrix: &[SparseRow]) -> Vec<I32F32> {
    matrix.iter().map(|row| fixed::sum(row.iter().map(|(_, value)| value))).collect()
}

/// Each row divided by its sum; rows of zeroes stay.
pub fn normalize_rows(matrix: &[SparseRow]) -> Matrix {
    let normalized = |(row, total): (&SparseRow, I32F32)| {
        row.iter().map(|(column, value)| (*column, fixed::div(*value, total))).collect()
    };
    matrix.iter().zip(row_sums(matrix)).map(normalized).collect()
}

/// Each row multiplied by the factor of its row.
pub fn scale_rows(matrix: &[SparseRow], factors: &[I32F32]) -> Matrix {
    let scaled = |(row, factor): (&SparseRow, &I32F32)| {
        row.iter().map(|(column, value)| (*column, fixed::mul(*value, *factor))).collect()
    };
    matrix.iter().zip(factors).map(scaled).collect()
}

/// One value a column, folded over the column's entries from 0.
fn fold_columns(matrix: &[SparseRow], columns: usize, f: impl Fn(I32F32, I32F32) -> I32F32) -> Vec<I32F32> {
    let mut folded = vec![ZERO; columns];
    for (column, value) in matrix.iter().flatten() {
        if let Some(cell) = folded.get_mut(usize::from(*column)) {
            *cell = f(*cell, *value);
        }
    }
    folded
}

fn divide_columns(matrix: &[SparseRow], divisors: &[I32F32]) -> Matrix {
    map(matrix, |column, value| fixed::div(value, at(divisors, column)))
}

/// Each column divided by its sum; columns of zeroes stay.
pub fn normalize_columns(matrix: &[SparseRow], columns: usize) -> Matrix {
    divide_columns(matrix, &fold_columns(matrix, columns, I32F32::saturating_add))
}

/// Each column divided by its largest value, so that this becomes 1.
pub fn upscale_columns(matrix: &[SparseRow], columns: usize) -> Matrix {
    divide_columns(matrix, &fold_columns(matrix, columns, Ord::max))
}

/// `r_j = Σ_i v_i m_ij`.
pub fn column_products(matrix: &[SparseRow], vector: &[I32F32], columns: usize) -> Vec<I32F32> {
    fold_columns(&scale_rows(matrix, vector), columns, I32F32::saturating_add)
}

/// `r_i = Σ_j v_j m_ij`.
pub fn row_products(matrix: &[SparseRow], vector: &[I32F32]) -> Vec<I32F32> {
    row_sums(&map(matrix, |column, value| fixed::mul(value, at(vector, column))))
}

/// Values above their column's ceiling lowered to it; the entry goes where the ceiling is 0.
pub fn clip_columns(matrix: &[SparseRow], ceilings: &[I32F32]) -> Matrix {
    let clip = |(column, value): &(u16, I32F32)| match at(ceilings, *column) {
        ceiling if *value <= ceiling => Some((*column, *value)),
        ceiling if ceiling > ZERO => Some((*column, ceiling)),
        _ => None,
    };
    matrix.iter().map(|row| row.iter().filter_map(clip).collect()).collect()
}

/// `from + ratio (to - from)`, where the entries of `to` are some of those of `from`.
///
/// At ratio 0 and 1 the operand itself, else only the positive entries.
pub fn interpolate(from: &[SparseRow], to: &[SparseRow], ratio: I32F32) -> Matrix {
    if ratio == ZERO {
        return from.to_vec();
    }
    if ratio == ONE {
        return to.to_vec();
    }
    let between = |(row_from, row_to): (&SparseRow, &SparseRow)| {
        let value = |(column, a): &(u16, I32F32)| {
            let distance = entry(row_to, *column).saturating_sub(*a);
            (*column, a.saturating_add(fixed::mul(ratio, distance)))
        };
        row_from.iter().map(value).filter(|(_, value)| *value > ZERO).collect()
    };
    from.iter().zip(to).map(between).collect()
}

/// The value of a sorted row at `column`, 0 where there is none.
pub fn entry(row: &[(u16, I32F32)], column: u16) -> I32F32 {
    let found = row.binary_search_by_key(&column, |(uid, _)| *uid);
    found.ok().and_then(|index| row.get(index)).map_or(ZERO, |(_, value)| *value)
}

/// The consensus: for each column the stake-weighted median of what rows with stake gave it.
///
/// An absent entry counts as 0.
pub fn weighted_medians(stake: &[I32F32], matrix: &[SparseRow], columns: usize, majority: I32F32) -> Vec<I32F32> {
    let staked = || stake.iter().zip(matrix).filter(|(stake, _)| **stake > ZERO);
    let mut weights: Vec<I32F32> = staked().map(|(stake, _)| *stake).collect();
    fixed::normalize(&mut weights);
    let minority = fixed::sum(&weights).saturating_sub(majority);

    let mut scores = vec![vec![ZERO; weights.len()]; columns];
    for (position, (_, row)) in staked().enumerate() {
        for (column, value) in row {
            let cell = scores.get_mut(usize::from(*column)).and_then(|s| s.get_mut(position));
            if let Some(cell) = cell {
                *cell = *value;
            }
        }
    }
    scores.iter().map(|scores| weighted_median(&weights, scores, minority)).collect()
}

/// The smallest score such that the stake at or below it exceeds `minority`, else the largest: the
/// highest score that (almost) the complementary majority supports.
pub fn weighted_median(stake: &[I32F32], score: &[I32F32], minority: I32F32) -> I32F32 {
    let mut ascending: Vec<(I32F32, I32F32)> = score.iter().copied().zip(stake.iter().copied()).collect();
    ascending.sort_unstable();
    let mut reached = ZERO;
    for (score, stake) in &ascending {
        reached = reached.saturating_add(*stake);
        if reached > minority {
            return *score;
        }
    }
    ascending.last().map_or(ZERO, |(score, _)| *score)
}
