"""One epoch of a full subnet: the specification, the Rust crate, and a rival in plain floats.

    python bench/epoch.py [--uids 256] [--validators 64]

The rival is Yuma 3 as simulators write it: dense float64 matrices in numpy. Printed besides the times is
what floats cost: how many stored u16 and how many rao of 10^9 differ from the chain's. Needs cargo.
"""

import argparse
import json
import subprocess
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from random import Random

import numpy as np
from numpy.typing import NDArray

from meritnet.consensus.epoch import epoch
from meritnet.consensus.params import Params
from meritnet.consensus.state import EpochInput

CHAIN = Path(__file__).parents[1] / "chain"
EMISSION_RAO = 10**9
Floats = NDArray[np.float64]


def subnet(uids: int, validators: int) -> EpochInput:
    """Validators who agree on the miners but for noise, with bonds of an earlier epoch."""
    random = Random(1)
    quality = [random.randrange(1, 60_000) for _ in range(uids)]
    rate = [
        tuple((j, quality[j] + random.randrange(5_000)) for j in range(validators, uids))
        for _ in range(validators)
    ]
    rows = rate + [()] * (uids - validators)
    stake = [random.randrange(10**12, 10**15) if uid < validators else 0 for uid in range(uids)]
    return EpochInput(
        block=1_000,
        last_step=640,
        alpha_stake=stake,
        tao_stake=[0] * uids,
        last_update=[990] * uids,
        registered_at=[0] * uids,
        permits=[uid < validators for uid in range(uids)],
        owner_uid=None,
        oldest_commit_block=[None] * uids,
        weights=rows,
        bonds=[tuple((j, w // 20) for j, w in row) for row in rows],
        emission=EMISSION_RAO,
    )


def share(values: Floats, axis: int | None = None) -> Floats:
    """values ÷ their sum, 0 where that is 0."""
    total = values.sum(axis=axis, keepdims=axis is not None)
    return np.divide(values, total, out=np.zeros_like(values), where=total != 0)


def float_epoch(state: EpochInput, params: Params) -> tuple[Floats, Floats]:
    """Yuma 3 without liquid alpha in float64: incentive and dividends."""
    n = len(state.alpha_stake)
    weights, bonds = np.zeros((n, n)), np.zeros((n, n))
    for matrix, rows in ((weights, state.weights), (bonds, state.bonds)):
        for i, row in enumerate(rows):
            for j, value in row:
                matrix[i, j] = value
    stake = share(np.array(state.alpha_stake, float) * np.array(state.permits))
    weights, bonds = share(weights, axis=1), bonds / 65_535
    staked = stake > 0
    order = np.argsort(weights[staked], axis=0)
    reached = np.cumsum(stake[staked][order], axis=0) > 1 - params.kappa / 65_535
    consensus = np.take_along_axis(weights[staked], order, axis=0)[reached.argmax(axis=0), np.arange(n)]
    clipped = np.minimum(weights, consensus)
    incentive = share(stake @ clipped)
    alpha = 1 - params.bonds_moving_average / 1e6
    bonds = (1 - alpha) * bonds + alpha * clipped
    return incentive, share(stake * (share(bonds, axis=0) @ incentive))


def seconds(run: Callable[[], object], runs: int = 10) -> float:
    """The fastest of several runs."""
    times = []
    for _ in range(runs):
        begun = time.perf_counter()
        run()
        times.append(time.perf_counter() - begun)
    return min(times)


def native_seconds(state: EpochInput, params: Params) -> float:
    """The crate's time, measured inside one native process."""
    command = ["cargo", "run", "--quiet", "--release", "-p", "meritnet-runner", "--example", "time_epoch"]
    call = json.dumps({"call": "epoch", "input": asdict(state), "params": asdict(params)})
    return float(
        subprocess.run(command, cwd=CHAIN, input=call, capture_output=True, text=True, check=True).stdout
    )


def main() -> None:
    """Print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--uids", type=int, default=256)
    parser.add_argument("--validators", type=int, default=64)
    options = parser.parse_args()
    state, params = subnet(options.uids, options.validators), Params()
    output = epoch(state, params)
    incentive, dividends = float_epoch(state, params)
    stored = np.floor(65_535 * np.concatenate([incentive, dividends]))
    paid = np.floor(EMISSION_RAO / 2 * (incentive + dividends))
    figures = {
        "uids": options.uids,
        "validators": options.validators,
        "specification_ms": 1e3 * seconds(lambda: epoch(state, params)),
        "float_numpy_ms": 1e3 * seconds(lambda: float_epoch(state, params)),
        "crate_ms": 1e3 * native_seconds(state, params),
        "float_wrong_u16": int((stored != np.array(output.incentive + output.dividends)).sum()),
        "float_wrong_payouts": int((paid != np.array(output.combined_emission)).sum()),
        "float_worst_error_rao": int(np.abs(paid - np.array(output.combined_emission)).max()),
    }
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
