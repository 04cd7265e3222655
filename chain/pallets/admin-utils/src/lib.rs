//! Setters of the chain's and its subnets' parameters under Bittensor's names.
//!
//! Where a subnet's owner may set a parameter, three more errors are possible: `SubtensorModule.NotSubnetOwner`,
//! `AdminActionProhibitedDuringWeightsWindow` in the last blocks before an epoch, `TxRateLimitExceeded` when the parameter was changed within the
//! owner's rate limit. Root is bound by neither window nor limit.

#![cfg_attr(not(feature = "std"), no_std)]
#![recursion_limit = "256"]
#![deny(missing_docs)]

mod errors;
#[cfg(test)]
mod tests;

pub use pallet::*;

use frame_support::{pallet_macros::import_section, traits::Get, weights::Weight};
use pallet_subtensor::{ConsensusMode, EpochRuleSet, Hyperparameter, NetUid, Pallet as Subtensor, TaoBalance};

/// The most neurons a subnet can be made to take.
pub const MOST_UIDS: u16 = 256;
/// The lowest price of a registration stays below this, in rao.
pub const MIN_BURN_UPPER_BOUND: TaoBalance = 1_000_000_000;
/// The highest price of a registration stays above this, in rao.
pub const MAX_BURN_LOWER_BOUND: TaoBalance = 100_000_000;
/// The longest half-life of a price, in blocks.
pub const MOST_BURN_HALF_LIFE: u16 = 36_100;
/// The smallest liquid alpha, of 65,535: a fortieth.
pub const LEAST_ALPHA: u16 = 1_638;
/// The slowest bonds that an owner may set, of 1,000,000.
pub const OWNERS_MOST_BONDS_MOVING_AVERAGE: u64 = 975_000;

/// What a setter costs: it reads who owns the subnet, the limits and the old value.
pub(crate) fn cost<T: frame_system::Config>() -> Weight {
    Weight::from_parts(20_000_000, 0).saturating_add(T::DbWeight::get().reads_writes(8, 2))
}

#[import_section(errors::errors)]
#[frame_support::pallet]
pub mod pallet {
    use frame_support::pallet_prelude::*;
    use frame_system::{ensure_root, pallet_prelude::*};
    use pallet_subtensor::{Error as SubtensorError, ROOT, pallet::*};
    use substrate_fixed::types::U64F64;

    use super::*;

    /// The pallet.
    #[pallet::pallet]
    pub struct Pallet<T>(_);

    /// What the pallet needs of the runtime.
    #[pallet::config]
    pub trait Config: frame_system::Config + pallet_subtensor::Config {}

    impl<T: Config> Pallet<T> {
        fn ensure_subnet(netuid: NetUid) -> DispatchResult {
            ensure!(Subtensor::<T>::if_subnet_exist(netuid), Error::<T>::SubnetDoesNotExist);
            Ok(())
        }

        fn ensure_may_change(origin: OriginFor<T>, netuid: NetUid, parameter: Hyperparameter) -> DispatchResult {
            Self::ensure_subnet(netuid)?;
            Subtensor::<T>::ensure_may_change(origin, netuid, parameter)
        }
    }

    #[pallet::call]
    impl<T: Config> Pallet<T> {
        /// Sets the largest take, of 65,535.
        /// Origin: root.
        #[pallet::call_index(1)]
        #[pallet::weight(cost::<T>())]
        pub fn sudo_set_default_take(origin: OriginFor<T>, default_take: u16) -> DispatchResult {
            ensure_root(origin)?;
            MaxDelegateTake::<T>::put(default_take);
            Ok(())
        }

        /// Sets the blocks between two key swaps of one account.
        /// Origin: root.
        #[pallet::call_index(2)]
        #[pallet::weight(cost::<T>())]
        pub fn sudo_set_tx_rate_limit(origin: OriginFor<T>, tx_rate_limit: u64) -> DispatchResult {
            ensure_root(origin)?;
            TxRateLimit::<T>::put(tx_rate_limit);
            Ok(())
        }

