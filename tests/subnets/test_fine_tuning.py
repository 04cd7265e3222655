"""Fine-tuning end to end on the tiny model: training pays, noise, laziness and hostile files do not."""

import dataclasses
import json
from collections.abc import Callable, Coroutine, Mapping
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
    Task,
    ValidatorContext,
)
from meritnet.subnets.fine_tuning import data
from meritnet.subnets.fine_tuning.copies import PROBES, are_near, sketch
from meritnet.subnets.fine_tuning.messages import PATH
from meritnet.subnets.fine_tuning.miner import FineTuningMiner
from meritnet.subnets.fine_tuning.shelf import Shelf
from meritnet.subnets.fine_tuning.training import Recipe, train
from meritnet.subnets.fine_tuning.validator import DEAD_ZONE_NATS, FineTuningValidator
from meritnet.subnets.models import lora
from meritnet.subnets.models.engine import Engine
from meritnet.subnets.registry import subnet

Run = Callable[[Coroutine[Any, Any, Any]], Any]
KIND = subnet("fine_tuning")
SEED = bytes(range(32))


class Steps:
    """A validator's steps: it fetches and scores bytes as the adapters of uids, and remembers."""

    def __init__(self, context: ValidatorContext, run: Run, store: ArtifactStore) -> None:
        self.validator = FineTuningValidator(context)
        self._run = run
        self._store = store
        self._taken = 0

    def step(self, offered: Mapping[int, bytes | None], **change: object) -> dict[int, Score]:
        """Ask everybody once; None stands for no answer."""
        self._taken += 1
        seed = self._taken.to_bytes(32, "little")
        tasks = {uid: self.validator.task(seed, uid) for uid in offered}
        given = {
            uid: self._scored(tasks[uid], adapter, change)
            for uid, adapter in offered.items()
            if adapter is not None
        }
        self.validator.recall(
            [(task, given[uid].evidence if uid in given else {}) for uid, task in tasks.items()]
        )
        return given

    def _scored(self, task: Task, adapter: bytes, change: Mapping[str, object]) -> Score:
        offer = {"content_id": content_id_of(adapter), "size_bytes": len(adapter), "steps": 10} | change
        answer = Answer(json.dumps(offer).encode(), 0.1)
        wanted = self.validator.artifacts(task, answer)
        files = {ref.content_id: self._store.path(self._store.put(adapter)) for ref in wanted}
        result: Score = self._run(self.validator.score(task, answer, files))
        return result


@pytest.fixture
def steps(validator_context: ValidatorContext, run: Run, tmp_path: Path) -> Steps:
    return Steps(validator_context, run, ArtifactStore(tmp_path / "fetched"))


@pytest.fixture
def scored(steps: Steps) -> Callable[..., Score]:
    """Judge bytes as the adapter of uid 1, which it has offered once before."""

    def score(adapter: bytes, **change: object) -> Score:
        steps.step({1: adapter}, **change)
        return steps.step({1: adapter}, **change)[1]

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


def test_an_adapter_is_judged_from_the_step_after_its_first_offer(steps: Steps, trained: bytes) -> None:
    entered = steps.step({1: trained})[1]
    assert (entered.value, entered.why) == (0, "a new adapter: it is judged from the next step on")
    assert "losses" not in entered.evidence
    assert steps.step({1: trained})[1].value > 0.1


def test_who_offers_another_adapter_at_every_step_earns_nothing(steps: Steps, trained: bytes) -> None:
    offers = [changed(trained, factor=1 - step / 1000) for step in range(6)]
    assert [steps.step({1: offer})[1].value for offer in offers] == [0] * 6


def test_of_two_adapters_the_one_that_was_offered_before_is_judged(
    engine: Engine, steps: Steps, trained: bytes
) -> None:
    other = random_adapter(engine, 0.1)
    steps.step({1: trained})
    assert steps.step({1: other})[1].value == 0
    assert steps.step({1: trained})[1].value > 0.1  # not to be better off than with no answer in between
    steps.step({1: random_adapter(engine, 0.2)})
    steps.step({1: random_adapter(engine, 0.3)})
    assert steps.step({1: trained})[1].why.startswith("a new adapter")


def test_the_crown_earns_the_whole_and_the_others_a_part(
    engine: Engine, run: Run, steps: Steps, trained: bytes
) -> None:
    examples = data.corpus_of(engine).train
    better: bytes = run(
        engine.run(train(engine.model, examples, "better", Recipe(steps=64), lambda progress: None))
    )
    steps.step({1: trained})
    first = steps.step({1: trained, 2: better})[1]
    assert first.why.endswith("without the crown")
    second = steps.step({1: trained, 2: better})
    assert second[1].why.endswith("with the crown")
    assert second[2].why.endswith("without the crown")
    while not (third := steps.step({1: trained, 2: better}))[2].why.endswith("with the crown"):
        assert third[1].why.endswith("with the crown")
    assert third[1].why.endswith("without the crown")
    assert third[1].value < third[2].value


def test_a_champion_that_is_silent_gives_up_the_crown(steps: Steps, trained: bytes) -> None:
    for offered in (trained, trained, trained, None):
        given = steps.step({1: offered})
    assert given == {}
    assert steps.step({1: trained})[1].why.endswith("without the crown")
    assert steps.step({1: trained})[1].why.endswith("with the crown")


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
    for _ in range(3):
        score = scored(random_adapter(engine, spread))
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


