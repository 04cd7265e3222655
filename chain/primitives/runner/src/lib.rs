//! Calls of the crates `yuma` and `economy` as JSON, so that the Python specification can be held
//! against them: by the shared vectors (`tests/vectors.rs`) and by random cases on standard input.
#![forbid(unsafe_code)]
#![deny(missing_docs)]

pub mod market;

use economy::{Candidate, Pots, RevealWindow, SharePool, StakeHistory};
use serde::Deserialize;
use serde_json::{Value, json};
use yuma::{EpochInput, EpochOutput, Params, Row, Steps};

/// A call of either kind.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub enum AnyCall {
    /// Of the epoch and what surrounds it.
    Protocol(Call),
    /// Of the market.
    Market(market::Call),
}

/// One call: the function's name and its arguments by their names.
///
/// Numbers beyond 64 bits (shares, multipliers) travel as decimal strings.
#[derive(Debug, Deserialize)]
#[serde(tag = "call", rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum Call {
    Epoch { input: Box<EpochInput>, params: Params },
    EpochSteps { input: Box<EpochInput>, params: Params },
    ResetBonds { bonds: Vec<Row>, miner: u16 },
    SplitEmission { amount: u64, count: u8, split: Option<Vec<u16>> },
    CombineMechanisms { outputs: Vec<EpochOutput>, parts: Vec<u64> },
    MaxUpscale { weights: Vec<u16> },
    WithinLimit { weights: Vec<u16>, limit: u16 },
    BlockEmission { issuance: u64 },
    SplitByPrice { amount: u64, prices: Vec<u64> },
    SplitBlock { amount: u64, owner_cut: u16 },
    Distribute { pots: Pots, server: Vec<u64>, validator: Vec<u64>, takes: Vec<u16>, carry_dust: bool },
    DecayFactor { half_life: u16 },
    DecayPrice { price: u64, factor: u64, min: u64, max: u64 },
    BumpPrice { price: u64, multiplier: String, min: u64, max: u64 },
    LockCost { last_lock: u64, last_block: u64, min: u64, interval: u64, block: u64 },
    NeuronToPrune { candidates: Vec<Candidate>, min_non_immune: u16 },
    EpochIsDue { last_epoch: u64, tempo: u16, pending_at: u64, block: u64 },
    NextEpoch { last_epoch: u64, tempo: u16, pending_at: u64 },
    EpochWithLookahead { epoch_index: u64, is_due: bool },
    LegacyFirstBlock { netuid: u16, tempo: u16, epoch: u64 },
    BeaconRound { unix_s: u64 },
    BeaconTime { round: u64 },
    RevealWindow { commit_epoch: u64, reveal_period: u64, current_epoch: u64 },
    Volatility { before: Vec<u16>, after: Vec<u16> },
    AverageVolatility { average: u64, observed: u64 },
    RevealPeriod { volatility: u64, target: u16 },
    StakeChanged { integral: String, since: u64, stake_before: u64, block: u64 },
    StakeAverage { integral: String, since: u64, stake: u64, start: u64, block: u64 },
    Worth { value: u64, shares: String, held: String },
    Deposit { value: u64, shares: String, amount: u64 },
    Withdraw { value: u64, shares: String, amount: u64, held: String },
    Reward { value: u64, shares: String, amount: u64 },
}

/// What the function answers.
pub fn answer(call: AnyCall) -> Result<Value, Box<dyn std::error::Error>> {
    match call {
        AnyCall::Protocol(call) => protocol(call),
        AnyCall::Market(call) => Ok(market::answer(call)),
    }
}

