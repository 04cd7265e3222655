"""The asking side: draw a conversation from the step's seed, then replay the answer in one forward pass."""

import asyncio
from collections.abc import Mapping
from pathlib import Path

from meritnet.subnets.base import Answer, ArtifactRef, InvalidAnswer, Score, Task, ValidatorContext
from meritnet.subnets.draws import Draws
from meritnet.subnets.models.decoding import Replay
from meritnet.subnets.models.engine import Engine
from meritnet.subnets.models.sampling import Sampling
from meritnet.subnets.text_generation.messages import (
    MAX_ANSWER_BYTES,
    PATH,
    GenerationAnswer,
    GenerationRequest,
    parse_answer,
    parse_request,
)
from meritnet.subnets.text_generation.miner import plain
from meritnet.subnets.text_generation.prompts import TEMPERATURES, conversation

ANSWER_TOKENS = (24, 32)
"""Fewest and most tokens that a request allows."""
DEADLINE_S = 60.0
GAP_TOLERANCE = 1e-3
"""A token replays if the declared model's own choice is ahead by no more than this (in noisy logits).

Measured (docs/log.md): honest answers lie below 1e-4, the closest wrong token of int8 weights at 8e-3.
"""
MISS_LIMIT = 0.05
"""Share of tokens that do not replay at which an answer is worth nothing.

The value falls linearly to there.
"""


class GenerationValidator:
    """Scores miners by the share of their tokens that the declared model draws too."""

    def __init__(self, context: ValidatorContext) -> None:
        self._context = context

    def task(self, seed: bytes, uid: int) -> Task:
        """Draw a request: every validator asks every miner something else, and anyone can say what."""
        draws = Draws(seed, "text_generation", self._context.hotkey, uid)
        request = GenerationRequest(
            nonce=draws.token()[:16].hex(),
            model=self._context.engine().name,
            messages=conversation(draws),
            seed=draws.token().hex(),
            temperature=draws.pick(TEMPERATURES),
            max_tokens=draws.pick(range(ANSWER_TOKENS[0], ANSWER_TOKENS[1] + 1)),
        )
        return Task(PATH, request.model_dump_json().encode(), DEADLINE_S, MAX_ANSWER_BYTES)

    def artifacts(self, task: Task, answer: Answer) -> list[ArtifactRef]:
        """Answers of this kind are complete in themselves."""
        return []

    async def score(self, task: Task, answer: Answer, artifacts: Mapping[str, Path]) -> Score:
        """Replay every token. Raises InvalidAnswer for an answer that the protocol does not allow."""
        request = parse_request(task.body)
        given = parse_answer(answer.body)
        engine = await asyncio.to_thread(self._context.engine)
        check_form(request, given, engine)
        sampling = Sampling(bytes.fromhex(request.seed), request.temperature, request.max_tokens)
        prompt = engine.encode_chat(plain(request.messages))
        replay = await engine.replay(prompt, given.tokens, sampling)
        return judge(replay, answer.elapsed_s)


def check_form(request: GenerationRequest, given: GenerationAnswer, engine: Engine) -> None:
    """Refuse what no honest miner sends. Raises InvalidAnswer."""
    if given.nonce != request.nonce:
        raise InvalidAnswer("the answer belongs to another request")
    if len(given.tokens) > request.max_tokens:
        raise InvalidAnswer(f"{len(given.tokens)} tokens, {request.max_tokens} were asked for")
    if max(given.tokens) >= engine.vocabulary_size:
        raise InvalidAnswer("a token is not in the vocabulary")
    ends = [position for position, token in enumerate(given.tokens) if token in engine.end_tokens]
    if ends and ends[0] != len(given.tokens) - 1:
        raise InvalidAnswer("tokens follow the end of the answer")
    if not ends and len(given.tokens) < request.max_tokens:
        raise InvalidAnswer("the answer stops early without an end token")


def judge(replay: Replay, elapsed_s: float) -> Score:
    """Turn the replay's gaps into a score: 1 if every token replays, 0 from MISS_LIMIT misses on."""
    total = len(replay.gaps)
    matching = replay.matching(GAP_TOLERANCE)
    misses = (total - matching) / total
    value = max(0.0, 1.0 - misses / MISS_LIMIT)
    why = f"{matching} of {total} tokens replay"
    if value == 0:
        why += ": not the declared model"
    evidence = {
        "tokens": total,
        "matching": matching,
        "mean_gap": sum(replay.gaps) / total,
        "max_gap": max(replay.gaps),
        "elapsed_s": elapsed_s,
    }
    return Score(value, why, evidence)
