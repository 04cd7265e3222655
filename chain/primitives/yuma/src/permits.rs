//! Who counts: stake weights, validator permits, active stake.

use crate::{
    fixed::{self, ZERO},
    params::Params,
};
use alloc::vec::Vec;
use substrate_fixed::types::{I32F32, I64F64, I96F32};

/// Stake weight of each uid: `alpha + tao × tao_weight / u64::MAX`, in rao.
pub fn stake_weights(alpha_stake: &[u64], tao_stake: &[u64], tao_weight: u64) -> Vec<I64F64> {
    let weight =
        I96F32::saturating_from_num(tao_weight).checked_div(I96F32::saturating_from_num(u64::MAX)).unwrap_or_default();
    let weight = I64F64::saturating_from_num(weight);
    let combined = |(alpha, tao): (&u64, &u64)| {
        let tao = I64F64::saturating_from_num(*tao).saturating_mul(weight);
        I64F64::saturating_from_num(*alpha).saturating_add(tao)
    };
    alpha_stake.iter().zip(tao_stake).map(combined).collect()
}

/// Each uid's share of the stake, stakes below the threshold counting as 0 except the owner's.
pub fn normalized_stake(stake: &[I64F64], owner: Option<usize>, threshold: u64) -> Vec<I32F32> {
    let counted = |(uid, stake): (usize, &I64F64)| {
        let counts = owner == Some(uid) || stake.saturating_to_num::<u64>() >= threshold;
        if counts { *stake } else { I64F64::from_bits(0) }
    };
    let filtered: Vec<I64F64> = stake.iter().enumerate().map(counted).collect();
    let total = filtered.iter().fold(I64F64::from_bits(0), |sum, s| sum.saturating_add(*s));
    let share = |stake: &I64F64| stake.checked_div(total).unwrap_or_default();
    filtered.iter().map(|stake| I32F32::saturating_from_num(share(stake))).collect()
}

/// Permits for the next epoch: the `max_allowed_validators` highest non-zero stakes, ties going to
/// the higher uid, and the owner in any case.
pub fn next_permits(stake: &[I32F32], owner: Option<usize>, params: &Params) -> Vec<bool> {
    let mut order: Vec<usize> = (0..stake.len()).collect();
    order.sort_by_key(|uid| stake.get(*uid).copied());
    let mut permits: Vec<bool> = stake.iter().map(|stake| *stake != ZERO).collect();
    let losers = stake.len().saturating_sub(usize::from(params.max_allowed_validators));
    for uid in order.into_iter().take(losers) {
        set(&mut permits, Some(uid), false);
    }
    set(&mut permits, owner, true);
    permits
}

/// Permits in force in this epoch: those of the previous one, and the owner's.
pub fn permits_in_force(stored: &[bool], owner: Option<usize>) -> Vec<bool> {
    let mut permits = stored.to_vec();
    set(&mut permits, owner, true);
    permits
}

/// Stake of active permit holders, normalised among them.
pub fn active_stake(stake: &[I32F32], active: &[bool], permits: &[bool]) -> Vec<I32F32> {
    let counted = |((stake, active), permit): ((&I32F32, &bool), &bool)| {
        if *active && *permit { *stake } else { ZERO }
    };
    let mut counting: Vec<I32F32> = stake.iter().zip(active).zip(permits).map(counted).collect();
    fixed::normalize(&mut counting);
    counting
}

fn set(flags: &mut [bool], uid: Option<usize>, value: bool) {
    if let Some(flag) = uid.and_then(|uid| flags.get_mut(uid)) {
        *flag = value;
    }
}
