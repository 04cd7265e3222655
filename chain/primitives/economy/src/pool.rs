//! A subnet's pool of TAO and alpha: price, trades, what a block injects, and how its alpha is split.
//!
//! A weighted pool ("balancer"): `x` alpha and `y` TAO of weights `w1 + w2 = 1` trade along
//! `x^w1 y^w2 = constant` at the price `p = w1 y / (w2 x)`. Amounts are rao, prices `U64F64` bits (TAO
//! an alpha), weights parts of 10^18.

use crate::transcendental::{ONE_Q120, exp_down, ln, power, scaled};
use crate::wide::{mul_div, mul_div_rem, mul_shift, narrow};
use substrate_fixed::types::{U64F64, U96F32};

/// The sum of a pool's weights.
pub const WEIGHT: u64 = 1_000_000_000_000_000_000;
/// The least that either may weigh.
pub const MIN_WEIGHT: u64 = 10_000_000_000_000_000;
/// What must lie in a pool of what a trade takes out, in rao.
pub const MIN_RESERVE_RAO: u64 = 1_000_000;
/// The most that a trade may put in, in multiples of what lies there.
pub const MAX_INPUT_RESERVES: u64 = 1_000;
/// The part of what a trade puts in that goes to the block's author, of 65,535.
pub const FEE_RATE: u16 = 33;
/// More than `ln` and `exp_down` can be off together at an exponent of 99: 2^-104.
const MARGIN: u128 = 1 << 16;
const HALF_WEIGHT: u64 = 500_000_000_000_000_000;
const ONE_U64F64: u128 = 1 << 64;

/// Why a trade cannot be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
pub enum Refusal {
    /// It puts in more than the pool can take.
    InputTooLarge,
    /// What it takes out is nearly gone, or it would get nothing.
    ReservesTooLow,
    /// The price is beyond the limit already.
    PriceLimit,
}

/// The reserves of a pool, in rao.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Pool {
    /// `y` (`SubnetTAO`).
    pub tao: u64,
    /// `x` (`SubnetAlphaIn`).
    pub alpha: u64,
    /// `w2`, the weight of the TAO, of 10^18 (`SwapBalancer`), within 1 % and 99 %.
    pub quote_weight: u64,
}

impl Pool {
    /// `w1`, the weight of the alpha, of 10^18.
    pub fn base_weight(&self) -> u64 {
        WEIGHT.saturating_sub(self.quote_weight)
    }
}

/// A trade that was made. What is left of the amount offered, less paid and fee, is not touched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Trade {
    /// The pool afterwards.
    pub pool: Pool,
    /// What went into the pool.
    pub paid: u64,
    /// What went to the block's author, in what was paid with.
    pub fee: u64,
    /// What came out of the pool.
    pub received: u64,
}

/// `p = (w1 / w2) (y / x)`, each quotient truncated in `U64F64`; 0 if there is no alpha.
pub fn price(pool: &Pool) -> u128 {
    let quotient = |a: u64, b: u64| U64F64::from_num(a).checked_div(U64F64::from_num(b)).unwrap_or_default();
    quotient(pool.base_weight(), pool.quote_weight).saturating_mul(quotient(pool.tao, pool.alpha)).to_bits()
}

/// What the pool pays for `amount`: `out (1 - (in / (in + amount))^(w_in / w_out))`, floored.
///
/// Exact at equal weights; else one rao less where the true value is within 2^-40 above a whole number.
/// Never more than the true value, so that no sequence of trades gains by rounding.
pub fn payout(reserve_in: u64, reserve_out: u64, weight_in: u64, weight_out: u64, amount: u64) -> u64 {
    if reserve_in == 0 {
        return 0;
    }
    let after = u128::from(reserve_in).saturating_add(u128::from(amount));
    if weight_in == weight_out {
        let product = u128::from(reserve_out).saturating_mul(u128::from(amount));
        return narrow(product.checked_div(after).unwrap_or(0));
    }
    let exponent = scaled(ln(after, u128::from(reserve_in)), u128::from(weight_in), u128::from(weight_out));
    let kept = exp_down(exponent).saturating_add(MARGIN).min(ONE_Q120);
    narrow(mul_shift(u128::from(reserve_out), ONE_Q120.saturating_sub(kept), 120))
}

