//! Calls of the market's rules: shares, pool, delegation, dissolution, conviction.

use economy::{Earner, Injection, Lock, Parent, Pool, Refusal, SubnetCandidate, Trade};
use serde::{Deserialize, Deserializer, de::Error};
use serde_json::{Value, json};
use std::{fmt::Display, str::FromStr};

/// A number that travels as a decimal string because it may exceed 64 bits.
#[derive(Clone, Copy, Debug)]
pub struct Text<T>(pub T);

impl<'de, T: FromStr<Err: Display>> Deserialize<'de> for Text<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map(Text).map_err(Error::custom)
    }
}

/// A lock: mass, conviction, block.
type Held = (u64, Wide, u64);
type Wide = Text<u128>;
type Signed = Text<i128>;

/// One call: the function's name and its arguments by their names.
#[derive(Debug, Deserialize)]
#[serde(tag = "call", rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum Call {
    Ln { numerator: Wide, denominator: Wide },
    ExpDown { x: Wide },
    ExpUp { x: Wide },
    Power { base: Wide, base_unit: Wide, exponent: Wide, exponent_unit: Wide },
    ExpI64f64 { x: Signed },
    MovingPrice { price: Wide, spot: Wide, alpha: Wide, blocks: u64, halving: u64 },
    EmissionBar { shares: Vec<Wide>, rank: u16, quantile: Wide },
    Gated { shares: Vec<Wide>, bar: Wide, exponent: Wide },
    EmissionShares { prices: Vec<Wide>, burned: Vec<Wide>, enabled: Vec<bool>, bar: Wide, exponent: Wide },
    SplitByShares { amount: u64, shares: Vec<Wide> },
    MovingFlow { average: Signed, flow: i64, smoothing: u64 },
    NetFlows { user: Vec<Signed>, protocol: Vec<Signed> },
    SharesByFlow { flows: Vec<Signed>, cutoff: Signed, exponent: Wide },
    Price { pool: Pool },
    Buy { pool: Pool, amount: u64, limit_price: Wide, fee_rate: u16 },
    Sell { pool: Pool, amount: u64, limit_price: Wide, fee_rate: u16 },
    AlphaNeeded { pool: Pool, tao: u64 },
    TaoToPrice { pool: Pool, target: Wide },
    AlphaToPrice { pool: Pool, target: Wide },
    FeeOnTop { paid: u64, rate: u16 },
    Inject { pool: Pool, tao: u64, alpha: u64 },
    RootProportion { root_tao: u64, tao_weight: u64, alpha_issuance: u64 },
    BlockInjection { tao: u64, alpha_block: u64, price: Wide, root_proportion: Wide },
    Bring { pool: Pool, injection: Injection },
    SplitAlpha { alpha: u64, owner_cut: u16, root_proportion: Wide },
    RootIsPaid { prices: Vec<Wide> },
    InheritedStake { own: u64, given: Vec<u64>, received: Vec<(u64, u64)> },
    OwnContribution { alpha: u64, tao: u64, given: Vec<u64>, tao_weight: u64 },
    ChildDividends { dividends: u64, own: u64, parents: Vec<Parent>, child_take: u16, burn: u64, tao_weight: u64 },
    PayValidators { pot: u64, root_pot: u64, earners: Vec<Earner>, tao_weight: u64 },
    SubnetToPrune { candidates: Vec<(u16, Wide, u64, bool)> },
    MedianPrice { prices: Vec<Wide> },
    InitialPool { lock: u64, price: Wide },
    PayHolders { pot: u64, holdings: Vec<u64> },
    OwnerRefund { lock: u64, issued_alpha: u64, owner_cut: u16, price: Wide },
    Decay { blocks: u64, rate: u64 },
    Rolled { lock: Held, block: u64, unlock_rate: u64, maturity_rate: u64, owner: bool, perpetual: bool },
    Merged { first: Held, second: Held },
    Reduced { lock: Held, amount: u64 },
    NewOwner { convictions: Vec<Wide>, age: u64, outstanding_alpha: u64 },
}