        /// Sets the blocks between two announcements of one neuron.
        /// Origin: the subnet's owner or root. Errors: SubnetDoesNotExist.
        #[pallet::call_index(3)]
        #[pallet::weight(cost::<T>())]
        pub fn sudo_set_serving_rate_limit(
            origin: OriginFor<T>,
            netuid: NetUid,
            serving_rate_limit: u64,
        ) -> DispatchResult {
            Self::ensure_may_change(origin, netuid, Hyperparameter::ServingRateLimit)?;
            ServingRateLimit::<T>::insert(netuid, serving_rate_limit);
            Ok(())
        }

        /// Sets the version that validators' software must have at least.
        /// Origin: the subnet's owner or root. Errors: SubnetDoesNotExist.
        #[pallet::call_index(6)]
        #[pallet::weight(cost::<T>())]
        pub fn sudo_set_weights_version_key(
            origin: OriginFor<T>,
            netuid: NetUid,
            weights_version_key: u64,
        ) -> DispatchResult {
            Self::ensure_may_change(origin, netuid, Hyperparameter::WeightsVersionKey)?;
            WeightsVersionKey::<T>::insert(netuid, weights_version_key);
            Ok(())
        }

        /// Sets the blocks between two weights, or commits, of one neuron.
        /// Origin: root. Errors: SubnetDoesNotExist.
        #[pallet::call_index(7)]
        #[pallet::weight(cost::<T>())]
        pub fn sudo_set_weights_set_rate_limit(
            origin: OriginFor<T>,
            netuid: NetUid,
            weights_set_rate_limit: u64,
        ) -> DispatchResult {
            ensure_root(origin)?;
            Self::ensure_subnet(netuid)?;
            WeightsSetRateLimit::<T>::insert(netuid, weights_set_rate_limit);
            Ok(())
        }

        /// Sets the blocks in which a new neuron cannot be pruned.
        /// Origin: the subnet's owner or root. Errors: SubnetDoesNotExist.
        #[pallet::call_index(13)]
        #[pallet::weight(cost::<T>())]
        pub fn sudo_set_immunity_period(origin: OriginFor<T>, netuid: NetUid, immunity_period: u16) -> DispatchResult {
            Self::ensure_may_change(origin, netuid, Hyperparameter::ImmunityPeriod)?;
            ImmunityPeriod::<T>::insert(netuid, immunity_period);
            Ok(())
        }

        /// Sets the fewest weights a validator may set.
        /// Origin: the subnet's owner or root. Errors: SubnetDoesNotExist.
        #[pallet::call_index(14)]
        #[pallet::weight(cost::<T>())]
        pub fn sudo_set_min_allowed_weights(
            origin: OriginFor<T>,
            netuid: NetUid,
            min_allowed_weights: u16,
        ) -> DispatchResult {
            Self::ensure_may_change(origin, netuid, Hyperparameter::MinAllowedWeights)?;
            MinAllowedWeights::<T>::insert(netuid, min_allowed_weights);
            Ok(())
        }

        /// Sets how many neurons the subnet takes: at least its smallest limit and its neurons, at most 256.
        /// Origin: the subnet's owner or root. Errors: SubnetDoesNotExist, MaxAllowedUidsLessThanMinAllowedUids, MaxAllowedUIdsLessThanCurrentUIds, MaxAllowedUidsGreaterThanDefaultMaxAllowedUids.
        #[pallet::call_index(15)]
        #[pallet::weight(cost::<T>())]
        pub fn sudo_set_max_allowed_uids(
            origin: OriginFor<T>,
            netuid: NetUid,
            max_allowed_uids: u16,
        ) -> DispatchResult {
            Self::ensure_may_change(origin, netuid, Hyperparameter::MaxAllowedUids)?;
            ensure!(
                max_allowed_uids >= MinAllowedUids::<T>::get(netuid),
                Error::<T>::MaxAllowedUidsLessThanMinAllowedUids
            );
            ensure!(max_allowed_uids >= SubnetworkN::<T>::get(netuid), Error::<T>::MaxAllowedUIdsLessThanCurrentUIds);
            ensure!(max_allowed_uids <= MOST_UIDS, Error::<T>::MaxAllowedUidsGreaterThanDefaultMaxAllowedUids);
            MaxAllowedUids::<T>::insert(netuid, max_allowed_uids);
            Ok(())
        }

