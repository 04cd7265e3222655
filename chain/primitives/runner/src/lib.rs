//! Calls of the crates `yuma` and `economy` as JSON, so that the Python specification can be held
//! against them: by the shared vectors (`tests/vectors.rs`) and by random cases on standard input.
#![forbid(unsafe_code)]
#![deny(missing_docs)]

pub mod market;

use economy::{Candidate, Pots, RevealWindow, SharePool};
use serde::Deserialize;
use serde_json::{Value, json};
use yuma::{EpochInput, Params};

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
    MaxUpscale { weights: Vec<u16> },
    BlockEmission { issuance: u64 },
    SplitByPrice { amount: u64, prices: Vec<u64> },
    SplitBlock { amount: u64, owner_cut: u16 },
    Distribute { pots: Pots, server: Vec<u64>, validator: Vec<u64>, takes: Vec<u16> },
    DecayFactor { half_life: u16 },
    DecayPrice { price: u64, factor: u64, min: u64, max: u64 },
    BumpPrice { price: u64, multiplier: String, min: u64, max: u64 },
    LockCost { last_lock: u64, last_block: u64, min: u64, interval: u64, block: u64 },
    NeuronToPrune { candidates: Vec<Candidate>, min_non_immune: u16 },
    EpochIsDue { last_epoch: u64, tempo: u16, pending_at: u64, block: u64 },
    NextEpoch { last_epoch: u64, tempo: u16, pending_at: u64 },
    EpochWithLookahead { epoch_index: u64, is_due: bool },
    RevealWindow { commit_epoch: u64, reveal_period: u64, current_epoch: u64 },
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
        Call::MaxUpscale { weights } => json!(yuma::max_upscale(&weights)),
        Call::BlockEmission { issuance } => json!(economy::block_emission(issuance)),
        Call::SplitByPrice { amount, prices } => json!(economy::split_by_price(amount, &prices)),
        Call::SplitBlock { amount, owner_cut } => json!(economy::split_block(amount, owner_cut)),
        Call::Distribute { pots, server, validator, takes } => {
            json!(economy::distribute(&pots, &server, &validator, &takes))
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
        Call::RevealWindow { commit_epoch, reveal_period, current_epoch } => {
            json!(window(economy::reveal_window(commit_epoch, reveal_period, current_epoch)))
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
