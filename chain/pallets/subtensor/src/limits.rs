//! Who may change a subnet's parameters, and when.

use frame_support::{dispatch::DispatchResult, ensure};
use frame_system::{ensure_root, ensure_signed, pallet_prelude::OriginFor};
use sp_runtime::{DispatchError, SaturatedConversion, traits::BadOrigin};

use crate::*;

impl<T: Config> Pallet<T> {
    /// Number of the block being built.
    pub fn current_block() -> u64 {
        frame_system::Pallet::<T>::block_number().saturated_into()
    }

    /// The signer, if it owns the subnet.
    ///
    /// Errors: `SubnetNotExists`, `NotSubnetOwner`.
    pub fn ensure_subnet_owner(origin: OriginFor<T>, netuid: NetUid) -> Result<T::AccountId, DispatchError> {
        let coldkey = ensure_signed(origin)?;
        ensure!(Self::if_subnet_exist(netuid), Error::<T>::SubnetNotExists);
        ensure!(SubnetOwner::<T>::get(netuid) == coldkey, Error::<T>::NotSubnetOwner);
        Ok(coldkey)
    }

    /// Root, or the subnet's owner: returns the owner's account, nothing for root.
    ///
    /// Errors: `SubnetNotExists`, `NotSubnetOwner`, `BadOrigin`.
    pub fn ensure_subnet_owner_or_root(
        origin: OriginFor<T>,
        netuid: NetUid,
    ) -> Result<Option<T::AccountId>, DispatchError> {
        if ensure_root(origin.clone()).is_ok() {
            ensure!(Self::if_subnet_exist(netuid), Error::<T>::SubnetNotExists);
            return Ok(None);
        }
        ensure!(ensure_signed(origin.clone()).is_ok(), BadOrigin);
        Self::ensure_subnet_owner(origin, netuid).map(Some)
    }

    /// Root at any time; the owner outside of the freeze window and once per rate limit. Notes the owner's change.
    ///
    /// Errors: `SubnetNotExists`, `NotSubnetOwner`, `AdminActionProhibitedDuringWeightsWindow`, `TxRateLimitExceeded`.
    pub fn ensure_may_change(origin: OriginFor<T>, netuid: NetUid, parameter: Hyperparameter) -> DispatchResult {
        if Self::ensure_subnet_owner_or_root(origin, netuid)?.is_some() {
            Self::ensure_admin_window_open(netuid)?;
            Self::spend_owner_limit(netuid, parameter)?;
        }
        Ok(())
    }

    /// Refuses in the last blocks before an epoch, so that validators know the rules they weigh by.
    ///
    /// Errors: `AdminActionProhibitedDuringWeightsWindow`.
    pub fn ensure_admin_window_open(netuid: NetUid) -> DispatchResult {
        let window = u64::from(AdminFreezeWindow::<T>::get());
        let open = Self::blocks_until_next_epoch(netuid).is_none_or(|blocks| blocks >= window);
        ensure!(open, Error::<T>::AdminActionProhibitedDuringWeightsWindow);
        Ok(())
    }

    /// One change of one parameter per `OwnerHyperparamRateLimit` tempos.
    ///
    /// Errors: `TxRateLimitExceeded`.
    pub fn spend_owner_limit(netuid: NetUid, parameter: Hyperparameter) -> DispatchResult {
        let tempos = u64::from(OwnerHyperparamRateLimit::<T>::get());
        let limit = tempos.saturating_mul(u64::from(Tempo::<T>::get(netuid)));
        let now = Self::current_block();
        let last = OwnerHyperparamChanged::<T>::get(netuid, parameter);
        ensure!(last == 0 || now.saturating_sub(last) >= limit, Error::<T>::TxRateLimitExceeded);
        OwnerHyperparamChanged::<T>::insert(netuid, parameter, now);
        Ok(())
    }

    /// Lets the pallet of setters announce what it set in this pallet's events.
    pub fn announce(event: Event<T>) {
        Self::deposit_event(event);
    }
}
