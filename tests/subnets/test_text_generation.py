"""Text generation end to end on the tiny model: honest miners score 1, lazy ones 0, nonsense is refused."""

import asyncio
import base64
import dataclasses
import json
from collections.abc import Callable, Coroutine
from typing import Any

import numpy as np
import pytest

from meritnet.subnets.base import Answer, InvalidAnswer, InvalidRequest, MinerContext, Score, ValidatorContext
from meritnet.subnets.models.decoding import Replay
from meritnet.subnets.models.engine import Engine
from meritnet.subnets.models.sampling import Sampling
from meritnet.subnets.models.verification.projection import project
from meritnet.subnets.registry import subnet
from meritnet.subnets.text_generation.messages import (
    MAX_CONTENT_CHARACTERS,
    MAX_FINGERPRINT,
    MAX_NEW_TOKENS,
    PATH,
    encode_fingerprint,
    parse_request,
)
from meritnet.subnets.text_generation.miner import plain
from meritnet.subnets.text_generation.validator import (
    FINGERPRINT_LIMIT,
    FINGERPRINT_NUMBERS,
    SPEED_PART,
    SPEED_TARGET,
    judge,
)

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
        assert score.evidence["hidden_error"] < FINGERPRINT_LIMIT / 5  # type: ignore[operator]


def test_answers_that_are_drawn_in_one_batch_have_their_own_fingerprints(
    miner_context: MinerContext, validator_context: ValidatorContext, run: Run
) -> None:
    miner, validator = KIND.miner(miner_context), KIND.validator(validator_context)
    tasks = [validator.task(SEED, uid) for uid in range(8)]

    async def together() -> list[bytes]:
        return await asyncio.gather(*(miner.routes[task.path].handler(task.body) for task in tasks))

    for task, body in zip(tasks, run(together()), strict=True):
        assert run(validator.score(task, Answer(body, 0.1), {})).value == 1


def test_a_lazy_miner_scores_nothing(scored: Callable[..., Score]) -> None:
    scores = [scored(uid, lazy=True) for uid in range(4)]
    assert [score.value for score in scores] == [0, 0, 0, 0]
    assert all("not the declared model" in score.why for score in scores)


def replayed(gaps: tuple[float, ...]) -> Replay:
    return Replay(gaps, (0.1,) * len(gaps), (0.5,) * len(gaps), np.full(len(gaps), -2.0), np.zeros((1, 1)))


def test_one_token_of_another_model_costs_most_of_the_score() -> None:
    clean, one, two = ((0.0,) * (32 - misses) + (0.2,) * misses for misses in range(3))
    assert judge(replayed(clean), 0, 1).value == 1
    assert judge(replayed((*clean[:-1], 9e-4)), 0, 1).value == 1  # rounding noise
    assert judge(replayed(one), 0, 1).value == pytest.approx(0.375)
    assert judge(replayed(two), 0, 1).value == 0


def test_tokens_drawn_from_other_hidden_states_earn_nothing() -> None:
    clean = replayed((0.0,) * 32)
    assert judge(clean, FINGERPRINT_LIMIT / 2, 1).value == 1
    other = judge(clean, FINGERPRINT_LIMIT, 1)
    assert (other.value, other.why) == (
        0,
        "32 of 32 tokens replay, drawn from other hidden states: not the declared model",
    )


def test_speed_is_a_small_part_and_only_verified_tokens_count_for_it() -> None:
    clean, half = replayed((0.0,) * 30), replayed((0.0,) * 30 + (0.2,))
    in_time = 30 / SPEED_TARGET
    assert judge(clean, 0, in_time).value == 1
    assert judge(clean, 0, 2 * in_time).value == pytest.approx(1 - SPEED_PART / 2)
    assert judge(clean, 0, 2 * in_time).why == "30 of 30 tokens replay, slower than 2 tokens a second"
    assert judge(clean, 0, 1e9).value == pytest.approx(1 - SPEED_PART)
    factors = [judge(half, 0, s).evidence["factors"] for s in (0.0, in_time, 2 * in_time)]
    assert [one["speed"] for one in factors] == pytest.approx([1, 1, 1 - SPEED_PART / 2])  # type: ignore[index]


