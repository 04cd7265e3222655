//! Stake: TAO that coldkeys put behind hotkeys on subnets, kept as shares of one pool a hotkey and subnet.

use frame_support::{CloneNoBound, PartialEqNoBound, dispatch::DispatchResult, ensure};
use frame_system::{ensure_signed, pallet_prelude::OriginFor};
use sp_runtime::DispatchError;
use substrate_fixed::types::U64F64;

use crate::*;

/// The least that is staked, or left when something is taken out, in rao.
pub const MIN_STAKE_RAO: u64 = 2_000_000;
/// Price of an alpha under mechanism 0, in rao.
pub const STABLE_PRICE_RAO: u64 = RAO_PER_TAO;

impl<T: Config> Pallet<T> {
    pub(crate) fn do_add_stake(
        origin: OriginFor<T>,
        hotkey: &T::AccountId,
        netuid: NetUid,
        amount: TaoBalance,
        limit_price: Option<TaoBalance>,
    ) -> DispatchResult {
        let coldkey = ensure_signed(origin)?;
        Self::ensure_takes_stake(netuid)?;
        ensure!(amount >= MIN_STAKE_RAO, Error::<T>::AmountTooLow);
        ensure!(limit_price.is_none_or(|limit| limit >= STABLE_PRICE_RAO), Error::<T>::SlippageTooHigh);
        ensure!(Self::can_pay(&coldkey, amount), Error::<T>::NotEnoughBalanceToStake);
        ensure!(Owner::<T>::contains_key(hotkey), Error::<T>::HotKeyAccountNotExists);
        Self::take_from_balance(&coldkey, amount)?;
        Self::increase_stake(hotkey, &coldkey, netuid, amount);
        Self::count_volume(netuid, amount);
        Self::deposit_event(Event::StakeAdded(coldkey, hotkey.clone(), amount, amount, netuid, 0));
        Ok(())
    }

    pub(crate) fn do_remove_stake(
        origin: OriginFor<T>,
        hotkey: &T::AccountId,
        netuid: NetUid,
        amount: AlphaBalance,
        limit_price: Option<TaoBalance>,
    ) -> DispatchResult {
        let coldkey = ensure_signed(origin)?;
        Self::ensure_takes_stake(netuid)?;
        ensure!(amount > 0, Error::<T>::AmountTooLow);
        ensure!(limit_price.is_none_or(|limit| limit <= STABLE_PRICE_RAO), Error::<T>::SlippageTooHigh);
        ensure!(Owner::<T>::contains_key(hotkey), Error::<T>::HotKeyAccountNotExists);
        let stake = Self::stake_of(hotkey, &coldkey, netuid);
        ensure!(amount <= stake, Error::<T>::NotEnoughStakeToWithdraw);
        // Taking everything is always allowed, so that nothing small is left behind for ever.
        ensure!(amount == stake || amount >= MIN_STAKE_RAO, Error::<T>::AmountTooLow);
        Self::unstake(hotkey, &coldkey, netuid, amount)
    }

    pub(crate) fn do_unstake_all(origin: OriginFor<T>, hotkey: &T::AccountId) -> DispatchResult {
        let coldkey = ensure_signed(origin)?;
        ensure!(Owner::<T>::contains_key(hotkey), Error::<T>::HotKeyAccountNotExists);
        for netuid in Self::netuids() {
            let stake = Self::stake_of(hotkey, &coldkey, netuid);
            if stake > 0 {
                Self::unstake(hotkey, &coldkey, netuid, stake)?;
            }
        }
        Ok(())
    }

    pub(crate) fn do_move_stake(
        origin: OriginFor<T>,
        from: (T::AccountId, NetUid),
        to: (T::AccountId, NetUid),
        amount: AlphaBalance,
    ) -> DispatchResult {
        let coldkey = ensure_signed(origin)?;
        let place = |(hotkey, netuid): &(T::AccountId, NetUid)| Place {
            hotkey: hotkey.clone(),
            coldkey: coldkey.clone(),
            netuid: *netuid,
        };
        Self::transition(place(&from), place(&to), amount)?;
        Self::deposit_event(Event::StakeMoved(coldkey, from.0, from.1, to.0, to.1, amount));
        Ok(())
    }

    pub(crate) fn do_transfer_stake(
        origin: OriginFor<T>,
        to: T::AccountId,
        hotkey: T::AccountId,
        netuids: (NetUid, NetUid),
        amount: AlphaBalance,
    ) -> DispatchResult {
        let coldkey = ensure_signed(origin)?;
        let from = Place::<T> { hotkey: hotkey.clone(), coldkey: coldkey.clone(), netuid: netuids.0 };
        Self::transition(from.clone(), Place { coldkey: to.clone(), netuid: netuids.1, ..from }, amount)?;
        Self::deposit_event(Event::StakeTransferred(coldkey, to, hotkey, netuids.0, netuids.1, amount));
        Ok(())
    }

