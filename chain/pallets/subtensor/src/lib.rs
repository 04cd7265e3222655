//! Subnets, neurons, stake, weights, epochs and emission under Bittensor's names.
//!
//! A thin shell: storage, calls, events and errors in FRAME's sections, one file a topic, and no arithmetic of its own. Epochs are decided by the crate
//! `yuma`, prices, issuance, pots and share pools by `economy`; both have twins in the Python specification, and both are pure.
//!
//! Who holds the TAO: accounts (`Balances`), stakers of subnets (`SubnetTAO`), owners' locks (`SubnetLocked`) and pots that the next epoch pays
//! (`Pending…`). `TotalIssuance` is the sum of them after every block; `invariants.rs` says so and what else holds.

#![cfg_attr(not(feature = "std"), no_std)]
#![recursion_limit = "256"]
#![deny(missing_docs)]
#![cfg_attr(
    not(test),
    deny(
        clippy::arithmetic_side_effects,
        clippy::indexing_slicing,
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic
    )
)]

extern crate alloc;

pub mod apis;
mod calls;
mod delegation;
mod emission;
mod epochs;
mod errors;
mod events;
mod extension;
mod genesis;
pub mod info;
mod invariants;
mod limits;
mod neurons;
mod parameters;
mod serving;
mod stake;
mod storage;
mod subnets;
#[cfg(test)]
mod tests;
mod types;
mod weights;

pub use emission::Recycle;
pub use extension::SubtensorTransactionExtension;
pub use pallet::*;
pub use stake::STABLE_PRICE_RAO;
pub use types::*;

use codec::Decode;
use frame_support::{pallet_macros::import_section, traits::Get, weights::Weight};
use sp_runtime::traits::TrailingZeroInput;

/// The account nobody has a key for: what an absent owner reads as.
pub(crate) fn zero_account<T: frame_system::Config>() -> T::AccountId {
    match T::AccountId::decode(&mut TrailingZeroInput::zeroes()) {
        Ok(account) => account,
        Err(_) => unreachable!("endless zeroes decode to every fixed-size account"),
    }
}

/// What a call costs: some computation and its storage.
pub(crate) fn cost<T: frame_system::Config>(reads: u64, writes: u64) -> Weight {
    Weight::from_parts(30_000_000, 0).saturating_add(T::DbWeight::get().reads_writes(reads, writes))
}

#[import_section(parameters::parameters)]
#[import_section(storage::storage)]
#[import_section(events::events)]
#[import_section(errors::errors)]
#[import_section(calls::calls)]
#[import_section(genesis::genesis)]
#[frame_support::pallet]
#[allow(clippy::expect_used, reason = "FRAME's expansion")]
#[allow(clippy::too_many_arguments, reason = "the calls' arguments are Bittensor's")]
pub mod pallet {
    use alloc::{collections::VecDeque, vec::Vec};

    use codec::Compact;
    use frame_support::{
        pallet_prelude::*,
        traits::{ConstBool, ConstI16, ConstU8, ConstU16, ConstU64, fungible},
    };
    use frame_system::pallet_prelude::*;
    use sp_core::H256;
    use substrate_fixed::types::{I64F64, I96F32, U64F64};

    use super::*;
    use crate::weights::WeightVector;

    /// The pallet.
    #[pallet::pallet]
    #[pallet::without_storage_info]
    pub struct Pallet<T>(_);

    /// What the pallet needs of the runtime.
    #[pallet::config]
    pub trait Config: frame_system::Config<RuntimeEvent: From<Event<Self>>> {
        /// Where accounts keep their TAO.
        type Currency: fungible::Balanced<Self::AccountId, Balance = TaoBalance>
            + fungible::Mutate<Self::AccountId, Balance = TaoBalance>;

        /// Blocks between a subnet's registration and its start, at genesis.
        #[pallet::constant]
        type InitialStartCallDelay: Get<u64>;
    }

    #[pallet::hooks]
    impl<T: Config> Hooks<BlockNumberFor<T>> for Pallet<T> {
        fn on_initialize(_block: BlockNumberFor<T>) -> Weight {
            Self::block_step()
        }
    }
}
