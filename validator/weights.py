"""Scores into the u16 weights that the chain accepts.

The chain scales a row so that its largest entry is 65,535 and then compares rows by their shares, so the
scale is free; sending it scaled already makes what is committed and what is stored the same numbers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from meritnet.chain.types import U16_MAX


@dataclass(frozen=True)
class WeightVector:
    """One row of weights: uids ascending, values as u16 with a largest of 65,535."""

    uids: tuple[int, ...]
    values: tuple[int, ...]

    @property
    def shares(self) -> dict[int, float]:
        """Each uid's share of the row."""
        total = sum(self.values)
        return {uid: value / total for uid, value in zip(self.uids, self.values, strict=True)}


def weight_vector(
    scores: Mapping[int, float], *, own_uid: int, neurons: int, min_allowed_weights: int
) -> WeightVector | None:
    """The row to send, or ``None`` when nobody earned anything: no weights are better than arbitrary ones.

    A uid outside the subnet and the validator's own are left out. A row shorter than the subnet allows is
    filled up with zeros, the own uid last; the chain asks for no more entries than there are neurons.
    """
    earned = {
        uid: score for uid, score in scores.items() if 0 <= uid < neurons and uid != own_uid and score > 0
    }
    if not earned:
        return None
    most = max(earned.values())
    row = {uid: round(score / most * U16_MAX) for uid, score in earned.items()}
    row = {uid: value for uid, value in row.items() if value > 0}
    fill = [uid for uid in range(neurons) if uid not in row and uid != own_uid] + [own_uid]
    missing = max(0, min(min_allowed_weights, neurons) - len(row))
    row |= dict.fromkeys(fill[:missing], 0)
    return WeightVector(tuple(sorted(row)), tuple(row[uid] for uid in sorted(row)))
