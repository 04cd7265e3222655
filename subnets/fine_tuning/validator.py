"""The asking side: fetch an adapter, check it, measure what it gains on text drawn after it was offered."""

import asyncio
import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from meritnet.subnets.artifacts import ArtifactError, read_verified
from meritnet.subnets.base import (
    Answer,
    ArtifactRef,
    InvalidAnswer,
    InvalidRequest,
    PastStep,
    Score,
    Task,
    ValidatorContext,
)
from meritnet.subnets.draws import Draws
from meritnet.subnets.fine_tuning import copies, duel
from meritnet.subnets.fine_tuning.copies import sketch
from meritnet.subnets.fine_tuning.data import corpus_of
from meritnet.subnets.fine_tuning.duel import lower_bound
from meritnet.subnets.fine_tuning.limits import LIMITS
from meritnet.subnets.fine_tuning.messages import (
    MAX_ANSWER_BYTES,
    PATH,
    AdapterAnswer,
    AdapterRequest,
    parse_answer,
    parse_request,
)
from meritnet.subnets.fine_tuning.record import REMEMBERED_ROUNDS, Record, found_in
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
CHALLENGER_PART = 0.5
"""What a sure gain earns without the crown, of what it earns with it (docs/duel.md)."""
LOSS_DIGITS = 6
REMEMBERED_SKETCHES = 512
"""By content id, as a sketch takes a second."""
CROWN_RULES = (
    *(duel.DECIDED_NATS, duel.SURE_WIN, duel.ADVANTAGE_NATS, duel.HALF_LIFE_ROUNDS),
    *(copies.COPY_COSINE, copies.ALIKE_NATS, copies.ALIKE_PART),
)
"""Thresholds of other modules by which later rounds are judged: receipts state them with the rest."""


class FineTuningValidator:
    """Scores miners by the loss that their adapters save, example by example, against the same base."""

    def __init__(self, context: ValidatorContext) -> None:
        self._context = context
        self._record = Record()
        self._sketches: dict[str, list[float]] = {}

    def task(self, seed: bytes, uid: int) -> Task:
        """Ask for the adapter on offer, and state what is known of this uid's and who has the crown.

        The held-out examples follow from the step's seed, for all uids alike.
        """
        draws = Draws(seed, "fine_tuning", self._context.hotkey)
        model = self._context.engine().name
        return self._task(self._record.request(model, draws.token().hex(), uid))

    def artifacts(self, task: Task, answer: Answer) -> list[ArtifactRef]:
        """Name the adapter's file. Raises InvalidAnswer for one that cannot be an adapter of the model."""
        offered = parse_answer(answer.body)
        bound = lora.size_bound(self._context.engine().model, LIMITS)
        if offered.size_bytes > bound:
            raise InvalidAnswer(f"an adapter has at most {bound:,} bytes, this one {offered.size_bytes:,}")
        return [ArtifactRef(offered.content_id, offered.size_bytes)]

    async def score(self, task: Task, answer: Answer, artifacts: Mapping[str, Path]) -> Score:
        """Measure the gain on held-out text of an adapter that was offered before; the request says which.

        Raises InvalidAnswer for a file that must not be loaded.
        """
        request, offered = parse_request(task.body), parse_answer(answer.body)
        engine = await asyncio.to_thread(self._context.engine)
        adapter = await asyncio.to_thread(load_adapter, engine, offered, artifacts)
        known: dict[str, object] = {
            "content_id": offered.content_id,
            "steps_claimed": offered.steps,
            "sketch": await self._sketch(adapter),
        }
        unpaid = without_measuring(request, offered.content_id, known)
        if unpaid is not None:
            return unpaid
        corpus = await asyncio.to_thread(corpus_of, engine)
        seed = bytes.fromhex(request.seed)
        chosen = Draws(seed, "examples").sample(range(len(corpus.held_out)), EXAMPLES)
        examples = corpus.held_out[sorted(chosen)]
        base = await engine.losses(examples)
        adapted = await engine.losses(examples, adapter)
        if not np.isfinite(adapted).all():
            raise InvalidAnswer("with this adapter the loss is not finite")
        is_champion = request.names_as_champion(offered.content_id)
        return judge(base, adapted, seed, known, is_champion=is_champion)

    async def _sketch(self, adapter: lora.Adapter) -> list[float]:
        if adapter.content_id not in self._sketches and len(self._sketches) >= REMEMBERED_SKETCHES:
            self._sketches.clear()
        if adapter.content_id not in self._sketches:
            self._sketches[adapter.content_id] = await asyncio.to_thread(sketch, adapter)
        return self._sketches[adapter.content_id]

    @property
    def recalled_steps(self) -> int:
        """Twice the rounds for which an adapter is remembered: all that were compared then are in them."""
        return 2 * REMEMBERED_ROUNDS

    def recall(self, step: PastStep) -> None:
        """Take in what a round found. Raises ValueError for receipts that are not of this kind."""
        try:
            past = [(parse_request(task.body), found_in(evidence)) for task, evidence in step]
        except InvalidRequest as error:
            raise ValueError(str(error)) from None
        self._record = self._record.after(past)

    def unremembered(self, task: Task) -> Task:
        """Give a task without rounds, offers and champion. Raises InvalidRequest."""
        asked = parse_request(task.body)
        return self._task(AdapterRequest(model=asked.model, seed=asked.seed, uid=asked.uid))

    @staticmethod
    def _task(request: AdapterRequest) -> Task:
        return Task(PATH, request.model_dump_json().encode(), DEADLINE_S, MAX_ANSWER_BYTES)


