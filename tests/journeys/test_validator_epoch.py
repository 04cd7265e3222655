"""Journey: a validator's step becomes an epoch's payout, each part a process of its own."""

import os
import subprocess
import sys
from typing import Any

import pytest

pytestmark = pytest.mark.journey


def without_traces(journey: Any) -> None:
    """From now on a process that imports OpenTelemetry ends at once: nobody has asked for traces."""
    poison = journey.folder / "poison"
    poison.mkdir()
    (poison / "opentelemetry.py").write_text("import os\nos._exit(99)\n")
    path = [str(poison), os.environ.get("PYTHONPATH", "")]
    journey.environment["PYTHONPATH"] = os.pathsep.join(filter(None, path))
    importing = [sys.executable, "-c", "import opentelemetry"]
    assert subprocess.run(importing, env=journey.environment, check=False, timeout=60).returncode == 99


def test_a_step_becomes_a_payout(journey: Any, tiny: str) -> None:
    journey.environment["MERITNET_MODEL"] = tiny
    without_traces(journey)
    netuid = journey.subnet("text_generation")
    miner, validator = ("--netuid", netuid, "--wallet", "//Dave"), ("--netuid", netuid, "--wallet", "//Bob")
    uid = journey.ask("miner", "register", *miner, "--yes")["uid"]
    validator_uid = journey.ask("validator", "register", *validator, "--yes")["uid"]
    journey.ask("stake", "add", "1000", *validator, "--yes")
    journey.service("miner", "run", *miner, "--port", "0")
    journey.event("Announced")
    journey.to_next_epoch(netuid)  # from now on the validator holds a permit

    journey.service("validator", "run", *validator, "--steps", "1")
    committed = journey.event("Committed")
    assert "weights" not in committed
    journey.to_next_epoch(netuid)
    assert journey.event("Revealed")["weights"] == {str(uid): 1.0}
    epoch_block = journey.to_next_epoch(netuid)
    paid = journey.event("Paid")
    while paid["block"] < epoch_block:
        paid = journey.event("Paid")
    assert paid["paid_rao"] == paid["predicted_rao"] > 0

    graph = journey.ask("subnet", "metagraph", netuid)
    assert graph["incentive_u16"][uid] == 65_535
    assert graph["emission_rao"][uid] > 0
    assert graph["emission_rao"][validator_uid] > 0
    assert graph["validator_permit"][validator_uid] is True

    (bundle,) = journey.folder.rglob(f"{committed['bundle']}.json")
    found = journey.ask(
        "validator", "audit", str(bundle), "--on-chain"
    )  # with a model and a process of its own
    assert {one["verdict"] for one in found["findings"]} == {"holds"}
    assert {"commit", "commit on the chain", f"uid {uid}: score"} <= {
        one["about"] for one in found["findings"]
    }
    assert journey.ask("validator", "status", *validator)["is_running"] is True
    story = journey.ask("validator", "why", "--uid", str(uid), *validator)
    assert story["incentive"] == 1.0
    assert "tokens replay" in story["words"][0]
