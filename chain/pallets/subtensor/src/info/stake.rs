//! Stake, those who take it, and what an alpha costs.

use alloc::{collections::BTreeMap, vec::Vec};

use codec::{Compact, Decode, Encode};
use scale_info::TypeInfo;

use crate::*;

/// A coldkey's stake at a hotkey on a subnet.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
#[allow(missing_docs, reason = "each is named as what it is; locks and drains there are none")]
pub struct StakeInfo<AccountId> {
    pub hotkey: AccountId,
    pub coldkey: AccountId,
    pub netuid: Compact<NetUid>,
    pub stake: Compact<AlphaBalance>,
    pub locked: Compact<u64>,
    pub emission: Compact<AlphaBalance>,
    pub tao_emission: Compact<TaoBalance>,
    pub drain: Compact<u64>,
    pub is_registered: bool,
}

/// What of a coldkey's stake on a subnet may be taken out.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
#[allow(missing_docs, reason = "each is named as what it is")]
pub struct StakeAvailability {
    pub total: Compact<AlphaBalance>,
    pub locked: Compact<AlphaBalance>,
    pub available: Compact<AlphaBalance>,
}

/// A subnet and stake on it, in rao.
pub type SubnetStake = (Compact<NetUid>, Compact<AlphaBalance>);

/// A hotkey that takes stake of others.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
#[allow(missing_docs, reason = "each is named as what it is; stakes and returns are in rao")]
pub struct DelegateInfo<AccountId> {
    pub delegate_ss58: AccountId,
    pub take: Compact<u16>,
    pub nominators: Vec<(AccountId, Vec<SubnetStake>)>,
    pub owner_ss58: AccountId,
    pub registrations: Vec<Compact<NetUid>>,
    pub validator_permits: Vec<Compact<NetUid>>,
    pub return_per_1000: Compact<u64>,
    pub total_daily_return: Compact<u64>,
}

/// What staking or unstaking would bring.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
#[allow(missing_docs, reason = "each is named as what it is, in rao")]
pub struct SimSwapResult {
    pub tao_amount: TaoBalance,
    pub alpha_amount: AlphaBalance,
    pub tao_fee: TaoBalance,
    pub alpha_fee: AlphaBalance,
    pub tao_slippage: TaoBalance,
    pub alpha_slippage: AlphaBalance,
}

impl SimSwapResult {
    /// One for one, free of charge.
    pub fn even(amount: u64) -> Self {
        Self { tao_amount: amount, alpha_amount: amount, tao_fee: 0, alpha_fee: 0, tao_slippage: 0, alpha_slippage: 0 }
    }
}

/// What a subnet's alpha costs.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
#[allow(missing_docs, reason = "each is named as what it is, in rao")]
pub struct SubnetPrice {
    pub netuid: NetUid,
    pub price: u64,
}

impl<T: Config> Pallet<T> {
    /// A coldkey's stake at a hotkey on a subnet.
    pub fn get_stake_info_for_hotkey_coldkey_netuid(
        hotkey: T::AccountId,
        coldkey: T::AccountId,
        netuid: NetUid,
    ) -> StakeInfo<T::AccountId> {
        StakeInfo {
            netuid: netuid.into(),
            stake: Self::stake_of(&hotkey, &coldkey, netuid).into(),
            locked: Compact(0),
            emission: AlphaDividendsPerSubnet::<T>::get(netuid, &hotkey).into(),
            tao_emission: Compact(0),
            drain: Compact(0),
            is_registered: Uids::<T>::contains_key(netuid, &hotkey),
            hotkey,
            coldkey,
        }
    }

    /// All stake of a coldkey.
    pub fn get_stake_info_for_coldkey(coldkey: T::AccountId) -> Vec<StakeInfo<T::AccountId>> {
        let stakes = Self::stakes_of(&coldkey).into_iter();
        stakes
            .map(|(hotkey, netuid, _)| Self::get_stake_info_for_hotkey_coldkey_netuid(hotkey, coldkey.clone(), netuid))
            .collect()
    }

    /// What a coldkey may take out, by subnet, on the subnets asked for.
    pub fn stake_availability(
        coldkey: &T::AccountId,
        netuids: Option<&[NetUid]>,
    ) -> BTreeMap<NetUid, StakeAvailability> {
        let mut totals = BTreeMap::<NetUid, u64>::new();
        for (_, netuid, stake) in Self::stakes_of(coldkey) {
            if netuids.is_none_or(|wanted| wanted.contains(&netuid)) {
                let total = totals.entry(netuid).or_default();
                *total = total.saturating_add(stake);
            }
        }
        let free = |total: u64| StakeAvailability { total: total.into(), locked: Compact(0), available: total.into() };
        totals.into_iter().map(|(netuid, total)| (netuid, free(total))).collect()
    }

    /// A hotkey that takes stake of others; any hotkey does.
    pub fn get_delegate(hotkey: T::AccountId) -> Option<DelegateInfo<T::AccountId>> {
        let mut nominators = BTreeMap::<T::AccountId, Vec<SubnetStake>>::new();
        for ((coldkey, netuid), _) in Alpha::<T>::iter_prefix((&hotkey,)) {
            let stake = Self::stake_of(&hotkey, &coldkey, netuid);
            nominators.entry(coldkey).or_default().push((netuid.into(), stake.into()));
        }
        let registrations: Vec<(NetUid, u16)> =
            Self::netuids().into_iter().filter_map(|netuid| Some((netuid, Uids::<T>::get(netuid, &hotkey)?))).collect();
        let permits = registrations
            .iter()
            .filter(|(netuid, uid)| ValidatorPermit::<T>::get(netuid).get(usize::from(*uid)) == Some(&true));
        Owner::<T>::contains_key(&hotkey).then(|| DelegateInfo {
            take: Delegates::<T>::get(&hotkey).into(),
            nominators: nominators.into_iter().collect(),
            owner_ss58: Owner::<T>::get(&hotkey),
            validator_permits: permits.map(|(netuid, _)| (*netuid).into()).collect(),
            registrations: registrations.iter().map(|(netuid, _)| (*netuid).into()).collect(),
            return_per_1000: Compact(0),
            total_daily_return: Compact(0),
            delegate_ss58: hotkey,
        })
    }

    /// All hotkeys that take stake of others.
    pub fn get_delegates() -> Vec<DelegateInfo<T::AccountId>> {
        Owner::<T>::iter_keys().filter_map(Self::get_delegate).collect()
    }

    /// The hotkeys at which a coldkey has stake, one entry a subnet.
    pub fn get_delegated(coldkey: T::AccountId) -> Vec<(DelegateInfo<T::AccountId>, SubnetStake)> {
        let stakes = Self::stakes_of(&coldkey).into_iter();
        stakes
            .filter_map(|(hotkey, netuid, stake)| Some((Self::get_delegate(hotkey)?, (netuid.into(), stake.into()))))
            .collect()
    }
}
