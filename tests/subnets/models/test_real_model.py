"""The default model itself: it answers, replays, is told from cheaper ones, and learns. Wants it cached."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import pytest

from meritnet.subnets.fine_tuning.data import corpus_of
from meritnet.subnets.fine_tuning.training import Recipe, train
from meritnet.subnets.fine_tuning.validator import DEAD_ZONE_NATS
from meritnet.subnets.models import lora, sources
from meritnet.subnets.models.engine import Engine
from meritnet.subnets.models.sampling import Sampling
from meritnet.subnets.text_generation.validator import GAP_TOLERANCE

pytestmark = pytest.mark.slow
Run = Callable[[Coroutine[Any, Any, Any]], Any]
QUESTIONS = ["What is a hash table?", "Describe a quiet harbour.", "How do I sort a list in Python?"]
TOKENS = 24


@pytest.fixture(scope="module")
def model() -> Iterator[Engine]:
    if sources.cached(sources.DEFAULT_MODEL) is None:
        pytest.skip("meritnet model pull has not been run here")
    loaded = Engine.load()
    yield loaded
    loaded.close()


def prompt(model: Engine, text: str) -> list[int]:
    return model.encode_chat([{"role": "user", "content": text}])


def matching(model: Engine, run: Run, variant: str) -> float:
    """Share of tokens that replay, all questions answered in one batch."""
    drawn = [Sampling(bytes([number]) * 32, 0.8, TOKENS) for number in range(len(QUESTIONS))]
    prompts = [prompt(model, text) for text in QUESTIONS]

    async def answers() -> list[list[int]]:
        pairs = zip(prompts, drawn, strict=True)
        return await asyncio.gather(*(model.generate(p, s, variant=variant) for p, s in pairs))

    found = run(answers())
    replays = [run(model.replay(p, a, s)) for p, a, s in zip(prompts, found, drawn, strict=True)]
    return sum(replay.matching(GAP_TOLERANCE) for replay in replays) / sum(map(len, found))


def test_it_knows_the_capital_of_france(model: Engine, run: Run) -> None:
    asked = prompt(model, "What is the capital of France?")
    assert "Paris" in model.decode(run(model.generate(asked, Sampling(bytes(32), 0, 16))))


def test_honest_answers_replay_exactly_and_cheaper_ones_do_not(model: Engine, run: Run) -> None:
    assert matching(model, run, "") == 1
    assert matching(model, run, "shallow") < 0.8


def test_the_default_recipe_gains_and_one_step_does_not(model: Engine, run: Run) -> None:
    corpus = corpus_of(model)
    examples = corpus.held_out[:8]
    base = run(model.losses(examples))
    gains = {}
    for steps in (1, Recipe().steps):
        encoded = run(
            model.run(train(model.model, corpus.train, "real", Recipe(steps=steps), lambda progress: None))
        )
        adapter = lora.decode(encoded, f"steps {steps}", lora.expected_shapes(model.model))
        gains[steps] = float((base - run(model.losses(examples, adapter))).mean())
    assert gains[1] < DEAD_ZONE_NATS < gains[Recipe().steps] / 2
