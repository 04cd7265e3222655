"""The verification ladder on a tiny model: honest answers raise nothing, each cheat raises what it should."""

import json
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from meritnet.subnets.base import InvalidAnswer
from meritnet.subnets.models import lora
from meritnet.subnets.models.decoding import Replay, Request, Rows, watched
from meritnet.subnets.models.engine import Engine
from meritnet.subnets.models.sampling import Sampling, gumbel_noise, uniform_at
from meritnet.subnets.models.variants import variant_of
from meritnet.subnets.models.verification import activations, projection, watermark
from meritnet.subnets.models.verification.activations import PublishedActivations, TopActivations
from meritnet.subnets.models.verification.equality import p_value
from meritnet.subnets.models.verification.logprobs import Logprobs
from meritnet.subnets.models.verification.method import Claim, Method, Trace
from meritnet.subnets.models.verification.pair import ReplayAndProjection
from meritnet.subnets.models.verification.projection import Projection
from meritnet.subnets.models.verification.redundancy import Redundancy
from meritnet.subnets.models.verification.replay import TokenReplay
from meritnet.subnets.models.verification.serving import Asked, Served, check, clocked, ended, serve
from meritnet.subnets.models.verification.thresholds import MARGIN, fit
from meritnet.subnets.models.verification.watermark import Watermark, drawn_with, z_score

Run = Callable[[Coroutine[Any, Any, Any]], Any]
TOKENS = 48
PINNED_DIRECTION = [0.286763, -0.15082, 0.086276]
NEVER = frozenset({-1})
"""No token ends an answer; prompts of one length need no padding."""
METHODS: list[Method] = [
    TokenReplay(), Logprobs(), Projection(), TopActivations(), PublishedActivations("published"),
    Redundancy(), ReplayAndProjection(),
]  # fmt: skip
BY_ACTIVATION: list[Method] = [Logprobs(), Projection(), TopActivations(), ReplayAndProjection()]
BY_TOKEN: list[Method] = [TokenReplay(), Redundancy(), ReplayAndProjection()]


def seed(number: int) -> bytes:
    return bytes([number]) * 32


@pytest.fixture(scope="module")
def asked(engine: Engine) -> list[Asked]:
    """Requests of different lengths, so that batches are padded and answers end at different times."""
    texts = ["Say hello.", "What is a lighthouse, and who keeps it?", "Hm", "Compare tea and glass."]
    return [
        Asked(
            tuple(engine.encode_chat([{"role": "user", "content": text}])),
            Sampling(seed(number), 0.9, TOKENS + number),
        )
        for number, text in enumerate(texts)
    ]


@pytest.fixture(scope="module")
def honest(engine: Engine, asked: list[Asked]) -> list[Served]:
    return serve(engine.model, asked, engine.end_tokens)


def suspicion(
    method: Method, engine: Engine, asked: Asked, served: Served, twin: tuple[int, ...], **told: Any
) -> float:
    evidence = method.evidence(served.trace, asked.sampling.seed)
    found = check(engine.model, asked, served.tokens) if method.needs_model else None
    marks = method.marks(Claim(asked.sampling, served.tokens, evidence, twin=twin, **told), found)
    return method.suspicion(marks)


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.name)
@pytest.mark.parametrize(("width", "threads"), [(1, 2), (3, 1), (4, 2)])
def test_honest_answers_raise_no_suspicion_however_they_were_computed(
    engine: Engine, asked: list[Asked], honest: list[Served], method: Method, width: int, threads: int
) -> None:
    for one, served, twin in zip(
        asked,
        serve(engine.model, asked, engine.end_tokens, width=width, threads=threads),
        honest,
        strict=True,
    ):
        assert suspicion(method, engine, one, served, twin.tokens) <= method.resolution


