"""Journey: `meritnet up` with everything in processes of its own, on a two-layer model; and Ctrl-C."""

import json
import signal
import subprocess
import sys
from typing import Any

import pytest

pytestmark = pytest.mark.journey

UP = [sys.executable, "-m", "meritnet", "up", "--subnet", "text_generation", "--rpc-port", "0"]


def test_isolated_neurons_are_paid_what_they_predicted(tiny: str) -> None:
    small = ["--miners", "2", "--validators", "1", "--epochs", "2", "--isolate", "--block-time", "0.05"]
    done = subprocess.run(
        [*UP, *small, "--model", tiny, "--json"], capture_output=True, text=True, timeout=500, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    assert told["emission_due_rao"] == told["emission_paid_rao"] > 0
    assert all(one["predicted_rao"] == one["paid_rao"] > 0 for one in told["predictions"])
    (subnet,) = told["subnets"]
    incentives = {one["lazy"]: one["incentive"] for one in subnet["neurons"] if one["role"] == "miner"}
    assert incentives[True] * 5 < incentives[False]


def test_ctrl_c_ends_it_and_leaves_no_process(tiny: str) -> None:
    process = subprocess.Popen(
        [*UP, "--miners", "1", "--validators", "1", "--model", tiny], stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    assert "founded" in process.stderr.readline()
    process.send_signal(signal.SIGINT)
    _, words = process.communicate(timeout=60)
    assert process.returncode == 0, words
    assert "Traceback" not in words