        /// Sets the consensus majority, of 65,535.
        /// Origin: root. Errors: SubnetDoesNotExist.
        #[pallet::call_index(16)]
        #[pallet::weight(cost::<T>())]
        pub fn sudo_set_kappa(origin: OriginFor<T>, netuid: NetUid, kappa: u16) -> DispatchResult {
            ensure_root(origin)?;
            Self::ensure_subnet(netuid)?;
            Kappa::<T>::insert(netuid, kappa);
            Ok(())
        }

        /// Sets rho, which no rule uses.
        /// Origin: the subnet's owner or root. Errors: SubnetDoesNotExist.
        #[pallet::call_index(17)]
        #[pallet::weight(cost::<T>())]
        pub fn sudo_set_rho(origin: OriginFor<T>, netuid: NetUid, rho: u16) -> DispatchResult {
            Self::ensure_may_change(origin, netuid, Hyperparameter::Rho)?;
            Rho::<T>::insert(netuid, rho);
            Ok(())
        }

        /// Sets whether the subnet takes new neurons.
        /// Origin: root. Errors: SubnetDoesNotExist.
        #[pallet::call_index(19)]
        #[pallet::weight(cost::<T>())]
        pub fn sudo_set_network_registration_allowed(
            origin: OriginFor<T>,
            netuid: NetUid,
            registration_allowed: bool,
        ) -> DispatchResult {
            ensure_root(origin)?;
            Self::ensure_subnet(netuid)?;
            NetworkRegistrationAllowed::<T>::insert(netuid, registration_allowed);
            Ok(())
        }

        /// Sets the lowest price of a registration in rao: below 1 TAO and the highest.
        /// Origin: the subnet's owner or root. Errors: SubnetDoesNotExist, ValueNotInBounds.
        #[pallet::call_index(22)]
        #[pallet::weight(cost::<T>())]
        pub fn sudo_set_min_burn(origin: OriginFor<T>, netuid: NetUid, min_burn: TaoBalance) -> DispatchResult {
            Self::ensure_may_change(origin, netuid, Hyperparameter::MinBurn)?;
            ensure!(
                min_burn < MIN_BURN_UPPER_BOUND && min_burn < MaxBurn::<T>::get(netuid),
                Error::<T>::ValueNotInBounds
            );
            MinBurn::<T>::insert(netuid, min_burn);
            Ok(())
        }

        /// Sets the highest price of a registration in rao: above 0.1 TAO and the lowest.
        /// Origin: the subnet's owner or root. Errors: SubnetDoesNotExist, ValueNotInBounds.
        #[pallet::call_index(23)]
        #[pallet::weight(cost::<T>())]
        pub fn sudo_set_max_burn(origin: OriginFor<T>, netuid: NetUid, max_burn: TaoBalance) -> DispatchResult {
            Self::ensure_may_change(origin, netuid, Hyperparameter::MaxBurn)?;
            ensure!(
                max_burn > MAX_BURN_LOWER_BOUND && max_burn > MinBurn::<T>::get(netuid),
                Error::<T>::ValueNotInBounds
            );
            MaxBurn::<T>::insert(netuid, max_burn);
            Ok(())
        }

        /// Sets how many neurons get a validator permit, at most as many as there may be.
        /// Origin: root. Errors: SubnetDoesNotExist, MaxValidatorsLargerThanMaxUIds.
        #[pallet::call_index(25)]
        #[pallet::weight(cost::<T>())]
        pub fn sudo_set_max_allowed_validators(
            origin: OriginFor<T>,
            netuid: NetUid,
            max_allowed_validators: u16,
        ) -> DispatchResult {
            ensure_root(origin)?;
            Self::ensure_subnet(netuid)?;
            ensure!(
                max_allowed_validators <= MaxAllowedUids::<T>::get(netuid),
                Error::<T>::MaxValidatorsLargerThanMaxUIds
            );
            MaxAllowedValidators::<T>::insert(netuid, max_allowed_validators);
            Ok(())
        }