@pytest.mark.parametrize("method", BY_ACTIVATION, ids=lambda method: method.name)
@pytest.mark.parametrize("variant", ["int8", "int4", "int3", "skip:1"])
def test_another_model_shows_in_every_answer_by_its_activations(
    engine: Engine, asked: list[Asked], honest: list[Served], method: Method, variant: str
) -> None:
    coarse = serve(variant_of(engine.model, variant), asked, engine.end_tokens)
    for one, served, twin in zip(asked, coarse, honest, strict=True):
        assert suspicion(method, engine, one, served, twin.tokens) > 5 * method.resolution


@pytest.mark.parametrize("method", BY_TOKEN, ids=lambda method: method.name)
def test_other_noise_shows_by_the_tokens_alone(
    engine: Engine, asked: list[Asked], honest: list[Served], method: Method
) -> None:
    others = [replace(one, sampling=replace(one.sampling, seed=seed(99))) for one in asked]
    for one, served, twin in zip(asked, serve(engine.model, others, engine.end_tokens), honest, strict=True):
        true = check(engine.model, one, served.tokens)
        forged = Served(served.tokens, Trace.of(true))
        assert suspicion(method, engine, one, forged, twin.tokens) > 5 * method.resolution
        for blind in (Logprobs(), Projection(), TopActivations()):
            assert suspicion(blind, engine, one, forged, twin.tokens) <= blind.resolution


def test_the_published_rule_passes_what_the_steps_see() -> None:
    """A hundredth of relative error in every value: 2 steps of bfloat16, and hardly another exponent."""
    random = np.random.default_rng(1)
    hidden = random.standard_normal((activations.CHUNK, 64)).astype(np.float32)
    near = (hidden * (1 + 0.01 * random.standard_normal(hidden.shape))).astype(np.float32)
    marks = np.array([activations.compared(activations.top(near), activations.top(hidden))])
    assert PublishedActivations("published").suspicion(marks) == 0
    assert TopActivations().suspicion(marks) > 5 * TopActivations.resolution
    far = np.array([activations.compared(activations.top(hidden[::-1]), activations.top(hidden))])
    assert PublishedActivations("published").suspicion(far) == 1


# What the engine shows while it decodes


def test_what_is_seen_while_decoding_is_what_a_prefill_finds(
    engine: Engine, asked: list[Asked], honest: list[Served]
) -> None:
    """Left-padded rows that leave the batch at different times keep their own hidden states."""
    for one, served in zip(asked, honest, strict=True):
        found = check(engine.model, one, served.tokens)
        assert len(served.trace.hidden) == len(served.tokens) == len(found.hidden)
        assert np.abs(np.array(served.trace.hidden) - found.hidden).max() < 1e-4
        assert np.abs(np.array(served.trace.logprobs) - found.logprobs).max() < 1e-4


def test_rows_that_join_others_are_seen_as_their_own(engine: Engine, asked: list[Asked]) -> None:
    traces = [Trace(), Trace()]
    early, late = (
        Request(one.prompt, one.sampling, lambda token: None, see=trace.see)
        for one, trace in zip(asked[:2], traces, strict=True)
    )
    rows, others = (Rows(engine.model, [request], engine.end_tokens) for request in (early, late))
    ended(rows.read())
    rows.draw()
    ended(others.read())
    rows.take(others)
    while rows.requests:
        rows.draw()
    for one, request, trace in zip(asked, (early, late), traces, strict=False):
        found = check(engine.model, one, request.tokens)
        assert np.abs(np.array(trace.hidden) - found.hidden).max() < 1e-4


def test_seeing_changes_no_token_and_works_on_an_adapter(
    engine: Engine, asked: list[Asked], honest: list[Served], run: Run
) -> None:
    assert run(engine.generate(asked[0].prompt, asked[0].sampling)) == list(honest[0].tokens)
    trace = Trace()
    shapes = lora.expected_shapes(engine.model)
    run(engine.adopt("seen", lora.Adapter("1", {name: torch.ones(shape) for name, shape in shapes.items()})))
    tokens = run(engine.generate(asked[0].prompt, asked[0].sampling, variant="seen", see=trace.see))
    assert len(trace.hidden) == len(tokens)
    assert trace.hidden[0].shape == (engine.model.config.hidden_size,)


