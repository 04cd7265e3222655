//! Why setters refuse.

use frame_support::pallet_macros::pallet_section;

#[pallet_section]
mod errors {
    /// Why a parameter was not set, in Bittensor's names.
    #[pallet::error]
    #[derive(PartialEq)]
    pub enum Error<T> {
        /// There is no subnet with this netuid.
        SubnetDoesNotExist,
        /// There cannot be more validators than neurons.
        MaxValidatorsLargerThanMaxUIds,
        /// The subnet has more neurons than that.
        MaxAllowedUIdsLessThanCurrentUIds,
        /// An owner sets bonds of at most 975,000 of 1,000,000.
        BondsMovingAverageMaxReached,
        /// Only root sets a negative steepness.
        NegativeSigmoidSteepness,
        /// The value is out of its bounds.
        ValueNotInBounds,
        /// The smallest limit of neurons must be below the present neurons.
        MinAllowedUidsGreaterThanCurrentUids,
        /// The smallest limit of neurons must be below the limit.
        MinAllowedUidsGreaterThanMaxAllowedUids,
        /// The limit of neurons must not be below its smallest.
        MaxAllowedUidsLessThanMinAllowedUids,
        /// The limit of neurons is at most 256.
        MaxAllowedUidsGreaterThanDefaultMaxAllowedUids,
        /// The value is out of its range.
        InvalidValue,
        /// The root network does not have this parameter.
        NotPermittedOnRootSubnet,
    }
}
