"""One epoch: the specification on matrices, the Rust crate, the runtime in a block, and a rival in floats.

    python bench/epoch.py [--native]

The rival is Yuma 3 as simulators write it: dense float64 matrices in numpy, validators' rows only. Printed
besides the times is what floats cost: how many stored u16 and how many payouts of 10^9 rao differ from the
chain's. `--native` adds the crate compiled for this machine, which needs cargo.
"""

import argparse
import json
import subprocess
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from subnet import figures, weighted_subnet

from meritnet.chain.client.client import Chain
from meritnet.chain.node.node import Node
from meritnet.chain.node.seal import Instant
from meritnet.chain.rpc.session import Session
from meritnet.consensus.epoch import epoch_steps, output
from meritnet.consensus.matrix import Matrix
from meritnet.consensus.params import Params
from meritnet.consensus.state import EpochInput

CHAIN = Path(__file__).parents[1] / "chain"
EMISSION_RAO = 10**9
Floats = NDArray[np.float64]
Whole = NDArray[np.int64]
SIZES = ((256, 64), (1_024, 256), (4_096, 1_024))


def subnet(uids: int, validators: int) -> tuple[EpochInput, Whole, Whole]:
    """Validators who agree on the miners but for noise, with bonds of an earlier epoch; both of 65,535."""
    random = np.random.default_rng(1)
    quality = random.integers(1, 60_000, uids)
    weights = np.zeros((uids, uids), np.int64)
    weights[:validators, validators:] = quality[validators:] + random.integers(
        0, 5_000, (validators, uids - validators)
    )
    stake = np.where(np.arange(uids) < validators, random.integers(10**11, 10**13, uids), 0)
    state = EpochInput(
        block=1_000,
        last_step=640,
        alpha_stake=stake.tolist(),
        tao_stake=[0] * uids,
        last_update=[990] * uids,
        registered_at=[0] * uids,
        permits=[uid < validators for uid in range(uids)],
        owner_uid=None,
        oldest_commit_block=[None] * uids,
        weights=[()] * uids,
        bonds=[()] * uids,
        emission=EMISSION_RAO,
    )
    return state, weights, weights // 20


def share(values: Floats, axis: int | None = None) -> Floats:
    """values ÷ their sum, 0 where that is 0."""
    total = values.sum(axis=axis, keepdims=axis is not None)
    return np.divide(values, total, out=np.zeros_like(values), where=total != 0)


def float_epoch(stake: Floats, weights: Floats, bonds: Floats, params: Params) -> tuple[Floats, Floats]:
    """Yuma 3 without liquid alpha in float64, given the validators' rows: incentive and dividends."""
    stake, weights, bonds = share(stake), share(weights, axis=1), bonds / 65_535
    order = np.argsort(weights, axis=0)
    reached = np.cumsum(stake[order], axis=0) > 1 - params.kappa / 65_535
    columns = np.arange(weights.shape[1])
    consensus = np.take_along_axis(weights, order, axis=0)[reached.argmax(axis=0), columns]
    clipped = np.minimum(weights, consensus)
    incentive = share(stake @ clipped)
    alpha = 1 - params.bonds_moving_average / 1e6
    bonds = (1 - alpha) * bonds + alpha * clipped
    return incentive, share(stake * (share(bonds, axis=0) @ incentive))


def seconds(run: Callable[[], object], runs: int) -> float:
    """The fastest of several runs."""
    times = []
    for _ in range(runs):
        begun = time.perf_counter()
        run()
        times.append(time.perf_counter() - begun)
    return min(times)


def compare(uids: int, validators: int) -> None:
    """One row: both times, their ratio, and what the floats get wrong."""
    state, weights, bonds = subnet(uids, validators)
    params = Params(max_allowed_validators=validators)
    whole = Matrix(weights << 32, weights > 0), Matrix(bonds << 32, bonds > 0)
    rows = [np.array(state.alpha_stake[:validators], float)]
    rows += [matrix[:validators].astype(float) for matrix in (weights, bonds)]
    runs = 3 if uids > 1_024 else 20
    exact = seconds(lambda: epoch_steps(state, *whole, params), runs)
    floats = seconds(lambda: float_epoch(*rows, params), runs)
    found = output(epoch_steps(state, *whole, params), EMISSION_RAO)
    incentive, dividends = float_epoch(*rows, params)
    dividends = np.concatenate([dividends, np.zeros(uids - validators)])
    stored = np.floor(65_535 * np.concatenate([incentive, dividends]))
    paid = np.floor(EMISSION_RAO / 2 * (incentive + dividends))
    wrong = int((stored != np.array(found.incentive + found.dividends)).sum())
    wrong_pay = int((paid != np.array(found.combined_emission)).sum())
    print(
        f"{uids:5} uids, {validators:5} validators   specification {exact * 1e3:8.2f} ms   "
        f"float numpy {floats * 1e3:8.2f} ms   {exact / floats:5.2f} x   "
        f"floats get {wrong} of {2 * uids} u16 and {wrong_pay} of {uids} payouts wrong"
    )


def native_ms(uids: int, validators: int) -> float:
    """The crate's time, measured inside one native process."""
    state, weights, bonds = subnet(uids, validators)
    rows = {
        name: [[(int(j), int(row[j])) for j in np.flatnonzero(row)] for row in matrix]
        for name, matrix in (("weights", weights), ("bonds", bonds))
    }
    command = ["cargo", "run", "--quiet", "--release", "-p", "meritnet-runner", "--example", "time_epoch"]
    call = json.dumps({"call": "epoch", "input": asdict(state) | rows, "params": asdict(Params())})
    done = subprocess.run(command, cwd=CHAIN, input=call, capture_output=True, text=True, check=True)
    return 1e3 * float(done.stdout)


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--native", action="store_true", help="time the native crate too")
    options = parser.parse_args()
    for size in SIZES:
        compare(*size)
    if options.native:
        print(f"{'the crate, native':40} {native_ms(*SIZES[0]):8.2f} ms   (256 uids, 64 validators)")
    with Node.open("local", seal=Instant()) as node:
        chain = Chain.in_process(lambda send: Session(node, send))
        took, empty = figures(node, chain, weighted_subnet(node, chain))
    print(f"{'the runtime, in a block of the node':40} {took:8.2f} ms   (an empty block {empty:.2f} ms)")


if __name__ == "__main__":
    main()
