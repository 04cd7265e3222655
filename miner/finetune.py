"""Train an adapter by hand: ``meritnet miner finetune``, the miner's own loop with more patience.

Measures the held-out loss before and after, as a validator would, and puts the adapter on the miner's shelf,
where a running miner takes it up and the next one finds it. Left out: any search for a better recipe. That is
what miners compete on.
"""

import asyncio
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from meritnet.subnets.base import EngineSource, Progress, Report
from meritnet.subnets.draws import Draws
from meritnet.subnets.fine_tuning.data import corpus_of
from meritnet.subnets.fine_tuning.shelf import Published, Shelf
from meritnet.subnets.fine_tuning.training import Recipe, train
from meritnet.subnets.models import lora
from meritnet.subnets.models.worker import Weight

EXAMPLES = 16
"""Held-out examples of the report; twice a validator's."""


@dataclass(frozen=True)
class Finetuned:
    """What came out of a run; losses are means in nats per token on held-out text."""

    published: Published
    base_loss: float
    adapter_loss: float

    @property
    def loss_gain_nats(self) -> float:
        """How much the adapter saves."""
        return self.base_loss - self.adapter_loss


async def finetune(
    source: EngineSource, hotkey: str, data_dir: Path, recipe: Recipe, report: Report
) -> Finetuned:
    """Train for `recipe.steps`, publish, measure. Raises ModelUnavailable if there is no model."""
    engine = await asyncio.to_thread(source)
    corpus = await asyncio.to_thread(corpus_of, engine)

    # Train. Nobody else uses this engine, so the job may have it all.
    steps = train(engine.model, corpus.train, hotkey, recipe, report)
    encoded = await engine.run(steps, Weight.REQUEST)

    # Publish: the file under its content id, the record beside it.
    published = Shelf(data_dir).publish(encoded, recipe.steps, engine.name)

    # Measure on held-out examples, through the same checks that a validator makes.
    report(Progress("measure the adapter", 0, 1))
    adapter = lora.decode(encoded, published.content_id, lora.expected_shapes(engine.model))
    seed = sha256(hotkey.encode()).digest()
    chosen = Draws(seed, "finetune").sample(range(len(corpus.held_out)), EXAMPLES)
    examples = corpus.held_out[sorted(chosen)]
    base, adapted = await engine.losses(examples), await engine.losses(examples, adapter)
    report(Progress("measure the adapter", 1, 1))
    return Finetuned(published, float(base.mean()), float(adapted.mean()))