def test_a_fingerprint_of_a_prefill_does_not_save_tokens_of_a_cheaper_model(
    engine: Engine, validator_context: ValidatorContext, miner_context: MinerContext, run: Run
) -> None:
    """What the README says of forgers: activations are the declared model's, tokens are not."""
    validator = KIND.validator(validator_context)
    for uid in range(3):
        task = validator.task(SEED, uid)
        lazy = KIND.miner(dataclasses.replace(miner_context, lazy=True))
        answer = json.loads(run(lazy.routes[task.path].handler(task.body)))
        request = parse_request(task.body)
        sampling = Sampling(bytes.fromhex(request.seed), request.temperature, request.max_tokens)
        replay = run(engine.replay(engine.encode_chat(plain(request.messages)), answer["tokens"], sampling))
        forged = project(replay.hidden, sampling.seed, request.fingerprint)
        body = json.dumps(answer | {"fingerprint": encode_fingerprint(forged)}).encode()
        score = run(validator.score(task, Answer(body, 0.1), {}))
        assert score.evidence["factors"]["fingerprint"] == 1
        assert score.evidence["hidden_error"] < 1e-3
        assert score.value < 0.5


def all_nan(answer: dict[str, Any]) -> str:
    return encode_fingerprint(b"\xff\xff" * (len(answer["tokens"]) * FINGERPRINT_NUMBERS))


REFUSED: list[tuple[Change, str]] = [
    (lambda answer: answer | {"nonce": "0" * 32}, "another request"),
    (lambda answer: answer | {"tokens": []}, "malformed answer: tokens"),
    (lambda answer: answer | {"tokens": [1] * (MAX_NEW_TOKENS + 1)}, "malformed answer: tokens"),
    (lambda answer: answer | {"tokens": [1] * 80}, "80 tokens"),
    (lambda answer: answer | {"tokens": answer["tokens"][:2]}, "stops early"),
    (lambda answer: answer | {"tokens": [256, *answer["tokens"][1:]]}, "follow the end"),
    (lambda answer: answer | {"tokens": [1000, *answer["tokens"][1:]]}, "not in the vocabulary"),
    (lambda answer: answer | {"tokens": [-1]}, "malformed answer: tokens.0"),
    (lambda answer: answer | {"tokens": ["1"]}, "malformed answer: tokens.0"),
    (lambda answer: answer | {"tokens": [True]}, "malformed answer: tokens.0"),
    (lambda answer: answer | {"fingerprint": ""}, "0 bytes of evidence"),
    (lambda answer: answer | {"fingerprint": answer["fingerprint"][:-4]}, "bytes of evidence, .* are due"),
    (lambda answer: answer | {"fingerprint": answer["fingerprint"][:-3]}, "no base64"),
    (lambda answer: answer | {"fingerprint": "ä" + answer["fingerprint"][1:]}, "no base64"),
    (lambda answer: answer | {"fingerprint": "!" + answer["fingerprint"][1:]}, "no base64"),
    (lambda answer: answer | {"fingerprint": "A" * 20_000}, "malformed answer: fingerprint"),
    (lambda answer: answer | {"fingerprint": 8}, "malformed answer: fingerprint"),
    (lambda answer: answer | {"fingerprint": all_nan(answer)}, "not finite"),
    (lambda answer: answer | {"extra": 1}, "malformed answer: extra"),
    (lambda answer: {"nonce": answer["nonce"]}, "malformed answer: tokens"),
    (lambda answer: {key: answer[key] for key in ("nonce", "tokens")}, "malformed answer: fingerprint"),
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
    "fingerprint": 2,
}
BAD_REQUESTS: list[tuple[dict[str, object], str]] = [
    ({"model": "gpt-5"}, "this miner serves tiny"),
    ({"temperature": 2.5}, "temperature"),
    ({"temperature": float("nan")}, "temperature"),
    ({"max_tokens": 0}, "max_tokens"),
    ({"max_tokens": MAX_NEW_TOKENS + 1}, "max_tokens"),
    ({"max_tokens": "4"}, "max_tokens"),
    ({"fingerprint": MAX_FINGERPRINT + 1}, "fingerprint"),
    ({"fingerprint": -1}, "fingerprint"),
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
    assert len(base64.b64decode(answer["fingerprint"])) == 4 * len(answer["tokens"])
    silent = json.loads(run(miner.routes[PATH].handler(json.dumps(REQUEST | {"fingerprint": 0}).encode())))
    assert silent == answer | {"fingerprint": ""}
    run(miner.stop())
