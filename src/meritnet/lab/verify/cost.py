"""What checking costs beside generating, in processor time."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import median

from meritnet.lab.verify.detection import METHODS, claim
from meritnet.lab.verify.servings import Checked, Question
from meritnet.subnets.draws import Draws
from meritnet.subnets.models.engine import MAX_BATCH, Engine
from meritnet.subnets.models.verification.serving import Asked, check, clocked

LENGTHS = (32, 64, 128, 256)
REPEATS = 3
NEVER = frozenset({-1})
"""No token ends the answer: the length is what is measured. Prompts are equally long, nothing is padded."""


@dataclass(frozen=True)
class Cost:
    """Processor seconds for one answer of so many tokens to one prompt."""

    prompt_tokens: int
    tokens: int
    alone_s: float
    """To generate it by itself."""
    batched_s: float
    """To generate it as one of eight in a batch."""
    check_s: float
    """To check it: one prefill, with everything that the methods read from it."""


@dataclass(frozen=True)
class Extra:
    """What a method adds, for each token."""

    method: str
    evidence_bytes: float
    miner_us: float
    """Processor time to work the evidence out."""
    checker_us: float
    """Processor time beyond the prefill."""


def costs(engine: Engine, questions: Sequence[Question]) -> tuple[Cost, ...]:
    """Generate and check one answer of every length, to the prompt of median length."""
    asked = sorted((one.asked for one in questions), key=lambda one: len(one.prompt))[len(questions) // 2]
    eight = [_of_length(asked, number) for number in range(MAX_BATCH)]
    clocked(engine.model, [_of_length(asked, 0, 2)], NEVER)  # the first pass of a process is dearer
    alone, batched = (clocked(engine.model, batch, NEVER) for batch in (eight[:1], eight))
    answer = [0] * max(LENGTHS)
    return tuple(
        Cost(
            len(asked.prompt),
            tokens,
            alone[tokens - 1],
            batched[tokens - 1] / MAX_BATCH,
            median(_seconds(engine, eight[0], answer[:tokens]) for _ in range(REPEATS)),
        )
        for tokens in LENGTHS
    )


def extras(checked: Sequence[Checked]) -> tuple[Extra, ...]:
    """Work out and check every method's evidence for answers that have been prefilled."""
    tokens = sum(len(one.served.tokens) for one in checked)
    found = []
    for method in METHODS:
        begun = time.process_time()
        claims = [claim(method, one) for one in checked]
        between = time.process_time()
        for one, made in zip(checked, claims, strict=True):
            method.marks(made, one.replay)
        ended = time.process_time()
        sent = sum(len(one.evidence) for one in claims) / tokens
        miner_us, checker_us = (1e6 * spent / tokens for spent in (between - begun, ended - between))
        found.append(Extra(method.name, sent, miner_us, checker_us))
    return tuple(found)


def _of_length(asked: Asked, number: int, tokens: int = max(LENGTHS)) -> Asked:
    seed = Draws(asked.sampling.seed, "cost", number).token()
    return replace(asked, sampling=replace(asked.sampling, seed=seed, max_tokens=tokens))


def _seconds(engine: Engine, asked: Asked, answer: Sequence[int]) -> float:
    begun = time.process_time()
    check(engine.model, asked, answer)
    return time.process_time() - begun
