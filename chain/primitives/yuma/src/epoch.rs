//! The epoch: from stored weights and stake to incentive, dividends and pay.

use crate::{
    bonds::{self, Bonding},
    fixed::{self, ONE, ZERO},
    matrix::{self, Matrix},
    params::Params,
    permits,
    state::{EpochInput, EpochOutput, Row},
};
use alloc::{vec, vec::Vec};
use substrate_fixed::types::{I32F32, I64F64, I96F32};

/// All that an epoch works out, in this order: where two implementations part is the first that
/// differs. Vectors have one entry a uid, matrices one row a uid.
#[derive(Clone, Debug)]
pub struct Steps {
    /// Who set weights within the activity cutoff.
    pub active: Vec<bool>,
    /// Stake weight `S`, in rao.
    pub stake_rao: Vec<I64F64>,
    /// `S / Σ S`.
    pub stake: Vec<I32F32>,
    /// Stake `s` of active permit holders, normalised among them.
    pub active_stake: Vec<I32F32>,
    /// Weights `W`, admitted and normalised.
    pub weights: Matrix,
    /// Consensus `C`.
    pub consensus: Vec<I32F32>,
    /// Clipped weights `W'`.
    pub clipped: Matrix,
    /// `T_i = Σ_j W'_ij`.
    pub validator_trust: Vec<I32F32>,
    /// Incentive `I`.
    pub incentive: Vec<I32F32>,
    /// What bonds follow.
    pub bond_weights: Matrix,
    /// Bonds of 65,535 that survive.
    pub stored: Matrix,
    /// Bonds `B`.
    pub bonds: Matrix,
    /// Dividends `D`.
    pub dividends: Vec<I32F32>,
    /// Permits for the next epoch.
    pub permits: Vec<bool>,
}

/// Runs one epoch. Pure, total, deterministic; `O(n × entries)` at worst.
pub fn epoch(input: &EpochInput, params: &Params) -> EpochOutput {
    output(epoch_steps(input, params), input.emission)
}

/// The epoch up to what it stores and pays.
pub fn epoch_steps(input: &EpochInput, params: &Params) -> Steps {
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
    let bond_weights = charge_deviation(bond_weights, &validator_trust, &consensus, params);
    let stored = surviving_bonds(input, params);
    let Bonding { bonds, dividends } = if params.yuma3 {
        let measured = params.liquid_alpha && consensus.iter().any(|c| *c != ZERO);
        let goes_by = measured.then(|| bonds::liquid_consensus(&consensus, &input.consensus, params));
        bonds::yuma3(&bond_weights, &stored, &active_stake, goes_by.as_deref(), &incentive, params)
    } else {
        bonds::yuma2(&bond_weights, &stored, &active_stake, &incentive, params)
    };
    let permits = permits::next_permits(&stake, owner, params);
    Steps {
        active,
        stake_rao,
        stake,
        active_stake,
        weights,
        consensus,
        clipped,
        validator_trust,
        incentive,
        bond_weights,
        stored,
        bonds,
        dividends,
        permits,
    }
}

/// What the chain stores and pays of an epoch.
fn output(steps: Steps, emission: u64) -> EpochOutput {
    let [server_emission, validator_emission, combined_emission] =
        emissions(&steps.incentive, &steps.dividends, &steps.active_stake, &steps.stake, emission);
    EpochOutput {
        active: steps.active,
        consensus: stored_proportions(&steps.consensus),
        incentive: stored_proportions(&steps.incentive),
        dividends: stored_proportions(&steps.dividends),
        validator_trust: stored_proportions(&steps.validator_trust),
        stake_weight: stored_proportions(&steps.stake),
        stake: steps.stake_rao.iter().map(|stake| stake.saturating_to_num()).collect(),
        bonds: bonds_to_store(&steps.bonds, &steps.permits),
        permits: steps.permits,
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
    let made_at = if input.weights_at.is_empty() { &input.last_update } else { &input.weights_at };
    let admitted = matrix::filter(&weights, |validator, miner| {
        let miner = usize::from(miner);
        let registered = input.registered_at.get(miner).copied().unwrap_or(0);
        let updated = made_at.get(validator).copied().unwrap_or(0);
        let committed = input.oldest_commit_block.get(validator).copied().flatten();
        let committed_before = params.commit_reveal && committed.is_some_and(|at| at < registered);
        in_force.get(validator).copied().unwrap_or(false)
            && (validator != miner || owner == Some(miner))
            && updated > registered
            && !committed_before
    });
    matrix::normalize_rows(&admitted)
}

/// `W_ij × (1 - cost × u_i)`, where `u_i = 1 - T_i / Σ C` is the part of the consensus that the
/// validator does not support. Ours; without a cost, or without a consensus, nothing changes.
fn charge_deviation(weights: Matrix, trust: &[I32F32], consensus: &[I32F32], params: &Params) -> Matrix {
    let (cost, total) = (fixed::proportion(params.deviation_cost), fixed::sum(consensus));
    if cost == ZERO || total == ZERO {
        return weights;
    }
    let factor = |trust: &I32F32| {
        let withheld = ONE.saturating_sub(fixed::div(*trust, total));
        ONE.saturating_sub(fixed::mul(withheld, cost))
    };
    matrix::scale_rows(&weights, &trust.iter().map(factor).collect::<Vec<_>>())
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
