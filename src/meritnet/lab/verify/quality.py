"""How good answers are by the reference: how likely, and how much they have to do with the prompt."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from meritnet.lab.study import mean
from meritnet.lab.verify.servings import Checked
from meritnet.subnets.models.engine import Engine
from meritnet.subnets.models.verification.serving import check

GENERIC = ({"role": "user", "content": "Hello."},)
"""A prompt that says nothing, which relevance is measured against."""


@dataclass(frozen=True)
class Quality:
    """Figures of one way of serving, over its answers."""

    serving: str
    answers: int
    nats_a_token: float
    """Mean negative log-probability under the declared model, at temperature 1."""
    surprise: float
    """Mean of: standard deviations by which an answer is less likely than the model's own."""
    surprise_most: float
    relevance: float
    """Mean of: log-probability of the answer given its prompt less that given GENERIC, nats a token."""
    relevance_least: float
    beyond_honest: float
    """Share of answers more surprising than any honest one, or less relevant."""


def qualities(engine: Engine, servings: Mapping[str, Sequence[Checked]]) -> tuple[Quality, ...]:
    """Figures of every way of serving; the first one is the honest one that others are held against."""
    found: list[Quality] = []
    for name, checked in servings.items():
        surprises = [surprise(one) for one in checked]
        relevances = [relevance(engine, one) for one in checked]
        most, least = max(surprises), min(relevances)
        limits = (found[0].surprise_most, found[0].relevance_least) if found else (most, least)
        beyond = [
            one > limits[0] or other < limits[1] for one, other in zip(surprises, relevances, strict=True)
        ]
        nats = -mean(float(value) for one in checked for value in one.replay.logprobs)
        found.append(
            Quality(name, len(checked), nats, mean(surprises), most, mean(relevances), least, mean(beyond))
        )
    return tuple(found)


def surprise(one: Checked) -> float:
    """How much less likely an answer is than what the model draws, in standard deviations."""
    return sum(one.replay.surprises) / math.sqrt(max(sum(one.replay.spreads), 1e-6))


def relevance(engine: Engine, one: Checked) -> float:
    """What knowing the prompt adds to an answer's log-probability, in nats a token; a second prefill."""
    generic = replace(one.question.asked, prompt=tuple(engine.encode_chat(GENERIC)))
    without = check(engine.model, generic, one.served.tokens)
    return float((one.replay.logprobs - without.logprobs).mean())
