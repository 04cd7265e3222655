//! Who may send what is free of charge.

use core::marker::PhantomData;

use codec::{Decode, DecodeWithMemTracking, Encode};
use frame_support::{dispatch::DispatchInfo, pallet_prelude::TransactionSource, traits::IsSubType, weights::Weight};
use scale_info::TypeInfo;
use sp_runtime::{
    impl_tx_ext_default,
    traits::{AsSystemOriginSigner, DispatchInfoOf, Dispatchable, Implication, TransactionExtension},
    transaction_validity::{InvalidTransaction, TransactionValidityError, ValidTransaction},
};

use crate::*;

/// Number of the refusal: the signer is no hotkey. Bittensor's.
pub const HOTKEY_ACCOUNT_DOES_NOT_EXIST: u8 = 4;

/// Keeps free calls (weights, commits, announcements) to accounts that somebody once paid for as a hotkey, so that nobody fills blocks for nothing.
#[derive(Encode, Decode, DecodeWithMemTracking, Clone, PartialEq, Eq, TypeInfo)]
#[scale_info(skip_type_params(T))]
pub struct SubtensorTransactionExtension<T>(PhantomData<T>);

impl<T> Default for SubtensorTransactionExtension<T> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<T> core::fmt::Debug for SubtensorTransactionExtension<T> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("SubtensorTransactionExtension")
    }
}

impl<T: Config + Send + Sync> TransactionExtension<T::RuntimeCall> for SubtensorTransactionExtension<T>
where
    T::RuntimeCall: Dispatchable<Info = DispatchInfo> + IsSubType<Call<T>>,
    <T::RuntimeCall as Dispatchable>::RuntimeOrigin: AsSystemOriginSigner<T::AccountId> + Clone,
{
    const IDENTIFIER: &'static str = "SubtensorTransactionExtension";
    type Implicit = ();
    type Val = ();
    type Pre = ();

    fn weight(&self, _call: &T::RuntimeCall) -> Weight {
        T::DbWeight::get().reads(1)
    }

    fn validate(
        &self,
        origin: <T::RuntimeCall as Dispatchable>::RuntimeOrigin,
        call: &T::RuntimeCall,
        _info: &DispatchInfoOf<T::RuntimeCall>,
        _length: usize,
        _implicit: (),
        _implication: &impl Implication,
        _source: TransactionSource,
    ) -> Result<(ValidTransaction, (), <T::RuntimeCall as Dispatchable>::RuntimeOrigin), TransactionValidityError> {
        let signer = origin.as_system_origin_signer();
        if call.is_sub_type().is_some_and(is_free) && signer.is_some_and(|signer| !Owner::<T>::contains_key(signer)) {
            return Err(InvalidTransaction::Custom(HOTKEY_ACCOUNT_DOES_NOT_EXIST).into());
        }
        Ok((ValidTransaction::default(), (), origin))
    }

    impl_tx_ext_default!(T::RuntimeCall; prepare);
}

fn is_free<T: Config>(call: &Call<T>) -> bool {
    matches!(
        call,
        Call::set_weights { .. }
            | Call::set_mechanism_weights { .. }
            | Call::batch_set_weights { .. }
            | Call::commit_weights { .. }
            | Call::commit_mechanism_weights { .. }
            | Call::batch_commit_weights { .. }
            | Call::reveal_weights { .. }
            | Call::reveal_mechanism_weights { .. }
            | Call::batch_reveal_weights { .. }
            | Call::serve_axon { .. }
            | Call::serve_axon_tls { .. }
            | Call::serve_prometheus { .. }
    )
}
