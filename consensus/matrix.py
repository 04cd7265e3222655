"""The matrix words of the epoch: rows are validators, columns are miners.

The chain keeps sparse rows, and to it an absent entry and an entry of 0 are different things: the
liquid moving average of bonds lets an absent one vanish at once and a zero one decay. Hence a matrix
here is its values and where it has entries at all.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from meritnet.consensus.fixed import FRACTION, ONE, Fixed, fixed, normalize, product, quotient, to_u16
from meritnet.consensus.state import Row

Mask: TypeAlias = NDArray[np.bool_]


@dataclass(frozen=True)
class Matrix:
    """values (n, n) in I32F32, 0 where absent; present (n, n) says where there is an entry."""

    values: Fixed
    present: Mask

    def map(self, values: Fixed) -> "Matrix":
        """Other values at the same entries."""
        return Matrix(fixed(np.where(self.present, values, 0)), self.present)

    def keep(self, mask: Mask) -> "Matrix":
        """The entries for which the mask holds."""
        return Matrix(self.values, self.present & mask).map(self.values)

    def positive(self) -> "Matrix":
        """The entries above 0."""
        return self.keep(self.values > 0)


def from_rows(rows: Sequence[Row]) -> Matrix:
    """Stored rows of u16 as whole numbers, (n, n)."""
    n = len(rows)
    values, present = np.zeros((n, n), np.int64), np.zeros((n, n), np.bool_)
    for i, row in enumerate(rows):
        for uid, value in row:
            values[i, uid], present[i, uid] = value << FRACTION, True
    return Matrix(values, present)


def to_rows(matrix: Matrix, rows_kept: Sequence[bool]) -> tuple[Row, ...]:
    """The matrix as stored: proportions of 65,535, rows that are not kept emptied."""
    n = len(rows_kept)
    stored = np.reshape(to_u16(matrix.values.ravel()), (n, n))
    present = matrix.present & np.array(rows_kept, np.bool_)[:, np.newaxis]
    return tuple(tuple((int(j), int(stored[i, j])) for j in np.flatnonzero(present[i])) for i in range(n))


def normalize_rows(matrix: Matrix) -> Matrix:
    """Each row divided by its sum; rows that sum to 0 stay."""
    totals = matrix.values.sum(axis=1, keepdims=True)
    return matrix.map(np.where(totals == 0, matrix.values, quotient(matrix.values, totals)))


def normalize_columns(matrix: Matrix) -> Matrix:
    """Each column divided by its sum; columns that sum to 0 stay."""
    return _divide_columns(matrix, matrix.values.sum(axis=0))


def upscale_columns(matrix: Matrix) -> Matrix:
    """Each column divided by its largest value, so that this becomes 1."""
    return _divide_columns(matrix, matrix.values.max(axis=0, initial=0))


def _divide_columns(matrix: Matrix, divisors: Fixed) -> Matrix:
    return matrix.map(np.where(divisors == 0, matrix.values, quotient(matrix.values, divisors)))


def scale_rows(matrix: Matrix, factors: Fixed) -> Matrix:
    """m_ij × v_i."""
    return matrix.map(product(matrix.values, factors[:, np.newaxis]))


def column_products(matrix: Matrix, vector: Fixed) -> Fixed:
    """r_j = Σ_i v_i m_ij, each product truncated before it is added."""
    return fixed(scale_rows(matrix, vector).values.sum(axis=0))


def row_products(matrix: Matrix, vector: Fixed) -> Fixed:
    """r_i = Σ_j v_j m_ij, each product truncated before it is added."""
    return fixed(product(matrix.values, vector).sum(axis=1))


def clip_columns(matrix: Matrix, ceilings: Fixed) -> Matrix:
    """Values above their column's ceiling lowered to it; the entry goes where the ceiling is 0."""
    clipped = Matrix(np.minimum(matrix.values, ceilings), matrix.present)
    return clipped.keep((matrix.values <= ceilings) | (ceilings > 0))


def interpolate(start: Matrix, end: Matrix, ratio: int) -> Matrix:
    """start + ratio × (end - start); at ratio 0 and 1 the matrix itself, else the positive entries."""
    if ratio == 0:
        return start
    if ratio == ONE:
        return end
    return start.map(start.values + product(end.values - start.values, ratio)).positive()


def weighted_medians(stake: Fixed, matrix: Matrix, majority: int) -> Fixed:
    """The consensus C_j: the stake-weighted median of what staked validators gave each miner, (n,).

    C_j is the smallest weight such that the stake at or below it exceeds `Σ stake - majority`, hence the
    largest weight that (almost) a majority of the stake supports. An absent entry counts as 0.
    """
    staked = stake > 0
    if not staked.any():
        return np.zeros(matrix.values.shape[1], np.int64)
    weights = normalize(stake[staked])
    scores = matrix.values[staked]
    minority = int(weights.sum()) - majority
    order = np.argsort(scores, axis=0, kind="stable")
    enough = np.cumsum(weights[order], axis=0) > minority
    position = np.where(enough.any(axis=0), enough.argmax(axis=0), len(weights) - 1)
    ranked = np.take_along_axis(scores, order, axis=0)
    return fixed(np.take_along_axis(ranked, position[np.newaxis, :], axis=0)[0])
