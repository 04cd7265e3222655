"""Fine-tuning by hand: loss falls, and the next run of the miner offers what was trained."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from meritnet.miner.finetune import CHECKPOINT, Finetuned, finetune
from meritnet.subnets.base import MinerContext, Progress, Report, ignore
from meritnet.subnets.fine_tuning.messages import PATH
from meritnet.subnets.fine_tuning.training import Recipe
from meritnet.subnets.models.engine import Engine
from meritnet.subnets.models.forms import AdapterError, Form
from meritnet.subnets.models.tiny import save_tiny
from meritnet.subnets.registry import subnet

HOTKEY = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY"


def test_the_adapter_trained_by_hand_is_the_one_served(tmp_path: Path) -> None:
    engine = Engine.load(save_tiny(tmp_path / "tiny"))
    seen: list[Progress] = []
    recipe = Recipe(steps=12)
    done = asyncio.run(finetune(lambda: engine, HOTKEY, tmp_path / "data", recipe, seen.append))
    assert done.loss_gain_nats > 0.1
    assert done.loss_gain_nats == pytest.approx(done.base_loss - done.adapter_loss)
    assert {progress.stage for progress in seen} == {"train the adapter", "measure the adapter"}

    miner = subnet("fine_tuning").miner(MinerContext(lambda: engine, tmp_path / "data", HOTKEY))
    asyncio.run(miner.start())
    request = json.dumps({"model": "tiny", "seed": "0" * 64, "uid": 1}).encode()
    offer = json.loads(asyncio.run(miner.routes[PATH].handler(request)))
    assert offer["content_id"] == done.published.content_id
    assert offer["steps"] == 12
    engine.close()


def test_an_interrupted_run_goes_on_and_publishes_the_same(tmp_path: Path) -> None:
    engine = Engine.load(save_tiny(tmp_path / "tiny"))
    recipe = Recipe(steps=9, form=Form(4, ("o_proj",), dora=True), measure_every=3)

    def published(folder: str, report: Report, **named: Any) -> Finetuned:
        place = tmp_path / folder
        return asyncio.run(
            finetune(lambda: engine, HOTKEY, place, recipe, report, checkpoint_every=2, **named)
        )

    def interrupts(progress: Progress) -> None:
        if progress.done == 6:
            raise InterruptedError

    due = published("whole", ignore)
    with pytest.raises(InterruptedError):
        published("cut", interrupts)
    done = published("cut", ignore)
    assert (due.resumed_at, done.resumed_at) == (0, 6)
    assert done.published.content_id == due.published.content_id
    assert done.curve == due.curve
    assert [step for step, _ in done.curve.held_out] == [3, 6, 9]
    assert not (tmp_path / "cut" / CHECKPOINT).exists()

    with pytest.raises(InterruptedError):
        published("cut", interrupts)
    assert published("cut", ignore, fresh=True).resumed_at == 0
    engine.close()


def test_a_form_that_is_not_admitted_is_refused_before_the_model_is_loaded(tmp_path: Path) -> None:
    def never() -> Engine:
        raise AssertionError("loaded")

    with pytest.raises(AdapterError, match="rank is 1 to 16"):
        asyncio.run(finetune(never, HOTKEY, tmp_path, Recipe(form=Form(17)), ignore))
