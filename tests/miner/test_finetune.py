"""Fine-tuning by hand: loss falls, and the next run of the miner offers what was trained."""

import asyncio
import json
from pathlib import Path

import pytest

from meritnet.miner.finetune import finetune
from meritnet.subnets.base import MinerContext, Progress
from meritnet.subnets.fine_tuning.messages import PATH
from meritnet.subnets.fine_tuning.training import Recipe
from meritnet.subnets.models.engine import Engine
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
