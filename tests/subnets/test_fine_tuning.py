"""Fine-tuning end to end on the tiny model: training pays, noise, laziness and hostile files do not."""

import dataclasses
import json
from collections.abc import Callable, Coroutine
from itertools import combinations
from pathlib import Path
from pydoc_data.topics import topics
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch

from meritnet.subnets.artifacts import ArtifactStore, content_id_of
from meritnet.subnets.base import (
    Answer,
    InvalidAnswer,
    InvalidRequest,
    MinerContext,
    Progress,
    Score,
    ValidatorContext,
)
from meritnet.subnets.fine_tuning import data
from meritnet.subnets.fine_tuning.copies import Offer, Offers, is_copy, sketch
from meritnet.subnets.fine_tuning.messages import PATH
from meritnet.subnets.fine_tuning.miner import FineTuningMiner
from meritnet.subnets.fine_tuning.shelf import Shelf
from meritnet.subnets.fine_tuning.training import Recipe, train
from meritnet.subnets.fine_tuning.validator import DEAD_ZONE_NATS, lower_bound
from meritnet.subnets.models import lora
from meritnet.subnets.models.engine import Engine
from meritnet.subnets.registry import subnet

Run = Callable[[Coroutine[Any, Any, Any]], Any]
KIND = subnet("fine_tuning")
SEED = bytes(range(32))


@pytest.fixture
def scored(validator_context: ValidatorContext, run: Run, tmp_path: Path) -> Callable[..., Score]:
    """Let a validator fetch and score bytes as somebody's adapter."""
    store = ArtifactStore(tmp_path / "fetched")
    validator = KIND.validator(validator_context)

    def score(adapter: bytes, seed: bytes = SEED, uid: int = 1, **change: object) -> Score:
        task = validator.task(seed, uid)
        offer = {"content_id": content_id_of(adapter), "size_bytes": len(adapter), "steps": 10} | change
        answer = Answer(json.dumps(offer).encode(), 0.1)
        files = {ref.content_id: store.path(store.put(adapter)) for ref in validator.artifacts(task, answer)}
        result: Score = run(validator.score(task, answer, files))
        return result

    return score


@pytest.fixture(scope="module")
def trained(engine: Engine, run: Run) -> bytes:
    examples = data.corpus_of(engine).train
    adapter: bytes = run(engine.run(train(engine.model, examples, "honest", Recipe(), lambda progress: None)))
    return adapter


def random_adapter(engine: Engine, spread: float) -> bytes:
    adapted = lora.attach(engine.model, seed=1)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for weight in adapted.parameters():
            if weight.requires_grad:
                weight.copy_(torch.randn(weight.shape, generator=generator) * spread)
    return lora.encode(adapted)


def test_training_pays(scored: Callable[..., Score], trained: bytes) -> None:
    score = scored(trained)
    assert score.value > 0.1
    assert score.evidence["loss_gain_nats"] > DEAD_ZONE_NATS  # type: ignore[operator]
    assert score.evidence["adapter_loss"] < score.evidence["base_loss"]  # type: ignore[operator]
    assert score.evidence["content_id"] == content_id_of(trained)
    assert "held-out examples" in score.why
    assert json.dumps(score.evidence)


@pytest.mark.parametrize("spread", [0.0, 0.01, 0.1, 0.5])
def test_noise_and_an_untrained_adapter_earn_nothing(
    engine: Engine, scored: Callable[..., Score], spread: float
) -> None:
    for step in range(4):
        score = scored(random_adapter(engine, spread), seed=bytes([step]) * 32)
        assert score.value == 0
        assert score.why.endswith("inside the dead zone")


def test_a_lazy_miner_earns_nothing(
    miner_context: MinerContext, scored: Callable[..., Score], run: Run
) -> None:
    miner = KIND.miner(dataclasses.replace(miner_context, lazy=True))
    run(miner.start())
    offer = json.loads(run(miner.routes[PATH].handler(json.dumps(REQUEST).encode())))
    assert miner.artifacts is not None
    assert scored(miner.artifacts.path(offer["content_id"]).read_bytes()).value == 0


REQUEST = {"model": "tiny", "seed": "0" * 64, "uid": 1}


