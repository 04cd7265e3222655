"""What the public network's tests say of calls, replayed on the real runtime: chain/vectors/oracle/*.json."""

import json
from pathlib import Path
from typing import Any

import pytest

from meritnet.chain.client import subnets
from meritnet.chain.client.storage_key import item_prefix
from meritnet.chain.errors import DispatchFailed

FOLDER = Path(__file__).parents[3] / "chain" / "vectors" / "oracle"
EPOCH = {case["test"]: case for case in json.loads((FOLDER / "subtensor_epoch.json").read_text())["cases"]}
ECONOMICS = json.loads((FOLDER / "subtensor_economics.json").read_text())
SUBNET = (1).to_bytes(2, "little")


def stored(world: Any, name: str) -> int:
    return int.from_bytes(world.chain.storage(item_prefix("SubtensorModule", name) + SUBNET) or b"", "little")


def test_bounds_of_liquid_alpha(world: Any) -> None:
    asserted = EPOCH["test_get_set_alpha"]["asserted"]

    def refused(low: int, high: int) -> str:
        values = {"netuid": 1, "alpha_low": low, "alpha_high": high}
        with pytest.raises(DispatchFailed) as caught:
            world.do(world.alice, "sudo_set_alpha_values", "AdminUtils", **values)
        return caught.value.name

    least, most = asserted["ok"]
    assert refused(least, most) == asserted["liquid_alpha_off"]
    subnets.set_hyperparameter(world.chain, world.alice, 1, "liquid_alpha_enabled", True)
    assert refused(least, least - 1) == asserted["alpha_high_below_1638"]
    for low in (least - 1, most + 1):
        assert refused(low, most) == asserted["alpha_low_below_1638_or_above_high"]
    subnets.set_hyperparameter(world.chain, world.alice, 1, "alpha_high", most)
    subnets.set_hyperparameter(world.chain, world.alice, 1, "alpha_low", least)
    assert stored(world, "AlphaValues") == least | most << 16


def test_an_epoch_out_of_turn(world: Any) -> None:
    case = ECONOMICS["epoch_schedule"]["trigger_epoch"]
    world.admin("sudo_set_admin_freeze_window", window=8)

    def trigger() -> str:
        try:
            world.do(world.alice, "trigger_epoch", netuid=1)
        except DispatchFailed as error:
            return error.name
        return "ok"

    def blocks_left() -> int:
        return stored(world, "LastEpochBlock") + stored(world, "Tempo") - world.chain.head()

    world.commit_reveal(True)
    assert trigger() == case["commit_reveal_on"]
    world.commit_reveal(False)
    while blocks_left() != 7:
        world.chain.advance()
    assert trigger() == case["remaining 6 < window 8"]  # in the next block six are left
    while blocks_left() < 15:
        world.chain.advance()
    assert trigger() == "ok"
    assert case["ok"] == "pending_at = now + freeze window"
    assert stored(world, "PendingEpochAt") == world.chain.head() + 8