def test_the_hook_is_gone_afterwards(engine: Engine) -> None:
    output = engine.model.get_output_embeddings()
    with watched(engine.model) as found:
        engine.model(input_ids=torch.tensor([[1, 2, 3]]))
    assert [tensor.shape for tensor in found] == [(1, 3, 64)]
    with pytest.raises(ZeroDivisionError), watched(engine.model):
        1 / 0  # noqa: B018
    assert not output._forward_pre_hooks


def test_surprises_average_out_over_what_the_model_draws(engine: Engine, asked: list[Asked]) -> None:
    """Expected log-probability less the found one is 0 on average, and varies as the spreads say."""
    many = [replace(asked[0], sampling=Sampling(seed(number), 0.8, 24)) for number in range(24)]
    total = spread = 0.0
    for one, served in zip(many, serve(engine.model, many, NEVER), strict=True):
        found = check(engine.model, one, served.tokens)
        total, spread = total + sum(found.surprises), spread + sum(found.spreads)
    assert abs(total) < 4 * spread**0.5


def test_greedy_answers_have_figures_too(engine: Engine, asked: list[Asked]) -> None:
    greedy = replace(asked[0], sampling=Sampling(seed(1), 0.0, 8))
    [served] = serve(engine.model, [greedy], engine.end_tokens)
    found = check(engine.model, greedy, served.tokens)
    assert found.matching(TokenReplay.resolution) == len(served.tokens)
    assert np.isfinite([*found.surprises, *found.spreads, *found.logprobs]).all()


def test_the_clock_has_a_reading_for_every_token(engine: Engine, asked: list[Asked]) -> None:
    readings = clocked(engine.model, [asked[0], asked[0]], NEVER)
    assert len(readings) == TOKENS
    assert readings == sorted(readings)


# Evidence


@pytest.mark.parametrize("method", [Logprobs(), Projection(), TopActivations(), ReplayAndProjection()])
def test_evidence_is_of_one_size_and_anything_else_is_refused(
    engine: Engine, asked: list[Asked], honest: list[Served], method: Method
) -> None:
    served = honest[0]
    found = check(engine.model, asked[0], served.tokens)
    evidence = method.evidence(served.trace, seed(0))
    for broken in (b"", evidence[:-1], evidence + b"\0", evidence * 2, b"\0" * 10_000):
        with pytest.raises(InvalidAnswer, match="bytes of evidence"):
            method.marks(Claim(asked[0].sampling, served.tokens, broken), found)


@pytest.mark.parametrize("method", [Logprobs(), Projection()])
@pytest.mark.parametrize("bad", [b"\x00\x7c", b"\x00\xfc", b"\x00\x7e"])
def test_figures_must_be_finite(
    engine: Engine, asked: list[Asked], honest: list[Served], method: Method, bad: bytes
) -> None:
    evidence = method.evidence(honest[0].trace, seed(0))
    claim = Claim(asked[0].sampling, honest[0].tokens, bad + evidence[2:])
    with pytest.raises(InvalidAnswer, match="not finite"):
        method.marks(claim, check(engine.model, asked[0], honest[0].tokens))


def test_places_must_be_there_and_differ() -> None:
    entries = activations.top(np.arange(activations.CHUNK * 8, dtype=np.float32).reshape(-1, 8))
    size = activations.CHUNK * 8
    assert (activations.read(entries.tobytes(), 1, size)[0] == entries).all()
    for place in (entries["place"][1], size, 2**32 - 1):
        broken = entries.copy()
        broken["place"][0] = place
        with pytest.raises(InvalidAnswer, match="names a place twice"):
            activations.read(broken.tobytes(), 1, size)


def test_a_chunk_that_is_not_whole_is_left_out(
    engine: Engine, asked: list[Asked], honest: list[Served]
) -> None:
    tokens = honest[0].tokens[: activations.CHUNK - 1]
    found = check(engine.model, asked[0], tokens)
    method = TopActivations()
    short = Trace(honest[0].trace.hidden[: len(tokens)], honest[0].trace.logprobs[: len(tokens)])
    assert method.evidence(short, seed(0)) == b""
    assert method.marks(Claim(asked[0].sampling, tokens), found).shape == (0, 4)


