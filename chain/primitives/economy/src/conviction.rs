//! Conviction: alpha locked behind a hotkey, what its lock has matured to, and whose the subnet becomes.
//!
//! A lock's mass `m` decays, its conviction `c` grows from the mass and decays too. With `u` the unlock
//! rate and `z` the maturity rate, in blocks: `m' = m e^(-dt/u)` and
//! `c' = c e^(-dt/z) + m u / (z - u) (e^(-dt/z) - e^(-dt/u))`.

use crate::transcendental::exp_i64f64;
use substrate_fixed::types::{I64F64, U64F64};

/// Blocks in which a mass falls to 1/e.
pub const UNLOCK_RATE: u64 = 934_866;
/// Blocks in which a conviction comes within 1/e of its mass, and falls to 1/e without.
pub const MATURITY_RATE: u64 = 934_866;
/// Blocks after which a subnet may go to another owner: 365.25 days.
pub const TAKEOVER_AGE: u64 = 2_629_800;
/// A lock of less than this, in rao of mass and of conviction alike, is none.
pub const DUST: u64 = 100;
const ONE: U64F64 = U64F64::from_bits(1 << 64);

/// Alpha locked behind a hotkey, as of a block.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lock {
    /// What is locked, in rao.
    pub mass: u64,
    /// What it has matured to, in rao, `U64F64` bits.
    pub conviction: u128,
    /// When it was last rolled forward.
    pub block: u64,
}

/// `e^(-blocks / rate)`, the exponent at least -40; 0 for a rate of 0, 1 for no blocks.
pub fn decay(blocks: u64, rate: u64) -> U64F64 {
    if blocks == 0 {
        return ONE;
    }
    if rate == 0 {
        return U64F64::from_bits(0);
    }
    let past = I64F64::saturating_from_num(i128::from(blocks).saturating_neg());
    let ratio = past.checked_div(I64F64::saturating_from_num(rate)).unwrap_or_default();
    U64F64::saturating_from_num(exp_i64f64(ratio))
}

/// The lock as of `block`. A perpetual lock's mass stays; a lock behind the subnet owner's hotkey
/// (`owner`) is mature at once, `c = m`; dust is nothing.
pub fn rolled(lock: &Lock, block: u64, unlock_rate: u64, maturity_rate: u64, owner: bool, perpetual: bool) -> Lock {
    let mut lock = *lock;
    let blocks = block.saturating_sub(lock.block);
    if blocks > 0 {
        let conviction = matured(&lock, blocks, unlock_rate, maturity_rate, perpetual);
        let left = decay(blocks, unlock_rate).saturating_mul(U64F64::from_num(lock.mass));
        let mass = if perpetual { lock.mass } else { left.saturating_to_num() };
        lock = Lock { mass, conviction, block };
    }
    if owner {
        lock.conviction = U64F64::from_num(lock.mass).to_bits();
    }
    let is_dust = lock.mass < DUST && lock.conviction < U64F64::from_num(DUST).to_bits();
    if is_dust { Lock { block: lock.block, ..Lock::default() } } else { lock }
}

/// `c'` of `blocks` later, `U64F64` bits.
fn matured(lock: &Lock, blocks: u64, unlock_rate: u64, maturity_rate: u64, perpetual: bool) -> u128 {
    let kept = decay(blocks, maturity_rate);
    let gained = if perpetual {
        ONE.saturating_sub(kept)
    } else if unlock_rate == maturity_rate {
        let ratio = U64F64::from_num(blocks).checked_div(U64F64::from_num(maturity_rate));
        ratio.unwrap_or_default().saturating_mul(kept)
    } else if unlock_rate == 0 || maturity_rate == 0 {
        U64F64::from_bits(0)
    } else {
        gain(decay(blocks, unlock_rate), kept, unlock_rate, maturity_rate)
    };
    let new = U64F64::from_num(lock.mass).saturating_mul(gained);
    kept.saturating_mul(U64F64::from_bits(lock.conviction)).saturating_add(new).to_bits()
}

/// `u (e^(-dt/u) - e^(-dt/z)) / (u - z)`, at least 0: what a unit of mass adds.
fn gain(unlocked: U64F64, kept: U64F64, unlock_rate: u64, maturity_rate: u64) -> U64F64 {
    let apart = I64F64::saturating_from_num(unlocked).saturating_sub(I64F64::saturating_from_num(kept));
    let spread = I64F64::saturating_from_num(unlock_rate).saturating_mul(apart);
    let rates = i128::from(unlock_rate).saturating_sub(i128::from(maturity_rate));
    let gained = spread.checked_div(I64F64::saturating_from_num(rates)).unwrap_or_default();
    U64F64::saturating_from_num(gained)
}

/// Both locks as one; they must be rolled to one block, and of one kind.
pub fn merged(first: &Lock, second: &Lock) -> Lock {
    Lock {
        mass: first.mass.saturating_add(second.mass),
        conviction: first.conviction.saturating_add(second.conviction),
        block: first.block.max(second.block),
    }
}

/// The lock without `amount` rao of its mass, and without that part of its conviction.
pub fn reduced(lock: &Lock, amount: u64) -> Lock {
    let mass = lock.mass.saturating_sub(amount);
    if mass == 0 {
        return Lock { block: lock.block, ..Lock::default() };
    }
    let removed = U64F64::from_num(amount).checked_div(U64F64::from_num(lock.mass)).unwrap_or_default();
    let kept = ONE.saturating_sub(removed);
    Lock { mass, conviction: U64F64::from_bits(lock.conviction).saturating_mul(kept).to_bits(), block: lock.block }
}

/// Whose subnet it becomes: the place of the highest conviction, the last of several; `None` if nothing
/// changes.
///
/// `convictions` are those behind each hotkey (`U64F64` bits), ascending by hotkey, the present owner's
/// among them. The subnet must be `TAKEOVER_AGE` blocks old, and all convictions together a tenth of
/// the alpha that is outstanding: issued to stakers, neither burned nor held by the protocol.
pub fn new_owner(convictions: &[u128], age: u64, outstanding_alpha: u64) -> Option<usize> {
    let total = convictions.iter().fold(0_u128, |total, conviction| total.saturating_add(*conviction));
    let tenfold = U64F64::from_bits(total).saturating_mul(U64F64::from_num(10));
    let enough = outstanding_alpha > 0 && tenfold >= U64F64::from_num(outstanding_alpha);
    let highest = convictions.iter().enumerate().max_by_key(|(_, conviction)| **conviction);
    highest.map(|(place, _)| place).filter(|_| enough && age >= TAKEOVER_AGE)
}
