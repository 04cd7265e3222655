"""The hyperparameters an epoch depends on, in the units in which the chain stores them."""

from dataclasses import dataclass, replace
from enum import StrEnum


class LiquidAlphaMode(StrEnum):
    """Which consensus liquid alpha measures weights by."""

    CURRENT = "current"
    """The one that this epoch forms."""
    PREVIOUS = "previous"
    """The one that the previous epoch stored."""
    AUTO = "auto"
    """Previous at a bonds penalty of 1, else current."""


@dataclass(frozen=True)
class Params:
    """Hyperparameters of one subnet. The defaults are those of a fresh subnet on the public network."""

    tempo: int = 360
    """Epoch length in blocks."""
    kappa: int = 32_767
    """Consensus majority, of 65,535."""
    bonds_penalty: int = 65_535
    """How far bonds follow clipped instead of submitted weights, of 65,535."""
    bonds_moving_average: int = 900_000
    """Part of a bond that survives an epoch, of 1,000,000."""
    yuma3: bool = True
    """Bonds per pair in [0, 1] (Yuma 3) instead of column shares (Yuma 2)."""
    liquid_alpha: bool = False
    """Speed of every bond by its distance from the consensus; acts under `yuma3` only."""
    alpha_low: int = 45_875
    """Slowest liquid alpha, of 65,535."""
    alpha_high: int = 58_982
    """Fastest liquid alpha, of 65,535."""
    alpha_sigmoid_steepness: int = 1_000
    """Steepness of the sigmoid between the two, in hundredths (i16)."""
    liquid_alpha_mode: LiquidAlphaMode = LiquidAlphaMode.AUTO
    """Which consensus liquid alpha goes by."""
    max_allowed_validators: int = 64
    """How many uids may hold a validator permit."""
    activity_cutoff: int = 5_000
    """Blocks after which a uid that set no weights counts as inactive."""
    stake_threshold: int = 0
    """Stake weight below which a uid counts as unstaked (the owner is exempt), in rao."""
    tao_weight: int = 971_718_665_099_567_868
    """Weight of a TAO staked on the root network against one alpha, of 2**64 - 1."""
    commit_reveal: bool = True
    """Whether weights are committed first: masks weights on uids that changed hands meanwhile."""
    absent_as_zero: bool = False
    """Ours: under liquid alpha a bond without a weight entry decays like one with an entry of 0."""
    deviation_cost: int = 0
    """Ours: how far a validator's bonds shrink with the part of the consensus that it does not support, of
    65,535."""


MAINNET = Params()
"""A fresh subnet with the public network's defaults."""

LOCAL = replace(
    MAINNET,
    tempo=20,  # customised: an epoch within seconds
    activity_cutoff=13_889 * 20 // 1_000,  # customised: follows the tempo
)
"""A subnet on a chain of one's own."""
