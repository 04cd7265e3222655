//! Subnets: registered against a lock, started by their owner.

use alloc::{string::String, vec::Vec};

use frame_support::{
    dispatch::DispatchResult,
    ensure,
    traits::{
        fungible::{Inspect, Mutate},
        tokens::{Fortitude, Precision, Preservation},
    },
};
use frame_system::{ensure_signed, pallet_prelude::OriginFor};
use sp_runtime::DispatchError;

use crate::*;

impl<T: Config> Pallet<T> {
    /// Whether there is such a subnet.
    pub fn if_subnet_exist(netuid: NetUid) -> bool {
        NetworksAdded::<T>::get(netuid)
    }

    /// All subnets, root included, in the order of their numbers.
    pub fn netuids() -> Vec<NetUid> {
        let mut netuids: Vec<NetUid> =
            NetworksAdded::<T>::iter().filter_map(|(netuid, added)| added.then_some(netuid)).collect();
        netuids.sort_unstable();
        netuids
    }

    /// Refuses a subnet, or a mechanism of it, that is not there.
    ///
    /// Errors: `SubnetNotExists`, `MechanismDoesNotExist`.
    pub fn ensure_mechanism_exists(netuid: NetUid, mechanism: MechId) -> DispatchResult {
        ensure!(Self::if_subnet_exist(netuid), Error::<T>::SubnetNotExists);
        ensure!(mechanism == MAIN_MECHANISM, Error::<T>::MechanismDoesNotExist);
        Ok(())
    }

    /// The root network exists from the start: no neurons, no epochs, no stake yet.
    pub(crate) fn open_root_network() {
        NetworksAdded::<T>::insert(ROOT, true);
        TotalNetworks::<T>::put(1);
        Tempo::<T>::insert(ROOT, 0);
        MaxAllowedUids::<T>::insert(ROOT, 64);
        MaxAllowedValidators::<T>::insert(ROOT, 64);
        NetworkRegistrationAllowed::<T>::insert(ROOT, false);
    }

    /// What registering a subnet locks now, in rao.
    pub fn network_lock_cost() -> TaoBalance {
        let min = NetworkMinLockCost::<T>::get();
        let registered = NetworkLastRegistered::<T>::get();
        let last = if registered == 0 { min } else { NetworkLastLockCost::<T>::get() };
        economy::lock_cost(last, registered, min, NetworkLockReductionInterval::<T>::get(), Self::current_block())
    }

    pub(crate) fn do_register_network(
        origin: OriginFor<T>,
        hotkey: &T::AccountId,
        identity: Option<SubnetIdentityV3>,
    ) -> DispatchResult {
        let coldkey = ensure_signed(origin)?;
        Self::ensure_owns_or_free(&coldkey, hotkey)?;
        let now = Self::current_block();
        let last = NetworkLastRegistered::<T>::get();
        let waited = now.saturating_sub(last) >= NetworkRateLimit::<T>::get();
        ensure!(last == 0 || waited, Error::<T>::NetworkTxRateLimitExceeded);
        let subnets = TotalNetworks::<T>::get().saturating_sub(1);
        ensure!(subnets < SubnetLimit::<T>::get(), Error::<T>::SubnetLimitReached);
        ensure!(identity.as_ref().is_none_or(SubnetIdentityV3::is_valid), Error::<T>::InvalidIdentity);

        let lock_cost = Self::network_lock_cost();
        ensure!(Self::can_pay(&coldkey, lock_cost), Error::<T>::CannotAffordLockCost);
        Self::take_from_balance(&coldkey, lock_cost)?;

        let netuid = Self::free_netuid();
        Self::open_subnet(netuid, now);
        NetworkLastLockCost::<T>::put(lock_cost);
        NetworkLastRegistered::<T>::put(now);
        SubnetLocked::<T>::insert(netuid, lock_cost);
        SubnetOwner::<T>::insert(netuid, &coldkey);
        SubnetOwnerHotkey::<T>::insert(netuid, hotkey);
        Self::associate(&coldkey, hotkey)?;
        Self::append_neuron(netuid, hotkey);
        if let Some(identity) = identity {
            SubnetIdentitiesV3::<T>::insert(netuid, identity);
            Self::deposit_event(Event::SubnetIdentitySet(netuid));
        }
        Self::deposit_event(Event::NetworkAdded(netuid, SubnetMechanism::<T>::get(netuid)));
        Ok(())
    }

