//! Takes: what a hotkey's owner keeps of its delegators' dividends.

use frame_support::{dispatch::DispatchResult, ensure};
use frame_system::{ensure_signed, pallet_prelude::OriginFor};
use sp_runtime::DispatchError;

use crate::*;

impl<T: Config> Pallet<T> {
    pub(crate) fn do_decrease_take(origin: OriginFor<T>, hotkey: &T::AccountId, take: u16) -> DispatchResult {
        let coldkey = Self::ensure_owner_of(origin, hotkey)?;
        let lower = take < Delegates::<T>::get(hotkey) && take >= MinDelegateTake::<T>::get();
        ensure!(lower, Error::<T>::DelegateTakeTooLow);
        Delegates::<T>::insert(hotkey, take);
        Self::deposit_event(Event::TakeDecreased(coldkey, hotkey.clone(), take));
        Ok(())
    }

    pub(crate) fn do_increase_take(origin: OriginFor<T>, hotkey: &T::AccountId, take: u16) -> DispatchResult {
        let coldkey = Self::ensure_owner_of(origin, hotkey)?;
        ensure!(take > Delegates::<T>::get(hotkey), Error::<T>::DelegateTakeTooLow);
        ensure!(take <= MaxDelegateTake::<T>::get(), Error::<T>::DelegateTakeTooHigh);
        let (now, last) = (Self::current_block(), LastTxBlockDelegateTake::<T>::get(hotkey));
        let waited = now.saturating_sub(last) >= TxDelegateTakeRateLimit::<T>::get();
        ensure!(last == 0 || waited, Error::<T>::DelegateTxRateLimitExceeded);
        Delegates::<T>::insert(hotkey, take);
        LastTxBlockDelegateTake::<T>::insert(hotkey, now);
        Self::deposit_event(Event::TakeIncreased(coldkey, hotkey.clone(), take));
        Ok(())
    }

    /// The signer, if it owns the hotkey.
    ///
    /// Errors: `HotKeyAccountNotExists`, `NonAssociatedColdKey`.
    fn ensure_owner_of(origin: OriginFor<T>, hotkey: &T::AccountId) -> Result<T::AccountId, DispatchError> {
        let coldkey = ensure_signed(origin)?;
        ensure!(Owner::<T>::contains_key(hotkey), Error::<T>::HotKeyAccountNotExists);
        Self::ensure_owns_or_free(&coldkey, hotkey)?;
        Ok(coldkey)
    }
}
