//! One neuron.

use alloc::{vec, vec::Vec};

use codec::{Compact, Decode, Encode};
use scale_info::TypeInfo;

use crate::*;

/// A neuron with its weights and bonds.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
#[allow(missing_docs, reason = "each field is the storage item of that name")]
pub struct NeuronInfo<AccountId> {
    pub hotkey: AccountId,
    pub coldkey: AccountId,
    pub uid: Compact<u16>,
    pub netuid: Compact<NetUid>,
    pub active: bool,
    pub axon_info: AxonInfo,
    pub prometheus_info: PrometheusInfo,
    pub stake: Vec<(AccountId, Compact<AlphaBalance>)>,
    pub rank: Compact<u16>,
    pub emission: Compact<AlphaBalance>,
    pub incentive: Compact<u16>,
    pub consensus: Compact<u16>,
    pub trust: Compact<u16>,
    pub validator_trust: Compact<u16>,
    pub dividends: Compact<u16>,
    pub last_update: Compact<u64>,
    pub validator_permit: bool,
    pub weights: Vec<(Compact<u16>, Compact<u16>)>,
    pub bonds: Vec<(Compact<u16>, Compact<u16>)>,
    pub pruning_score: Compact<u16>,
}

/// A neuron without its weights and bonds.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
#[allow(missing_docs, reason = "each field is the storage item of that name")]
pub struct NeuronInfoLite<AccountId> {
    pub hotkey: AccountId,
    pub coldkey: AccountId,
    pub uid: Compact<u16>,
    pub netuid: Compact<NetUid>,
    pub active: bool,
    pub axon_info: AxonInfo,
    pub prometheus_info: PrometheusInfo,
    pub stake: Vec<(AccountId, Compact<AlphaBalance>)>,
    pub rank: Compact<u16>,
    pub emission: Compact<AlphaBalance>,
    pub incentive: Compact<u16>,
    pub consensus: Compact<u16>,
    pub trust: Compact<u16>,
    pub validator_trust: Compact<u16>,
    pub dividends: Compact<u16>,
    pub last_update: Compact<u64>,
    pub validator_permit: bool,
    pub pruning_score: Compact<u16>,
}

/// A subnet's vectors, read once for all its neurons.
struct Vectors {
    active: Vec<bool>,
    emission: Vec<u64>,
    incentive: Vec<u16>,
    consensus: Vec<u16>,
    validator_trust: Vec<u16>,
    dividends: Vec<u16>,
    last_update: Vec<u64>,
    validator_permit: Vec<bool>,
}

impl Vectors {
    fn of<T: Config>(netuid: NetUid) -> Self {
        Self {
            active: Active::<T>::get(netuid),
            emission: Emission::<T>::get(netuid),
            incentive: Incentive::<T>::get(netuid),
            consensus: Consensus::<T>::get(netuid),
            validator_trust: ValidatorTrust::<T>::get(netuid),
            dividends: Dividends::<T>::get(netuid),
            last_update: LastUpdate::<T>::get(netuid),
            validator_permit: ValidatorPermit::<T>::get(netuid),
        }
    }

    fn neuron<T: Config>(&self, netuid: NetUid, uid: u16) -> NeuronInfoLite<T::AccountId> {
        let hotkey = Keys::<T>::get(netuid, uid);
        let coldkey = Owner::<T>::get(&hotkey);
        let stake = TotalHotkeyAlpha::<T>::get(&hotkey, netuid);
        NeuronInfoLite {
            axon_info: Axons::<T>::get(netuid, &hotkey).unwrap_or_default(),
            prometheus_info: Prometheus::<T>::get(netuid, &hotkey).unwrap_or_default(),
            stake: vec![(coldkey.clone(), stake.into())],
            hotkey,
            coldkey,
            uid: uid.into(),
            netuid: netuid.into(),
            active: entry(&self.active, uid),
            rank: Compact(0),
            emission: entry(&self.emission, uid).into(),
            incentive: entry(&self.incentive, uid).into(),
            consensus: entry(&self.consensus, uid).into(),
            trust: Compact(0),
            validator_trust: entry(&self.validator_trust, uid).into(),
            dividends: entry(&self.dividends, uid).into(),
            last_update: entry(&self.last_update, uid).into(),
            validator_permit: entry(&self.validator_permit, uid),
            pruning_score: Compact(0),
        }
    }
}

impl<AccountId> NeuronInfoLite<AccountId> {
    fn with_rows(self, weights: Vec<(u16, u16)>, bonds: Vec<(u16, u16)>) -> NeuronInfo<AccountId> {
        NeuronInfo {
            hotkey: self.hotkey,
            coldkey: self.coldkey,
            uid: self.uid,
            netuid: self.netuid,
            active: self.active,
            axon_info: self.axon_info,
            prometheus_info: self.prometheus_info,
            stake: self.stake,
            rank: self.rank,
            emission: self.emission,
            incentive: self.incentive,
            consensus: self.consensus,
            trust: self.trust,
            validator_trust: self.validator_trust,
            dividends: self.dividends,
            last_update: self.last_update,
            validator_permit: self.validator_permit,
            weights: compact_row(weights),
            bonds: compact_row(bonds),
            pruning_score: self.pruning_score,
        }
    }
}

impl<T: Config> Pallet<T> {
    /// All neurons of a subnet.
    pub fn get_neurons(netuid: NetUid) -> Vec<NeuronInfo<T::AccountId>> {
        let rows = |neuron: NeuronInfoLite<T::AccountId>| {
            let uid = neuron.uid.0;
            neuron.with_rows(Weights::<T>::get(netuid, uid), Bonds::<T>::get(netuid, uid))
        };
        Self::get_neurons_lite(netuid).into_iter().map(rows).collect()
    }

    /// One neuron.
    pub fn get_neuron(netuid: NetUid, uid: u16) -> Option<NeuronInfo<T::AccountId>> {
        let neuron = Self::get_neuron_lite(netuid, uid)?;
        Some(neuron.with_rows(Weights::<T>::get(netuid, uid), Bonds::<T>::get(netuid, uid)))
    }

    /// All neurons of a subnet without their weights and bonds.
    pub fn get_neurons_lite(netuid: NetUid) -> Vec<NeuronInfoLite<T::AccountId>> {
        let vectors = Vectors::of::<T>(netuid);
        (0..SubnetworkN::<T>::get(netuid)).map(|uid| vectors.neuron::<T>(netuid, uid)).collect()
    }

    /// One neuron without its weights and bonds.
    pub fn get_neuron_lite(netuid: NetUid, uid: u16) -> Option<NeuronInfoLite<T::AccountId>> {
        (uid < SubnetworkN::<T>::get(netuid)).then(|| Vectors::of::<T>(netuid).neuron::<T>(netuid, uid))
    }
}

fn entry<V: Copy + Default>(values: &[V], uid: u16) -> V {
    values.get(usize::from(uid)).copied().unwrap_or_default()
}

fn compact_row(row: Vec<(u16, u16)>) -> Vec<(Compact<u16>, Compact<u16>)> {
    row.into_iter().map(|(uid, value)| (uid.into(), value.into())).collect()
}