    pub(crate) fn do_start_call(origin: OriginFor<T>, netuid: NetUid) -> DispatchResult {
        Self::ensure_subnet_owner(origin, netuid)?;
        ensure!(!FirstEmissionBlockNumber::<T>::contains_key(netuid), Error::<T>::FirstEmissionBlockNumberAlreadySet);
        let now = Self::current_block();
        let earliest = NetworkRegisteredAt::<T>::get(netuid).saturating_add(StartCallDelay::<T>::get());
        ensure!(now >= earliest, Error::<T>::NeedWaitingMoreBlocksToStarCall);
        let first = now.saturating_add(1);
        FirstEmissionBlockNumber::<T>::insert(netuid, first);
        SubtokenEnabled::<T>::insert(netuid, true);
        Self::deposit_event(Event::FirstEmissionBlockNumberSet(netuid, first));
        Ok(())
    }

    pub(crate) fn do_set_subnet_identity(
        origin: OriginFor<T>,
        netuid: NetUid,
        identity: SubnetIdentityV3,
    ) -> DispatchResult {
        Self::ensure_subnet_owner(origin, netuid)?;
        ensure!(identity.is_valid(), Error::<T>::InvalidIdentity);
        SubnetIdentitiesV3::<T>::insert(netuid, identity);
        Self::deposit_event(Event::SubnetIdentitySet(netuid));
        Ok(())
    }

    /// The lowest number that no subnet has; root's is taken.
    fn free_netuid() -> NetUid {
        let taken = Self::netuids();
        (1..NetUid::MAX).find(|netuid| taken.binary_search(netuid).is_err()).unwrap_or(NetUid::MAX)
    }

    /// An empty subnet with the parameters of a fresh one.
    fn open_subnet(netuid: NetUid, now: u64) {
        let defaults = NewSubnetDefaults::<T>::get();
        NetworksAdded::<T>::insert(netuid, true);
        NetworkRegisteredAt::<T>::insert(netuid, now);
        TotalNetworks::<T>::mutate(|count| *count = count.saturating_add(1));
        Tempo::<T>::insert(netuid, defaults.tempo);
        // Subnets registered in one block would all have their epochs in one block.
        let stagger = u64::from(netuid.checked_rem(defaults.tempo).unwrap_or(0));
        LastEpochBlock::<T>::insert(netuid, now.saturating_sub(stagger));
        MaxAllowedUids::<T>::insert(netuid, 256);
        MaxAllowedValidators::<T>::insert(netuid, 64);
        MinAllowedWeights::<T>::insert(netuid, 1);
        ImmunityPeriod::<T>::insert(netuid, defaults.immunity_period);
        WeightsSetRateLimit::<T>::insert(netuid, defaults.weights_rate_limit);
        ServingRateLimit::<T>::insert(netuid, defaults.serving_rate_limit);
        Burn::<T>::insert(netuid, defaults.burn);
        Yuma3On::<T>::insert(netuid, true);
        SubnetEmissionEnabled::<T>::insert(netuid, defaults.emission_enabled);
        TokenSymbol::<T>::insert(netuid, symbol(netuid));
    }

    /// Whether the coldkey can pay the amount and keep its account alive.
    pub(crate) fn can_pay(coldkey: &T::AccountId, amount: TaoBalance) -> bool {
        T::Currency::reducible_balance(coldkey, Preservation::Preserve, Fortitude::Polite) >= amount
    }

    /// Moves TAO out of an account. Whoever calls this holds it elsewhere or takes it from the issuance.
    pub(crate) fn take_from_balance(coldkey: &T::AccountId, amount: TaoBalance) -> Result<(), DispatchError> {
        T::Currency::burn_from(coldkey, amount, Preservation::Preserve, Precision::Exact, Fortitude::Polite)?;
        Ok(())
    }

    /// Moves TAO that the pallet held into an account.
    pub(crate) fn give_to_balance(coldkey: &T::AccountId, amount: TaoBalance) -> Result<(), DispatchError> {
        T::Currency::mint_into(coldkey, amount)?;
        Ok(())
    }
}

/// The sign of a subnet's alpha: small Greek letters in turn, from alpha.
fn symbol(netuid: NetUid) -> Vec<u8> {
    const LETTERS: &str = "αβγδεζηθικλμνξοπρστυφχψω";
    let turn = usize::from(netuid.saturating_sub(1)).checked_rem(LETTERS.chars().count()).unwrap_or(0);
    LETTERS.chars().skip(turn).take(1).collect::<String>().into_bytes()
}