        /// Sets the part of a bond that survives an epoch, of 1,000,000; an owner at most 975,000.
        /// Origin: the subnet's owner or root. Errors: SubnetDoesNotExist, BondsMovingAverageMaxReached.
        #[pallet::call_index(26)]
        #[pallet::weight(cost::<T>())]
        pub fn sudo_set_bonds_moving_average(
            origin: OriginFor<T>,
            netuid: NetUid,
            bonds_moving_average: u64,
        ) -> DispatchResult {
            Self::ensure_subnet(netuid)?;
            let root = ensure_root(origin.clone()).is_ok();
            Subtensor::<T>::ensure_may_change(origin, netuid, Hyperparameter::BondsMovingAverage)?;
            let most = if root { 1_000_000 } else { OWNERS_MOST_BONDS_MOVING_AVERAGE };
            ensure!(bonds_moving_average <= most, Error::<T>::BondsMovingAverageMaxReached);
            BondsMovingAverage::<T>::insert(netuid, bonds_moving_average);
            Ok(())
        }

        /// Sets the owner's part of a subnet's emission, of 65,535.
        /// Origin: root.
        #[pallet::call_index(28)]
        #[pallet::weight(cost::<T>())]
        pub fn sudo_set_subnet_owner_cut(origin: OriginFor<T>, subnet_owner_cut: u16) -> DispatchResult {
            ensure_root(origin)?;
            SubnetOwnerCut::<T>::put(subnet_owner_cut);
            Ok(())
        }

        /// Sets the blocks between two registrations of subnets.
        /// Origin: root.
        #[pallet::call_index(29)]
        #[pallet::weight(cost::<T>())]
        pub fn sudo_set_network_rate_limit(origin: OriginFor<T>, rate_limit: u64) -> DispatchResult {
            ensure_root(origin)?;
            NetworkRateLimit::<T>::put(rate_limit);
            Ok(())
        }

        /// Sets the blocks between two epochs; a new cycle starts, 0 means never.
        /// Origin: root. Errors: SubnetDoesNotExist.
        #[pallet::call_index(30)]
        #[pallet::weight(cost::<T>())]
        pub fn sudo_set_tempo(origin: OriginFor<T>, netuid: NetUid, tempo: u16) -> DispatchResult {
            ensure_root(origin)?;
            Self::ensure_subnet(netuid)?;
            Subtensor::<T>::apply_tempo(netuid, tempo);
            Ok(())
        }

        /// Sets the blocks in which a new subnet cannot be dissolved for another.
        /// Origin: root.
        #[pallet::call_index(35)]
        #[pallet::weight(cost::<T>())]
        pub fn sudo_set_network_immunity_period(origin: OriginFor<T>, immunity_period: u64) -> DispatchResult {
            ensure_root(origin)?;
            NetworkImmunityPeriod::<T>::put(immunity_period);
            Ok(())
        }

        /// Sets the least that registering a subnet locks, in rao.
        /// Origin: root.
        #[pallet::call_index(36)]
        #[pallet::weight(cost::<T>())]
        pub fn sudo_set_network_min_lock_cost(origin: OriginFor<T>, lock_cost: TaoBalance) -> DispatchResult {
            ensure_root(origin)?;
            NetworkMinLockCost::<T>::put(lock_cost);
            Ok(())
        }

        /// Sets how many subnets there may be.
        /// Origin: root.
        #[pallet::call_index(37)]
        #[pallet::weight(cost::<T>())]
        pub fn sudo_set_subnet_limit(origin: OriginFor<T>, max_subnets: u16) -> DispatchResult {
            ensure_root(origin)?;
            SubnetLimit::<T>::put(max_subnets);
            Ok(())
        }

        /// Sets the blocks in which the lock cost falls back.
        /// Origin: root.
        #[pallet::call_index(38)]
        #[pallet::weight(cost::<T>())]
        pub fn sudo_set_lock_reduction_interval(origin: OriginFor<T>, interval: u64) -> DispatchResult {
            ensure_root(origin)?;
            NetworkLockReductionInterval::<T>::put(interval);
            Ok(())
        }

        /// Sets the stake below which a hotkey sets no weights, in rao.
        /// Origin: root.
        #[pallet::call_index(42)]
        #[pallet::weight(cost::<T>())]
        pub fn sudo_set_stake_threshold(origin: OriginFor<T>, min_stake: u64) -> DispatchResult {
            ensure_root(origin)?;
            StakeThreshold::<T>::put(min_stake);
            Ok(())
        }

        /// Sets the blocks between two rises of one hotkey's take.
        /// Origin: root.
        #[pallet::call_index(45)]
        #[pallet::weight(cost::<T>())]
        pub fn sudo_set_tx_delegate_take_rate_limit(origin: OriginFor<T>, tx_rate_limit: u64) -> DispatchResult {
            ensure_root(origin)?;
            TxDelegateTakeRateLimit::<T>::put(tx_rate_limit);
            Ok(())
        }

