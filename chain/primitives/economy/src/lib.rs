//! The chain's economy: issuance, shares, pools, pots, payouts, child keys, prices, conviction.
//!
//! Amounts are rao in `u64`; ratios are integers of a stated unit; nothing here knows storage or
//! accounts. Files carry the names of their twins in the Python specification (`consensus/`), and
//! vectors generated from it are replayed by the crate `runner`.
#![cfg_attr(not(feature = "std"), no_std)]
#![forbid(unsafe_code)]
#![deny(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::float_arithmetic,
    missing_docs
)]

extern crate alloc;

mod commit;
mod conviction;
mod delegation;
mod dissolve;
mod emission;
mod pool;
mod registration;
mod schedule;
mod share_pool;
mod shares;
mod stake_average;
mod transcendental;
mod wide;

pub use commit::{LONGEST_REVEAL_PERIOD, RevealWindow, average_volatility, reveal_period, reveal_window, volatility};
pub use conviction::{DUST, Lock, MATURITY_RATE, TAKEOVER_AGE, UNLOCK_RATE, decay, merged, new_owner, reduced, rolled};
pub use delegation::{
    ChildDividends, Earner, Parent, Payout, child_dividends, contribution, delegate_take, fraction, inherited_stake,
    own_contribution, pay_by_parts, pay_validators, split_by_stake,
};
pub use dissolve::{owner_refund, pay_holders};
pub use emission::{Distribution, MAX_SUPPLY_RAO, Pots, block_emission, distribute, split_block, split_by_price};
pub use pool::{
    AlphaSplit, Brought, FEE_RATE, Injection, MAX_INPUT_RESERVES, MIN_RESERVE_RAO, MIN_WEIGHT, Pool, Refusal, Trade,
    WEIGHT, alpha_for, alpha_needed, alpha_to_price, block_injection, bring, buy, fee_on_top, inject, payout, price,
    root_is_paid, root_proportion, sell, split_alpha, tao_for, tao_to_price, trade_fee, weighed,
};
pub use registration::{
    Candidate, ONE_Q32, SubnetCandidate, bump_price, decay_factor, decay_price, initial_pool, lock_cost, median_price,
    neuron_to_prune, subnet_to_prune,
};
pub use schedule::{
    BEACON_GENESIS_S, BEACON_PERIOD_S, MAX_TEMPO, beacon_round, beacon_time, epoch_is_due, epoch_with_lookahead,
    legacy_first_block, next_epoch,
};
pub use share_pool::SharePool;
pub use shares::{
    EMISSION_BAR_INTERVAL, EMISSION_BAR_QUANTILE, EMISSION_BAR_RANK, EMISSION_GATE_EXPONENT, FLOW_SMOOTHING,
    MOVING_ALPHA, MOVING_PRICE_HALVING, ONE_U64F64, among_enabled, emission_bar, emission_shares, gate, gated,
    less_burned, moving_flow, moving_price, net_flows, shares_by_flow, shares_by_price, split_by_shares,
};
pub use stake_average::StakeHistory;
pub use substrate_fixed::types::I64F64;
pub use transcendental::{ONE_Q120, exp_down, exp_i64f64, exp_up, ln, power, scaled};
