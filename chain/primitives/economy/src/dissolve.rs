//! What is left when a subnet is dissolved, and whose it is.

use crate::wide::{mul_div_rem, narrow};
use alloc::{vec, vec::Vec};
use core::cmp::Reverse;
use substrate_fixed::types::U96F32;

/// The pot of TAO to all who hold alpha, in proportion, in rao.
///
/// Largest remainder: floors first, then one rao each to those whose floor cut the most, the earlier
/// first. What the protocol holds is an entry like any other. Without holders nothing is paid.
pub fn pay_holders(pot: u64, holdings: &[u64]) -> Vec<u64> {
    let total = holdings.iter().fold(0_u128, |total, held| total.saturating_add(u128::from(*held)));
    let part = |held: &u64| mul_div_rem(u128::from(pot), u128::from(*held), total).unwrap_or((0, 0));
    let parts: Vec<(u128, u128)> = holdings.iter().map(part).collect();
    if total == 0 {
        return vec![0; holdings.len()];
    }
    let mut paid: Vec<u64> = parts.iter().map(|(floor, _)| narrow(*floor)).collect();
    let left = paid.iter().fold(pot, |left, floor| left.saturating_sub(*floor));
    let mut ranked: Vec<(usize, u128)> = parts.iter().map(|(_, rest)| *rest).enumerate().collect();
    ranked.sort_by_key(|(_, rest)| Reverse(*rest));
    for (place, _) in ranked.into_iter().take(usize::try_from(left).unwrap_or(usize::MAX)) {
        if let Some(amount) = paid.get_mut(place) {
            *amount = amount.saturating_add(1);
        }
    }
    paid
}

/// What the owner of a subnet from before locks went into pools gets back of the lock, in rao.
///
/// `lock - price (owner_cut / 65,535 × all alpha issued)`, at least 0; the price is `U64F64` bits.
/// Formed in `U96F32`, each product floored. Later subnets' owners get nothing: their lock is in the
/// pot.
pub fn owner_refund(lock: u64, issued_alpha: u64, owner_cut: u16, price: u128) -> u64 {
    let cut = U96F32::from_num(owner_cut).checked_div(U96F32::from_num(u16::MAX)).unwrap_or_default();
    let alpha: u64 = U96F32::from_num(issued_alpha).saturating_mul(cut).saturating_to_num();
    let price = U96F32::from_bits(price >> 32);
    let earned: u64 = U96F32::from_num(alpha).saturating_mul(price).saturating_to_num();
    lock.saturating_sub(earned)
}