    pub(crate) fn do_swap_stake(
        origin: OriginFor<T>,
        hotkey: T::AccountId,
        netuids: (NetUid, NetUid),
        amount: AlphaBalance,
    ) -> DispatchResult {
        let coldkey = ensure_signed(origin)?;
        let from = Place::<T> { hotkey: hotkey.clone(), coldkey: coldkey.clone(), netuid: netuids.0 };
        Self::transition(from.clone(), Place { netuid: netuids.1, ..from }, amount)?;
        Self::deposit_event(Event::StakeSwapped(coldkey, hotkey, netuids.0, netuids.1, amount));
        Ok(())
    }

    /// Moves stake from one place to another: any of hotkey, coldkey and subnet may change.
    ///
    /// Errors: `SameNetuid` if none does, `SubnetNotExists`, `SubtokenDisabled`, `HotKeyAccountNotExists`, `NotEnoughStakeToWithdraw`, `AmountTooLow`,
    /// `TransferDisallowed` where the coldkey changes.
    fn transition(from: Place<T>, to: Place<T>, amount: AlphaBalance) -> DispatchResult {
        ensure!(from != to, Error::<T>::SameNetuid);
        Self::ensure_takes_stake(from.netuid)?;
        Self::ensure_takes_stake(to.netuid)?;
        ensure!(Owner::<T>::contains_key(&from.hotkey), Error::<T>::HotKeyAccountNotExists);
        ensure!(Owner::<T>::contains_key(&to.hotkey), Error::<T>::HotKeyAccountNotExists);
        let stake = Self::stake_of(&from.hotkey, &from.coldkey, from.netuid);
        ensure!(amount <= stake, Error::<T>::NotEnoughStakeToWithdraw);
        ensure!(amount >= MIN_STAKE_RAO, Error::<T>::AmountTooLow);
        if from.coldkey != to.coldkey {
            let open = TransferToggle::<T>::get(from.netuid) && TransferToggle::<T>::get(to.netuid);
            ensure!(open, Error::<T>::TransferDisallowed);
        }
        Self::decrease_stake(&from.hotkey, &from.coldkey, from.netuid, amount)?;
        Self::increase_stake(&to.hotkey, &to.coldkey, to.netuid, amount);
        Ok(())
    }

    /// A coldkey's stake at a hotkey on a subnet, in rao.
    pub fn stake_of(hotkey: &T::AccountId, coldkey: &T::AccountId, netuid: NetUid) -> AlphaBalance {
        let shares = Alpha::<T>::get((hotkey, coldkey, netuid)).to_bits();
        if shares == 0 { 0 } else { Self::pool(hotkey, netuid).worth(shares) }
    }

    /// All stake of a coldkey, over its hotkeys and subnets: hotkey, netuid, rao.
    pub fn stakes_of(coldkey: &T::AccountId) -> alloc::vec::Vec<(T::AccountId, NetUid, AlphaBalance)> {
        let netuids = Self::netuids();
        let places = StakingHotkeys::<T>::get(coldkey)
            .into_iter()
            .flat_map(|hotkey| netuids.iter().map(move |netuid| (hotkey.clone(), *netuid)));
        places
            .map(|(hotkey, netuid)| {
                let stake = Self::stake_of(&hotkey, coldkey, netuid);
                (hotkey, netuid, stake)
            })
            .filter(|(_, _, stake)| *stake > 0)
            .collect()
    }

    /// Adds to a coldkey's stake. The TAO comes from a balance; the caller took it there.
    pub(crate) fn increase_stake(hotkey: &T::AccountId, coldkey: &T::AccountId, netuid: NetUid, amount: AlphaBalance) {
        Self::remember_stake(hotkey, netuid);
        Self::credit(hotkey, coldkey, netuid, amount);
        Self::hold(netuid, amount);
    }

    /// Adds to a coldkey's shares; the subnet's totals are the caller's matter.
    pub(crate) fn credit(hotkey: &T::AccountId, coldkey: &T::AccountId, netuid: NetUid, amount: AlphaBalance) {
        let (pool, bought) = Self::pool(hotkey, netuid).deposit(amount);
        Self::put_pool(hotkey, netuid, pool);
        let place = (hotkey, coldkey, netuid);
        let shares = Alpha::<T>::try_get(place).map(U64F64::to_bits);
        Alpha::<T>::insert(place, U64F64::from_bits(shares.unwrap_or(0).saturating_add(bought)));
        if shares.is_err() {
            Self::remember_staker(hotkey, coldkey);
        }
    }

    /// Adds to the shares of all a hotkey's stakers in proportion; to its owner's if there are none. The subnet's totals are the caller's matter.
    pub(crate) fn credit_stakers(hotkey: &T::AccountId, netuid: NetUid, amount: AlphaBalance) {
        match Self::pool(hotkey, netuid).reward(amount) {
            Some(pool) => Self::put_pool(hotkey, netuid, pool),
            None => Self::credit(hotkey, &Owner::<T>::get(hotkey), netuid, amount),
        }
    }

