//! Whose stake counts where, and who shares in what a validator earns: child keys, root stakers, takes.
//!
//! Amounts are rao; what a hotkey hands on is a proportion of 2^64 - 1. Formed in `U96F32`.

use alloc::vec::Vec;
use substrate_fixed::types::U96F32;

/// A proportion, a TAO weight or a burn: `x / (2^64 - 1)`.
pub fn fraction(of_u64_max: u64) -> U96F32 {
    div(U96F32::from_num(of_u64_max), U96F32::from_num(u64::MAX))
}

/// What counts as a hotkey's stake on a subnet: its own, less what it gave to children, plus what it
/// received from parents.
///
/// `given` are its children's proportions of `own`, `received` the proportions it has of its parents
/// and these parents' stakes. The same for alpha and for TAO on the root network.
pub fn inherited_stake(own: u64, given: &[u64], received: &[(u64, u64)]) -> u64 {
    let stake = U96F32::from_num(own);
    let gave = sum(given.iter().map(|part| stake.saturating_mul(fraction(*part))));
    let got = sum(received.iter().map(|(part, held)| U96F32::from_num(*held).saturating_mul(fraction(*part))));
    stake.saturating_sub(gave).saturating_add(got).saturating_to_num()
}

/// What a stake adds to a hotkey's weight: `alpha part + tao part weight`, the weight of 2^64 - 1.
pub fn contribution(alpha: u64, tao: u64, part: U96F32, tao_weight: u64) -> U96F32 {
    let weighted = U96F32::from_num(tao).saturating_mul(part).saturating_mul(fraction(tao_weight));
    U96F32::from_num(alpha).saturating_mul(part).saturating_add(weighted)
}

/// What a hotkey's own stake adds to its weight after its children have theirs, in whole rao.
pub fn own_contribution(alpha: u64, tao: u64, given: &[u64], tao_weight: u64) -> u64 {
    let handed_on = sum(given.iter().map(|part| fraction(*part)));
    let kept = U96F32::from_num(1).saturating_sub(handed_on);
    contribution(alpha, tao, kept, tao_weight).saturating_to_num()
}

/// A hotkey that handed stake on to a child.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Parent {
    /// Alpha behind it on the subnet, in rao.
    pub alpha: u64,
    /// TAO behind it on the root network, in rao.
    pub tao: u64,
    /// What the child has of both, of 2^64 - 1.
    pub proportion: u64,
    /// Whether one coldkey owns both: then the child takes nothing and nothing is burned.
    pub same_owner: bool,
}

/// Who gets the dividends of a hotkey with parents, in rao; `own + Σ parents + burned` is what it
/// earned.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct ChildDividends {
    /// To the child: for its own stake, its take, and the dust of all floors.
    pub own: u64,
    /// To each parent.
    pub parents: Vec<u64>,
    /// To nobody.
    pub burned: u64,
}

/// Splits what a hotkey earned between it and its parents by what each contributed.
///
/// `own` is its `own_contribution`. A parent of another coldkey leaves `child_take` (of 65,535) of its
/// part to the child and `burn` (CKBurn, of 2^64 - 1) to nobody. Each parent's part is floored.
pub fn child_dividends(
    dividends: u64,
    own: u64,
    parents: &[Parent],
    child_take: u16,
    burn: u64,
    tao_weight: u64,
) -> ChildDividends {
    let part = |p: &Parent| contribution(p.alpha, p.tao, fraction(p.proportion), tao_weight);
    let total = U96F32::from_num(own).saturating_add(sum(parents.iter().map(part)));
    let take = of_u16_max(child_take);
    let (mut paid, mut burned, mut left) = (Vec::with_capacity(parents.len()), 0_u64, dividends);
    for parent in parents {
        let earned = U96F32::from_num(dividends).saturating_mul(div(part(parent), total));
        let due = |rate: U96F32| if parent.same_owner { U96F32::from_bits(0) } else { rate.saturating_mul(earned) };
        let (lost, taken) = (due(fraction(burn)), due(take));
        let amount: u64 = earned.saturating_sub(lost).saturating_sub(taken).saturating_to_num();
        let lost: u64 = lost.saturating_to_num();
        paid.push(amount);
        burned = burned.saturating_add(lost);
        left = left.saturating_sub(amount).saturating_sub(lost);
    }
    ChildDividends { own: left, parents: paid, burned }
}

