//! A subnet's share of a block's TAO: moving price, burn, bar, gate, switch, and the exact split.
//!
//! Everything is in raw bits: shares `U64F64`, a subnet's moving price `I96F32` (never below 0) and its
//! burned part `U96F32`, as the chain stores them. Lists have one entry a subnet, ascending by netuid.

use crate::transcendental::power;
use crate::wide::{mul_div, narrow};
use alloc::{vec, vec::Vec};
use substrate_fixed::types::{I64F64, U64F64};

/// A whole block's TAO as a share.
pub const ONE_U64F64: u128 = 1 << 64;
/// The rank whose share is the bar, unless root sets it otherwise.
pub const EMISSION_BAR_RANK: u16 = 32;
/// The mass that reaches down to the bar where there are fewer subnets than the rank.
pub const EMISSION_BAR_QUANTILE: u128 = 3 << 62;
/// The steepness of the gate, unless root sets it otherwise.
pub const EMISSION_GATE_EXPONENT: u128 = 3 << 64;
/// Blocks for which a bar is held.
pub const EMISSION_BAR_INTERVAL: u64 = 360;
/// How fast a moving price follows at the most: the `I96F32` nearest to 3e-6.
pub const MOVING_ALPHA: u128 = 12_885;
/// Blocks since its start after which a subnet's moving price follows at half that speed.
pub const MOVING_PRICE_HALVING: u64 = 201_600;
/// How fast the retired average of flows followed, of 2^63 - 1.
pub const FLOW_SMOOTHING: u64 = 29_597_889_189_277;
const ONE: U64F64 = U64F64::from_bits(ONE_U64F64);

/// The moving price one block on: `a min(spot, 1) + (1 - a) price`, `a = alpha b / (b + halving)`.
///
/// `price` and `alpha` are `I96F32`, `spot` is `U64F64`, `b` the blocks since the subnet started.
pub fn moving_price(price: u128, spot: u128, alpha: u128, blocks: u64, halving: u64) -> u128 {
    let blocks = U64F64::from_num(blocks);
    let ramp = div(blocks, blocks.saturating_add(U64F64::from_num(halving)));
    let speed = from_q32(alpha).saturating_mul(ramp);
    let new = speed.saturating_mul(U64F64::from_bits(spot).min(ONE));
    let old = ONE.saturating_sub(speed).saturating_mul(from_q32(price));
    new.saturating_add(old).to_bits() >> 32
}

/// `p_i / Σ p` of moving prices; all 0 where no subnet has a price.
pub fn shares_by_price(prices: &[u128]) -> Vec<u128> {
    let converted: Vec<u128> = prices.iter().map(|price| from_q32(*price).to_bits()).collect();
    normalized(&converted).unwrap_or_else(|| vec![0; prices.len()])
}

/// `s_i (1 - burned_i) / Σ`, where `burned` is the part of its miners' pay that a subnet burned last
/// (read as at most 1); the shares as they were if that leaves none.
pub fn less_burned(shares: &[u128], burned: &[u128]) -> Vec<u128> {
    let weigh = |(share, part): (&u128, &u128)| {
        let kept = ONE.saturating_sub(from_q32(*part));
        U64F64::from_bits(*share).saturating_mul(kept).to_bits()
    };
    let weighted: Vec<u128> = shares.iter().zip(burned).map(weigh).collect();
    normalized(&weighted).unwrap_or_else(|| shares.to_vec())
}

/// The share at which the gate is half open: the `rank`-th largest.
///
/// With fewer subnets above 0 than that, or rank 0, the share at which the sum from the largest down
/// first reaches `quantile`; the smallest if it never does, 0 if there is none.
pub fn emission_bar(shares: &[u128], rank: u16, quantile: u128) -> u128 {
    let mut ranked: Vec<u128> = shares.iter().copied().filter(|share| *share > 0).collect();
    ranked.sort_unstable_by(|a, b| b.cmp(a));
    let pinned = usize::from(rank).checked_sub(1).and_then(|index| ranked.get(index));
    if let Some(share) = pinned {
        return *share;
    }
    let mut mass = 0_u128;
    let crossing = ranked.iter().find(|share| {
        mass = mass.saturating_add(**share);
        mass >= quantile
    });
    crossing.or(ranked.last()).copied().unwrap_or(0)
}

/// `1 / (1 + (bar / share)^h)`; 0 for a share of 0, 1 where there is no bar.
pub fn gate(share: u128, bar: u128, exponent: u128) -> u128 {
    if share == 0 || bar == 0 {
        return if share > 0 { ONE_U64F64 } else { 0 };
    }
    let hurdle = U64F64::from_bits(power(bar, share, exponent, ONE_U64F64));
    div(ONE, ONE.saturating_add(hurdle)).to_bits()
}

/// `s_i g_i / Σ s g`; the shares as they were if every product underflows.
pub fn gated(shares: &[u128], bar: u128, exponent: u128) -> Vec<u128> {
    let pass = |share: &u128| {
        let open = U64F64::from_bits(gate(*share, bar, exponent));
        U64F64::from_bits(*share).saturating_mul(open).to_bits()
    };
    let passed: Vec<u128> = shares.iter().map(pass).collect();
    normalized(&passed).unwrap_or_else(|| shares.to_vec())
}

