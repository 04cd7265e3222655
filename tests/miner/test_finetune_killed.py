"""A training that is killed with the hardest signal goes on, and its adapter has the same bytes."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from meritnet.miner.finetune import CHECKPOINT
from meritnet.subnets.models.tiny import save_tiny

pytestmark = pytest.mark.slow
DEADLINE_S = 300.0


def command(tmp_path: Path, folder: str) -> list[str]:
    options = ["--netuid", "1", "--wallet", "//Dave", "--model", str(tmp_path / "tiny"), "--json"]
    much = ["--steps", "120", "--checkpoint-every", "7", "--data-dir", str(tmp_path / folder)]
    return [sys.executable, "-m", "meritnet", "miner", "finetune", *options, *much]


def test_kill_9_costs_an_interval_and_changes_nothing(tmp_path: Path) -> None:
    save_tiny(tmp_path / "tiny")
    process = subprocess.Popen(command(tmp_path, "killed"), stdout=subprocess.PIPE)
    checkpoint = tmp_path / "killed" / "role" / CHECKPOINT
    deadline = time.monotonic() + DEADLINE_S
    while not checkpoint.exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert checkpoint.exists()

    told = [
        json.loads(subprocess.run(command(tmp_path, folder), capture_output=True, check=True).stdout)
        for folder in ("killed", "whole")
    ]
    assert told[0]["resumed_at"] >= 7
    assert told[0]["resumed_at"] % 7 == 0
    assert told[1]["resumed_at"] == 0
    assert told[0]["content_id"] == told[1]["content_id"]
    assert told[0]["losses_nats"] == told[1]["losses_nats"]
