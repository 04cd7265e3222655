"""The ladder on the default model: int8 weights are caught without false alarms. Wants it cached."""

from collections.abc import Iterator

import pytest

from meritnet.lab.verify.detection import Alarms, measure
from meritnet.lab.verify.servings import CHEATS, Bench, Checked, questions
from meritnet.lab.verify.study import HONEST
from meritnet.subnets.models import sources
from meritnet.subnets.models.engine import Engine
from meritnet.subnets.models.verification.serving import check, serve
from meritnet.subnets.models.verification.watermark import drawn_with

pytestmark = pytest.mark.slow
PROMPTS, TOKENS = 6, 40
FALSE_ALARMS = 0.01


@pytest.fixture(scope="module")
def model() -> Iterator[Engine]:
    if sources.cached(sources.DEFAULT_MODEL) is None:
        pytest.skip("meritnet model pull has not been run here")
    loaded = Engine.load()
    yield loaded
    loaded.close()


@pytest.fixture(scope="module")
def bench(model: Engine) -> Bench:
    asked = questions(model, 0, PROMPTS, TOKENS, "slow test")
    return Bench(model, asked, serve(model.model, [one.asked for one in asked], model.end_tokens))


@pytest.fixture(scope="module")
def copied(bench: Bench) -> list[Checked]:
    return next(cheat for cheat in CHEATS if cheat.name == "copied").checked(bench)


@pytest.fixture(scope="module")
def alarms(model: Engine, bench: Bench, copied: list[Checked]) -> Alarms:
    """Thresholds fitted to batches of eight, tried on other questions in batches of two, on one thread."""
    others = questions(model, 1, PROMPTS, TOKENS, "slow test")
    served = serve(model.model, [one.asked for one in others], model.end_tokens, width=2, threads=1)
    honest = [
        Checked(question, one, check(model.model, question.asked, one.tokens, threads=1), one.tokens)
        for question, one in zip(others, served, strict=True)
    ]
    int8 = next(cheat for cheat in CHEATS if cheat.name == "int8").checked(bench)
    servings = {HONEST: honest, "int8": int8, "copied": copied}
    return measure(bench.checked(bench.honest), servings, FALSE_ALARMS)


def share(alarms: Alarms, method: str, serving: str, tokens: int) -> float:
    for rate in alarms.rates:
        if (rate.method, rate.serving, rate.tokens) == (method, serving, tokens):
            assert rate.share is not None
            return rate.share
    raise AssertionError(f"nothing was measured of {method} on {serving} at {tokens} tokens")


def test_int8_is_caught_in_eight_tokens_without_false_alarms(alarms: Alarms) -> None:
    for method in ("projection", "replay + projection", "log-probs"):
        assert share(alarms, method, "int8", 8) >= 0.99
        assert share(alarms, method, HONEST, 8) <= FALSE_ALARMS


def test_the_published_thresholds_pass_int8_and_fitted_ones_do_not(alarms: Alarms) -> None:
    assert share(alarms, "published TOPLOC", "int8", 32) == 0
    assert share(alarms, "top activations", "int8", 32) == 1
    assert share(alarms, "top activations", HONEST, 32) == 0


def test_honest_noise_is_rounding_and_int8_is_not(alarms: Alarms) -> None:
    noise = {(one.method, one.serving): one for one in alarms.noise}
    assert noise["projection", HONEST].largest < 1e-3
    assert noise["projection", "int8"].smallest > 0.01
    assert noise["token replay", HONEST].largest < 1e-4


def test_the_watermark_names_whose_seed_an_answer_was_drawn_with(copied: list[Checked]) -> None:
    named = [
        drawn_with(one.served.tokens, (one.question.asked.sampling.seed, *one.question.seeds))
        for one in copied
    ]
    assert [place for place, _ in named] == [len(one.question.seeds) for one in copied]
    assert min(z for _, z in named) > 2
