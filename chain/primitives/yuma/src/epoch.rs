//! The epoch: from stored weights and stake to incentive, dividends and pay.

use crate::{
    bonds::{self, Bonding},
    fixed::{self, ZERO},
    matrix::{self, Matrix},
    params::Params,
    permits,
    state::{EpochInput, EpochOutput, Row},
};
use alloc::{vec, vec::Vec};
use substrate_fixed::types::{I32F32, I96F32};

/// Runs one epoch. Pure, total, deterministic; `O(n × entries)` at worst.
pub fn epoch(input: &EpochInput, params: &Params) -> EpochOutput {
    let input = &aligned(input);
    let n = input.alpha_stake.len();
    let owner = input.owner_uid.map(usize::from).filter(|uid| *uid < n);
    let active: Vec<bool> =
        input.last_update.iter().map(|updated| updated.saturating_add(params.activity_cutoff) >= input.block).collect();

    let stake_rao = permits::stake_weights(&input.alpha_stake, &input.tao_stake, params.tao_weight);
    let stake = permits::normalized_stake(&stake_rao, owner, params.stake_threshold);
    let in_force = permits::permits_in_force(&input.permits, owner);
    let active_stake = permits::active_stake(&stake, &active, &in_force);

    let weights = admitted_weights(input, &in_force, owner, params);
    let consensus = matrix::weighted_medians(&active_stake, &weights, n, fixed::proportion(params.kappa));
    let clipped = matrix::clip_columns(&weights, &consensus);
    let validator_trust = matrix::row_sums(&clipped);
    let mut incentive = matrix::column_products(&clipped, &active_stake, n);
    fixed::normalize(&mut incentive);

    let penalty = fixed::proportion(params.bonds_penalty);
    let bond_weights = matrix::interpolate(&weights, &clipped, penalty);
    let stored = surviving_bonds(input, params);
    let Bonding { bonds, dividends } = if params.yuma3 {
        bonds::yuma3(&bond_weights, &stored, &active_stake, &consensus, &incentive, params)
    } else {
        bonds::yuma2(&bond_weights, &stored, &active_stake, &incentive, params)
    };

    let [server_emission, validator_emission, combined_emission] =
        emissions(&incentive, &dividends, &active_stake, &stake, input.emission);
    let next_permits = permits::next_permits(&stake, owner, params);
    EpochOutput {
        active,
        consensus: stored_proportions(&consensus),
        incentive: stored_proportions(&incentive),
        dividends: stored_proportions(&dividends),
        validator_trust: stored_proportions(&validator_trust),
        stake_weight: stored_proportions(&stake),
        stake: stake_rao.iter().map(|stake| stake.saturating_to_num()).collect(),
        bonds: bonds_to_store(&bonds, &next_permits),
        permits: next_permits,
        server_emission,
        validator_emission,
        combined_emission,
    }
}

/// The input with every vector as long as the subnet is large.
fn aligned(input: &EpochInput) -> EpochInput {
    let mut input = input.clone();
    let n = input.alpha_stake.len();
    input.tao_stake.resize(n, 0);
    input.last_update.resize(n, 0);
    input.registered_at.resize(n, 0);
    input.permits.resize(n, false);
    input.oldest_commit_block.resize(n, None);
    input
}

/// Weights that count, each row normalised: those of permit holders, on others than themselves
/// (the owner may weight itself), and on the holder of the uid whom they were meant for.
fn admitted_weights(input: &EpochInput, in_force: &[bool], owner: Option<usize>, params: &Params) -> Matrix {
    let weights = matrix::from_rows(&input.weights, in_force.len());
    let admitted = matrix::filter(&weights, |validator, miner| {
        let miner = usize::from(miner);
        let registered = input.registered_at.get(miner).copied().unwrap_or(0);
        let updated = input.last_update.get(validator).copied().unwrap_or(0);
        let committed = input.oldest_commit_block.get(validator).copied().flatten();
        let committed_before = params.commit_reveal && committed.is_some_and(|at| at < registered);
        in_force.get(validator).copied().unwrap_or(false)
            && (validator != miner || owner == Some(miner))
            && updated > registered
            && !committed_before
    });
    matrix::normalize_rows(&admitted)
}

/// Stored bonds on miners who registered before the last epoch that paid.
fn surviving_bonds(input: &EpochInput, params: &Params) -> Matrix {
    let bonds = matrix::from_rows(&input.bonds, input.alpha_stake.len());
    let last_tempo = match input.last_step {
        0 => input.block.saturating_sub(u64::from(params.tempo)),
        last_step => last_step.saturating_add(1),
    };
    matrix::filter(&bonds, |_, miner| last_tempo > input.registered_at.get(usize::from(miner)).copied().unwrap_or(0))
}

/// Pay of miners, of validators, and both as displayed, in rao.
///
/// `E = (I + D) / Σ(I + D)` times the epoch's emission, floored. Without any incentive or dividend
/// validators are paid by active stake, or by stake if nobody is active; miners then get nothing.
fn emissions(
    incentive: &[I32F32],
    dividends: &[I32F32],
    active_stake: &[I32F32],
    stake: &[I32F32],
    emission: u64,
) -> [Vec<u64>; 3] {
    let both: Vec<I32F32> = incentive.iter().zip(dividends).map(|(i, d)| i.saturating_add(*d)).collect();
    let total = fixed::sum(&both);
    let shares = if total == ZERO {
        let idle = if fixed::sum(active_stake) == ZERO { stake } else { active_stake };
        [vec![ZERO; incentive.len()], idle.to_vec(), idle.to_vec()]
    } else {
        [incentive.to_vec(), dividends.to_vec(), both].map(|mut share| {
            fixed::divide_all(&mut share, total);
            share
        })
    };
    let emission = I96F32::saturating_from_num(emission);
    let pay = |share: &I32F32| I96F32::saturating_from_num(*share).saturating_mul(emission).saturating_to_num::<u64>();
    shares.map(|share| share.iter().map(pay).collect())
}

fn stored_proportions(values: &[I32F32]) -> Vec<u16> {
    values.iter().copied().map(fixed::to_u16).collect()
}

/// Bonds of those who may set weights next; losing the permit loses them.
fn bonds_to_store(bonds: &[matrix::SparseRow], next_permits: &[bool]) -> Vec<Row> {
    let stored = |(row, permit): (&matrix::SparseRow, &bool)| {
        let row = if *permit { row.as_slice() } else { &[] };
        row.iter().map(|(uid, bond)| (*uid, fixed::to_u16(*bond))).collect()
    };
    bonds.iter().zip(next_permits).map(stored).collect()
}
