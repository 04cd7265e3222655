"""Journey: a miner registers, trains an adapter by hand, serves it; a validator measures what it gained."""

from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.journey


def test_a_trained_adapter_is_served_and_scored(journey: Any, tiny: str, tmp_path: Path) -> None:
    journey.environment["MERITNET_MODEL"] = tiny
    netuid = journey.subnet("fine_tuning")
    miner, validator = ("--netuid", netuid, "--wallet", "//Dave"), ("--netuid", netuid, "--wallet", "//Bob")
    home = ("--data-dir", str(tmp_path / "miner"))
    uid = journey.ask("miner", "register", *miner, "--yes")["uid"]
    journey.ask("validator", "register", *validator, "--yes")

    trained = journey.ask("miner", "finetune", *miner, *home, "--steps", "40", "--learning-rate", "0.01")
    assert trained["loss_gain_nats"] > 0.05

    # staked before the miner looks: it serves stake until the first permits, and them from its next look on
    journey.ask("stake", "add", "1000", *validator, "--yes")
    journey.service("miner", "run", *miner, *home, "--port", "0")
    journey.event("Announced")
    journey.to_next_epoch(netuid)
    (entered,) = journey.ask("validator", "step", *validator)
    assert entered["score"] == 0, entered  # examples are drawn after the offer
    (judged,) = journey.ask("validator", "step", *validator)
    assert judged["uid"] == uid
    assert judged["score"] > 0.1, judged
    assert judged["evidence"]["loss_gain_nats"] > 0.05
    assert judged["evidence"]["content_id"] == trained["content_id"]