/// The alpha that `tao`, its fee taken off, buys.
pub fn alpha_for(pool: &Pool, tao: u64) -> u64 {
    payout(pool.tao, pool.alpha, pool.quote_weight, pool.base_weight(), tao)
}

/// The TAO that `alpha`, its fee taken off, sells for.
pub fn tao_for(pool: &Pool, alpha: u64) -> u64 {
    payout(pool.alpha, pool.tao, pool.base_weight(), pool.quote_weight, alpha)
}

/// The alpha that sells for `tao` before any fee: `x ((y / (y - dy))^(w2 / w1) - 1)`, floored.
///
/// `None` if the pool does not hold more than that.
pub fn alpha_needed(pool: &Pool, tao: u64) -> Option<u64> {
    let left = pool.tao.checked_sub(tao).filter(|left| *left > 0)?;
    let (quote, base) = (u128::from(pool.quote_weight), u128::from(pool.base_weight()));
    Some(grown(pool.alpha, power(u128::from(pool.tao), u128::from(left), quote, base)))
}

/// The TAO that raises the price to `target`: `y ((p' / p)^w1 - 1)`, floored; 0 unless it is higher.
pub fn tao_to_price(pool: &Pool, target: u128) -> u64 {
    grown(pool.tao, power(target, price(pool), u128::from(pool.base_weight()), u128::from(WEIGHT)))
}

/// The alpha that lowers the price to `target`: `x ((p / p')^w2 - 1)`, floored; 0 unless it is lower.
pub fn alpha_to_price(pool: &Pool, target: u128) -> u64 {
    grown(pool.alpha, power(price(pool), target, u128::from(pool.quote_weight), u128::from(WEIGHT)))
}

/// The fee that is a part of `amount`: `amount × rate / 65,535`, the quotient in `U64F64`, floored.
pub fn trade_fee(amount: u64, rate: u16) -> u64 {
    fee(amount, rate, u16::MAX)
}

/// The fee that belongs to `paid` net of it: `paid × rate / (65,535 - rate)`, likewise; saturates.
pub fn fee_on_top(paid: u64, rate: u16) -> u64 {
    fee(paid, rate, u16::MAX.saturating_sub(rate))
}

/// Alpha for as much of `tao` as the price allows to stay at or below `limit_price`.
pub fn buy(pool: &Pool, tao: u64, limit_price: u128, fee_rate: u16) -> Result<Trade, Refusal> {
    let mut fee = trade_fee(tao, fee_rate);
    let mut paid = tao.saturating_sub(fee);
    let bought = |paid: u64| {
        let received = alpha_for(pool, paid);
        let (tao, alpha) = (pool.tao.saturating_add(paid), pool.alpha.saturating_sub(received));
        (Pool { tao, alpha, ..*pool }, received)
    };
    may_start(paid, pool.tao, pool.alpha, price(pool) < limit_price)?;
    if price(&bought(paid).0) > limit_price {
        paid = tao_to_price(pool, limit_price).min(paid);
        fee = fee_on_top(paid, fee_rate).min(tao.saturating_sub(paid));
    }
    let (after, received) = bought(paid);
    if paid > 0 && received == 0 {
        return Err(Refusal::ReservesTooLow);
    }
    Ok(Trade { pool: after, paid, fee, received })
}

/// TAO for as much of `alpha` as the price allows to stay at or above `limit_price`.
pub fn sell(pool: &Pool, alpha: u64, limit_price: u128, fee_rate: u16) -> Result<Trade, Refusal> {
    let mut fee = trade_fee(alpha, fee_rate);
    let mut paid = alpha.saturating_sub(fee);
    let sold = |paid: u64| {
        let received = tao_for(pool, paid);
        let (tao, alpha) = (pool.tao.saturating_sub(received), pool.alpha.saturating_add(paid));
        (Pool { tao, alpha, ..*pool }, received)
    };
    may_start(paid, pool.alpha, pool.tao, price(pool) > limit_price)?;
    if price(&sold(paid).0) < limit_price {
        paid = alpha_to_price(pool, limit_price).min(paid);
        fee = fee_on_top(paid, fee_rate).min(alpha.saturating_sub(paid));
    }
    let (after, received) = sold(paid);
    if paid > 0 && received == 0 {
        return Err(Refusal::ReservesTooLow);
    }
    Ok(Trade { pool: after, paid, fee, received })
}

