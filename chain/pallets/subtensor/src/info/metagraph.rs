//! Everything about a subnet, a vector a property: the one read of those who follow it.

use alloc::{collections::BTreeMap, vec, vec::Vec};

use codec::{Compact, Decode, Encode};
use scale_info::TypeInfo;
use substrate_fixed::types::I96F32;

use super::compact;
use crate::*;

/// Everything about a subnet.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
#[allow(missing_docs, reason = "each field is the storage item of that name")]
pub struct Metagraph<AccountId> {
    pub netuid: Compact<NetUid>,
    pub name: Vec<Compact<u8>>,
    pub symbol: Vec<Compact<u8>>,
    pub identity: Option<SubnetIdentityV3>,
    pub network_registered_at: Compact<u64>,
    pub owner_hotkey: AccountId,
    pub owner_coldkey: AccountId,
    pub block: Compact<u64>,
    pub tempo: Compact<u16>,
    pub last_step: Compact<u64>,
    pub blocks_since_last_step: Compact<u64>,
    pub subnet_emission: Compact<u64>,
    pub alpha_in: Compact<AlphaBalance>,
    pub alpha_out: Compact<AlphaBalance>,
    pub tao_in: Compact<TaoBalance>,
    pub alpha_out_emission: Compact<AlphaBalance>,
    pub alpha_in_emission: Compact<AlphaBalance>,
    pub tao_in_emission: Compact<TaoBalance>,
    pub pending_alpha_emission: Compact<AlphaBalance>,
    pub pending_root_emission: Compact<TaoBalance>,
    pub subnet_volume: Compact<u128>,
    pub moving_price: I96F32,
    pub rho: Compact<u16>,
    pub kappa: Compact<u16>,
    pub min_allowed_weights: Compact<u16>,
    pub max_weights_limit: Compact<u16>,
    pub weights_version: Compact<u64>,
    pub weights_rate_limit: Compact<u64>,
    pub activity_cutoff: Compact<u64>,
    pub max_validators: Compact<u16>,
    pub num_uids: Compact<u16>,
    pub max_uids: Compact<u16>,
    pub burn: Compact<TaoBalance>,
    pub difficulty: Compact<u64>,
    pub registration_allowed: bool,
    pub pow_registration_allowed: bool,
    pub immunity_period: Compact<u16>,
    pub min_difficulty: Compact<u64>,
    pub max_difficulty: Compact<u64>,
    pub min_burn: Compact<TaoBalance>,
    pub max_burn: Compact<TaoBalance>,
    pub adjustment_alpha: Compact<u64>,
    pub adjustment_interval: Compact<u16>,
    pub target_regs_per_interval: Compact<u16>,
    pub max_regs_per_block: Compact<u16>,
    pub serving_rate_limit: Compact<u64>,
    pub commit_reveal_weights_enabled: bool,
    pub commit_reveal_period: Compact<u64>,
    pub liquid_alpha_enabled: bool,
    pub alpha_high: Compact<u16>,
    pub alpha_low: Compact<u16>,
    pub bonds_moving_avg: Compact<u64>,
    pub hotkeys: Vec<AccountId>,
    pub coldkeys: Vec<AccountId>,
    pub identities: Vec<Option<ChainIdentityV2>>,
    pub axons: Vec<AxonInfo>,
    pub active: Vec<bool>,
    pub validator_permit: Vec<bool>,
    pub pruning_score: Vec<Compact<u16>>,
    pub last_update: Vec<Compact<u64>>,
    pub emission: Vec<Compact<AlphaBalance>>,
    pub dividends: Vec<Compact<u16>>,
    pub incentives: Vec<Compact<u16>>,
    pub consensus: Vec<Compact<u16>>,
    pub trust: Vec<Compact<u16>>,
    pub rank: Vec<Compact<u16>>,
    pub block_at_registration: Vec<Compact<u64>>,
    pub alpha_stake: Vec<Compact<AlphaBalance>>,
    pub tao_stake: Vec<Compact<TaoBalance>>,
    pub total_stake: Vec<Compact<TaoBalance>>,
    pub tao_dividends_per_hotkey: Vec<(AccountId, Compact<TaoBalance>)>,
    pub alpha_dividends_per_hotkey: Vec<(AccountId, Compact<AlphaBalance>)>,
}

