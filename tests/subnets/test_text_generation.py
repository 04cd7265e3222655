"""Text generation end to end on the tiny model: honest miners score 1, lazy ones 0, nonsense is refused."""

import dataclasses
import json
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from meritnet.subnets.base import Answer, InvalidAnswer, InvalidRequest, MinerContext, Score, ValidatorContext
from meritnet.subnets.models.decoding import Replay
from meritnet.subnets.models.engine import Engine
from meritnet.subnets.registry import subnet
from meritnet.subnets.text_generation.messages import MAX_CONTENT_CHARACTERS, MAX_NEW_TOKENS, PATH
from meritnet.subnets.text_generation.validator import judge

Run = Callable[[Coroutine[Any, Any, Any]], Any]
Change = Callable[[dict[str, Any]], object]
KIND = subnet("text_generation")
SEED = bytes(range(32))


@pytest.fixture
def scored(
    miner_context: MinerContext, validator_context: ValidatorContext, run: Run
) -> Callable[..., Score]:
    """Ask a miner, change its answer, score it."""
    validator = KIND.validator(validator_context)

    def score(uid: int = 1, lazy: bool = False, change: Change = lambda answer: None) -> Score:
        miner = KIND.miner(dataclasses.replace(miner_context, lazy=lazy))
        task = validator.task(SEED, uid)
        answer = json.loads(run(miner.routes[task.path].handler(task.body)))
        answer = change(answer) or answer
        body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        result: Score = run(validator.score(task, Answer(body, 0.1), {}))
        return result

    return score


def test_an_honest_miner_scores_one(scored: Callable[..., Score]) -> None:
    for uid in range(4):
        score = scored(uid)
        assert score.value == 1
        assert score.why == f"{score.evidence['tokens']} of {score.evidence['tokens']} tokens replay"
        assert json.dumps(score.evidence)


def test_a_lazy_miner_scores_almost_nothing(scored: Callable[..., Score]) -> None:
    scores = [scored(uid, lazy=True) for uid in range(4)]
    assert sum(score.value for score in scores) / 4 < 0.2
    assert any("not the declared model" in score.why for score in scores)


def test_one_token_of_another_model_costs_most_of_the_score() -> None:
    clean, one, two = ((0.0,) * (32 - misses) + (0.2,) * misses for misses in range(3))
    assert judge(Replay(clean), 1).value == 1
    assert judge(Replay((*clean[:-1], 9e-4)), 1).value == 1  # rounding noise
    assert judge(Replay(one), 1).value == pytest.approx(0.375)
    assert judge(Replay(two), 1).value == 0


REFUSED: list[tuple[Change, str]] = [
    (lambda answer: answer | {"nonce": "0" * 32}, "another request"),
    (lambda answer: answer | {"tokens": []}, "malformed answer: tokens"),
    (lambda answer: answer | {"tokens": [1] * (MAX_NEW_TOKENS + 1)}, "malformed answer: tokens"),
    (lambda answer: answer | {"tokens": [1] * 40}, "40 tokens"),
    (lambda answer: answer | {"tokens": answer["tokens"][:2]}, "stops early"),
    (lambda answer: answer | {"tokens": [256, *answer["tokens"][1:]]}, "follow the end"),
    (lambda answer: answer | {"tokens": [1000, *answer["tokens"][1:]]}, "not in the vocabulary"),
    (lambda answer: answer | {"tokens": [-1]}, "malformed answer: tokens.0"),
    (lambda answer: answer | {"tokens": ["1"]}, "malformed answer: tokens.0"),
    (lambda answer: answer | {"tokens": [True]}, "malformed answer: tokens.0"),
    (lambda answer: answer | {"extra": 1}, "malformed answer: extra"),
    (lambda answer: {"nonce": answer["nonce"]}, "malformed answer: tokens"),
    (lambda answer: b"not json", "malformed answer"),
    (lambda answer: b"[" * 5000, "malformed answer"),
    (lambda answer: b"\xff\xfe", "malformed answer"),
]


@pytest.mark.parametrize(("change", "reason"), REFUSED)
def test_what_no_honest_miner_sends_is_refused(
    scored: Callable[..., Score], change: Change, reason: str
) -> None:
    with pytest.raises(InvalidAnswer, match=reason):
        scored(change=change)


def test_a_step_can_be_repeated_by_anyone(validator_context: ValidatorContext) -> None:
    first, again = KIND.validator(validator_context), KIND.validator(validator_context)
    assert first.task(SEED, 3) == again.task(SEED, 3)
    other = KIND.validator(dataclasses.replace(validator_context, hotkey="5" + "C" * 47))
    bodies = {
        validator.task(seed, uid).body
        for validator in (first, other)
        for seed in (SEED, b"x" * 32)
        for uid in (1, 2)
    }
    assert len(bodies) == 8  # nobody is asked what another one was asked


REQUEST = {
    "nonce": "0" * 32,
    "model": "tiny",
    "messages": [{"role": "user", "content": "hi"}],
    "seed": "0" * 64,
    "temperature": 0.5,
    "max_tokens": 4,
}
BAD_REQUESTS: list[tuple[dict[str, object], str]] = [
    ({"model": "gpt-5"}, "this miner serves tiny"),
    ({"temperature": 2.5}, "temperature"),
    ({"temperature": float("nan")}, "temperature"),
    ({"max_tokens": 0}, "max_tokens"),
    ({"max_tokens": MAX_NEW_TOKENS + 1}, "max_tokens"),
    ({"max_tokens": "4"}, "max_tokens"),
    ({"seed": "xyz"}, "seed"),
    ({"nonce": "0" * 31}, "nonce"),
    ({"messages": []}, "messages"),
    ({"messages": [{"role": "user", "content": "hi"}] * 17}, "messages"),
    ({"messages": [{"role": "tool", "content": "hi"}]}, "messages.0.role"),
    ({"messages": [{"role": "user", "content": "x" * (MAX_CONTENT_CHARACTERS + 1)}]}, "messages.0.content"),
    ({"messages": [{"role": "user", "content": "x" * 3000}]}, "the model reads 2048 tokens"),
    ({"surprise": 1}, "surprise"),
]


@pytest.mark.parametrize(("change", "reason"), BAD_REQUESTS)
def test_a_bad_request_is_refused_with_a_reason(
    miner_context: MinerContext, run: Run, change: dict[str, object], reason: str
) -> None:
    handler = KIND.miner(miner_context).routes[PATH].handler
    with pytest.raises(InvalidRequest, match=reason):
        run(handler(json.dumps(REQUEST | change).encode()))


def test_a_good_request_is_answered(engine: Engine, miner_context: MinerContext, run: Run) -> None:
    miner = KIND.miner(miner_context)
    run(miner.start())
    answer = json.loads(run(miner.routes[PATH].handler(json.dumps(REQUEST).encode())))
    assert answer["nonce"] == REQUEST["nonce"]
    assert len(answer["tokens"]) <= 4
    run(miner.stop())