/// What the function answers.
pub fn answer(call: Call) -> Value {
    match call {
        Call::Ln { numerator, denominator } => text(economy::ln(numerator.0, denominator.0)),
        Call::ExpDown { x } => text(economy::exp_down(x.0)),
        Call::ExpUp { x } => text(economy::exp_up(x.0)),
        Call::Power { base, base_unit, exponent, exponent_unit } => {
            text(economy::power(base.0, base_unit.0, exponent.0, exponent_unit.0))
        }
        Call::ExpI64f64 { x } => text(economy::exp_i64f64(economy::I64F64::from_bits(x.0)).to_bits()),
        Call::MovingPrice { price, spot, alpha, blocks, halving } => {
            text(economy::moving_price(price.0, spot.0, alpha.0, blocks, halving))
        }
        Call::EmissionBar { shares, rank, quantile } => text(economy::emission_bar(&bare(shares), rank, quantile.0)),
        Call::Gated { shares, bar, exponent } => texts(economy::gated(&bare(shares), bar.0, exponent.0)),
        Call::EmissionShares { prices, burned, enabled, bar, exponent } => {
            texts(economy::emission_shares(&bare(prices), &bare(burned), &enabled, bar.0, exponent.0))
        }
        Call::SplitByShares { amount, shares } => json!(economy::split_by_shares(amount, &bare(shares))),
        Call::MovingFlow { average, flow, smoothing } => text(economy::moving_flow(average.0, flow, smoothing)),
        Call::NetFlows { user, protocol } => texts(economy::net_flows(&bare(user), &bare(protocol))),
        Call::SharesByFlow { flows, cutoff, exponent } => {
            texts(economy::shares_by_flow(&bare(flows), cutoff.0, exponent.0))
        }
        Call::Price { pool } => text(economy::price(&pool)),
        Call::Buy { pool, amount, limit_price, fee_rate } => {
            trade(economy::buy(&pool, amount, limit_price.0, fee_rate))
        }
        Call::Sell { pool, amount, limit_price, fee_rate } => {
            trade(economy::sell(&pool, amount, limit_price.0, fee_rate))
        }
        Call::AlphaNeeded { pool, tao } => json!(economy::alpha_needed(&pool, tao)),
        Call::TaoToPrice { pool, target } => json!(economy::tao_to_price(&pool, target.0)),
        Call::AlphaToPrice { pool, target } => json!(economy::alpha_to_price(&pool, target.0)),
        Call::FeeOnTop { paid, rate } => json!(economy::fee_on_top(paid, rate)),
        Call::Inject { pool, tao, alpha } => json!(economy::inject(&pool, tao, alpha)),
        Call::RootProportion { root_tao, tao_weight, alpha_issuance } => {
            text(economy::root_proportion(root_tao, tao_weight, alpha_issuance))
        }
        Call::BlockInjection { tao, alpha_block, price, root_proportion } => {
            json!(economy::block_injection(tao, alpha_block, price.0, root_proportion.0))
        }
        Call::Bring { pool, injection } => json!(economy::bring(&pool, &injection)),
        Call::SplitAlpha { alpha, owner_cut, root_proportion } => {
            json!(economy::split_alpha(alpha, owner_cut, root_proportion.0))
        }
        Call::RootIsPaid { prices } => json!(economy::root_is_paid(&bare(prices))),
        Call::InheritedStake { own, given, received } => json!(economy::inherited_stake(own, &given, &received)),
        Call::OwnContribution { alpha, tao, given, tao_weight } => {
            json!(economy::own_contribution(alpha, tao, &given, tao_weight))
        }
        Call::ChildDividends { dividends, own, parents, child_take, burn, tao_weight } => {
            json!(economy::child_dividends(dividends, own, &parents, child_take, burn, tao_weight))
        }
        Call::PayValidators { pot, root_pot, earners, tao_weight } => {
            json!(economy::pay_validators(pot, root_pot, &earners, tao_weight))
        }
        Call::SubnetToPrune { candidates } => {
            let candidate = |(netuid, price, registered_at, immune): (u16, Wide, u64, bool)| SubnetCandidate {
                netuid,
                price: price.0,
                registered_at,
                immune,
            };
            let candidates: Vec<SubnetCandidate> = candidates.into_iter().map(candidate).collect();
            json!(economy::subnet_to_prune(&candidates))
        }
        Call::MedianPrice { prices } => text(economy::median_price(&bare(prices))),
        Call::InitialPool { lock, price } => json!(economy::initial_pool(lock, price.0)),
        Call::PayHolders { pot, holdings } => json!(economy::pay_holders(pot, &holdings)),
        Call::OwnerRefund { lock, issued_alpha, owner_cut, price } => {
            json!(economy::owner_refund(lock, issued_alpha, owner_cut, price.0))
        }
        Call::Decay { blocks, rate } => text(economy::decay(blocks, rate).to_bits()),
        Call::Rolled { lock, block, unlock_rate, maturity_rate, owner, perpetual } => {
            held(economy::rolled(&locked(lock), block, unlock_rate, maturity_rate, owner, perpetual))
        }
        Call::Merged { first, second } => held(economy::merged(&locked(first), &locked(second))),
        Call::Reduced { lock, amount } => held(economy::reduced(&locked(lock), amount)),
        Call::NewOwner { convictions, age, outstanding_alpha } => {
            json!(economy::new_owner(&bare(convictions), age, outstanding_alpha))
        }
    }
}

fn trade(result: Result<Trade, Refusal>) -> Value {
    result.map_or_else(|refusal| json!(refusal), |trade| json!(trade))
}

fn locked((mass, conviction, block): Held) -> Lock {
    Lock { mass, conviction: conviction.0, block }
}

fn held(lock: Lock) -> Value {
    json!([lock.mass, lock.conviction.to_string(), lock.block])
}

fn bare<T>(values: Vec<Text<T>>) -> Vec<T> {
    values.into_iter().map(|value| value.0).collect()
}

fn text(value: impl ToString) -> Value {
    json!(value.to_string())
}

fn texts(values: Vec<impl ToString>) -> Value {
    values.into_iter().map(text).collect()
}
