//! What holds after every block.

use alloc::{collections::BTreeSet, vec::Vec};

use frame_support::{ensure, traits::fungible::Inspect};

use crate::*;

impl<T: Config> Pallet<T> {
    /// Names the first rule that the state breaks.
    ///
    /// 1. All TAO issued is somewhere: `TotalIssuance` = balances + stake + locks + pots; and there are never more than 21 million.
    ///    Root alone can break it, by `Balances.force_set_balance`.
    /// 2. A subnet holds what its stakers have: `SubnetTAO` = `SubnetAlphaOut` = sum of `TotalHotkeyAlpha`; `TotalStake` is the sum over subnets.
    /// 3. A pool's shares are its holders': `TotalHotkeyShares` = sum of `Alpha`.
    /// 4. `Keys` and `Uids` name each other, uids count from 0, and every vector has an entry a uid.
    /// 5. Weights and bonds are of and on uids that exist, each named once.
    pub fn check_invariants() -> Result<(), &'static str> {
        let netuids: Vec<NetUid> = NetworksAdded::<T>::iter_keys().collect();
        Self::check_issuance(&netuids)?;
        Self::check_stake(&netuids)?;
        for netuid in netuids {
            Self::check_neurons(netuid)?;
            Self::check_rows(netuid)?;
        }
        Ok(())
    }

    fn check_issuance(netuids: &[NetUid]) -> Result<(), &'static str> {
        let held = |netuid: &NetUid| {
            let places = [SubnetTAO::<T>::get(netuid), SubnetLocked::<T>::get(netuid), Self::pots(*netuid).total()];
            places.iter().fold(0_u64, |sum, amount| sum.saturating_add(*amount))
        };
        let all = netuids.iter().map(held).fold(T::Currency::total_issuance(), |sum, held| sum.saturating_add(held));
        ensure!(TotalIssuance::<T>::get() == all, "TotalIssuance is not balances + stake + locks + pots");
        ensure!(all <= economy::MAX_SUPPLY_RAO, "more than 21 million TAO are issued");
        Ok(())
    }

    fn check_stake(netuids: &[NetUid]) -> Result<(), &'static str> {
        let mut total = 0_u64;
        for netuid in netuids {
            let staked = TotalHotkeyAlpha::<T>::iter()
                .filter(|(_, on, _)| on == netuid)
                .fold(0_u64, |sum, (_, _, alpha)| sum.saturating_add(alpha));
            ensure!(SubnetTAO::<T>::get(netuid) == staked, "SubnetTAO is not the sum of TotalHotkeyAlpha");
            ensure!(SubnetAlphaOut::<T>::get(netuid) == staked, "SubnetAlphaOut is not the sum of TotalHotkeyAlpha");
            total = total.saturating_add(staked);
        }
        ensure!(TotalStake::<T>::get() == total, "TotalStake is not the sum of SubnetTAO");
        for (hotkey, netuid, shares) in TotalHotkeyShares::<T>::iter() {
            let held = Alpha::<T>::iter_prefix((&hotkey,))
                .filter(|((_, on), _)| *on == netuid)
                .fold(0_u128, |sum, (_, shares)| sum.saturating_add(shares.to_bits()));
            ensure!(shares.to_bits() == held, "TotalHotkeyShares is not the sum of Alpha");
        }
        Ok(())
    }

    fn check_neurons(netuid: NetUid) -> Result<(), &'static str> {
        let count = SubnetworkN::<T>::get(netuid);
        let uids = Uids::<T>::iter_prefix(netuid).count();
        ensure!(uids == usize::from(count), "Uids are not as many as SubnetworkN says");
        ensure!(Keys::<T>::iter_prefix(netuid).count() == uids, "Keys are not as many as Uids");
        for uid in 0..count {
            let hotkey = Keys::<T>::get(netuid, uid);
            ensure!(Uids::<T>::get(netuid, &hotkey) == Some(uid), "Keys and Uids do not name each other");
            ensure!(IsNetworkMember::<T>::get(&hotkey, netuid), "a hotkey with a uid is no member");
            ensure!(Owner::<T>::contains_key(&hotkey), "a hotkey with a uid has no coldkey");
        }
        let lengths = [
            Active::<T>::decode_len(netuid),
            Consensus::<T>::decode_len(netuid),
            Incentive::<T>::decode_len(netuid),
            Dividends::<T>::decode_len(netuid),
            Emission::<T>::decode_len(netuid),
            LastUpdate::<T>::decode_len(netuid),
            ValidatorTrust::<T>::decode_len(netuid),
            ValidatorPermit::<T>::decode_len(netuid),
            StakeWeight::<T>::decode_len(netuid),
        ];
        let complete = lengths.iter().all(|length| length.unwrap_or(0) == uids);
        ensure!(complete, "a vector has not one entry a uid");
        Ok(())
    }

    fn check_rows(netuid: NetUid) -> Result<(), &'static str> {
        let count = SubnetworkN::<T>::get(netuid);
        let rows = |uid: u16, row: &[(u16, u16)]| {
            let distinct: BTreeSet<u16> = row.iter().map(|(on, _)| *on).collect();
            uid < count && distinct.len() == row.len() && distinct.iter().all(|on| *on < count)
        };
        let weights = Weights::<T>::iter_prefix(netuid).all(|(uid, row)| rows(uid, &row));
        ensure!(weights, "a row of weights names a uid twice or one that does not exist");
        let bonds = Bonds::<T>::iter_prefix(netuid).all(|(uid, row)| rows(uid, &row));
        ensure!(bonds, "a row of bonds names a uid twice or one that does not exist");
        Ok(())
    }
}