        /// Sets the smallest take, of 65,535.
        /// Origin: root.
        #[pallet::call_index(46)]
        #[pallet::weight(cost::<T>())]
        pub fn sudo_set_min_delegate_take(origin: OriginFor<T>, take: u16) -> DispatchResult {
            ensure_root(origin)?;
            MinDelegateTake::<T>::put(take);
            Ok(())
        }

        /// Sets whether weights are committed first and revealed later.
        /// Origin: the subnet's owner or root. Errors: SubnetDoesNotExist.
        #[pallet::call_index(49)]
        #[pallet::weight(cost::<T>())]
        pub fn sudo_set_commit_reveal_weights_enabled(
            origin: OriginFor<T>,
            netuid: NetUid,
            enabled: bool,
        ) -> DispatchResult {
            Self::ensure_may_change(origin, netuid, Hyperparameter::CommitRevealEnabled)?;
            CommitRevealWeightsEnabled::<T>::insert(netuid, enabled);
            Subtensor::<T>::announce(pallet_subtensor::Event::CommitRevealEnabled(netuid, enabled));
            Ok(())
        }

        /// Sets whether bonds move the faster the further they are from the consensus.
        /// Origin: the subnet's owner or root. Errors: SubnetDoesNotExist.
        #[pallet::call_index(50)]
        #[pallet::weight(cost::<T>())]
        pub fn sudo_set_liquid_alpha_enabled(origin: OriginFor<T>, netuid: NetUid, enabled: bool) -> DispatchResult {
            Self::ensure_may_change(origin, netuid, Hyperparameter::LiquidAlphaEnabled)?;
            LiquidAlphaOn::<T>::insert(netuid, enabled);
            Ok(())
        }

        /// Sets slowest and fastest liquid alpha, of 65,535.
        /// Origin: the subnet's owner or root. Errors: SubnetDoesNotExist, LiquidAlphaDisabled, AlphaHighTooLow, AlphaLowOutOfRange.
        #[pallet::call_index(51)]
        #[pallet::weight(cost::<T>())]
        pub fn sudo_set_alpha_values(
            origin: OriginFor<T>,
            netuid: NetUid,
            alpha_low: u16,
            alpha_high: u16,
        ) -> DispatchResult {
            Self::ensure_may_change(origin, netuid, Hyperparameter::AlphaValues)?;
            ensure!(LiquidAlphaOn::<T>::get(netuid), SubtensorError::<T>::LiquidAlphaDisabled);
            ensure!(alpha_high >= LEAST_ALPHA, SubtensorError::<T>::AlphaHighTooLow);
            let in_range = (LEAST_ALPHA..=alpha_high).contains(&alpha_low);
            ensure!(in_range, SubtensorError::<T>::AlphaLowOutOfRange);
            AlphaValues::<T>::insert(netuid, (alpha_low, alpha_high));
            Ok(())
        }

        /// Sets the epochs between a commit and its reveal, 1 to 100.
        /// Origin: the subnet's owner or root. Errors: SubnetDoesNotExist, RevealPeriodTooSmall, RevealPeriodTooLarge.
        #[pallet::call_index(57)]
        #[pallet::weight(cost::<T>())]
        pub fn sudo_set_commit_reveal_weights_interval(
            origin: OriginFor<T>,
            netuid: NetUid,
            interval: u64,
        ) -> DispatchResult {
            Self::ensure_may_change(origin, netuid, Hyperparameter::RevealPeriod)?;
            ensure!(interval <= 100, SubtensorError::<T>::RevealPeriodTooLarge);
            ensure!(interval >= 1, SubtensorError::<T>::RevealPeriodTooSmall);
            RevealPeriodEpochs::<T>::insert(netuid, interval);
            Subtensor::<T>::announce(pallet_subtensor::Event::CommitRevealPeriodsSet(netuid, interval));
            Ok(())
        }

