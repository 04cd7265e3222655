"""The asking side: draw a conversation from the step's seed, then check the answer in one forward pass.

Two rungs of the verification ladder (docs/verification.md) share that pass: tokens are replayed, and what
they were drawn from is compared with the miner's fingerprint.
"""

import asyncio
import math
from collections.abc import Mapping
from pathlib import Path

from meritnet.subnets.base import Answer, ArtifactRef, InvalidAnswer, Score, Task, ValidatorContext
from meritnet.subnets.draws import Draws
from meritnet.subnets.models.decoding import Replay
from meritnet.subnets.models.engine import Engine
from meritnet.subnets.models.sampling import Sampling
from meritnet.subnets.models.verification.projection import errors
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

ANSWER_TOKENS = (48, 64)
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
FINGERPRINT_NUMBERS = 8
"""Numbers a token, 16 bytes."""
FINGERPRINT_LIMIT = 5e-3
"""Largest relative error of a token's hidden state from which on an answer is worth nothing.

Measured (docs/log.md): honest tokens lie below 6e-4, which is float16's own; int8 weights at 3e-2 on average.
"""
SPEED_PART = 0.1
"""Part of the score that is for speed: small, because honest miners may share a machine."""
SPEED_TARGET = 2.0
"""Verified tokens a second that earn all of it."""


class GenerationValidator:
    """Scores miners by whether the declared model draws their tokens, from the same hidden states."""

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
            fingerprint=FINGERPRINT_NUMBERS,
        )
        return Task(PATH, request.model_dump_json().encode(), DEADLINE_S, MAX_ANSWER_BYTES)

    def artifacts(self, task: Task, answer: Answer) -> list[ArtifactRef]:
        """Answers of this kind are complete in themselves."""
        return []

    async def score(self, task: Task, answer: Answer, artifacts: Mapping[str, Path]) -> Score:
        """Check every token. Raises InvalidAnswer for an answer that the protocol does not allow."""
        request = parse_request(task.body)
        given = parse_answer(answer.body)
        engine = await asyncio.to_thread(self._context.engine)
        check_form(request, given, engine)
        sampling = Sampling(bytes.fromhex(request.seed), request.temperature, request.max_tokens)
        prompt = engine.encode_chat(plain(request.messages))
        evidence = given.fingerprint_bytes()
        replay = await engine.replay(prompt, given.tokens, sampling)
        apart = errors(evidence, replay.hidden, sampling.seed, request.fingerprint)
        return judge(replay, float(apart.max()), answer.elapsed_s)


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


def judge(replay: Replay, apart: float, elapsed_s: float) -> Score:
    """Turn an answer's figures into a score, the product of three factors.

    `replay` is 1 if every token replays and 0 from MISS_LIMIT misses on; `fingerprint` is 1 if the hidden
    states are nowhere so far `apart` (relative error) as FINGERPRINT_LIMIT, else 0; `speed` lies between
    1 - SPEED_PART and 1, and only tokens that replay count for it. Surprise (standard deviations by which the
    answer is less likely than the model's own answers) is evidence, not a factor: a token that replays is the
    model's own however unlikely.
    """
    total = len(replay.gaps)
    matching = replay.matching(GAP_TOLERANCE)
    misses = (total - matching) / total
    speed = min(1.0, matching / elapsed_s / SPEED_TARGET) if elapsed_s > 0 else 1.0
    factors = {
        "replay": max(0.0, 1.0 - misses / MISS_LIMIT),
        "fingerprint": float(apart < FINGERPRINT_LIMIT),
        "speed": 1.0 - SPEED_PART * (1.0 - speed),
    }
    evidence = {
        "factors": factors,
        "tokens": total,
        "matching": matching,
        "mean_gap": sum(replay.gaps) / total,
        "max_gap": max(replay.gaps),
        "hidden_error": apart,
        "surprise": sum(replay.surprises) / math.sqrt(max(sum(replay.spreads), 1e-6)),
        "nats_a_token": -float(replay.logprobs.mean()),
        "elapsed_s": elapsed_s,
    }
    return Score(math.prod(factors.values()), _why(factors, matching, total), evidence)


def _why(factors: Mapping[str, float], matching: int, total: int) -> str:
    """One line on what was paid and what was not."""
    words = [f"{matching} of {total} tokens replay"]
    if not factors["fingerprint"]:
        words.append("drawn from other hidden states")
    if not factors["replay"] or not factors["fingerprint"]:
        return ", ".join(words) + ": not the declared model"
    if factors["speed"] < 1:
        words.append(f"slower than {SPEED_TARGET:g} tokens a second")
    return ", ".join(words)