def load_adapter(engine: Engine, offered: AdapterAnswer, artifacts: Mapping[str, Path]) -> lora.Adapter:
    """Read the fetched file, hold it against the base model, load it. Raises InvalidAnswer."""
    path = artifacts.get(offered.content_id)
    if path is None:
        raise InvalidAnswer("the adapter was not delivered")
    try:
        data = read_verified(path, offered.content_id, offered.size_bytes)
        return lora.read(data, offered.content_id, engine.model, LIMITS)
    except (ArtifactError, lora.AdapterError) as error:
        raise InvalidAnswer(f"the adapter cannot be used: {error}") from None


def without_measuring(request: AdapterRequest, content_id: str, known: Mapping[str, object]) -> Score | None:
    """What an adapter gets by the request alone; None where it must be measured."""
    entered = next((one for one in request.entered if one.content_id == content_id), None)
    if entered is None:
        return Score(0.0, "a new adapter: it is judged from the next step on", known)
    if entered.copy_of is None:
        return None
    why = f"a copy of the adapter that uid {entered.copy_of} offered first"
    return Score(0.0, why, {**known, "copy_of": entered.copy_of})


def worth(sure_gain: float) -> float:
    """What a sure gain in nats is worth with the crown."""
    return max(0.0, 1.0 - math.exp(-(sure_gain - DEAD_ZONE_NATS) / SCALE_NATS))


def judge(
    base: np.ndarray,
    adapted: np.ndarray,
    seed: bytes,
    known: Mapping[str, object],
    *,
    is_champion: bool,
) -> Score:
    """Pay the part of the gain that is sure: all of it to the champion, CHALLENGER_PART to others.

    `base` and `adapted` are losses per example in nats, shape (N,); `known` is evidence besides.
    """
    gains = base - adapted
    sure = lower_bound(gains, seed, CONFIDENCE)
    value = worth(sure)
    why = (
        f"loss {base.mean():.3f} → {adapted.mean():.3f} on {len(gains)} held-out examples, surely {sure:+.3f}"
    )
    if value == 0:
        why += ": inside the dead zone"
    else:
        why += ", with the crown" if is_champion else ", without the crown"
    evidence = {
        **known,
        "loss_gain_nats": float(gains.mean()),
        "sure_gain_nats": sure,
        "base_loss": float(base.mean()),
        "adapter_loss": float(adapted.mean()),
        "examples": len(gains),
        "base_losses": [round(float(loss), LOSS_DIGITS) for loss in base],
        "losses": [round(float(loss), LOSS_DIGITS) for loss in adapted],
        "earns": value > 0,
    }
    return Score(value if is_champion else value * CHALLENGER_PART, why, evidence)
