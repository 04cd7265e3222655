"""Where suspicion begins: thresholds fitted to measured honest noise, for a stated false-alarm rate."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

MARGIN = 2.0
"""A threshold lies so many times above the honest quantile: other machines round differently."""


@dataclass(frozen=True)
class Threshold:
    """Suspicion above `value` is an alarm."""

    value: float
    honest: int
    """Honest windows that it was fitted to."""
    largest: float
    """The largest suspicion among them."""
    guaranteed: float
    """False alarms are at most so frequent, if honest windows to come are like those (no margin counted)."""

    def flags(self, suspicion: float) -> bool:
        """Whether this is an alarm."""
        return suspicion > self.value


def fit(honest: Sequence[float], false_alarms: float, resolution: float) -> Threshold:
    """Fit a threshold to honest suspicions.

    The quantile is that of split conformal prediction: of n honest windows the ceil((1 - rate)(n + 1))-th,
    above which the next one lies with at most the stated chance; where n is too small for that, the largest,
    which guarantees 1 / (n + 1). Positive quantiles are multiplied by MARGIN. What lies within the method's
    resolution is never an alarm. Raises ValueError without honest windows.
    """
    if not honest:
        raise ValueError("no threshold without honest windows")
    ordered, count = sorted(honest), len(honest)
    rank = min(count, math.ceil((1 - false_alarms) * (count + 1)))
    quantile = ordered[rank - 1]
    value = max(resolution, quantile * MARGIN if quantile > 0 else quantile)
    return Threshold(value, count, ordered[-1], 1 - rank / (count + 1))
