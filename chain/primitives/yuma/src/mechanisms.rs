//! Mechanisms: a subnet with several weight matrices, each with an epoch of its own and a part of the pay.

use crate::state::EpochOutput;
use alloc::{vec, vec::Vec};
use substrate_fixed::types::U64F64;

const ONE: U64F64 = U64F64::from_bits(1 << 64);

/// What each of `count` mechanisms has to pay: parts of 65,535, floored, or the same for all where
/// there is no split. Mechanisms that it does not name get nothing; what is left over goes to the first.
pub fn split_emission(amount: u64, count: u8, split: Option<&[u16]>) -> Vec<u64> {
    let part = |of_65535: &u16| {
        let product = u128::from(amount).saturating_mul(u128::from(*of_65535));
        product.checked_div(u128::from(u16::MAX)).and_then(|part| u64::try_from(part).ok()).unwrap_or(0)
    };
    let mut parts: Vec<u64> = match split {
        Some(split) => split.iter().take(usize::from(count)).map(part).collect(),
        None => vec![amount.checked_div(u64::from(count)).unwrap_or(0); usize::from(count)],
    };
    parts.resize(usize::from(count), 0);
    let left = amount.saturating_sub(parts.iter().fold(0, |sum, part| sum.saturating_add(*part)));
    if let Some(first) = parts.first_mut() {
        *first = first.saturating_add(left);
    }
    parts
}

/// Several mechanisms' epochs as one, given what each had to pay.
///
/// Earnings are added up and flags hold if any holds. Proportions, and the pay as displayed, are
/// averages by part of the pay, floored after each mechanism; without any pay the first counts
/// alone. Bonds stay with their mechanism.
pub fn combine(outputs: &[EpochOutput], parts: &[u64]) -> EpochOutput {
    let number = |value: u64| U64F64::saturating_from_num(value);
    let total = parts.iter().fold(0_u64, |sum, part| sum.saturating_add(*part));
    let share = |(index, part): (usize, &u64)| {
        number(*part).checked_div(number(total)).unwrap_or(if index == 0 { ONE } else { U64F64::from_bits(0) })
    };
    let shares: Vec<U64F64> = parts.iter().enumerate().map(share).collect();
    let mut combined = EpochOutput::default();
    for (index, (output, share)) in outputs.iter().zip(shares).enumerate() {
        let n = output.active.len();
        if index == 0 {
            combined = empty(n);
            combined.stake.clone_from(&output.stake);
        }
        let weighted = |sum: u64, value: u64| {
            number(sum).saturating_add(number(value).saturating_mul(share)).saturating_to_num::<u64>()
        };
        let average = |sums: &mut [u16], values: &[u16]| {
            for (sum, value) in sums.iter_mut().zip(values) {
                *sum = u16::try_from(weighted(u64::from(*sum), u64::from(*value))).unwrap_or(u16::MAX);
            }
        };
        average(&mut combined.consensus, &output.consensus);
        average(&mut combined.incentive, &output.incentive);
        average(&mut combined.dividends, &output.dividends);
        average(&mut combined.validator_trust, &output.validator_trust);
        average(&mut combined.stake_weight, &output.stake_weight);
        for (sum, value) in combined.combined_emission.iter_mut().zip(&output.combined_emission) {
            *sum = weighted(*sum, *value);
        }
        add_up(&mut combined.server_emission, &output.server_emission);
        add_up(&mut combined.validator_emission, &output.validator_emission);
        any(&mut combined.active, &output.active);
        any(&mut combined.permits, &output.permits);
    }
    combined
}

fn empty(n: usize) -> EpochOutput {
    EpochOutput {
        active: vec![false; n],
        consensus: vec![0; n],
        incentive: vec![0; n],
        dividends: vec![0; n],
        validator_trust: vec![0; n],
        stake_weight: vec![0; n],
        stake: vec![0; n],
        permits: vec![false; n],
        server_emission: vec![0; n],
        validator_emission: vec![0; n],
        combined_emission: vec![0; n],
        bonds: vec![Vec::new(); n],
    }
}

fn add_up(sums: &mut [u64], values: &[u64]) {
    for (sum, value) in sums.iter_mut().zip(values) {
        *sum = sum.saturating_add(*value);
    }
}

fn any(flags: &mut [bool], others: &[bool]) {
    for (flag, other) in flags.iter_mut().zip(others) {
        *flag |= *other;
    }
}
