//! The place where a chain publishes the key for encrypted transactions. This one publishes none: it has no such transactions.
//!
//! Bittensor's clients ask for the key before they stake, and send the transaction in the clear when there is none. Without the pallet
//! they would stop instead.

pub use pallet::*;

#[frame_support::pallet]
pub mod pallet {
    use frame_support::pallet_prelude::*;

    /// The pallet.
    #[pallet::pallet]
    pub struct Pallet<T>(_);

    /// It needs nothing.
    #[pallet::config]
    pub trait Config: frame_system::Config {}

    /// The ML-KEM-768 key to encrypt transactions with: never set.
    #[pallet::storage]
    pub type NextKey<T> = StorageValue<_, BoundedVec<u8, ConstU32<1184>>, OptionQuery>;
}
