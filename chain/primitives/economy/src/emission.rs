//! From issuance to pay: block reward, subnets' shares, pots, and who gets what at an epoch.

use alloc::{vec, vec::Vec};
use substrate_fixed::types::U96F32;

/// The most that will ever be issued: 21 million TAO, in rao.
pub const MAX_SUPPLY_RAO: u64 = 21_000_000_000_000_000;
const FIRST_REWARD_RAO: u64 = 1_000_000_000;

/// What one block mints at this issuance, in rao.
///
/// `10^9 >> h`, where `h = floor(log2(1 / (1 - issuance / supply)))` counts how often the part not
/// yet issued has halved; never more than that part itself.
pub fn block_emission(issuance: u64) -> u64 {
    let remaining = MAX_SUPPLY_RAO.saturating_sub(issuance);
    let halvings = MAX_SUPPLY_RAO.checked_div(remaining).map_or(u64::BITS, u64::ilog2);
    FIRST_REWARD_RAO.checked_shr(halvings).unwrap_or(0).min(remaining)
}

/// Splits `amount` in proportion to `prices`, exactly: floors, and what they leave to the first
/// entry. Prices are in any one unit; if all are 0 nothing is split.
pub fn split_by_price(amount: u64, prices: &[u64]) -> Vec<u64> {
    let total: u128 = prices.iter().fold(0, |sum: u128, p| sum.saturating_add(u128::from(*p)));
    let share = |price: &u64| {
        let product = u128::from(amount).saturating_mul(u128::from(*price));
        narrow(product.checked_div(total).unwrap_or(0))
    };
    let mut shares: Vec<u64> = prices.iter().map(share).collect();
    let left = amount.saturating_sub(sum(&shares));
    if let Some(first) = shares.first_mut().filter(|_| total > 0) {
        *first = first.saturating_add(left);
    }
    shares
}

/// What a subnet has yet to pay, in rao.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Pots {
    /// To the subnet's owner.
    pub owner: u64,
    /// To miners.
    pub server: u64,
    /// To validators and their delegators.
    pub validator: u64,
}

impl Pots {
    /// All three together.
    pub fn total(&self) -> u64 {
        self.owner.saturating_add(self.server).saturating_add(self.validator)
    }

    /// What the epoch pays by consensus: everything but the owner's cut.
    pub fn epoch_emission(&self) -> u64 {
        self.server.saturating_add(self.validator)
    }

    /// Both pots added up.
    pub fn plus(&self, other: &Pots) -> Pots {
        Pots {
            owner: self.owner.saturating_add(other.owner),
            server: self.server.saturating_add(other.server),
            validator: self.validator.saturating_add(other.validator),
        }
    }
}

/// Splits what one block gave a subnet: the owner's cut (`owner_cut` of 65,535, floored), half of
/// the rest to miners (floored), the other half to validators. Exact.
pub fn split_block(amount: u64, owner_cut: u16) -> Pots {
    let owner = part(amount, owner_cut);
    let rest = amount.saturating_sub(owner);
    let server = rest >> 1;
    Pots { owner, server, validator: rest.saturating_sub(server) }
}

/// Who gets what of a subnet's pots. `owner + Σ incentive + Σ take + Σ dividends + pending` is
/// exactly what the pots held.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Distribution {
    /// To the subnet owner's stake on the owner hotkey: the cut and, unless it is carried, the dust.
    pub owner: u64,
    /// To the stake of each uid's coldkey on its hotkey, as a miner.
    pub incentive: Vec<u64>,
    /// To the stake of each uid's coldkey on its hotkey, as the validator's take.
    pub take: Vec<u64>,
    /// To the share pool of each uid's hotkey: the validator's and delegators' stake grows alike.
    pub dividends: Vec<u64>,
    /// What stays in the pots because nobody could be paid, or as dust.
    pub pending: Pots,
}

/// Pays out a subnet's pots after its epoch.
///
/// `server` and `validator` are the epoch's emissions a uid, `takes` the delegate take of each
/// uid's hotkey of 65,535. Without any incentive validators share both pots; without anyone to pay
/// both stay pending and only the owner's cut is paid. A validator's dividends are the part of the
/// pot that its emission is of all validators', formed in `U96F32`; take and rest are floored each.
/// The pot is what miners left where that is less, so that rounding never pays more than there is.
/// The dust of all floors is the owner's, or with `carry_dust` (ours) waits in the validators' pot.
pub fn distribute(pots: &Pots, server: &[u64], validator: &[u64], takes: &[u16], carry_dust: bool) -> Distribution {
    let nothing = vec![0; server.len()];
    let earned = |pay: &[u64]| pay.iter().any(|amount| *amount > 0);
    if !earned(server) && !earned(validator) {
        return Distribution {
            owner: pots.owner,
            incentive: nothing.clone(),
            take: nothing.clone(),
            dividends: nothing,
            pending: Pots { owner: 0, ..*pots },
        };
    }
    let left = pots.epoch_emission().saturating_sub(sum(server));
    let pot = if earned(server) { pots.validator.min(left) } else { left };
    let total = total(validator);
    let split = |(uid, amount): (usize, &u64)| {
        let share = U96F32::saturating_from_num(*amount).checked_div(total).unwrap_or_default();
        let dividends = U96F32::saturating_from_num(pot).saturating_mul(share);
        let take = proportion(takes.get(uid).copied().unwrap_or(0)).saturating_mul(dividends);
        (take.saturating_to_num::<u64>(), dividends.saturating_sub(take).saturating_to_num::<u64>())
    };
    let (take, dividends): (Vec<u64>, Vec<u64>) = validator.iter().enumerate().map(split).unzip();
    let paid = [server, &take, &dividends].map(sum);
    let dust = pots.epoch_emission().saturating_sub(sum(&paid));
    let (carried, to_owner) = if carry_dust { (dust, 0) } else { (0, dust) };
    Distribution {
        owner: pots.owner.saturating_add(to_owner),
        incentive: server.to_vec(),
        take,
        dividends,
        pending: Pots { validator: carried, ..Pots::default() },
    }
}

fn sum(amounts: &[u64]) -> u64 {
    amounts.iter().fold(0, |sum, amount| sum.saturating_add(*amount))
}

fn total(amounts: &[u64]) -> U96F32 {
    amounts.iter().fold(U96F32::from_bits(0), |sum, amount| sum.saturating_add(U96F32::saturating_from_num(*amount)))
}

fn proportion(of_65535: u16) -> U96F32 {
    U96F32::from_num(of_65535).checked_div(U96F32::from_num(u16::MAX)).unwrap_or_default()
}

fn part(amount: u64, of_65535: u16) -> u64 {
    let product = u128::from(amount).saturating_mul(u128::from(of_65535));
    narrow(product.checked_div(u128::from(u16::MAX)).unwrap_or(0))
}

fn narrow(value: u128) -> u64 {
    u64::try_from(value).unwrap_or(u64::MAX)
}