        /// Sets how far bonds follow clipped instead of submitted weights, of 65,535.
        /// Origin: the subnet's owner or root. Errors: SubnetDoesNotExist.
        #[pallet::call_index(60)]
        #[pallet::weight(cost::<T>())]
        pub fn sudo_set_bonds_penalty(origin: OriginFor<T>, netuid: NetUid, bonds_penalty: u16) -> DispatchResult {
            Self::ensure_may_change(origin, netuid, Hyperparameter::BondsPenalty)?;
            BondsPenalty::<T>::insert(netuid, bonds_penalty);
            Ok(())
        }

        /// Sets whether stake may be given to another coldkey.
        /// Origin: the subnet's owner or root. Errors: SubnetDoesNotExist.
        #[pallet::call_index(61)]
        #[pallet::weight(cost::<T>())]
        pub fn sudo_set_toggle_transfer(origin: OriginFor<T>, netuid: NetUid, toggle: bool) -> DispatchResult {
            Self::ensure_may_change(origin, netuid, Hyperparameter::TransferEnabled)?;
            TransferToggle::<T>::insert(netuid, toggle);
            Subtensor::<T>::announce(pallet_subtensor::Event::TransferToggle(netuid, toggle));
            Ok(())
        }

        /// Sets whether the subnet takes stake.
        /// Origin: root. Errors: SubnetDoesNotExist, NotPermittedOnRootSubnet.
        #[pallet::call_index(66)]
        #[pallet::weight(cost::<T>())]
        pub fn sudo_set_subtoken_enabled(
            origin: OriginFor<T>,
            netuid: NetUid,
            subtoken_enabled: bool,
        ) -> DispatchResult {
            ensure_root(origin)?;
            Self::ensure_subnet(netuid)?;
            ensure!(netuid != ROOT, Error::<T>::NotPermittedOnRootSubnet);
            SubtokenEnabled::<T>::insert(netuid, subtoken_enabled);
            Ok(())
        }

        /// Sets the hotkey that stands for the owner.
        /// Origin: the subnet's owner or root. Errors: SubnetDoesNotExist, NonAssociatedColdKey.
        #[pallet::call_index(67)]
        #[pallet::weight(cost::<T>())]
        pub fn sudo_set_sn_owner_hotkey(origin: OriginFor<T>, netuid: NetUid, hotkey: T::AccountId) -> DispatchResult {
            Self::ensure_may_change(origin, netuid, Hyperparameter::OwnerHotkey)?;
            // The owner's cut is staked at this hotkey, so it must be the owner's.
            let owned = Owner::<T>::get(&hotkey) == SubnetOwner::<T>::get(netuid);
            ensure!(owned, SubtensorError::<T>::NonAssociatedColdKey);
            SubnetOwnerHotkey::<T>::insert(netuid, &hotkey);
            Subtensor::<T>::announce(pallet_subtensor::Event::SubnetOwnerHotkeySet(netuid, hotkey));
            Ok(())
        }

        /// Sets the steepness of liquid alpha's sigmoid in hundredths; only root sets it below 0.
        /// Origin: the subnet's owner or root. Errors: SubnetDoesNotExist, NegativeSigmoidSteepness.
        #[pallet::call_index(68)]
        #[pallet::weight(cost::<T>())]
        pub fn sudo_set_alpha_sigmoid_steepness(
            origin: OriginFor<T>,
            netuid: NetUid,
            steepness: i16,
        ) -> DispatchResult {
            Self::ensure_subnet(netuid)?;
            let root = ensure_root(origin.clone()).is_ok();
            Subtensor::<T>::ensure_may_change(origin, netuid, Hyperparameter::AlphaSigmoidSteepness)?;
            ensure!(root || steepness >= 0, Error::<T>::NegativeSigmoidSteepness);
            AlphaSigmoidSteepness::<T>::insert(netuid, steepness);
            Ok(())
        }

        /// Sets whether bonds are per pair (Yuma 3) instead of column shares (Yuma 2).
        /// Origin: the subnet's owner or root. Errors: SubnetDoesNotExist.
        #[pallet::call_index(69)]
        #[pallet::weight(cost::<T>())]
        pub fn sudo_set_yuma3_enabled(origin: OriginFor<T>, netuid: NetUid, enabled: bool) -> DispatchResult {
            Self::ensure_may_change(origin, netuid, Hyperparameter::Yuma3Enabled)?;
            Yuma3On::<T>::insert(netuid, enabled);
            Ok(())
        }

