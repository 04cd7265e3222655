//! A subnet's parameters, in the three forms that clients know.

use alloc::{vec, vec::Vec};

use codec::{Compact, Decode, Encode};
use scale_info::TypeInfo;
use substrate_fixed::types::{I32F32, U64F64};

use crate::*;

/// A parameter's value and unit.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
#[allow(missing_docs, reason = "each is named as its type")]
pub enum HyperparamValue {
    Bool(bool),
    U16(Compact<u16>),
    U32(Compact<u32>),
    U64(Compact<u64>),
    U128(Compact<u128>),
    TaoBalance(Compact<TaoBalance>),
    I32F32(I32F32),
    U64F64(U64F64),
}

/// A parameter by name.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct HyperparamEntry {
    /// In UTF-8.
    pub name: Vec<u8>,
    /// Value and unit.
    pub value: HyperparamValue,
}

macro_rules! parameters {
    ($($name:ident: $kind:ty,)*) => {
        /// The parameters of the first form.
        #[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
        #[allow(missing_docs, reason = "each field is the storage item of that name")]
        pub struct SubnetHyperparams {
            $(pub $name: $kind,)*
        }

        /// The parameters of the second form: those of the first, then six more.
        #[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
        #[allow(missing_docs, reason = "each field is the storage item of that name")]
        pub struct SubnetHyperparamsV2 {
            $(pub $name: $kind,)*
            pub alpha_sigmoid_steepness: I32F32,
            pub yuma_version: Compact<u16>,
            pub subnet_is_active: bool,
            pub transfers_enabled: bool,
            pub bonds_reset_enabled: bool,
            pub user_liquidity_enabled: bool,
        }

        impl<T: Config> Pallet<T> {
            /// A subnet's parameters, second form.
            pub fn get_subnet_hyperparams_v2(netuid: NetUid) -> Option<SubnetHyperparamsV2> {
                let first = Self::get_subnet_hyperparams(netuid)?;
                Some(SubnetHyperparamsV2 {
                    $($name: first.$name,)*
                    alpha_sigmoid_steepness: I32F32::from_num(AlphaSigmoidSteepness::<T>::get(netuid)),
                    yuma_version: Compact(if Yuma3On::<T>::get(netuid) { 3 } else { 2 }),
                    subnet_is_active: SubtokenEnabled::<T>::get(netuid),
                    transfers_enabled: TransferToggle::<T>::get(netuid),
                    bonds_reset_enabled: BondsResetOn::<T>::get(netuid),
                    user_liquidity_enabled: false,
                })
            }
        }
    };
}

parameters! {
    rho: Compact<u16>,
    kappa: Compact<u16>,
    immunity_period: Compact<u16>,
    min_allowed_weights: Compact<u16>,
    max_weights_limit: Compact<u16>,
    tempo: Compact<u16>,
    min_difficulty: Compact<u64>,
    max_difficulty: Compact<u64>,
    weights_version: Compact<u64>,
    weights_rate_limit: Compact<u64>,
    adjustment_interval: Compact<u16>,
    activity_cutoff: Compact<u64>,
    registration_allowed: bool,
    target_regs_per_interval: Compact<u16>,
    min_burn: Compact<TaoBalance>,
    max_burn: Compact<TaoBalance>,
    bonds_moving_avg: Compact<u64>,
    max_regs_per_block: Compact<u16>,
    serving_rate_limit: Compact<u64>,
    max_validators: Compact<u16>,
    adjustment_alpha: Compact<u64>,
    difficulty: Compact<u64>,
    commit_reveal_period: Compact<u64>,
    commit_reveal_weights_enabled: bool,
    alpha_high: Compact<u16>,
    alpha_low: Compact<u16>,
    liquid_alpha_enabled: bool,
}

