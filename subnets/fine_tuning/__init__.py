"""Fine-tuning.

Miners train adapters on the subnet's text, validators measure what they gain. See README.md.
"""

from collections.abc import Mapping

from meritnet.subnets.base import MinerContext, MinerRole, ValidatorContext, ValidatorRole


class FineTuning:
    """The kind ``fine_tuning``."""

    kind = "fine_tuning"
    summary = "train LoRA adapters; paid by how much they lower the loss on held-out text"
    hyperparameters: Mapping[str, int | bool] = {}

    def miner(self, context: MinerContext) -> MinerRole:
        """Train and publish."""
        from meritnet.subnets.fine_tuning.miner import FineTuningMiner

        return FineTuningMiner(context)

    def validator(self, context: ValidatorContext) -> ValidatorRole:
        """Fetch, check, measure."""
        from meritnet.subnets.fine_tuning.validator import FineTuningValidator

        return FineTuningValidator(context)


subnet = FineTuning()
