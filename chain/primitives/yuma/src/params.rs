//! The hyperparameters an epoch depends on.

/// Which consensus liquid alpha measures weights by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "lowercase"))]
pub enum LiquidAlphaMode {
    /// The one that this epoch forms.
    Current,
    /// The one that the previous epoch stored.
    Previous,
    /// Previous at a bonds penalty of 1, else current.
    #[default]
    Auto,
}

/// Hyperparameters of one subnet, in the units in which the chain stores them.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Params {
    /// Epoch length in blocks.
    pub tempo: u16,
    /// Consensus majority, of 65,535.
    pub kappa: u16,
    /// How far bonds follow clipped instead of submitted weights, of 65,535 (65,535: entirely).
    pub bonds_penalty: u16,
    /// Part of a bond that survives an epoch, of 1,000,000.
    pub bonds_moving_average: u64,
    /// Bonds per pair in [0, 1] (Yuma 3) instead of column shares (Yuma 2).
    pub yuma3: bool,
    /// Speed of every bond by its distance from the consensus; acts under `yuma3` only.
    pub liquid_alpha: bool,
    /// Slowest liquid alpha, of 65,535.
    pub alpha_low: u16,
    /// Fastest liquid alpha, of 65,535.
    pub alpha_high: u16,
    /// Steepness of the sigmoid between the two, in hundredths.
    pub alpha_sigmoid_steepness: i16,
    /// Which consensus liquid alpha goes by.
    pub liquid_alpha_mode: LiquidAlphaMode,
    /// How many uids may hold a validator permit.
    pub max_allowed_validators: u16,
    /// Blocks after which a uid that set no weights counts as inactive.
    pub activity_cutoff: u64,
    /// Stake weight below which a uid counts as unstaked (the owner is exempt), in rao.
    pub stake_threshold: u64,
    /// Weight of a TAO staked on the root network against one alpha, of `u64::MAX`.
    pub tao_weight: u64,
    /// Whether weights are committed first: masks weights on uids that changed hands meanwhile.
    pub commit_reveal: bool,
    /// Ours: under liquid alpha a bond without a weight entry decays like one with an entry of 0.
    pub absent_as_zero: bool,
    /// Ours: how far a validator's bonds shrink with the part of the consensus that it does not
    /// support, of 65,535.
    pub deviation_cost: u16,
}

impl Default for Params {
    /// The values of a fresh subnet on the public network.
    fn default() -> Self {
        Self {
            tempo: 360,
            kappa: 32_767,
            bonds_penalty: u16::MAX,
            bonds_moving_average: 900_000,
            yuma3: true,
            liquid_alpha: false,
            alpha_low: 45_875,
            alpha_high: 58_982,
            alpha_sigmoid_steepness: 1_000,
            liquid_alpha_mode: LiquidAlphaMode::Auto,
            max_allowed_validators: 64,
            activity_cutoff: 5_000,
            stake_threshold: 0,
            tao_weight: 971_718_665_099_567_868,
            commit_reveal: true,
            absent_as_zero: false,
            deviation_cost: 0,
        }
    }
}
