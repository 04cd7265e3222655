//! Neurons: hotkeys with a uid on a subnet. Registering burns the price; a full subnet replaces its least useful neuron.

use alloc::vec::Vec;

use frame_support::{dispatch::DispatchResult, ensure};
use frame_system::{ensure_signed, pallet_prelude::OriginFor};
use sp_runtime::DispatchError;

use crate::*;

impl<T: Config> Pallet<T> {
    pub(crate) fn do_burned_register(origin: OriginFor<T>, netuid: NetUid, hotkey: &T::AccountId) -> DispatchResult {
        let coldkey = ensure_signed(origin)?;
        ensure!(netuid != ROOT, Error::<T>::RegistrationNotPermittedOnRootSubnet);
        ensure!(Self::if_subnet_exist(netuid), Error::<T>::SubnetNotExists);
        ensure!(NetworkRegistrationAllowed::<T>::get(netuid), Error::<T>::SubNetRegistrationDisabled);
        ensure!(!Uids::<T>::contains_key(netuid, hotkey), Error::<T>::HotKeyAlreadyRegisteredInSubNet);
        let price = Burn::<T>::get(netuid);
        ensure!(Self::can_pay(&coldkey, price), Error::<T>::NotEnoughBalanceToStake);
        Self::ensure_owns_or_free(&coldkey, hotkey)?;
        let uid = Self::free_uid(netuid).ok_or(Error::<T>::NoNeuronIdAvailable)?;

        Self::take_from_balance(&coldkey, price)?;
        // The burned TAO is no longer issued, so a later block can mint it again.
        TotalIssuance::<T>::mutate(|issued| *issued = issued.saturating_sub(price));
        RAORecycledForRegistration::<T>::mutate(netuid, |sum| *sum = sum.saturating_add(price));
        Self::associate(&coldkey, hotkey)?;
        if uid < SubnetworkN::<T>::get(netuid) {
            Self::replace_neuron(netuid, uid, hotkey);
        } else {
            Self::append_neuron(netuid, hotkey);
        }
        Self::raise_price(netuid);
        RegistrationsThisBlock::<T>::mutate(netuid, |count| *count = count.saturating_add(1));
        Self::deposit_event(Event::NeuronRegistered(netuid, uid, hotkey.clone()));
        Ok(())
    }

    pub(crate) fn do_register_limit(
        origin: OriginFor<T>,
        netuid: NetUid,
        hotkey: &T::AccountId,
        limit_price: u64,
    ) -> DispatchResult {
        ensure_signed(origin.clone())?;
        ensure!(netuid != ROOT, Error::<T>::RegistrationNotPermittedOnRootSubnet);
        ensure!(Self::if_subnet_exist(netuid), Error::<T>::SubnetNotExists);
        ensure!(Burn::<T>::get(netuid) <= limit_price, Error::<T>::RegistrationPriceLimitExceeded);
        Self::do_burned_register(origin, netuid, hotkey)
    }

    /// The uid a new neuron gets: the next one, or in a full subnet that of the neuron that makes room.
    pub fn free_uid(netuid: NetUid) -> Option<u16> {
        let (count, limit) = (SubnetworkN::<T>::get(netuid), MaxAllowedUids::<T>::get(netuid));
        if count < limit { Some(count) } else { Self::neuron_to_prune(netuid) }
    }

    /// The neuron that makes room for a new one, if there is any that may.
    pub fn neuron_to_prune(netuid: NetUid) -> Option<u16> {
        let now = Self::current_block();
        let immunity = u64::from(ImmunityPeriod::<T>::get(netuid));
        let immortal = Self::immortal_uids(netuid);
        let emission = Emission::<T>::get(netuid);
        let candidates: Vec<economy::Candidate> = (0..SubnetworkN::<T>::get(netuid))
            .map(|uid| {
                let registered_at = BlockAtRegistration::<T>::get(netuid, uid);
                economy::Candidate {
                    uid,
                    emission: emission.get(usize::from(uid)).copied().unwrap_or(0),
                    registered_at,
                    immune: now.saturating_sub(registered_at) < immunity,
                    immortal: immortal.contains(&uid),
                }
            })
            .collect();
        economy::neuron_to_prune(&candidates, MinNonImmuneUids::<T>::get(netuid))
    }

    /// The owner's uids that are never pruned: the owner hotkey's, then the owner's oldest, up to the subnet's limit.
    pub(crate) fn immortal_uids(netuid: NetUid) -> Vec<u16> {
        let mut uids: Vec<(u64, u16)> = OwnedHotkeys::<T>::get(SubnetOwner::<T>::get(netuid))
            .into_iter()
            .filter_map(|hotkey| Uids::<T>::get(netuid, hotkey))
            .map(|uid| (BlockAtRegistration::<T>::get(netuid, uid), uid))
            .collect();
        uids.sort_unstable();
        let owner = Self::owner_uid(netuid);
        let others = uids.into_iter().map(|(_, uid)| uid).filter(|uid| Some(*uid) != owner);
        let limit = usize::from(ImmuneOwnerUidsLimit::<T>::get(netuid));
        owner.into_iter().chain(others).take(limit.max(1)).collect()
    }

    /// The uid of the hotkey that stands for the owner.
    pub fn owner_uid(netuid: NetUid) -> Option<u16> {
        Uids::<T>::get(netuid, SubnetOwnerHotkey::<T>::get(netuid))
    }

    /// The uid of a hotkey.
    ///
    /// Errors: `HotKeyNotRegisteredInSubNet`.
    pub fn uid_of(netuid: NetUid, hotkey: &T::AccountId) -> Result<u16, DispatchError> {
        Uids::<T>::get(netuid, hotkey).ok_or(Error::<T>::HotKeyNotRegisteredInSubNet.into())
    }

