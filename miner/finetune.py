"""Train an adapter by hand: ``meritnet miner finetune``, the miner's own loop with more patience.

Measures the held-out loss before and after, as a validator would, and puts the adapter on the miner's shelf,
where a running miner takes it up and the next one finds it. What is interrupted, by kill -9 too, goes on from
its last checkpoint with the same result. Left out: any search for a better recipe. That is what miners
compete on.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path

import numpy as np

from meritnet.subnets.base import EngineSource, Progress, Report
from meritnet.subnets.draws import Draws
from meritnet.subnets.fine_tuning.checkpoint import Checkpoint, Curve
from meritnet.subnets.fine_tuning.data import corpus_of
from meritnet.subnets.fine_tuning.limits import LIMITS
from meritnet.subnets.fine_tuning.shelf import Published, Shelf
from meritnet.subnets.fine_tuning.training import Recipe, train
from meritnet.subnets.models import lora
from meritnet.subnets.models.worker import Weight

EXAMPLES = 16
"""Held-out examples of the report."""
CHECKPOINT = "training.safetensors"


@dataclass(frozen=True)
class Finetuned:
    """What came out of a run; losses are means in nats per token on held-out text."""

    published: Published
    base_loss: float
    adapter_loss: float
    curve: Curve
    resumed_at: int
    """Steps that an interrupted run had done already."""

    @property
    def loss_gain_nats(self) -> float:
        """How much the adapter saves."""
        return self.base_loss - self.adapter_loss


async def finetune(
    source: EngineSource,
    hotkey: str,
    data_dir: Path,
    recipe: Recipe,
    report: Report,
    *,
    checkpoint_every: int = 10,
    fresh: bool = False,
) -> Finetuned:
    """Train for `recipe.steps`, publish, measure; `fresh` forgets an interrupted run.

    Raises ModelUnavailable if there is no model, AdapterError for a form that the subnet does not admit,
    CheckpointError if a run with other settings was interrupted.
    """
    LIMITS.check(recipe.form)
    engine = await asyncio.to_thread(source)
    corpus = await asyncio.to_thread(corpus_of, engine)
    seed = sha256(hotkey.encode()).digest()
    chosen = Draws(seed, "finetune").sample(range(len(corpus.held_out)), EXAMPLES)
    examples = corpus.held_out[sorted(chosen)]

    # Train. Nobody else uses this engine, so the job may have it all.
    place = data_dir / CHECKPOINT
    if fresh:
        place.unlink(missing_ok=True)
    checkpoint = Checkpoint(
        place, checkpoint_every, _identity(engine.name, str(engine.model.dtype), corpus.train, hotkey, recipe)
    )
    seen: list[float] = []
    curve = Curve()

    def told(progress: Progress) -> None:
        seen.append(progress.done)
        report(progress)

    steps = train(
        engine.model,
        corpus.train,
        hotkey,
        recipe,
        told,
        held_out=examples,
        curve=curve,
        checkpoint=checkpoint,
    )
    encoded = await engine.run(steps, Weight.REQUEST)

    # Publish: the file under its content id, the record beside it. Only then is the checkpoint of no use.
    published = Shelf(data_dir).publish(encoded, recipe.steps, engine.name)
    place.unlink(missing_ok=True)

    # Measure on held-out examples, through the same checks that a validator makes.
    report(Progress("measure the adapter", 0, 1))
    adapter = lora.read(encoded, published.content_id, engine.model, LIMITS)
    base, adapted = await engine.losses(examples), await engine.losses(examples, adapter)
    report(Progress("measure the adapter", 1, 1))
    resumed_at = int(seen[0]) - 1 if seen else recipe.steps
    return Finetuned(published, float(base.mean()), float(adapted.mean()), curve, resumed_at)


def _identity(model: str, dtype: str, text: np.ndarray, hotkey: str, recipe: Recipe) -> Mapping[str, object]:
    """What a checkpoint must agree with, as JSON gives it back."""
    shown: dict[str, object] = {"model": model, "dtype": dtype, "hotkey": hotkey}
    shown["text"] = sha256(repr(text.shape).encode() + np.ascontiguousarray(text).tobytes()).hexdigest()
    shown |= asdict(recipe)
    form = asdict(recipe.form)
    return shown | {"form": form | {"targets": list(recipe.form.targets)}}