        /// Sets how many of the owner's neurons are never pruned.
        /// Origin: the subnet's owner or root. Errors: SubnetDoesNotExist.
        #[pallet::call_index(72)]
        #[pallet::weight(cost::<T>())]
        pub fn sudo_set_owner_immune_neuron_limit(
            origin: OriginFor<T>,
            netuid: NetUid,
            immune_neurons: u16,
        ) -> DispatchResult {
            Self::ensure_may_change(origin, netuid, Hyperparameter::ImmuneOwnerUidsLimit)?;
            ImmuneOwnerUidsLimit::<T>::insert(netuid, immune_neurons);
            Ok(())
        }

        /// Sets the blocks before an epoch in which owners change no parameters.
        /// Origin: root.
        #[pallet::call_index(74)]
        #[pallet::weight(cost::<T>())]
        pub fn sudo_set_admin_freeze_window(origin: OriginFor<T>, window: u16) -> DispatchResult {
            ensure_root(origin)?;
            AdminFreezeWindow::<T>::put(window);
            Ok(())
        }

        /// Sets the tempos between two changes of one parameter by a subnet's owner.
        /// Origin: root.
        #[pallet::call_index(75)]
        #[pallet::weight(cost::<T>())]
        pub fn sudo_set_owner_hparam_rate_limit(origin: OriginFor<T>, epochs: u16) -> DispatchResult {
            ensure_root(origin)?;
            OwnerHyperparamRateLimit::<T>::put(epochs);
            Ok(())
        }

        /// Sets below what the limit of neurons cannot be set: below that limit and the present neurons.
        /// Origin: root. Errors: SubnetDoesNotExist, MinAllowedUidsGreaterThanMaxAllowedUids, MinAllowedUidsGreaterThanCurrentUids.
        #[pallet::call_index(79)]
        #[pallet::weight(cost::<T>())]
        pub fn sudo_set_min_allowed_uids(
            origin: OriginFor<T>,
            netuid: NetUid,
            min_allowed_uids: u16,
        ) -> DispatchResult {
            ensure_root(origin)?;
            Self::ensure_subnet(netuid)?;
            ensure!(
                min_allowed_uids < MaxAllowedUids::<T>::get(netuid),
                Error::<T>::MinAllowedUidsGreaterThanMaxAllowedUids
            );
            ensure!(min_allowed_uids < SubnetworkN::<T>::get(netuid), Error::<T>::MinAllowedUidsGreaterThanCurrentUids);
            MinAllowedUids::<T>::insert(netuid, min_allowed_uids);
            Ok(())
        }

        /// Sets how many prunable neurons pruning leaves.
        /// Origin: root. Errors: SubnetDoesNotExist.
        #[pallet::call_index(84)]
        #[pallet::weight(cost::<T>())]
        pub fn sudo_set_min_non_immune_uids(origin: OriginFor<T>, netuid: NetUid, min: u16) -> DispatchResult {
            ensure_root(origin)?;
            Self::ensure_subnet(netuid)?;
            MinNonImmuneUids::<T>::insert(netuid, min);
            Ok(())
        }

        /// Sets the blocks between a subnet's registration and its start.
        /// Origin: root.
        #[pallet::call_index(85)]
        #[pallet::weight(cost::<T>())]
        pub fn sudo_set_start_call_delay(origin: OriginFor<T>, delay: u64) -> DispatchResult {
            ensure_root(origin)?;
            StartCallDelay::<T>::put(delay);
            Ok(())
        }

        /// Sets the blocks in which the price of a registration halves, 1 to 36,100.
        /// Origin: the subnet's owner or root. Errors: SubnetDoesNotExist, NotPermittedOnRootSubnet, InvalidValue.
        #[pallet::call_index(89)]
        #[pallet::weight(cost::<T>())]
        pub fn sudo_set_burn_half_life(origin: OriginFor<T>, netuid: NetUid, burn_half_life: u16) -> DispatchResult {
            Self::ensure_may_change(origin, netuid, Hyperparameter::BurnHalfLife)?;
            ensure!(netuid != ROOT, Error::<T>::NotPermittedOnRootSubnet);
            ensure!((1..=MOST_BURN_HALF_LIFE).contains(&burn_half_life), Error::<T>::InvalidValue);
            BurnHalfLife::<T>::insert(netuid, burn_half_life);
            Ok(())
        }

