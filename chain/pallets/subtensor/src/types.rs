//! The shapes of what the pallet stores and hands out. Field order and names are Bittensor's.

use alloc::vec::Vec;

use codec::{Decode, DecodeWithMemTracking, Encode};
use frame_support::{BoundedVec, traits::ConstU32};
use scale_info::TypeInfo;
use serde::{Deserialize, Serialize};
use sp_core::H256;

/// Number of a subnet; 0 is the root network.
pub type NetUid = u16;
/// Number of a mechanism within a subnet; only 0 exists.
pub type MechId = u8;
/// Where a mechanism's vectors lie: `mechanism * 4096 + netuid`.
pub type NetUidStorageIndex = u16;
/// An amount of TAO in rao.
pub type TaoBalance = u64;
/// An amount of a subnet's alpha in rao; 1 alpha is 1 TAO where the subnet's mechanism is 0.
pub type AlphaBalance = u64;

/// Rao in a TAO.
pub const RAO_PER_TAO: u64 = 1_000_000_000;
/// The root network.
pub const ROOT: NetUid = 0;
/// The only mechanism a subnet has.
pub const MAIN_MECHANISM: MechId = 0;

/// A commit that waits for its reveal: hash, epoch of the commit, block of the commit, and epochs until its reveal where the
/// subnet's period adapts (0: as `RevealPeriodEpochs` says).
pub type WeightCommit = (H256, u64, u64, u64);

/// Where a neuron can be reached.
#[derive(Clone, Default, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct AxonInfo {
    /// Block in which it was announced.
    pub block: u64,
    /// Version of the neuron's software, as it says.
    pub version: u32,
    /// IPv4 or IPv6 address as a number.
    pub ip: u128,
    /// TCP port.
    pub port: u16,
    /// 4 or 6.
    pub ip_type: u8,
    /// Protocol, free to the subnet.
    pub protocol: u8,
    /// Free to the subnet.
    pub placeholder1: u8,
    /// Free to the subnet.
    pub placeholder2: u8,
}

/// Where a neuron's metrics can be read.
#[derive(Clone, Default, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct PrometheusInfo {
    /// Block in which it was announced.
    pub block: u64,
    /// Version of the neuron's software, as it says.
    pub version: u32,
    /// IPv4 or IPv6 address as a number.
    pub ip: u128,
    /// TCP port.
    pub port: u16,
    /// 4 or 6.
    pub ip_type: u8,
}

/// The TLS key of a neuron: an algorithm's number and the public key.
#[derive(Clone, Default, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct NeuronCertificate {
    /// The public key.
    pub public_key: BoundedVec<u8, ConstU32<64>>,
    /// Its algorithm.
    pub algorithm: u8,
}

impl NeuronCertificate {
    /// A certificate as callers send it: the algorithm, then 1 to 64 bytes of key.
    pub fn parse(bytes: Vec<u8>) -> Option<Self> {
        let (algorithm, key) = bytes.split_first()?;
        let public_key = BoundedVec::try_from(key.to_vec()).ok()?;
        (!public_key.is_empty()).then_some(Self { public_key, algorithm: *algorithm })
    }
}

/// How a subnet presents itself.
#[derive(Clone, Default, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, TypeInfo)]
pub struct SubnetIdentityV3 {
    /// Name.
    pub subnet_name: Vec<u8>,
    /// Its code.
    pub github_repo: Vec<u8>,
    /// Whom to ask.
    pub subnet_contact: Vec<u8>,
    /// Its page.
    pub subnet_url: Vec<u8>,
    /// Its chat.
    pub discord: Vec<u8>,
    /// What it does.
    pub description: Vec<u8>,
    /// Its logo.
    pub logo_url: Vec<u8>,
    /// Anything else.
    pub additional: Vec<u8>,
}

impl From<[Vec<u8>; 8]> for SubnetIdentityV3 {
    /// The texts in the order of the fields.
    fn from(texts: [Vec<u8>; 8]) -> Self {
        let [subnet_name, github_repo, subnet_contact, subnet_url, discord, description, logo_url, additional] = texts;
        Self { subnet_name, github_repo, subnet_contact, subnet_url, discord, description, logo_url, additional }
    }
}

impl SubnetIdentityV3 {
    /// Whether every field keeps its limit: 256 bytes for names and short words, 1,024 for links and texts.
    pub fn is_valid(&self) -> bool {
        self.subnet_name.len() <= 256
            && self.discord.len() <= 256
            && [
                &self.github_repo,
                &self.subnet_contact,
                &self.subnet_url,
                &self.description,
                &self.logo_url,
                &self.additional,
            ]
            .iter()
            .all(|field| field.len() <= 1024)
    }
}

