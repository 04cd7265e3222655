"""The matrix words of the epoch: a row for each of m validators, a column for each of n miners.

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
    """values (m, n) in I32F32, 0 where absent; present (m, n) says where there is an entry."""

    values: Fixed
    present: Mask

    def map(self, values: Fixed) -> "Matrix":
        """Other values at the same entries; they must be 0 elsewhere."""
        return Matrix(values, self.present)

    def take(self, rows: Fixed) -> "Matrix":
        """Only these rows."""
        return Matrix(self.values[rows], self.present[rows])

    def keep(self, mask: Mask) -> "Matrix":
        """The entries for which the mask, of a shape that broadcasts, holds."""
        present = self.present & mask
        return Matrix(fixed(np.where(present, self.values, 0)), present)

    def positive(self) -> "Matrix":
        """The entries above 0, where no value is below."""
        return Matrix(self.values, self.values > 0)


def from_rows(rows: Sequence[Row], n: int) -> Matrix:
    """Stored rows of u16 as whole numbers, (len(rows), n)."""
    values, present = np.zeros((len(rows), n), np.int64), np.zeros((len(rows), n), np.bool_)
    for i, row in enumerate(rows):
        if row:
            uids, stored = np.array(row, np.int64).T
            values[i, uids], present[i, uids] = stored << FRACTION, True
    return Matrix(values, present)


def to_rows(matrix: Matrix) -> tuple[Row, ...]:
    """The matrix as stored: proportions of 65,535, rows sorted by uid."""
    stored = to_u16(matrix.values)
    rows = []
    for values, present in zip(stored, matrix.present, strict=True):
        uids = np.flatnonzero(present)
        rows.append(tuple(zip(uids.tolist(), values[uids].tolist(), strict=True)))
    return tuple(rows)


def normalize_rows(matrix: Matrix) -> Matrix:
    """Each row divided by its sum; rows of zeroes stay."""
    return matrix.map(quotient(matrix.values, matrix.values.sum(axis=1, keepdims=True)))


def normalize_columns(matrix: Matrix) -> Matrix:
    """Each column divided by its sum; columns of zeroes stay."""
    return matrix.map(quotient(matrix.values, matrix.values.sum(axis=0)))


def upscale_columns(matrix: Matrix) -> Matrix:
    """Each column divided by its largest value, so that this becomes 1."""
    return matrix.map(quotient(matrix.values, matrix.values.max(axis=0, initial=0)))


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
    stays = (ceilings > 0) | (matrix.values == 0)
    return Matrix(np.minimum(matrix.values, ceilings), matrix.present & stays)


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
    minority = int(weights.sum()) - majority
    # score and position in one number: sorting it sorts both, many times faster than sorting positions
    bits = len(weights).bit_length()
    ranked = (matrix.values[staked] << bits | np.arange(len(weights))[:, np.newaxis]).T.copy()
    ranked.sort(axis=1)
    enough = np.cumsum(weights[ranked & ((1 << bits) - 1)], axis=1) > minority
    middle = np.where(enough.any(axis=1), enough.argmax(axis=1), len(weights) - 1)
    return fixed(np.take_along_axis(ranked, middle[:, np.newaxis], axis=1)[:, 0] >> bits)