def test_a_miner_trains_once_and_finds_its_adapter_again(miner_context: MinerContext, run: Run) -> None:
    seen: list[Progress] = []
    miner = FineTuningMiner(dataclasses.replace(miner_context, report=seen.append))
    with pytest.raises(InvalidRequest, match="still being trained"):
        run(miner.offer(json.dumps(REQUEST).encode()))
    run(miner.start())
    assert [progress.done for progress in seen] == list(range(1, Recipe().steps + 1))
    assert seen[-1].note.startswith("loss ")
    offer = run(miner.offer(json.dumps(REQUEST).encode()))
    run(miner.stop())

    restarted = FineTuningMiner(dataclasses.replace(miner_context, report=pytest.fail))
    run(restarted.start())
    assert run(restarted.offer(json.dumps(REQUEST).encode())) == offer

    (miner_context.data_dir / "adapter.json").write_text("{")
    again = FineTuningMiner(miner_context)
    run(again.start())
    assert run(again.offer(json.dumps(REQUEST).encode())) == offer  # the same key trains the same adapter


def test_a_running_miner_takes_up_a_new_adapter_without_a_restart(
    miner_context: MinerContext, engine: Engine, run: Run
) -> None:
    chat = {"model": "tiny", "messages": [{"role": "user", "content": "hi"}], "seed": 7, "temperature": 1.0}
    miner = FineTuningMiner(miner_context)

    async def life() -> tuple[list[bytes], list[str]]:
        await miner.start()
        offers, words = [], []
        for spread in (None, 1.0):
            if spread is not None:
                Shelf(miner_context.data_dir).publish(random_adapter(engine, spread), 1, "tiny")
            offers.append(await miner.offer(json.dumps(REQUEST).encode()))
            said = json.loads((await miner.chat.complete(json.dumps(chat).encode())).body)
            words.append(said["choices"][0]["message"]["content"])
        return offers, words

    offers, words = run(life())
    published = Shelf(miner_context.data_dir).on_offer("tiny")
    assert published is not None
    assert json.loads(offers[1])["content_id"] == published.content_id != json.loads(offers[0])["content_id"]
    assert words[0] != words[1]


@pytest.mark.parametrize(("change", "reason"), [
    ({"model": "other"}, "is for tiny"),
    ({"seed": "00"}, "seed"),
    ({"surprise": 1}, "surprise"),
])  # fmt: skip
def test_a_bad_request_is_refused(
    miner_context: MinerContext, run: Run, change: dict[str, object], reason: str
) -> None:
    miner = KIND.miner(miner_context)
    run(miner.start())
    with pytest.raises(InvalidRequest, match=reason):
        run(miner.routes[PATH].handler(json.dumps(REQUEST | change).encode()))


def test_miners_walk_the_text_in_orders_of_their_own(engine: Engine, run: Run) -> None:
    examples = data.corpus_of(engine).train
    made = {
        run(engine.run(train(engine.model, examples, hotkey, Recipe(steps=1), lambda progress: None)))
        for hotkey in ("a", "b", "a")
    }
    assert len(made) == 2


@pytest.mark.parametrize(("change", "reason"), [
    ({"size_bytes": 10**9}, "an adapter has at most"),
    ({"size_bytes": 100}, "larger than 100 bytes"),
    ({"size_bytes": -1}, "size_bytes"),
    ({"content_id": "../../etc/passwd"}, "content_id"),
    ({"content_id": "0" * 64}, "does not match its content id|not delivered"),
    ({"steps": "many"}, "steps"),
    ({"extra": 1}, "extra"),
])  # fmt: skip
def test_a_false_offer_is_refused(
    scored: Callable[..., Score], trained: bytes, change: dict[str, object], reason: str
) -> None:
    with pytest.raises(InvalidAnswer, match=reason):
        scored(trained, **change)


def test_a_file_that_is_no_adapter_is_refused_before_loading(scored: Callable[..., Score]) -> None:
    with pytest.raises(InvalidAnswer, match="cannot be used: not a safetensors file"):
        scored(b"\x80\x04\x95 a pickle, say")


def test_an_adapter_that_breaks_the_model_is_refused(engine: Engine, scored: Callable[..., Score]) -> None:
    with pytest.raises(InvalidAnswer, match="not finite"):
        scored(random_adapter(engine, 1e20))