/// Disabled subnets' shares handed to the enabled ones; none where all are disabled.
pub fn among_enabled(shares: &[u128], enabled: &[bool]) -> Vec<u128> {
    if enabled.iter().all(|on| *on) {
        return shares.to_vec();
    }
    let keep = |(share, on): (&u128, &bool)| if *on { *share } else { 0 };
    let kept: Vec<u128> = shares.iter().zip(enabled).map(keep).collect();
    normalized(&kept).unwrap_or(kept)
}

/// The shares of this block: by price, less burned, gated at the bar, among the enabled.
///
/// The bar is `emission_bar` of `less_burned` shares as it was when last computed.
pub fn emission_shares(prices: &[u128], burned: &[u128], enabled: &[bool], bar: u128, exponent: u128) -> Vec<u128> {
    let demand = less_burned(&shares_by_price(prices), burned);
    among_enabled(&gated(&demand, bar, exponent), enabled)
}

/// What each subnet gets of `amount` rao: `floor(amount s_i / Σ s)`; what the floors leave goes to the
/// largest share (the first of several). If all shares are 0 nothing is split. The sum of the shares
/// must fit 128 bits.
pub fn split_by_shares(amount: u64, shares: &[u128]) -> Vec<u64> {
    let total = sum(shares);
    let part = |share: &u128| narrow(mul_div(u128::from(amount), *share, total).unwrap_or(0));
    let mut split: Vec<u64> = shares.iter().map(part).collect();
    let left = split.iter().fold(amount, |left, part| left.saturating_sub(*part));
    let largest = shares.iter().copied().max().filter(|share| *share > 0);
    let first = shares.iter().position(|share| Some(*share) == largest);
    if let Some(part) = first.and_then(|index| split.get_mut(index)) {
        *part = part.saturating_add(left);
    }
    split
}

/// The average of a subnet's flow of TAO one block on: `(1 - a) average + a flow`, `I64F64` bits.
///
/// `flow` is in whole rao, in minus out; `a = smoothing / (2^63 - 1)`. Retired in June 2026.
pub fn moving_flow(average: i128, flow: i64, smoothing: u64) -> i128 {
    let whole = I64F64::from_num(i64::MAX);
    let speed = I64F64::saturating_from_num(smoothing).checked_div(whole).unwrap_or_default();
    let old = I64F64::from_num(1).saturating_sub(speed).saturating_mul(I64F64::from_bits(average));
    old.saturating_add(speed.saturating_mul(I64F64::from_num(flow))).to_bits()
}

/// Users' average flows less the protocol's, `I64F64` bits.
///
/// A protocol flow above 0 counts n-fold, `n = min(1, Σ max(user, 0) / Σ max(protocol, 0))`; one below
/// 0 is taken whole. Retired in June 2026.
pub fn net_flows(user: &[i128], protocol: &[i128]) -> Vec<i128> {
    let gains = |flows: &[i128]| {
        I64F64::from_bits(flows.iter().fold(0_i128, |total, flow| total.saturating_add(*flow.max(&0))))
    };
    let norm = gains(user).checked_div(gains(protocol)).unwrap_or_default().min(I64F64::from_num(1));
    let net = |(gain, flow): (&i128, &i128)| {
        let flow = I64F64::from_bits(*flow);
        let cost = if flow > I64F64::from_bits(0) { norm.saturating_mul(flow) } else { flow };
        I64F64::from_bits(*gain).saturating_sub(cost).to_bits()
    };
    user.iter().zip(protocol).map(net).collect()
}

/// `max(f_i - L, 0)^p / Σ`, `L = max(cutoff, min(0, min f))`: the shares from November 2025 to June
/// 2026. Flows and cutoff are `I64F64` bits, the exponent is `U64F64`.
pub fn shares_by_flow(flows: &[i128], cutoff: i128, exponent: u128) -> Vec<u128> {
    let lowest = flows.iter().copied().min().unwrap_or(0).min(0);
    let lower = cutoff.max(lowest);
    let offset = |flow: &i128| u128::try_from(flow.saturating_sub(lower)).unwrap_or(0);
    let offsets: Vec<u128> = flows.iter().map(offset).collect();
    let largest = offsets.iter().copied().max().unwrap_or(0);
    let raise = |offset: &u128| if *offset > 0 { power(*offset, largest, exponent, ONE_U64F64) } else { 0 };
    let powers: Vec<u128> = offsets.iter().map(raise).collect();
    normalized(&powers).unwrap_or(powers)
}

/// `values / Σ values`; `None` if that sum is 0.
fn normalized(values: &[u128]) -> Option<Vec<u128>> {
    let total = U64F64::from_bits(sum(values));
    let part = |value: &u128| div(U64F64::from_bits(*value), total).to_bits();
    (total > U64F64::from_bits(0)).then(|| values.iter().map(part).collect())
}

fn sum(values: &[u128]) -> u128 {
    values.iter().fold(0, |total: u128, value| total.saturating_add(*value))
}

fn div(a: U64F64, b: U64F64) -> U64F64 {
    a.checked_div(b).unwrap_or_default()
}

/// A number with 32 fraction bits as `U64F64`.
fn from_q32(bits: u128) -> U64F64 {
    U64F64::from_bits(bits.saturating_mul(1 << 32))
}
