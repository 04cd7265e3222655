"""The asking side: fetch an adapter, check it, measure what it gains on held-out text."""

import asyncio
import math
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

import numpy as np

from meritnet.subnets.artifacts import ArtifactError, read_verified
from meritnet.subnets.base import Answer, ArtifactRef, InvalidAnswer, Score, Task, ValidatorContext
from meritnet.subnets.draws import Draws
from meritnet.subnets.fine_tuning.copies import Offers
from meritnet.subnets.fine_tuning.data import corpus_of
from meritnet.subnets.fine_tuning.messages import (
    MAX_ANSWER_BYTES,
    PATH,
    AdapterAnswer,
    AdapterRequest,
    parse_answer,
    parse_request,
)
from meritnet.subnets.models import lora
from meritnet.subnets.models.engine import Engine

DEADLINE_S = 20.0
EXAMPLES = 24
"""Held-out examples per adapter; the same ones for every miner of a step."""
DEAD_ZONE_NATS = 0.05
"""A gain that is not surely larger is worth nothing. One step of the recipe gains 0.04 (docs/log.md)."""
SCALE_NATS = 0.2
"""A sure gain this far beyond the dead zone is worth 1 - 1/e; more always earns more."""
CONFIDENCE = 0.95
RESAMPLES = 2_000


class FineTuningValidator:
    """Scores miners by the loss that their adapters save, example by example, against the same base."""

    def __init__(self, context: ValidatorContext) -> None:
        self._context = context
        self._offers = Offers(context.data_dir)

    def task(self, seed: bytes, uid: int) -> Task:
        """Ask for the adapter on offer.

        The held-out examples follow from the step's seed, for all uids alike.
        """
        draws = Draws(seed, "fine_tuning", self._context.hotkey)
        model = self._context.engine().name
        request = AdapterRequest(model=model, seed=draws.token().hex(), uid=uid)
        return Task(PATH, request.model_dump_json().encode(), DEADLINE_S, MAX_ANSWER_BYTES)

    def artifacts(self, task: Task, answer: Answer) -> list[ArtifactRef]:
        """Name the adapter's file. Raises InvalidAnswer for one that cannot be an adapter of the model."""
        offered = parse_answer(answer.body)
        bound = lora.encoded_size_bound(lora.expected_shapes(self._context.engine().model))
        if offered.size_bytes > bound:
            raise InvalidAnswer(f"an adapter has at most {bound:,} bytes, this one {offered.size_bytes:,}")
        return [ArtifactRef(offered.content_id, offered.size_bytes)]

    async def score(self, task: Task, answer: Answer, artifacts: Mapping[str, Path]) -> Score:
        """Measure the gain on held-out text; a copy gains nothing.

        Raises InvalidAnswer for a file that must not be loaded.
        """
        request, offered = parse_request(task.body), parse_answer(answer.body)
        engine = await asyncio.to_thread(self._context.engine)
        adapter = await asyncio.to_thread(load_adapter, engine, offered, artifacts)
        original = self._offers.original(request.uid, adapter)
        if original is not None:
            evidence = {"content_id": offered.content_id, "copy_of": original}
            return Score(0.0, f"a copy of the adapter that uid {original} offered first", evidence)
        corpus = await asyncio.to_thread(corpus_of, engine)
        seed = bytes.fromhex(request.seed)
        chosen = Draws(seed, "examples").sample(range(len(corpus.held_out)), EXAMPLES)
        examples = corpus.held_out[sorted(chosen)]
        base = await engine.losses(examples)
        adapted = await engine.losses(examples, adapter)
        if not np.isfinite(adapted).all():
            raise InvalidAnswer("with this adapter the loss is not finite")
        return judge(base, adapted, seed, offered)


def load_adapter(engine: Engine, offered: AdapterAnswer, artifacts: Mapping[str, Path]) -> lora.Adapter:
    """Read the fetched file, hold it against the base model, load it. Raises InvalidAnswer."""
    path = artifacts.get(offered.content_id)
    if path is None:
        raise InvalidAnswer("the adapter was not delivered")
    try:
        data = read_verified(path, offered.content_id, offered.size_bytes)
        return lora.decode(data, offered.content_id, lora.expected_shapes(engine.model))
    except (ArtifactError, lora.AdapterError) as error:
        raise InvalidAnswer(f"the adapter cannot be used: {error}") from None


def judge(base: np.ndarray, adapted: np.ndarray, seed: bytes, offered: AdapterAnswer) -> Score:
    """Pay the part of the gain that is sure.

    `base` and `adapted` are losses per example in nats, shape (N,).
    """
    gains = base - adapted
    sure = lower_bound(gains, seed)
    value = max(0.0, 1.0 - math.exp(-(sure - DEAD_ZONE_NATS) / SCALE_NATS))
    gain = float(gains.mean())
    why = (
        f"loss {base.mean():.3f} → {adapted.mean():.3f} on {len(gains)} held-out examples, surely {sure:+.3f}"
    )
    if value == 0:
        why += ": inside the dead zone"
    evidence = {
        "content_id": offered.content_id,
        "loss_gain_nats": gain,
        "sure_gain_nats": sure,
        "base_loss": float(base.mean()),
        "adapter_loss": float(adapted.mean()),
        "examples_won": int((gains > 0).sum()),
        "examples": len(gains),
        "steps_claimed": offered.steps,
    }
    return Score(value, why, evidence)


def lower_bound(gains: np.ndarray, seed: bytes) -> float:
    """One-sided bootstrap bound of the mean gain; seeded, so that everyone finds the same number.

    Resampling is by raw Philox words, whose stream is stable between numpy versions.
    """
    key = np.frombuffer(sha256(seed + b"bootstrap").digest()[:16], dtype="<u8")
    words = np.random.Philox(key=key).random_raw(RESAMPLES * len(gains))
    means = gains[(words % np.uint64(len(gains))).astype(np.intp)].reshape(RESAMPLES, -1).mean(axis=1)
    return float(np.sort(means)[int(RESAMPLES * (1 - CONFIDENCE))])