fn protocol(call: Call) -> Result<Value, Box<dyn std::error::Error>> {
    Ok(match call {
        Call::Epoch { input, params } => json!(yuma::epoch(&input, &params)),
        Call::EpochSteps { input, params } => steps(&yuma::epoch_steps(&input, &params)),
        Call::ResetBonds { mut bonds, miner } => {
            yuma::reset_bonds(&mut bonds, miner);
            json!(bonds)
        }
        Call::SplitEmission { amount, count, split } => {
            json!(yuma::split_emission(amount, count, split.as_deref()))
        }
        Call::CombineMechanisms { outputs, parts } => json!(yuma::combine_mechanisms(&outputs, &parts)),
        Call::MaxUpscale { weights } => json!(yuma::max_upscale(&weights)),
        Call::WithinLimit { weights, limit } => json!(yuma::within_limit(&weights, limit)),
        Call::BlockEmission { issuance } => json!(economy::block_emission(issuance)),
        Call::SplitByPrice { amount, prices } => json!(economy::split_by_price(amount, &prices)),
        Call::SplitBlock { amount, owner_cut } => json!(economy::split_block(amount, owner_cut)),
        Call::Distribute { pots, server, validator, takes, carry_dust } => {
            json!(economy::distribute(&pots, &server, &validator, &takes, carry_dust))
        }
        Call::DecayFactor { half_life } => json!(economy::decay_factor(half_life)),
        Call::DecayPrice { price, factor, min, max } => {
            json!(economy::decay_price(price, factor, min, max))
        }
        Call::BumpPrice { price, multiplier, min, max } => {
            json!(economy::bump_price(price, multiplier.parse()?, min, max))
        }
        Call::LockCost { last_lock, last_block, min, interval, block } => {
            json!(economy::lock_cost(last_lock, last_block, min, interval, block))
        }
        Call::NeuronToPrune { candidates, min_non_immune } => {
            json!(economy::neuron_to_prune(&candidates, min_non_immune))
        }
        Call::EpochIsDue { last_epoch, tempo, pending_at, block } => {
            json!(economy::epoch_is_due(last_epoch, tempo, pending_at, block))
        }
        Call::NextEpoch { last_epoch, tempo, pending_at } => {
            json!(economy::next_epoch(last_epoch, tempo, pending_at))
        }
        Call::EpochWithLookahead { epoch_index, is_due } => {
            json!(economy::epoch_with_lookahead(epoch_index, is_due))
        }
        Call::LegacyFirstBlock { netuid, tempo, epoch } => json!(economy::legacy_first_block(netuid, tempo, epoch)),
        Call::BeaconRound { unix_s } => json!(economy::beacon_round(unix_s)),
        Call::BeaconTime { round } => json!(economy::beacon_time(round)),
        Call::RevealWindow { commit_epoch, reveal_period, current_epoch } => {
            json!(window(economy::reveal_window(commit_epoch, reveal_period, current_epoch)))
        }
        Call::Volatility { before, after } => json!(economy::volatility(&before, &after)),
        Call::AverageVolatility { average, observed } => json!(economy::average_volatility(average, observed)),
        Call::RevealPeriod { volatility, target } => json!(economy::reveal_period(volatility, target)),
        Call::StakeChanged { integral, since, stake_before, block } => {
            let after = StakeHistory { integral: integral.parse()?, since }.changed(stake_before, block);
            json!({ "integral": after.integral.to_string(), "since": after.since })
        }
        Call::StakeAverage { integral, since, stake, start, block } => {
            json!(StakeHistory { integral: integral.parse()?, since }.average(stake, start, block))
        }
        Call::Worth { value, shares, held } => {
            json!(SharePool { value, shares: shares.parse()? }.worth(held.parse()?))
        }
        Call::Deposit { value, shares, amount } => {
            let (after, bought) = SharePool { value, shares: shares.parse()? }.deposit(amount);
            json!({ "pool": pool(after), "bought": bought.to_string() })
        }
        Call::Withdraw { value, shares, amount, held } => {
            let before = SharePool { value, shares: shares.parse()? };
            let paid = before.withdraw(amount, held.parse()?);
            json!(paid.map(|(after, left)| json!({ "pool": pool(after), "held": left.to_string() })))
        }
        Call::Reward { value, shares, amount } => {
            json!(SharePool { value, shares: shares.parse()? }.reward(amount).map(pool))
        }
    })
}

/// Every number as its bits, so that nothing is lost on the way.
fn steps(steps: &Steps) -> Value {
    macro_rules! bits {
        ($vector:expr) => {
            $vector.iter().map(|x| x.to_bits()).collect::<Vec<_>>()
        };
    }
    macro_rules! entries {
        ($matrix:expr) => {
            $matrix
                .iter()
                .map(|row| row.iter().map(|(uid, x)| (*uid, x.to_bits())).collect::<Vec<_>>())
                .collect::<Vec<_>>()
        };
    }
    json!({
        "active": steps.active,
        "stake_rao": steps.stake_rao.iter().map(|x| x.to_bits().to_string()).collect::<Vec<_>>(),
        "stake": bits!(steps.stake),
        "active_stake": bits!(steps.active_stake),
        "weights": entries!(steps.weights),
        "consensus": bits!(steps.consensus),
        "clipped": entries!(steps.clipped),
        "validator_trust": bits!(steps.validator_trust),
        "incentive": bits!(steps.incentive),
        "bond_weights": entries!(steps.bond_weights),
        "stored": entries!(steps.stored),
        "bonds": entries!(steps.bonds),
        "dividends": bits!(steps.dividends),
        "permits": steps.permits,
    })
}

fn pool(pool: SharePool) -> Value {
    json!({ "value": pool.value, "shares": pool.shares.to_string() })
}

fn window(window: RevealWindow) -> &'static str {
    match window {
        RevealWindow::Early => "early",
        RevealWindow::Open => "open",
        RevealWindow::Expired => "expired",
    }
}