def test_a_method_that_needs_a_prefill_says_so(asked: list[Asked]) -> None:
    with pytest.raises(ValueError, match="prefill"):
        TokenReplay().marks(Claim(asked[0].sampling, (1,)), None)


# Projection


def test_directions_are_orthonormal_and_stay_what_they_are() -> None:
    found = projection.directions(seed(7), 64, 8)
    assert np.allclose(found.T @ found, np.eye(8), atol=1e-12)
    assert not np.allclose(found, projection.directions(seed(8), 64, 8))
    # Other languages must be able to find them.
    assert [round(float(value), 6) for value in found[:3, 1]] == PINNED_DIRECTION


def test_errors_estimate_how_far_hidden_states_are_apart() -> None:
    random = np.random.default_rng(3)
    hidden = random.standard_normal((400, 64)).astype(np.float32)
    noise = random.standard_normal(hidden.shape).astype(np.float32)
    for part in (0.0, 0.02, 0.3):
        claimed = projection.project(hidden + part * noise, seed(1), 8)
        found = projection.errors(claimed, hidden, seed(1), 8)
        true = part * np.linalg.norm(noise, axis=1) / np.linalg.norm(hidden, axis=1)
        assert np.sqrt((found**2).mean()) == pytest.approx(np.sqrt((true**2).mean()), rel=0.1, abs=5e-4)
    assert projection.errors(projection.project(hidden, seed(1), 8), hidden, seed(2), 8).min() > 0.1
    assert np.isfinite(
        projection.errors(projection.project(hidden * 1e9, seed(1), 8), hidden, seed(1), 8)
    ).all()


# Top activations


@given(st.lists(st.floats(width=32, allow_nan=False), min_size=1, max_size=40))
def test_bfloat16_is_that_of_torch(values: list[float]) -> None:
    given_values = np.array(values, np.float32)
    due = torch.from_numpy(given_values).to(torch.bfloat16).view(torch.int16).numpy().view(np.uint16)
    assert (activations.bfloat16(given_values) == due).all()


def test_the_largest_are_kept_in_order_and_ties_go_to_the_first() -> None:
    hidden = np.zeros((activations.CHUNK, 8), np.float32)
    hidden[3, 1], hidden[0, 0], hidden[0, 5] = -9.0, 1.0, 1.0
    found = activations.top(hidden)
    assert len(found) == activations.KEPT
    assert found["place"][:4].tolist() == [25, 0, 5, 1]


# Redundancy, watermark


def test_an_ended_twin_differs_from_there_on() -> None:
    sampling = Sampling(seed(0), 1.0, 4)
    marks = Redundancy().marks(Claim(sampling, (1, 2, 3, 4), twin=(1, 9)), None)
    assert marks[:, 0].tolist() == [0, 1, 1, 1]
    assert Redundancy().marks(Claim(sampling, (1,), twin=(1, 2, 3)), None).tolist() == [[0]]


def test_one_token_s_uniform_is_that_of_the_whole_noise() -> None:
    noise = gumbel_noise(seed(5), 2, 1_000).numpy()
    found = np.array([uniform_at(seed(5), 2, token) for token in range(1_000)])
    assert (-np.log(-np.log(found))).astype(np.float32) == pytest.approx(noise, abs=0)


def test_a_watermark_names_the_seed_and_foreign_seeds_look_like_chance(
    engine: Engine, asked: list[Asked], honest: list[Served]
) -> None:
    seeds = tuple(one.sampling.seed for one in asked)
    for place, served in enumerate(honest):
        assert drawn_with(served.tokens, seeds)[0] == place
    foreign = [
        z_score(watermark.exponentials(seed(number), one.tokens))
        for number in range(100, 200)
        for one in honest
    ]
    assert abs(np.mean(foreign)) < 0.3
    assert np.std(foreign) == pytest.approx(1, abs=0.2)