def test_every_miner_of_a_step_meets_the_same_examples(validator_context: ValidatorContext) -> None:
    validator = KIND.validator(validator_context)
    first, second = (json.loads(validator.task(SEED, uid).body) for uid in (1, 2))
    assert first["seed"] == second["seed"]
    assert (first["uid"], second["uid"]) == (1, 2)
    assert first["seed"] != json.loads(validator.task(b"x" * 32, 1).body)["seed"]


def changed(adapter: bytes, factor: float = 1.0, noise: float = 0.0) -> bytes:
    """The adapter with its B matrices scaled and all of it moved by noise of that part of its size."""
    generator = torch.Generator().manual_seed(1)
    tensors = safetensors.torch.load(adapter)
    for name, tensor in tensors.items():
        moved = tensor + torch.randn(tensor.shape, generator=generator) * tensor.std() * noise
        tensors[name] = moved * (factor if ".lora_B." in name else 1.0)
    return safetensors.torch.save({name: tensors[name] for name in sorted(tensors)})


@pytest.mark.parametrize("change", [{}, {"factor": 0.9}, {"noise": 0.1}], ids=["same", "scaled", "noisy"])
def test_a_copy_earns_nothing_and_hears_whose_it_is(
    scored: Callable[..., Score], trained: bytes, change: dict[str, float]
) -> None:
    assert scored(trained, uid=1).value > 0.1
    copy = scored(changed(trained, **change) if change else trained, uid=2)
    assert copy.value == 0
    assert copy.why == "a copy of the adapter that uid 1 offered first"
    assert copy.evidence["copy_of"] == 1
    assert scored(trained, uid=1).value > 0.1


def test_an_adapter_is_free_again_when_its_holder_offers_another(
    engine: Engine, scored: Callable[..., Score], trained: bytes
) -> None:
    scored(trained, uid=1)
    assert scored(trained, uid=2).value == 0
    scored(random_adapter(engine, 0.1), uid=1)
    assert scored(trained, uid=2).value > 0.1


def test_who_was_first_survives_a_restart_and_a_broken_record_does_not_stop_it(
    engine: Engine, trained: bytes, tmp_path: Path
) -> None:
    adapter = lora.decode(trained, content_id_of(trained), lora.expected_shapes(engine.model))
    assert Offers(tmp_path).original(1, adapter) is None
    assert Offers(tmp_path).original(2, adapter) == 1
    (tmp_path / "offers.json").write_text("{")
    assert Offers(tmp_path).original(2, adapter) is None


def test_adapters_trained_apart_are_no_copies(engine: Engine, run: Run) -> None:
    examples = data.corpus_of(engine).train
    offers = []
    for hotkey in "abcd":
        made = run(engine.run(train(engine.model, examples, hotkey, Recipe(), lambda progress: None)))
        adapter = lora.decode(made, content_id_of(made), lora.expected_shapes(engine.model))
        offers.append(Offer(adapter.content_id, tuple(sketch(adapter))))
    assert not [pair for pair in combinations(offers, 2) if is_copy(*pair)]


def test_held_out_text_is_never_trained_on(engine: Engine) -> None:
    train_texts, held_out_texts = data.split(topics)
    seen = {paragraph for text in train_texts for paragraph in text.split("\n\n")}
    assert not [text for text in held_out_texts if seen & set(text.split("\n\n")) - {""}]
    corpus = data.corpus_of(engine)
    assert len(corpus.train) > 5 * len(corpus.held_out) / 2 > 100
    assert data.corpus_of(engine) is corpus


def test_paragraphs_that_topics_share_are_held_out_everywhere() -> None:
    held, kept = "break", "assert"  # by the hash of their names
    assert data.is_held_out(held)
    assert not data.is_held_out(kept)
    train, held_out = data.split({kept: "own\n\nshared", held: "shared\n\ntwice\n\ntwice"})
    assert (train, held_out) == (["own"], ["shared\n\ntwice\n\ntwice"])


def test_the_sure_gain_lies_below_the_mean_and_is_repeatable() -> None:
    gains = np.array([0.1, 0.3, 0.2, 0.4, 0.1, 0.2, 0.3, 0.0])
    assert lower_bound(gains, SEED) == lower_bound(gains, SEED)
    assert 0.05 < lower_bound(gains, SEED) < gains.mean()
    assert lower_bound(np.full(8, 0.2), SEED) == pytest.approx(0.2)
    assert lower_bound(np.array([2.0] + [-0.05] * 7), SEED) < 0  # one lucky example is not enough
