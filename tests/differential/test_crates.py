"""The Rust crates against the specification on cases that no vector holds, bit for bit.

MERITNET_DIFFERENTIAL_CASES sets how many of each kind are tried, MERITNET_DIFFERENTIAL_SEED which. The first
difference ends the run with the seed, the case, and both implementations' steps side by side.
"""

import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from random import Random
from typing import Any

import pytest

from meritnet.consensus import vectors
from meritnet.consensus.epoch import epoch
from meritnet.consensus.params import Params
from meritnet.consensus.state import EpochInput
from meritnet.consensus.trace import side_by_side, trace

CHAIN = Path(__file__).parents[2] / "chain"
CASES = int(os.environ.get("MERITNET_DIFFERENTIAL_CASES", "300"))
SEED = os.environ.get("MERITNET_DIFFERENTIAL_SEED", "differential")

pytestmark = pytest.mark.rust


class Runner:
    """The native runner as a process: one call a line in, one answer a line out."""

    def __init__(self, binary: Path) -> None:
        self.process = subprocess.Popen([binary], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def answer(self, call: dict[str, Any]) -> Any:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(call) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def close(self) -> None:
        self.process.communicate(timeout=10)
        assert self.process.returncode == 0


@pytest.fixture(scope="module")
def runner() -> Iterator[Runner]:
    command = ["cargo", "build", "--release", "-p", "meritnet-runner", "--message-format=json"]
    built = subprocess.run(command, cwd=CHAIN, capture_output=True, text=True, check=True)
    messages = (json.loads(line) for line in built.stdout.splitlines())
    binary = next(message["executable"] for message in messages if message.get("executable"))
    runner = Runner(Path(binary))
    yield runner
    runner.close()


def as_json(value: Any) -> Any:
    return json.loads(json.dumps(value))


@pytest.mark.parametrize("name", vectors.FILES)
def test_random_calls(runner: Runner, name: str) -> None:
    source, _ = vectors.FILES[name]
    for number, case in zip(range(CASES), source(Random(f"{SEED} {name}")), strict=False):
        expected = as_json(case.pop("result"))
        if runner.answer(case) != expected:
            pytest.fail(f"{name} case {number} of seed {SEED!r}: {case}\n{explained(runner, case)}")


def explained(runner: Runner, case: dict[str, Any]) -> str:
    """Both implementations' steps, where the case is an epoch."""
    if case["call"] != "epoch":
        return ""
    state, params = EpochInput(**case["input"]), Params(**case["params"])
    return side_by_side(as_json(trace(state, params)), runner.answer(case | {"call": "epoch_steps"}))


def test_every_step_of_an_epoch(runner: Runner) -> None:
    random = Random(f"{SEED} steps")
    for _ in range(50):
        state, params = vectors.random_epoch(random, 5), vectors.random_params(random)
        call = {"call": "epoch_steps", "input": asdict(state), "params": asdict(params)}
        ours, theirs = as_json(trace(state, params)), runner.answer(call)
        assert ours == theirs, side_by_side(ours, theirs)


def subnet(random: Random, n: int) -> EpochInput:
    """A busy subnet: a quarter are validators who all weight most miners nearly alike."""
    state = vectors.random_epoch(random, n)
    quality = [random.randrange(1, 65_536) for _ in range(n)]
    rows = []
    for uid in range(n):
        rated = random.sample(range(n), 3 * n // 4) if uid < n // 4 else []
        rows.append(tuple((j, max(1, quality[j] - random.randrange(2_000))) for j in rated))
    fields = asdict(state) | {
        "weights": rows,
        "bonds": [()] * n,
        "registered_at": [0] * n,
        "permits": [True] * n,
    }
    return EpochInput(**fields)


@pytest.mark.parametrize("n", [64, 256])
@pytest.mark.parametrize(
    "params", [Params(), Params(yuma3=False), Params(liquid_alpha=True, bonds_penalty=40_000)]
)
def test_chains_of_epochs_on_large_subnets(runner: Runner, n: int, params: Params) -> None:
    state = subnet(Random(f"{SEED} {n}"), n)
    for _ in range(3):
        output = epoch(state, params)
        call = {"call": "epoch", "input": asdict(state), "params": asdict(params)}
        assert runner.answer(call) == as_json(asdict(output))
        following = {"block": state.block + 20, "last_step": state.block}
        kept = {"bonds": output.bonds, "permits": output.permits, "last_update": [state.block] * n}
        state = EpochInput(**(asdict(state) | following | kept))