/// The pool with more of both at the price it had; `None` if a weight would fall below 1 %, as it would
/// where only one side is empty, or if a reserve would exceed 64 bits.
///
/// `w2' = w2 x (y + dy) / (w1 y (x + dx) + w2 x (y + dy))`, floored in 10^18ths; the products are
/// rounded to whole numbers. An empty pool starts with equal weights.
pub fn inject(pool: &Pool, tao: u64, alpha: u64) -> Option<Pool> {
    let product =
        |held: u64, a: u64, b: u64| u128::from(held).saturating_mul(u128::from(a).saturating_add(u128::from(b)));
    let base = weighed(pool.base_weight(), product(pool.tao, pool.alpha, alpha));
    let quote = weighed(pool.quote_weight, product(pool.alpha, pool.tao, tao));
    let total = base.saturating_add(quote);
    let weight = mul_div(u128::from(WEIGHT), quote, total).map_or(HALF_WEIGHT, narrow).min(WEIGHT);
    let bounds = MIN_WEIGHT..=WEIGHT.saturating_sub(MIN_WEIGHT);
    let (tao, alpha) = (pool.tao.checked_add(tao)?, pool.alpha.checked_add(alpha)?);
    bounds.contains(&weight).then_some(Pool { tao, alpha, quote_weight: weight })
}

/// `weight × value` with a weight of 10^18, rounded to the nearest whole number, halves up.
pub fn weighed(weight: u64, value: u128) -> u128 {
    let scale = u128::from(WEIGHT);
    let (floor, rest) = mul_div_rem(u128::from(weight), value, scale).unwrap_or((u128::MAX, 0));
    floor.saturating_add(u128::from(rest >= u128::from(HALF_WEIGHT)))
}

/// The root network's part of a subnet's stake: `R w / (R w + alpha issued)`, in `U96F32` bits.
///
/// `tao_weight` is `w` of 2^64 - 1. 0 if there is neither.
pub fn root_proportion(root_tao: u64, tao_weight: u64, alpha_issuance: u64) -> u128 {
    let weight = U96F32::from_num(tao_weight).checked_div(U96F32::from_num(u64::MAX)).unwrap_or_default();
    let weighted = U96F32::from_num(root_tao).saturating_mul(weight);
    let total = weighted.saturating_add(U96F32::from_num(alpha_issuance));
    weighted.checked_div(total).unwrap_or_default().to_bits()
}

/// What a block brings to a pool, in rao; `tao + excess_tao` is the subnet's share of the block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Injection {
    /// TAO put into the pool.
    pub tao: u64,
    /// Newly issued alpha put into the pool.
    pub alpha: u64,
    /// TAO that buys alpha for the protocol.
    pub excess_tao: u64,
}

/// What a block brings to a pool for a subnet's share `tao` of it.
///
/// `tao / price` alpha, at most `root_proportion` (`U96F32`) of `alpha_block`; as much TAO as that
/// alpha is worth; the rest of the TAO is excess. Formed in `U96F32`, amounts floored. Without a price
/// there is no alpha.
pub fn block_injection(tao: u64, alpha_block: u64, price: u128, root_proportion: u128) -> Injection {
    let price = U96F32::from_bits(price >> 32);
    let alpha = U96F32::from_num(tao).checked_div(price).unwrap_or_default();
    let cap = U96F32::from_bits(root_proportion).saturating_mul(U96F32::from_num(alpha_block));
    if alpha <= cap {
        return Injection { tao, alpha: alpha.saturating_to_num(), excess_tao: 0 };
    }
    let put_in: u64 = cap.saturating_mul(price).saturating_to_num();
    Injection { tao: put_in, alpha: cap.saturating_to_num(), excess_tao: tao.saturating_sub(put_in) }
}