/// How a coldkey presents itself.
#[derive(Clone, Default, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct ChainIdentityV2 {
    /// Name.
    pub name: Vec<u8>,
    /// Its page.
    pub url: Vec<u8>,
    /// Its code.
    pub github_repo: Vec<u8>,
    /// Its picture.
    pub image: Vec<u8>,
    /// Its chat.
    pub discord: Vec<u8>,
    /// What it does.
    pub description: Vec<u8>,
    /// Anything else.
    pub additional: Vec<u8>,
}

/// By which rule a subnet's epoch is decided. Only `Yuma` is built.
#[derive(Clone, Copy, Default, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub enum EpochConsensus {
    /// Stake-weighted consensus of the validators.
    #[default]
    Yuma,
    /// The largest validator alone.
    Null,
}

/// Which consensus liquid alpha measures weights by.
#[derive(Clone, Copy, Default, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, TypeInfo)]
pub enum ConsensusMode {
    /// The one that the epoch forms.
    Current,
    /// The one that the previous epoch stored.
    Previous,
    /// Previous at a bonds penalty of 1, else current.
    #[default]
    Auto,
}

impl From<ConsensusMode> for yuma::LiquidAlphaMode {
    fn from(mode: ConsensusMode) -> Self {
        match mode {
            ConsensusMode::Current => Self::Current,
            ConsensusMode::Previous => Self::Previous,
            ConsensusMode::Auto => Self::Auto,
        }
    }
}

/// Rules of the epoch that Bittensor does not have. Ours; all are off until an owner sets them.
#[derive(Clone, Copy, Default, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, TypeInfo)]
pub struct EpochRuleSet {
    /// What floors leave of the pots waits for the next epoch instead of going to the owner.
    pub carry_dust: bool,
    /// Under liquid alpha a bond without a weight entry decays like one with an entry of 0.
    pub absent_as_zero: bool,
    /// Stake counts by its average over the epoch.
    pub average_stake: bool,
    /// Weights are as old as their commit: they miss whoever took a uid since, also once they are revealed.
    pub dated_weights: bool,
    /// How far a validator's bonds shrink with the part of the consensus that it does not support, of 65,535.
    pub deviation_cost: u16,
    /// How much of the consensus, of 65,535, shall have moved before commits are revealed; 0: the period is the owner's choice.
    pub reveal_target: u16,
}

/// What a subnet starts with where chains differ. Ours: `local` and `mainnet` are the same runtime with other values here.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SubnetDefaults {
    /// Blocks between two epochs.
    pub tempo: u16,
    /// Blocks in which a new neuron cannot be pruned.
    pub immunity_period: u16,
    /// Blocks between two weights of one neuron.
    pub weights_rate_limit: u64,
    /// Blocks between two announcements of one neuron.
    pub serving_rate_limit: u64,
    /// First price of a registration, in rao.
    pub burn: TaoBalance,
    /// Whether a started subnet gets emission without root's consent.
    pub emission_enabled: bool,
    /// Whether a neuron may announce itself at a loopback address.
    pub loopback_axons: bool,
}

impl Default for SubnetDefaults {
    /// Bittensor's values.
    fn default() -> Self {
        Self {
            tempo: 360,
            immunity_period: 5_000,
            weights_rate_limit: 100,
            serving_rate_limit: 50,
            burn: RAO_PER_TAO,
            emission_enabled: false,
            loopback_axons: false,
        }
    }
}

/// What the owner of a subnet may change, once per `OwnerHyperparamRateLimit` each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, TypeInfo)]
#[allow(missing_docs, reason = "each is named as the parameter")]
pub enum Hyperparameter {
    ServingRateLimit,
    WeightsVersionKey,
    ImmunityPeriod,
    MinAllowedWeights,
    MaxAllowedUids,
    Rho,
    Tempo,
    ActivityCutoffFactorMilli,
    TriggerEpoch,
    MinBurn,
    MaxBurn,
    BurnHalfLife,
    BurnIncreaseMult,
    BondsMovingAverage,
    BondsPenalty,
    CommitRevealEnabled,
    RevealPeriod,
    LiquidAlphaEnabled,
    AlphaValues,
    AlphaSigmoidSteepness,
    Yuma3Enabled,
    TransferEnabled,
    OwnerHotkey,
    ImmuneOwnerUidsLimit,
    LiquidAlphaConsensusMode,
    EpochRules,
}