/// A validator's dividends as the part of its alpha and the part of its TAO on root.
///
/// `d alpha / (alpha + tao weight)` for the alpha; both 0 rao of stake make it all the alpha's.
pub fn split_by_stake(dividends: u64, alpha: u64, tao: u64, tao_weight: u64) -> (U96F32, U96F32) {
    let weighted = U96F32::from_num(tao).saturating_mul(fraction(tao_weight));
    let ratio = div(weighted, U96F32::from_num(alpha).saturating_add(weighted));
    let dividends = U96F32::from_num(dividends);
    let root = dividends.saturating_mul(ratio);
    (dividends.saturating_sub(root), root)
}

/// A hotkey with a claim on the validators' pots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Earner {
    /// What it earned as a validator and as a parent, in rao.
    pub dividends: u64,
    /// Alpha behind it on the subnet, in rao.
    pub alpha: u64,
    /// TAO behind it on the root network, in rao.
    pub tao: u64,
    /// What its owner takes of either, of 65,535.
    pub take: u16,
}

/// Who gets a pot, in rao: `Σ take + Σ dividends + left` is the pot. Vectors have one entry an earner.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Payout {
    /// To the owner of each hotkey.
    pub take: Vec<u64>,
    /// To all who stake with each hotkey.
    pub dividends: Vec<u64>,
    /// What floors left, or the whole pot if nobody has a claim on it.
    pub left: u64,
}

/// Pays the validators' pot by the earners' alpha parts and the root network's by their root parts.
pub fn pay_validators(pot: u64, root_pot: u64, earners: &[Earner], tao_weight: u64) -> (Payout, Payout) {
    let split = |e: &Earner| split_by_stake(e.dividends, e.alpha, e.tao, tao_weight);
    let (alpha, root): (Vec<U96F32>, Vec<U96F32>) = earners.iter().map(split).unzip();
    let takes: Vec<u16> = earners.iter().map(|earner| earner.take).collect();
    (pay_by_parts(pot, &alpha, &takes), pay_by_parts(root_pot, &root, &takes))
}

/// Pays a pot in proportion to the parts, each less its delegate take (of 65,535); take and rest are
/// floored each.
pub fn pay_by_parts(pot: u64, parts: &[U96F32], takes: &[u16]) -> Payout {
    let total = sum(parts.iter().copied());
    let pay =
        |(part, take): (&U96F32, &u16)| delegate_take(U96F32::from_num(pot).saturating_mul(div(*part, total)), *take);
    let (take, dividends): (Vec<u64>, Vec<u64>) = parts.iter().zip(takes).map(pay).unzip();
    let left = take.iter().chain(&dividends).fold(pot, |left, paid| left.saturating_sub(*paid));
    Payout { take, dividends, left }
}

/// The owner's take of an amount and what is left to those who stake, floored each.
pub fn delegate_take(amount: U96F32, take: u16) -> (u64, u64) {
    let taken = of_u16_max(take).saturating_mul(amount);
    (taken.saturating_to_num(), amount.saturating_sub(taken).saturating_to_num())
}

fn of_u16_max(part: u16) -> U96F32 {
    div(U96F32::from_num(part), U96F32::from_num(u16::MAX))
}

fn sum(parts: impl Iterator<Item = U96F32>) -> U96F32 {
    parts.fold(U96F32::from_bits(0), U96F32::saturating_add)
}

fn div(a: U96F32, b: U96F32) -> U96F32 {
    a.checked_div(b).unwrap_or_default()
}
