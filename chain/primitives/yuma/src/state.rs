//! What an epoch reads and what it writes. Every vector has one entry a uid.

use alloc::vec::Vec;

/// A sparse row: `(uid, value of 65,535)`. A uid stands in it at most once; order is free.
pub type Row = Vec<(u16, u16)>;

/// One subnet's state at the block of its epoch.
///
/// The number of uids is the length of `alpha_stake`; shorter vectors are read as if filled up
/// with zeroes (`None`, `false`, no entry), longer ones are cut, entries on unknown uids ignored.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct EpochInput {
    /// The block in which the epoch runs.
    pub block: u64,
    /// The block of the previous epoch that paid (`LastMechansimStepBlock`), 0 if there was none.
    pub last_step: u64,
    /// Alpha behind each uid's hotkey, inherited from parents and delegators included, in rao.
    pub alpha_stake: Vec<u64>,
    /// TAO on the root network behind each uid's hotkey, in rao.
    pub tao_stake: Vec<u64>,
    /// Block of each uid's last weights.
    pub last_update: Vec<u64>,
    /// Block at which each uid's present holder registered.
    pub registered_at: Vec<u64>,
    /// Validator permits as the previous epoch issued them.
    pub permits: Vec<bool>,
    /// The subnet owner's uid, if it has one.
    pub owner_uid: Option<u16>,
    /// Block of each uid's oldest commit that can still be revealed.
    pub oldest_commit_block: Vec<Option<u64>>,
    /// Weights as stored: row = validator, column = miner.
    pub weights: Vec<Row>,
    /// Bonds as stored: row = validator, column = miner.
    pub bonds: Vec<Row>,
    /// What the epoch has to pay to miners and validators together, in rao.
    pub emission: u64,
    /// The consensus that the previous epoch stored, of 65,535; empty before the first.
    #[cfg_attr(feature = "serde", serde(default))]
    pub consensus: Vec<u16>,
    /// Block in which each uid's weights were made, that is set or committed; empty where the chain
    /// goes by `last_update` instead.
    #[cfg_attr(feature = "serde", serde(default))]
    pub weights_at: Vec<u64>,
}

/// What the chain stores and pays after the epoch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct EpochOutput {
    /// Whether each uid set weights within the activity cutoff.
    pub active: Vec<bool>,
    /// Stake-weighted median of each miner's weights, of 65,535.
    pub consensus: Vec<u16>,
    /// Each miner's share of the miners' pay, of 65,535.
    pub incentive: Vec<u16>,
    /// Each validator's share of the validators' pay, of 65,535.
    pub dividends: Vec<u16>,
    /// How much of each validator's weights the consensus left, of 65,535.
    pub validator_trust: Vec<u16>,
    /// Each uid's share of the subnet's stake, of 65,535.
    pub stake_weight: Vec<u16>,
    /// Alpha plus weighted TAO behind each uid, in rao.
    pub stake: Vec<u64>,
    /// Validator permits for the next epoch.
    pub permits: Vec<bool>,
    /// What each uid earned as a miner, in rao.
    pub server_emission: Vec<u64>,
    /// What each uid earned as a validator, before delegators and take, in rao.
    pub validator_emission: Vec<u64>,
    /// Both together as the chain displays them (`Emission`), in rao.
    pub combined_emission: Vec<u64>,
    /// Bonds to store; rows are sorted by uid and empty without a new permit.
    pub bonds: Vec<Row>,
}