    /// Takes from a coldkey's stake. The caller says where the TAO goes.
    ///
    /// Errors: `NotEnoughStakeToWithdraw`.
    pub(crate) fn decrease_stake(
        hotkey: &T::AccountId,
        coldkey: &T::AccountId,
        netuid: NetUid,
        amount: AlphaBalance,
    ) -> Result<(), DispatchError> {
        let place = (hotkey, coldkey, netuid);
        let shares = Alpha::<T>::get(place).to_bits();
        let (pool, left) =
            Self::pool(hotkey, netuid).withdraw(amount, shares).ok_or(Error::<T>::NotEnoughStakeToWithdraw)?;
        Self::remember_stake(hotkey, netuid);
        Self::put_pool(hotkey, netuid, pool);
        if left == 0 {
            Alpha::<T>::remove(place);
        } else {
            Alpha::<T>::insert(place, U64F64::from_bits(left));
        }
        SubnetTAO::<T>::mutate(netuid, |held| *held = held.saturating_sub(amount));
        SubnetAlphaOut::<T>::mutate(netuid, |out| *out = out.saturating_sub(amount));
        TotalStake::<T>::mutate(|all| *all = all.saturating_sub(amount));
        Ok(())
    }

    fn unstake(hotkey: &T::AccountId, coldkey: &T::AccountId, netuid: NetUid, amount: AlphaBalance) -> DispatchResult {
        Self::decrease_stake(hotkey, coldkey, netuid, amount)?;
        Self::give_to_balance(coldkey, amount)?;
        Self::count_volume(netuid, amount);
        Self::deposit_event(Event::StakeRemoved(coldkey.clone(), hotkey.clone(), amount, amount, netuid, 0));
        Ok(())
    }

    fn ensure_takes_stake(netuid: NetUid) -> DispatchResult {
        ensure!(Self::if_subnet_exist(netuid), Error::<T>::SubnetNotExists);
        ensure!(SubtokenEnabled::<T>::get(netuid), Error::<T>::SubtokenDisabled);
        Ok(())
    }

    pub(crate) fn pool(hotkey: &T::AccountId, netuid: NetUid) -> economy::SharePool {
        economy::SharePool {
            value: TotalHotkeyAlpha::<T>::get(hotkey, netuid),
            shares: TotalHotkeyShares::<T>::get(hotkey, netuid).to_bits(),
        }
    }

    fn put_pool(hotkey: &T::AccountId, netuid: NetUid, pool: economy::SharePool) {
        TotalHotkeyAlpha::<T>::insert(hotkey, netuid, pool.value);
        TotalHotkeyShares::<T>::insert(hotkey, netuid, U64F64::from_bits(pool.shares));
    }

    /// Counts the stake that a hotkey had so far, before it changes; what an epoch pays needs no counting, as the next one begins there.
    fn remember_stake(hotkey: &T::AccountId, netuid: NetUid) {
        if EpochRules::<T>::get(netuid).average_stake {
            let stake = TotalHotkeyAlpha::<T>::get(hotkey, netuid);
            let after = Self::stake_history(hotkey, netuid).changed(stake, Self::current_block());
            StakeIntegral::<T>::insert(netuid, hotkey, (after.integral, after.since));
        }
    }

    /// How a hotkey's stake changed since the last epoch.
    fn stake_history(hotkey: &T::AccountId, netuid: NetUid) -> economy::StakeHistory {
        let known = StakeIntegral::<T>::get(netuid, hotkey);
        let (integral, since) = known.unwrap_or_else(|| (0, LastEpochBlock::<T>::get(netuid)));
        economy::StakeHistory { integral, since }
    }

    /// A hotkey's stake as an epoch in this block counts it, in rao.
    pub(crate) fn counted_stake(hotkey: &T::AccountId, netuid: NetUid, rules: &EpochRuleSet) -> AlphaBalance {
        let stake = TotalHotkeyAlpha::<T>::get(hotkey, netuid);
        if !rules.average_stake {
            return stake;
        }
        Self::stake_history(hotkey, netuid).average(stake, LastEpochBlock::<T>::get(netuid), Self::current_block())
    }

    /// Counts what a subnet holds for its stakers.
    pub(crate) fn hold(netuid: NetUid, amount: AlphaBalance) {
        SubnetTAO::<T>::mutate(netuid, |held| *held = held.saturating_add(amount));
        SubnetAlphaOut::<T>::mutate(netuid, |out| *out = out.saturating_add(amount));
        TotalStake::<T>::mutate(|all| *all = all.saturating_add(amount));
    }

    fn remember_staker(hotkey: &T::AccountId, coldkey: &T::AccountId) {
        StakingHotkeys::<T>::mutate(coldkey, |hotkeys| {
            if !hotkeys.contains(hotkey) {
                hotkeys.push(hotkey.clone());
            }
        });
    }

    fn count_volume(netuid: NetUid, amount: AlphaBalance) {
        SubnetVolume::<T>::mutate(netuid, |volume| *volume = volume.saturating_add(u128::from(amount)));
    }
}

/// Where stake lies.
#[derive(CloneNoBound, PartialEqNoBound)]
struct Place<T: Config> {
    /// At which hotkey.
    hotkey: T::AccountId,
    /// Of which coldkey.
    coldkey: T::AccountId,
    /// On which subnet.
    netuid: NetUid,
}