def test_a_request_states_what_the_score_goes_by(steps: Steps, trained: bytes, tmp_path: Path) -> None:
    for _ in range(3):
        (score,) = steps.step({1: trained}).values()
    asked = json.loads(steps.validator.task(SEED, 1).body)
    content_id = content_id_of(trained)
    assert asked["round"] == 3
    assert asked["entered"] == [{"content_id": content_id, "round": 0, "copy_of": None}]
    assert asked["champion"] == {"uid": 1, "content_id": content_id, "rounds": 1}
    plain = steps.validator.unremembered(steps.validator.task(SEED, 1))
    assert plain == FineTuningValidator(steps.validator._context).task(SEED, 1)
    assert json.loads(json.dumps(score.evidence)) == score.evidence


def test_a_step_that_is_not_of_this_kind_is_not_taken_in(steps: Steps) -> None:
    task = steps.validator.task(SEED, 1)
    for past in ((dataclasses.replace(task, body=b"{}"), {}), (task, {"sketch": [1.0]})):
        with pytest.raises(ValueError, match=r"model|content_id"):
            steps.validator.recall([past])
    steps.validator.recall([(task, {"content_id": "of a version before"})])
    steps.validator.recall([])


def changed(adapter: bytes, factor: float = 1.0, noise: float = 0.0) -> bytes:
    """The adapter with its B matrices scaled and all of it moved by noise of that part of its size."""
    generator = torch.Generator().manual_seed(1)
    tensors = safetensors.torch.load(adapter)
    for name, tensor in tensors.items():
        moved = tensor + torch.randn(tensor.shape, generator=generator) * tensor.std() * noise
        tensors[name] = moved * (factor if ".lora_B." in name else 1.0)
    return safetensors.torch.save({name: tensors[name] for name in sorted(tensors)})


@pytest.mark.parametrize("change", [{}, {"factor": 0.9}, {"noise": 0.1}], ids=["same", "scaled", "noisy"])
@pytest.mark.parametrize("late", [False, True])
def test_a_copy_earns_nothing_and_hears_whose_it_is(
    steps: Steps, trained: bytes, change: dict[str, float], late: bool
) -> None:
    copy = changed(trained, **change) if change else trained
    steps.step({7: trained} if late else {7: trained, 9: copy})  # in the same step, the smaller uid is first
    steps.step({7: trained, 9: copy})
    given = steps.step({7: trained, 9: copy})
    assert given[7].value > 0.1
    assert given[9].value == 0
    assert given[9].why == "a copy of the adapter that uid 7 offered first"
    assert given[9].evidence["copy_of"] == 7


def test_adapters_trained_apart_are_no_copies(engine: Engine, run: Run) -> None:
    examples = data.corpus_of(engine).train
    sketches = []
    for hotkey in "abcd":
        made = run(engine.run(train(engine.model, examples, hotkey, Recipe(), lambda progress: None)))
        adapter = lora.decode(made, content_id_of(made), lora.expected_shapes(engine.model))
        sketches.append(sketch(adapter))
    assert not [pair for pair in combinations(sketches, 2) if are_near(*pair)]
    assert all(np.linalg.norm(one) == pytest.approx(1, abs=1e-3) for one in sketches)


def test_an_untrained_adapter_is_nobody_s_copy(engine: Engine) -> None:
    adapter = lora.decode(random_adapter(engine, 0.0), "0" * 64, lora.expected_shapes(engine.model))
    assert sketch(adapter) == [0.0] * PROBES
    assert not are_near(sketch(adapter), sketch(adapter))


def test_held_out_text_is_never_trained_on(engine: Engine) -> None:
    train_texts, held_out_texts = data.split(topics)
    seen = {paragraph for text in train_texts for paragraph in text.split("\n\n")}
    assert not [text for text in held_out_texts if seen & set(text.split("\n\n")) - {""}]
    trained_on = {
        shingle for text in train_texts for part in text.split("\n\n") for shingle in data.shingles(part)
    }
    held_out = [data.shingles(part) for text in held_out_texts for part in text.split("\n\n")]
    overlaps = [len(found & trained_on) / len(found) for found in held_out if found]
    assert max(overlaps) < data.NEAR_COPY
    corpus = data.corpus_of(engine)
    assert len(corpus.train) > 5 * len(corpus.held_out) / 2 > 100
    assert data.corpus_of(engine) is corpus


def test_paragraphs_that_topics_share_are_held_out_everywhere() -> None:
    held, kept = "break", "assert"  # by the hash of their names
    assert data.is_held_out(held)
    assert not data.is_held_out(kept)
    train, held_out = data.split({kept: "own\n\nshared", held: "shared\n\ntwice\n\ntwice"})
    assert (train, held_out) == (["own"], ["shared\n\ntwice\n\ntwice"])


def test_a_held_out_paragraph_that_nearly_occurs_in_training_is_dropped() -> None:
    quoted = "When a list is changed while it is being walked over, items may be skipped."
    near = "When a *list* is changed, while it is being walked over, items are skipped!"
    own = "A tuple is never changed, so it may be walked over by as many as like."
    short = "items may be"
    assert data.without_near_copies([f"{near}\n\n{own}", short], [quoted]) == [own, short]
