//! What a place costs, and who makes room: registration price, lock cost, pruning, a new subnet's pool.

use crate::pool::{Pool, WEIGHT};
use alloc::vec::Vec;
use substrate_fixed::types::U64F64;

/// One in Q32.
pub const ONE_Q32: u64 = 1 << 32;
const HALF_Q32: u64 = 1 << 31;

/// Largest Q32 fraction whose `half_life`-th power, by truncating square-and-multiply, is at most
/// one half: what a price keeps in one block. A half-life of 0 blocks means no decay.
pub fn decay_factor(half_life: u16) -> u64 {
    if half_life == 0 {
        return ONE_Q32;
    }
    let (mut low, mut high) = (0_u64, ONE_Q32);
    while low.saturating_add(1) < high {
        let middle = low.saturating_add(high.saturating_sub(low) >> 1);
        if power(middle, half_life) > HALF_Q32 { high = middle } else { low = middle }
    }
    low
}

/// The registration price one block on: `price × factor` in Q32, kept within [min, max].
pub fn decay_price(price: u64, factor_q32: u64, min: u64, max: u64) -> u64 {
    multiply(price, factor_q32).max(min).min(max)
}

/// The registration price right after a registration: `price × multiplier`, kept within
/// [min, max]. The multiplier is a `U64F64` in bits, read as at least 1.
pub fn bump_price(price: u64, multiplier_bits: u128, min: u64, max: u64) -> u64 {
    let multiplier = multiplier_bits.max(1 << 64);
    let (whole, fraction) = (multiplier >> 64, multiplier & u128::from(u64::MAX));
    let price = u128::from(price);
    let bumped = price.saturating_mul(whole).saturating_add(price.saturating_mul(fraction) >> 64);
    u64::try_from(bumped).unwrap_or(u64::MAX).max(min).min(max)
}

/// What the next subnet must lock: twice the last lock (once, if there was none), less
/// `floor(last / interval)` for every block since, at least `min`.
pub fn lock_cost(last_lock: u64, last_block: u64, min: u64, interval: u64, block: u64) -> u64 {
    let multiplier = if last_block == 0 { 1 } else { 2 };
    let step = last_lock.checked_div(interval).unwrap_or(0);
    let decay = step.saturating_mul(block.saturating_sub(last_block));
    last_lock.saturating_mul(multiplier).saturating_sub(decay).max(min)
}

/// A uid that could make room for a new one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Candidate {
    /// The uid itself.
    pub uid: u16,
    /// What it earned in the last epoch, in rao.
    pub emission: u64,
    /// When its holder registered.
    pub registered_at: u64,
    /// Still within its immunity period.
    pub immune: bool,
    /// Held by the subnet's owner; never pruned.
    pub immortal: bool,
}

/// Who is replaced when a full subnet takes a new uid, if anybody can be.
///
/// Lowest emission, then earliest registration, then lowest uid; among those past their immunity
/// as long as more than `min_non_immune` of them exist, else among the immune.
pub fn neuron_to_prune(candidates: &[Candidate], min_non_immune: u16) -> Option<u16> {
    let among = |immune: bool| candidates.iter().filter(move |c| !c.immortal && c.immune == immune);
    let worst = |immune: bool| among(immune).min_by_key(|c| (c.emission, c.registered_at, c.uid)).map(|c| c.uid);
    if among(false).count() > usize::from(min_non_immune) { worst(false) } else { worst(true) }
}

/// A subnet that could make room for a new one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SubnetCandidate {
    /// The subnet itself.
    pub netuid: u16,
    /// Its moving price, `I96F32` bits.
    pub price: u128,
    /// When it was registered.
    pub registered_at: u64,
    /// Still within its immunity period.
    pub immune: bool,
}

/// Which subnet is dissolved when the network is full and takes a new one, if any can be.
///
/// Lowest moving price, then earliest registration, then lowest netuid; never an immune one.
pub fn subnet_to_prune(candidates: &[SubnetCandidate]) -> Option<u16> {
    let mortal = candidates.iter().filter(|candidate| !candidate.immune);
    mortal.min_by_key(|c| (c.price, c.registered_at, c.netuid)).map(|c| c.netuid)
}

/// The median of all prices above 0, `U64F64` bits; of an even count the middle two's mean, of none
/// 1 TAO.
pub fn median_price(prices: &[u128]) -> u128 {
    let mut ranked: Vec<u128> = prices.iter().copied().filter(|price| *price > 0).collect();
    ranked.sort_unstable();
    let (below, above) = (ranked.len().saturating_sub(1) >> 1, ranked.len() >> 1);
    match (ranked.get(below), ranked.get(above)) {
        (Some(_), Some(middle)) if below == above => *middle,
        (Some(low), Some(high)) => low.saturating_add(*high) >> 1,
        _ => 1 << 64,
    }
}

/// The pool a new subnet starts with: the whole lock, and as much alpha as it is worth at the price
/// (`U64F64` bits), floored, with equal weights.
pub fn initial_pool(lock: u64, price: u128) -> Pool {
    let alpha = U64F64::from_num(lock).checked_div(U64F64::from_bits(price)).unwrap_or_default();
    Pool { tao: lock, alpha: alpha.saturating_to_num(), quote_weight: WEIGHT >> 1 }
}

fn multiply(value: u64, factor_q32: u64) -> u64 {
    let product = u128::from(value).saturating_mul(u128::from(factor_q32)) >> 32;
    u64::try_from(product).unwrap_or(u64::MAX)
}

fn power(base_q32: u64, exponent: u16) -> u64 {
    let (mut result, mut factor, mut exponent) = (ONE_Q32, base_q32, exponent);
    while exponent > 0 {
        if exponent & 1 == 1 {
            result = multiply(result, factor);
        }
        exponent >>= 1;
        if exponent > 0 {
            factor = multiply(factor, factor);
        }
    }
    result
}