/// What became of an injection, in rao.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Brought {
    /// The pool afterwards.
    pub pool: Pool,
    /// Alpha that was issued into the pool.
    pub alpha_issued: u64,
    /// Alpha that the excess bought, which the protocol holds (`SubnetProtocolAlpha`).
    pub alpha_bought: u64,
    /// TAO that the pool could not take; it is not issued.
    pub tao_left: u64,
}

/// Injects, then buys with the excess at any price and no fee; what is refused is left.
///
/// Buys on the reserves after the injection, where the public network takes those before.
pub fn bring(pool: &Pool, injection: &Injection) -> Brought {
    let injected = inject(pool, injection.tao, injection.alpha);
    let (alpha_issued, unused) = if injected.is_some() { (injection.alpha, 0) } else { (0, injection.tao) };
    let pool = injected.unwrap_or(*pool);
    let trade = buy(&pool, injection.excess_tao, u128::MAX, 0);
    let trade = trade.unwrap_or(Trade { pool, paid: 0, fee: 0, received: 0 });
    let tao_left = unused.saturating_add(injection.excess_tao.saturating_sub(trade.paid));
    Brought { pool: trade.pool, alpha_issued, alpha_bought: trade.received, tao_left }
}

/// Who gets the alpha that a block issued on a subnet, in rao; all four sum to it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct AlphaSplit {
    /// To the subnet's owner.
    pub owner: u64,
    /// To miners.
    pub server: u64,
    /// To validators and those who stake alpha with them.
    pub validator: u64,
    /// To those who stake TAO on the root network, through the validators.
    pub root: u64,
}

/// Splits a block's alpha: the owner's cut (of 65,535), half of the rest to miners, the other half to
/// validators, of which `root_proportion` (`U96F32`) to the root network. All but the validators' are
/// floored.
pub fn split_alpha(alpha: u64, owner_cut: u16, root_proportion: u128) -> AlphaSplit {
    let cut = u128::from(alpha).saturating_mul(u128::from(owner_cut));
    let owner = narrow(cut.checked_div(u128::from(u16::MAX)).unwrap_or(0));
    let rest = alpha.saturating_sub(owner);
    let server = rest >> 1;
    let validators = rest.saturating_sub(server);
    let part = U96F32::from_bits(root_proportion).min(U96F32::from_num(1));
    let root = U96F32::from_num(validators).saturating_mul(part).saturating_to_num::<u64>();
    AlphaSplit { owner, server, validator: validators.saturating_sub(root), root }
}

/// Whether the root network's alpha is paid, which is while all moving prices (`I96F32` bits) together
/// exceed 1 TAO; else it is taken out of circulation.
pub fn root_is_paid(prices: &[u128]) -> bool {
    prices.iter().fold(0_u128, |total, price| total.saturating_add(*price)) > 1 << 32
}

fn grown(reserve: u64, growth: u128) -> u64 {
    narrow(mul_shift(u128::from(reserve), growth.saturating_sub(ONE_U64F64), 64))
}

fn fee(amount: u64, rate: u16, unit: u16) -> u64 {
    let part = U64F64::from_num(rate).checked_div(U64F64::from_num(unit)).unwrap_or_default();
    narrow(mul_shift(u128::from(amount), part.to_bits(), 64))
}

/// Why a trade may not even start, if so. Reserves stay within 64 bits.
fn may_start(paid: u64, reserve_in: u64, reserve_out: u64, within_limit: bool) -> Result<(), Refusal> {
    let most = u128::from(reserve_in).saturating_mul(u128::from(MAX_INPUT_RESERVES));
    if u128::from(paid) > most || reserve_in.checked_add(paid).is_none() {
        return Err(Refusal::InputTooLarge);
    }
    if reserve_out < MIN_RESERVE_RAO {
        return Err(Refusal::ReservesTooLow);
    }
    if within_limit { Ok(()) } else { Err(Refusal::PriceLimit) }
}