def test_a_copied_answer_is_suspicious_and_an_own_one_is_not(
    engine: Engine, asked: list[Asked], honest: list[Served]
) -> None:
    method = Watermark()
    for number, (one, served) in enumerate(zip(asked, honest, strict=True)):
        others = tuple(other.sampling.seed for other in asked if other is not one)
        own = method.suspicion(method.marks(Claim(one.sampling, served.tokens, seeds=others), None))
        thief = replace(one.sampling, seed=others[0])
        copied = Claim(thief, served.tokens, seeds=(one.sampling.seed, *others[1:]))
        assert own < -3, number
        assert method.suspicion(method.marks(copied, None)) > 3, number
    assert method.suspicion(method.marks(Claim(asked[0].sampling, honest[0].tokens), None)) < -3


# Model equality


def answers(random: np.random.Generator, weights: list[float], prompts: int = 4) -> list[list[list[int]]]:
    return [[random.choice(len(weights), 12, p=weights).tolist() for _ in range(8)] for _ in range(prompts)]


def test_equal_models_pass_and_others_do_not() -> None:
    random = np.random.default_rng(5)
    fair, skewed = [0.25] * 4, [0.7, 0.1, 0.1, 0.1]
    assert p_value(answers(random, skewed), answers(random, fair), 12, 199, 1) == pytest.approx(1 / 200)
    same = [p_value(answers(random, fair), answers(random, fair), 12, 99, 1) for _ in range(40)]
    assert sum(p <= 0.1 for p in same) <= 10
    assert min(same) > 0.005


def test_short_answers_are_compared_by_their_end() -> None:
    ended, going_on = [[[1, 2]] * 8], [[[1, 2, 3, 3, 3, 3]] * 8]
    assert p_value(ended, going_on, 6, 99, 0) <= 0.02
    assert p_value(ended, ended, 6, 99, 0) == 1


# Thresholds


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=300), st.floats(0.001, 0.5), st.floats(0, 1))
def test_a_threshold_lies_above_the_quantile_and_the_resolution(
    honest: list[float], rate: float, resolution: float
) -> None:
    found = fit(honest, rate, resolution)
    assert found.value >= resolution
    assert sum(map(found.flags, honest)) / len(honest) <= rate
    assert found.largest == max(honest)
    assert found.guaranteed <= max(rate, 1 / (len(honest) + 1)) + 1e-12
    if len(honest) < 1 / rate - 1:
        assert found.value >= max(honest)


def test_too_few_windows_guarantee_less_and_say_so() -> None:
    assert fit([0.0] * 9, 0.01, 0.5).guaranteed == pytest.approx(0.1)
    assert fit([0.0] * 999, 0.01, 0.5).guaranteed == pytest.approx(0.01)
    assert fit([1.0] * 9, 0.01, 0.5).value == MARGIN
    assert fit([-3.0], 0.01, -10.0).value == -3.0
    with pytest.raises(ValueError, match="no threshold"):
        fit([], 0.01, 0.5)


def test_the_stated_rate_holds_without_any_margin() -> None:
    """Split conformal prediction: averaged over fits, fresh honest windows alarm at most so often."""
    random = np.random.default_rng(11)
    alarms = 0
    for _ in range(400):
        drawn = random.exponential(size=51)
        found = fit((drawn[:50] / MARGIN).tolist(), 0.1, 0.0)  # the margin taken out again
        alarms += found.flags(float(drawn[50]))
    assert alarms / 400 < 0.14
    assert alarms / 400 > 0.05


def test_a_replay_s_figures_are_plain(engine: Engine, asked: list[Asked], honest: list[Served]) -> None:
    found: Replay = check(engine.model, asked[0], honest[0].tokens)
    assert json.dumps([found.gaps, found.surprises, found.spreads])
    assert found.logprobs.dtype == found.hidden.dtype == np.float32