    /// Refuses a hotkey that belongs to another coldkey.
    ///
    /// Errors: `NonAssociatedColdKey`.
    pub(crate) fn ensure_owns_or_free(coldkey: &T::AccountId, hotkey: &T::AccountId) -> DispatchResult {
        let free = !Owner::<T>::contains_key(hotkey);
        ensure!(free || Owner::<T>::get(hotkey) == *coldkey, Error::<T>::NonAssociatedColdKey);
        Ok(())
    }

    /// Makes the coldkey the hotkey's owner, if nobody is.
    ///
    /// Errors: `NonAssociatedColdKey`.
    pub(crate) fn associate(coldkey: &T::AccountId, hotkey: &T::AccountId) -> DispatchResult {
        Self::ensure_owns_or_free(coldkey, hotkey)?;
        if !Owner::<T>::contains_key(hotkey) {
            Owner::<T>::insert(hotkey, coldkey);
            OwnedHotkeys::<T>::append(coldkey, hotkey);
            // The account of an owned hotkey exists without money, so that it may sign what is free of charge.
            frame_system::Pallet::<T>::inc_sufficients(hotkey);
        }
        Ok(())
    }

    pub(crate) fn append_neuron(netuid: NetUid, hotkey: &T::AccountId) {
        let uid = SubnetworkN::<T>::get(netuid);
        SubnetworkN::<T>::insert(netuid, uid.saturating_add(1));
        Active::<T>::append(netuid, true);
        Consensus::<T>::append(netuid, 0);
        Incentive::<T>::append(netuid, 0);
        Dividends::<T>::append(netuid, 0);
        Emission::<T>::append(netuid, 0);
        LastUpdate::<T>::append(netuid, Self::current_block());
        ValidatorTrust::<T>::append(netuid, 0);
        ValidatorPermit::<T>::append(netuid, false);
        StakeWeight::<T>::append(netuid, 0);
        Self::seat(netuid, uid, hotkey);
    }

    fn replace_neuron(netuid: NetUid, uid: u16, hotkey: &T::AccountId) {
        let old = Keys::<T>::get(netuid, uid);
        Uids::<T>::remove(netuid, &old);
        IsNetworkMember::<T>::remove(&old, netuid);
        Axons::<T>::remove(netuid, &old);
        Prometheus::<T>::remove(netuid, &old);
        NeuronCertificates::<T>::remove(netuid, &old);
        WeightCommits::<T>::remove(netuid, &old);
        Weights::<T>::remove(netuid, uid);
        WeightsMadeAt::<T>::remove(netuid, uid);
        Bonds::<T>::remove(netuid, uid);
        Self::forget_weights_on(netuid, uid);
        let index = usize::from(uid);
        Active::<T>::mutate(netuid, |all| put(all, index, true));
        Consensus::<T>::mutate(netuid, |all| put(all, index, 0));
        Incentive::<T>::mutate(netuid, |all| put(all, index, 0));
        Dividends::<T>::mutate(netuid, |all| put(all, index, 0));
        Emission::<T>::mutate(netuid, |all| put(all, index, 0));
        LastUpdate::<T>::mutate(netuid, |all| put(all, index, Self::current_block()));
        ValidatorTrust::<T>::mutate(netuid, |all| put(all, index, 0));
        ValidatorPermit::<T>::mutate(netuid, |all| put(all, index, false));
        StakeWeight::<T>::mutate(netuid, |all| put(all, index, 0));
        Self::seat(netuid, uid, hotkey);
    }

    /// What others gave the former holder of a uid is not for the new one.
    fn forget_weights_on(netuid: NetUid, uid: u16) {
        let validators: Vec<u16> = Weights::<T>::iter_key_prefix(netuid).collect();
        for validator in validators {
            Weights::<T>::mutate(netuid, validator, |row| {
                row.iter_mut().filter(|(on, _)| *on == uid).for_each(|(_, weight)| *weight = 0);
            });
        }
    }

    fn seat(netuid: NetUid, uid: u16, hotkey: &T::AccountId) {
        Keys::<T>::insert(netuid, uid, hotkey);
        Uids::<T>::insert(netuid, hotkey, uid);
        BlockAtRegistration::<T>::insert(netuid, uid, Self::current_block());
        IsNetworkMember::<T>::insert(hotkey, netuid, true);
    }

    fn raise_price(netuid: NetUid) {
        let multiplier = BurnIncreaseMult::<T>::get(netuid).to_bits();
        let (min, max) = (MinBurn::<T>::get(netuid), MaxBurn::<T>::get(netuid));
        Burn::<T>::mutate(netuid, |price| *price = economy::bump_price(*price, multiplier, min, max));
    }

    /// Lets every subnet's price fall by a block, and forgets the last block's registrations.
    pub(crate) fn decay_prices(netuids: &[NetUid]) {
        for netuid in netuids {
            let factor = economy::decay_factor(BurnHalfLife::<T>::get(netuid));
            let (min, max) = (MinBurn::<T>::get(netuid), MaxBurn::<T>::get(netuid));
            let price = Burn::<T>::get(netuid);
            let decayed = economy::decay_price(price, factor, min, max);
            if decayed != price {
                Burn::<T>::insert(netuid, decayed);
            }
            RegistrationsThisBlock::<T>::remove(netuid);
        }
    }
}

fn put<V>(values: &mut [V], index: usize, value: V) {
    if let Some(place) = values.get_mut(index) {
        *place = value;
    }
}