        /// Sets by how much a registration raises the price, 1 to 3.
        /// Origin: the subnet's owner or root. Errors: SubnetDoesNotExist, NotPermittedOnRootSubnet, InvalidValue.
        #[pallet::call_index(90)]
        #[pallet::weight(cost::<T>())]
        pub fn sudo_set_burn_increase_mult(
            origin: OriginFor<T>,
            netuid: NetUid,
            burn_increase_mult: U64F64,
        ) -> DispatchResult {
            Self::ensure_may_change(origin, netuid, Hyperparameter::BurnIncreaseMult)?;
            ensure!(netuid != ROOT, Error::<T>::NotPermittedOnRootSubnet);
            ensure!((1_u8..=3).contains(&burn_increase_mult), Error::<T>::InvalidValue);
            BurnIncreaseMult::<T>::insert(netuid, burn_increase_mult);
            Ok(())
        }

        /// Sets whether the owner gets the cut.
        /// Origin: the subnet's owner or root. Errors: SubnetDoesNotExist, NotPermittedOnRootSubnet.
        #[pallet::call_index(92)]
        #[pallet::weight(cost::<T>())]
        pub fn sudo_set_owner_cut_enabled(origin: OriginFor<T>, netuid: NetUid, enabled: bool) -> DispatchResult {
            Self::ensure_subnet(netuid)?;
            Subtensor::<T>::ensure_subnet_owner_or_root(origin, netuid)?;
            ensure!(netuid != ROOT, Error::<T>::NotPermittedOnRootSubnet);
            OwnerCutEnabled::<T>::insert(netuid, enabled);
            Ok(())
        }

        /// Sets whether the subnet may receive emission.
        /// Origin: root. Errors: SubnetDoesNotExist, NotPermittedOnRootSubnet.
        #[pallet::call_index(94)]
        #[pallet::weight(cost::<T>())]
        pub fn sudo_set_subnet_emission_enabled(origin: OriginFor<T>, netuid: NetUid, enabled: bool) -> DispatchResult {
            ensure_root(origin)?;
            Self::ensure_subnet(netuid)?;
            ensure!(netuid != ROOT, Error::<T>::NotPermittedOnRootSubnet);
            SubnetEmissionEnabled::<T>::insert(netuid, enabled);
            Ok(())
        }

        /// Sets how many epochs one block may run, at least 1.
        /// Origin: root. Errors: ValueNotInBounds.
        #[pallet::call_index(96)]
        #[pallet::weight(cost::<T>())]
        pub fn sudo_set_max_epochs_per_block(origin: OriginFor<T>, max_epochs_per_block: u8) -> DispatchResult {
            ensure_root(origin)?;
            ensure!(max_epochs_per_block >= 1, Error::<T>::ValueNotInBounds);
            MaxEpochsPerBlock::<T>::put(max_epochs_per_block);
            Ok(())
        }

        /// Sets which consensus liquid alpha goes by.
        /// Origin: the subnet's owner or root. Errors: SubnetDoesNotExist.
        #[pallet::call_index(104)]
        #[pallet::weight(cost::<T>())]
        pub fn sudo_set_liquid_alpha_consensus_mode(
            origin: OriginFor<T>,
            netuid: NetUid,
            mode: ConsensusMode,
        ) -> DispatchResult {
            Self::ensure_may_change(origin, netuid, Hyperparameter::LiquidAlphaConsensusMode)?;
            LiquidAlphaConsensusMode::<T>::insert(netuid, mode);
            Ok(())
        }

        /// Sets the rules of the epoch that Bittensor does not have. Ours.
        /// Origin: the subnet's owner or root. Errors: SubnetDoesNotExist.
        #[pallet::call_index(200)]
        #[pallet::weight(cost::<T>())]
        pub fn sudo_set_epoch_rules(origin: OriginFor<T>, netuid: NetUid, rules: EpochRuleSet) -> DispatchResult {
            Self::ensure_may_change(origin, netuid, Hyperparameter::EpochRules)?;
            if !rules.average_stake {
                let _ = StakeIntegral::<T>::clear_prefix(netuid, u32::MAX, None);
            }
            EpochRules::<T>::insert(netuid, rules);
            Ok(())
        }
    }
}
