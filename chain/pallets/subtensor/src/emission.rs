//! Emission: what a block mints, to which subnets, and how an epoch pays it out. The arithmetic is the crate `economy`'s.

use alloc::{vec, vec::Vec};

use frame_support::{
    traits::{Imbalance, OnUnbalanced, fungible::Credit},
    weights::Weight,
};

use crate::*;

impl<T: Config> Pallet<T> {
    /// What every block does before its transactions: prices fall, TAO is minted into pots, due epochs run.
    pub(crate) fn block_step() -> Weight {
        let netuids: Vec<NetUid> = Self::netuids().into_iter().filter(|netuid| *netuid != ROOT).collect();
        Self::decay_prices(&netuids);
        Self::mint(&netuids);
        Self::run_due_epochs(&netuids);
        // A subnet costs some twenty reads and ten writes; epochs are bounded by `MaxEpochsPerBlock`.
        let subnets = u64::try_from(netuids.len()).unwrap_or(u64::MAX);
        <T as frame_system::Config>::DbWeight::get()
            .reads_writes(subnets.saturating_mul(20).saturating_add(5), subnets.saturating_mul(10).saturating_add(2))
    }

    /// Mints the block's TAO into the pots of the subnets that emit; nothing if there are none.
    fn mint(netuids: &[NetUid]) {
        let emitting: Vec<NetUid> = netuids.iter().copied().filter(|netuid| Self::emits(*netuid)).collect();
        for netuid in netuids.iter().filter(|netuid| !emitting.contains(netuid)) {
            if SubnetTaoInEmission::<T>::take(netuid) > 0 {
                SubnetAlphaOutEmission::<T>::remove(netuid);
            }
        }
        let amount = economy::block_emission(TotalIssuance::<T>::get());
        if BlockEmission::<T>::get() != amount {
            BlockEmission::<T>::put(amount);
        }
        if emitting.is_empty() || amount == 0 {
            return;
        }
        TotalIssuance::<T>::mutate(|issued| *issued = issued.saturating_add(amount));
        let prices = vec![stake::STABLE_PRICE_RAO; emitting.len()];
        for (netuid, share) in emitting.into_iter().zip(economy::split_by_price(amount, &prices)) {
            let cut = if OwnerCutEnabled::<T>::get(netuid) { SubnetOwnerCut::<T>::get() } else { 0 };
            Self::put_pots(netuid, &Self::pots(netuid).plus(&economy::split_block(share, cut)));
            SubnetTaoInEmission::<T>::insert(netuid, share);
            SubnetAlphaOutEmission::<T>::insert(netuid, share);
        }
    }

    /// Whether the subnet receives emission in this block: started, taking registrations, not switched off.
    pub fn emits(netuid: NetUid) -> bool {
        FirstEmissionBlockNumber::<T>::get(netuid).is_some_and(|first| Self::current_block() >= first)
            && SubtokenEnabled::<T>::get(netuid)
            && NetworkRegistrationAllowed::<T>::get(netuid)
            && SubnetEmissionEnabled::<T>::get(netuid)
    }

    /// What the next epoch pays.
    pub fn pots(netuid: NetUid) -> economy::Pots {
        economy::Pots {
            owner: PendingOwnerCut::<T>::get(netuid),
            server: PendingServerEmission::<T>::get(netuid),
            validator: PendingValidatorEmission::<T>::get(netuid),
        }
    }

    pub(crate) fn put_pots(netuid: NetUid, pots: &economy::Pots) {
        PendingOwnerCut::<T>::insert(netuid, pots.owner);
        PendingServerEmission::<T>::insert(netuid, pots.server);
        PendingValidatorEmission::<T>::insert(netuid, pots.validator);
    }

    /// The take of every validator that earned something; 0 for the others, whose take nobody asks for.
    pub(crate) fn takes(hotkeys: &[T::AccountId], validator_emission: &[u64]) -> Vec<u16> {
        let take = |(hotkey, earned): (&T::AccountId, &u64)| if *earned > 0 { Delegates::<T>::get(hotkey) } else { 0 };
        hotkeys.iter().zip(validator_emission).map(take).collect()
    }

    /// Pays an epoch out as stake.
    pub(crate) fn pay(netuid: NetUid, hotkeys: &[T::AccountId], pay: &economy::Distribution) {
        let _ = AlphaDividendsPerSubnet::<T>::clear_prefix(netuid, u32::MAX, None);
        let mut paid = pay.owner;
        for ((hotkey, dividends), (incentive, take)) in
            hotkeys.iter().zip(&pay.dividends).zip(pay.incentive.iter().zip(&pay.take))
        {
            // Dividends first: they are for those who were staked when they were earned.
            if *dividends > 0 {
                Self::credit_stakers(hotkey, netuid, *dividends);
                AlphaDividendsPerSubnet::<T>::insert(netuid, hotkey, dividends);
            }
            let own = incentive.saturating_add(*take);
            if own > 0 {
                Self::credit(hotkey, &Owner::<T>::get(hotkey), netuid, own);
            }
            paid = paid.saturating_add(*dividends).saturating_add(own);
        }
        if pay.owner > 0 {
            let (hotkey, coldkey) = (SubnetOwnerHotkey::<T>::get(netuid), SubnetOwner::<T>::get(netuid));
            Self::credit(&hotkey, &coldkey, netuid, pay.owner);
        }
        if paid > 0 {
            Self::hold(netuid, paid);
        }
    }
}

/// Takes TAO that balances lose (dust of reaped accounts, fees without an author) from the issuance, so that it can be minted again.
pub struct Recycle<T>(core::marker::PhantomData<T>);

impl<T: Config> OnUnbalanced<Credit<T::AccountId, T::Currency>> for Recycle<T> {
    fn on_nonzero_unbalanced(lost: Credit<T::AccountId, T::Currency>) {
        TotalIssuance::<T>::mutate(|issued| *issued = issued.saturating_sub(lost.peek()));
    }
}