/// The neurons of a subnet.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
#[allow(missing_docs, reason = "each field is the storage item of that name")]
pub struct SubnetState<AccountId> {
    pub netuid: Compact<NetUid>,
    pub hotkeys: Vec<AccountId>,
    pub coldkeys: Vec<AccountId>,
    pub active: Vec<bool>,
    pub validator_permit: Vec<bool>,
    pub pruning_score: Vec<Compact<u16>>,
    pub last_update: Vec<Compact<u64>>,
    pub emission: Vec<Compact<AlphaBalance>>,
    pub dividends: Vec<Compact<u16>>,
    pub incentives: Vec<Compact<u16>>,
    pub consensus: Vec<Compact<u16>>,
    pub trust: Vec<Compact<u16>>,
    pub rank: Vec<Compact<u16>>,
    pub block_at_registration: Vec<Compact<u64>>,
    pub alpha_stake: Vec<Compact<AlphaBalance>>,
    pub tao_stake: Vec<Compact<TaoBalance>>,
    pub total_stake: Vec<Compact<TaoBalance>>,
    pub emission_history: Vec<Vec<Compact<AlphaBalance>>>,
}

/// What is stored a neuron and not a subnet.
struct Neurons<T: Config> {
    hotkeys: Vec<T::AccountId>,
    coldkeys: Vec<T::AccountId>,
    identities: Vec<Option<ChainIdentityV2>>,
    axons: Vec<AxonInfo>,
    registered_at: Vec<u64>,
    stake: Vec<u64>,
    dividends: Vec<(T::AccountId, Compact<u64>)>,
}

impl<T: Config> Neurons<T> {
    fn of(netuid: NetUid) -> Self {
        let hotkeys = Pallet::<T>::hotkeys(netuid);
        let paid: BTreeMap<T::AccountId, u64> = AlphaDividendsPerSubnet::<T>::iter_prefix(netuid).collect();
        let dividends = |hotkey: &T::AccountId| (hotkey.clone(), Compact(paid.get(hotkey).copied().unwrap_or(0)));
        let uids = 0..SubnetworkN::<T>::get(netuid);
        Self {
            coldkeys: hotkeys.iter().map(Owner::<T>::get).collect(),
            // No call sets an identity yet, so there is none to read.
            identities: vec![None; hotkeys.len()],
            axons: hotkeys.iter().map(|hotkey| Axons::<T>::get(netuid, hotkey).unwrap_or_default()).collect(),
            registered_at: uids.map(|uid| BlockAtRegistration::<T>::get(netuid, uid)).collect(),
            stake: hotkeys.iter().map(|hotkey| TotalHotkeyAlpha::<T>::get(hotkey, netuid)).collect(),
            dividends: hotkeys.iter().map(dividends).collect(),
            hotkeys,
        }
    }
}

