"""What an epoch worked out, step by step, and where another implementation of it parts."""

from typing import Any, TypeAlias

import numpy as np

from meritnet.consensus import matrix
from meritnet.consensus.epoch import Steps, epoch_steps
from meritnet.consensus.matrix import Matrix
from meritnet.consensus.params import Params
from meritnet.consensus.state import EpochInput

Trace: TypeAlias = dict[str, Any]
"""Steps by name: numbers by their bits, those of 128 bits as decimal strings, matrices as one list of
[uid, bits] a uid."""
_WIDTH = 60


def trace(state: EpochInput, params: Params) -> Trace:
    """The steps of the specification."""
    n = len(state.alpha_stake)
    steps = epoch_steps(state, matrix.from_rows(state.weights, n), matrix.from_rows(state.bonds, n), params)
    found: Trace = {}
    for name, value in vars(steps).items():
        if name == "stake_rao":
            found[name] = [str(amount) for amount in value]
        elif isinstance(value, Matrix):
            found[name] = _rows(value, steps, n)
        elif name != "rows":
            found[name] = value.tolist()
    return found


def _rows(sparse: Matrix, steps: Steps, n: int) -> list[list[list[int]]]:
    listed: list[list[list[int]]] = [[] for _ in range(n)]
    for uid, values, present in zip(steps.rows.tolist(), sparse.values, sparse.present, strict=True):
        listed[uid] = [[int(j), int(values[j])] for j in np.flatnonzero(present)]
    return listed


def side_by_side(specification: Trace, other: Trace) -> str:
    """A line a step with what both say of it; the first that differs is marked by `>`."""
    lines, marked = [], False
    for name, ours in specification.items():
        theirs = other[name]
        if ours == theirs:
            lines.append(f"  {name}: both {str(ours)[:_WIDTH]}")
        else:
            lines.append(f"{' ' if marked else '>'} {name}{_first_difference(ours, theirs)}")
            marked = True
    return "\n".join(lines)


def _first_difference(ours: Any, theirs: Any, path: str = "") -> str:
    if isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        index = next(index for index in range(len(ours)) if ours[index] != theirs[index])
        return _first_difference(ours[index], theirs[index], f"{path}[{index}]")
    return f"{path}: {ours} by the specification, {theirs} by the other"