impl<T: Config> Pallet<T> {
    /// A subnet's parameters, first form.
    pub fn get_subnet_hyperparams(netuid: NetUid) -> Option<SubnetHyperparams> {
        let (alpha_low, alpha_high) = AlphaValues::<T>::get(netuid);
        Self::if_subnet_exist(netuid).then(|| SubnetHyperparams {
            rho: Rho::<T>::get(netuid).into(),
            kappa: Kappa::<T>::get(netuid).into(),
            immunity_period: ImmunityPeriod::<T>::get(netuid).into(),
            min_allowed_weights: MinAllowedWeights::<T>::get(netuid).into(),
            max_weights_limit: MaxWeightsLimit::<T>::get(netuid).into(),
            tempo: Tempo::<T>::get(netuid).into(),
            min_difficulty: MinDifficulty::<T>::get(netuid).into(),
            max_difficulty: MaxDifficulty::<T>::get(netuid).into(),
            weights_version: WeightsVersionKey::<T>::get(netuid).into(),
            weights_rate_limit: WeightsSetRateLimit::<T>::get(netuid).into(),
            adjustment_interval: AdjustmentInterval::<T>::get(netuid).into(),
            activity_cutoff: Self::activity_cutoff_blocks(netuid).into(),
            registration_allowed: NetworkRegistrationAllowed::<T>::get(netuid),
            target_regs_per_interval: TargetRegistrationsPerInterval::<T>::get(netuid).into(),
            min_burn: MinBurn::<T>::get(netuid).into(),
            max_burn: MaxBurn::<T>::get(netuid).into(),
            bonds_moving_avg: BondsMovingAverage::<T>::get(netuid).into(),
            max_regs_per_block: MaxRegistrationsPerBlock::<T>::get(netuid).into(),
            serving_rate_limit: ServingRateLimit::<T>::get(netuid).into(),
            max_validators: MaxAllowedValidators::<T>::get(netuid).into(),
            adjustment_alpha: AdjustmentAlpha::<T>::get(netuid).into(),
            difficulty: Difficulty::<T>::get(netuid).into(),
            commit_reveal_period: RevealPeriodEpochs::<T>::get(netuid).into(),
            commit_reveal_weights_enabled: CommitRevealWeightsEnabled::<T>::get(netuid),
            alpha_high: alpha_high.into(),
            alpha_low: alpha_low.into(),
            liquid_alpha_enabled: LiquidAlphaOn::<T>::get(netuid),
        })
    }

    /// A subnet's parameters by name: Bittensor's in its order, then those that its clients read from storage.
    pub fn get_subnet_hyperparams_v3(netuid: NetUid) -> Option<Vec<HyperparamEntry>> {
        use HyperparamValue::{Bool, I32F32 as Signed, TaoBalance as Tao, U16, U32, U64, U64F64 as Ratio};
        let p = Self::get_subnet_hyperparams_v2(netuid)?;
        let entries = vec![
            ("rho", U16(p.rho)),
            ("kappa", U16(p.kappa)),
            ("immunity_period", U16(p.immunity_period)),
            ("min_allowed_weights", U16(p.min_allowed_weights)),
            ("max_weights_limit", U16(p.max_weights_limit)),
            ("tempo", U16(p.tempo)),
            ("weights_version", U64(p.weights_version)),
            ("weights_rate_limit", U64(p.weights_rate_limit)),
            ("activity_cutoff", U64(p.activity_cutoff)),
            ("activity_cutoff_factor", U32(ActivityCutoffFactorMilli::<T>::get(netuid).into())),
            ("registration_allowed", Bool(p.registration_allowed)),
            ("target_regs_per_interval", U16(p.target_regs_per_interval)),
            ("min_burn", Tao(p.min_burn)),
            ("max_burn", Tao(p.max_burn)),
            ("burn_half_life", U16(BurnHalfLife::<T>::get(netuid).into())),
            ("burn_increase_mult", Ratio(BurnIncreaseMult::<T>::get(netuid))),
            ("bonds_moving_avg", U64(p.bonds_moving_avg)),
            ("max_regs_per_block", U16(p.max_regs_per_block)),
            ("serving_rate_limit", U64(p.serving_rate_limit)),
            ("max_validators", U16(p.max_validators)),
            ("commit_reveal_period", U64(p.commit_reveal_period)),
            ("commit_reveal_weights_enabled", Bool(p.commit_reveal_weights_enabled)),
            ("alpha_high", U16(p.alpha_high)),
            ("alpha_low", U16(p.alpha_low)),
            ("liquid_alpha_enabled", Bool(p.liquid_alpha_enabled)),
            ("alpha_sigmoid_steepness", Signed(p.alpha_sigmoid_steepness)),
            ("yuma_version", U16(p.yuma_version)),
            ("subnet_is_active", Bool(p.subnet_is_active)),
            ("transfers_enabled", Bool(p.transfers_enabled)),
            ("bonds_reset_enabled", Bool(p.bonds_reset_enabled)),
            ("user_liquidity_enabled", Bool(p.user_liquidity_enabled)),
            ("owner_cut_enabled", Bool(OwnerCutEnabled::<T>::get(netuid))),
            ("owner_cut_auto_lock_enabled", Bool(OwnerCutAutoLockEnabled::<T>::get(netuid))),
            ("min_childkey_take", U16(Compact(0))),
        ];
        Some(entries.into_iter().map(|(name, value)| HyperparamEntry { name: name.into(), value }).collect())
    }
}
