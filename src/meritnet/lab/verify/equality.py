"""The model-equality test on every model, served honestly or not: many short answers, no seeds known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from meritnet.lab.verify.servings import HIDDEN, Bench, Question
from meritnet.subnets.draws import Draws
from meritnet.subnets.models.verification.equality import Samples, p_value
from meritnet.subnets.models.verification.serving import Asked
from meritnet.subnets.text_generation.messages import Message
from meritnet.subnets.text_generation.miner import plain

PROMPTS = 4
SAMPLES = 8
TOKENS = 16
PERMUTATIONS = 999


@dataclass(frozen=True)
class Equality:
    """A test of one way of serving against the declared model."""

    serving: str
    tokens: int
    """Tokens looked at, of the served model alone."""
    p: float
    """Chance of a difference as large between two sets of the same model."""


def equalities(bench: Bench) -> tuple[Equality, ...]:
    """Test the declared model against itself and against everything that draws from another distribution."""
    half = f"skip:{bench.engine.model.config.num_hidden_layers // 2}"
    served: dict[str, Callable[[], Samples]] = {
        "honest": lambda: _samples(bench, "honest"),
        "int8": lambda: _samples(bench, "int8", "int8"),
        "int4": lambda: _samples(bench, "int4", "int4"),
        "int3": lambda: _samples(bench, "int3", "int3"),
        "layers skipped": lambda: _samples(bench, "shallow", "shallow"),
        "smaller model": lambda: _samples(bench, "half", half),
        "hidden prompt": lambda: _samples(bench, "hidden", system=HIDDEN),
    }
    reference = _samples(bench, "reference")
    return tuple(
        Equality(name, PROMPTS * SAMPLES * TOKENS, p_value(samples(), reference, TOKENS, PERMUTATIONS, 0))
        for name, samples in served.items()
    )


def _samples(bench: Bench, label: str, variant: str = "", system: str = "") -> Samples:
    """SAMPLES answers at temperature 1 to each of the first PROMPTS questions, each with noise of its own."""
    found = []
    for question in bench.questions[:PROMPTS]:
        asked = _asked(bench, question, system)
        seeds = Draws(asked.sampling.seed, "equality", label)
        eight = [replace(asked, sampling=replace(asked.sampling, seed=seeds.token())) for _ in range(SAMPLES)]
        found.append([one.tokens for one in bench.served(eight, variant)])
    return found


def _asked(bench: Bench, question: Question, system: str) -> Asked:
    sampling = replace(question.asked.sampling, temperature=1.0, max_tokens=TOKENS)
    if not system:
        return replace(question.asked, sampling=sampling)
    rest = tuple(message for message in question.messages if message.role != "system")
    messages = (Message(role="system", content=system), *rest)
    return Asked(tuple(bench.engine.encode_chat(plain(messages))), sampling)