impl<T: Config> Pallet<T> {
    /// Everything about a subnet.
    pub fn get_metagraph(netuid: NetUid) -> Option<Metagraph<T::AccountId>> {
        let parameters = Self::get_subnet_hyperparams(netuid)?;
        let neurons = Neurons::<T>::of(netuid);
        let (block, last_step) = (Self::current_block(), LastMechansimStepBlock::<T>::get(netuid));
        Some(Metagraph {
            netuid: netuid.into(),
            name: compact(Self::subnet_name(netuid)),
            symbol: compact(TokenSymbol::<T>::get(netuid)),
            identity: SubnetIdentitiesV3::<T>::get(netuid),
            network_registered_at: NetworkRegisteredAt::<T>::get(netuid).into(),
            owner_hotkey: SubnetOwnerHotkey::<T>::get(netuid),
            owner_coldkey: SubnetOwner::<T>::get(netuid),
            block: block.into(),
            tempo: Tempo::<T>::get(netuid).into(),
            last_step: last_step.into(),
            blocks_since_last_step: block.saturating_sub(last_step).into(),
            subnet_emission: Compact(0),
            alpha_in: SubnetAlphaIn::<T>::get(netuid).into(),
            alpha_out: SubnetAlphaOut::<T>::get(netuid).into(),
            tao_in: SubnetTAO::<T>::get(netuid).into(),
            alpha_out_emission: SubnetAlphaOutEmission::<T>::get(netuid).into(),
            alpha_in_emission: SubnetAlphaInEmission::<T>::get(netuid).into(),
            tao_in_emission: SubnetTaoInEmission::<T>::get(netuid).into(),
            pending_alpha_emission: Self::pots(netuid).epoch_emission().into(),
            pending_root_emission: Compact(0),
            subnet_volume: SubnetVolume::<T>::get(netuid).into(),
            moving_price: SubnetMovingPrice::<T>::get(netuid),
            rho: parameters.rho,
            kappa: parameters.kappa,
            min_allowed_weights: parameters.min_allowed_weights,
            max_weights_limit: parameters.max_weights_limit,
            weights_version: parameters.weights_version,
            weights_rate_limit: parameters.weights_rate_limit,
            activity_cutoff: parameters.activity_cutoff,
            max_validators: parameters.max_validators,
            num_uids: SubnetworkN::<T>::get(netuid).into(),
            max_uids: MaxAllowedUids::<T>::get(netuid).into(),
            burn: Burn::<T>::get(netuid).into(),
            difficulty: parameters.difficulty,
            registration_allowed: parameters.registration_allowed,
            pow_registration_allowed: NetworkPowRegistrationAllowed::<T>::get(netuid),
            immunity_period: parameters.immunity_period,
            min_difficulty: parameters.min_difficulty,
            max_difficulty: parameters.max_difficulty,
            min_burn: parameters.min_burn,
            max_burn: parameters.max_burn,
            adjustment_alpha: parameters.adjustment_alpha,
            adjustment_interval: parameters.adjustment_interval,
            target_regs_per_interval: parameters.target_regs_per_interval,
            max_regs_per_block: parameters.max_regs_per_block,
            serving_rate_limit: parameters.serving_rate_limit,
            commit_reveal_weights_enabled: parameters.commit_reveal_weights_enabled,
            commit_reveal_period: parameters.commit_reveal_period,
            liquid_alpha_enabled: parameters.liquid_alpha_enabled,
            alpha_high: parameters.alpha_high,
            alpha_low: parameters.alpha_low,
            bonds_moving_avg: parameters.bonds_moving_avg,
            hotkeys: neurons.hotkeys,
            coldkeys: neurons.coldkeys,
            identities: neurons.identities,
            axons: neurons.axons,
            active: Active::<T>::get(netuid),
            validator_permit: ValidatorPermit::<T>::get(netuid),
            pruning_score: Vec::new(),
            last_update: compact(LastUpdate::<T>::get(netuid)),
            emission: compact(Emission::<T>::get(netuid)),
            dividends: compact(Dividends::<T>::get(netuid)),
            incentives: compact(Incentive::<T>::get(netuid)),
            consensus: compact(Consensus::<T>::get(netuid)),
            trust: Vec::new(),
            rank: Vec::new(),
            block_at_registration: compact(neurons.registered_at),
            alpha_stake: compact(neurons.stake.clone()),
            tao_stake: compact(vec![0; neurons.stake.len()]),
            total_stake: compact(neurons.stake),
            tao_dividends_per_hotkey: neurons
                .dividends
                .iter()
                .map(|(hotkey, _)| (hotkey.clone(), Compact(0)))
                .collect(),
            alpha_dividends_per_hotkey: neurons.dividends,
        })
    }

    /// The neurons of a subnet.
    pub fn get_subnet_state(netuid: NetUid) -> Option<SubnetState<T::AccountId>> {
        let all = Self::get_metagraph(netuid)?;
        Some(SubnetState {
            netuid: all.netuid,
            hotkeys: all.hotkeys,
            coldkeys: all.coldkeys,
            active: all.active,
            validator_permit: all.validator_permit,
            pruning_score: all.pruning_score,
            last_update: all.last_update,
            emission: all.emission,
            dividends: all.dividends,
            incentives: all.incentives,
            consensus: all.consensus,
            trust: all.trust,
            rank: all.rank,
            block_at_registration: all.block_at_registration,
            alpha_stake: all.alpha_stake,
            tao_stake: all.tao_stake,
            total_stake: all.total_stake,
            emission_history: Vec::new(),
        })
    }
}
