"""A subnet in which a validator draws numbers and a miner adds them: the place to start from."""

from collections.abc import Mapping

from meritnet.cli.template.sums.miner import SumsMiner
from meritnet.cli.template.sums.validator import SumsValidator
from meritnet.subnets.base import MinerContext, ValidatorContext


class Sums:
    kind = "sums"
    summary = "add ten numbers"
    hyperparameters: Mapping[str, int | bool] = {"tempo": 20}

    def miner(self, context: MinerContext) -> SumsMiner:
        return SumsMiner(context)

    def validator(self, context: ValidatorContext) -> SumsValidator:
        return SumsValidator()


subnet = Sums()
