"""Text generation: miners serve the declared chat model, validators replay their answers. See README.md."""

from collections.abc import Mapping

from meritnet.subnets.base import MinerContext, MinerRole, ValidatorContext, ValidatorRole


class TextGeneration:
    """The kind ``text_generation``."""

    kind = "text_generation"
    summary = "serve a chat model; answers are replayed token by token"
    hyperparameters: Mapping[str, int | bool] = {}

    def miner(self, context: MinerContext) -> MinerRole:
        """Serve the model."""
        from meritnet.subnets.text_generation.miner import GenerationMiner

        return GenerationMiner(context)

    def validator(self, context: ValidatorContext) -> ValidatorRole:
        """Ask and replay."""
        from meritnet.subnets.text_generation.validator import GenerationValidator

        return GenerationValidator(context)


subnet = TextGeneration()
