"""Alarms: thresholds fitted to honest answers, counted on other honest ones and on every cheat."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from meritnet.lab.verify.servings import Checked
from meritnet.subnets.models.verification.activations import PublishedActivations, TopActivations
from meritnet.subnets.models.verification.logprobs import Logprobs
from meritnet.subnets.models.verification.method import Claim, Method
from meritnet.subnets.models.verification.pair import ReplayAndProjection
from meritnet.subnets.models.verification.projection import Projection
from meritnet.subnets.models.verification.redundancy import Redundancy
from meritnet.subnets.models.verification.replay import TokenReplay
from meritnet.subnets.models.verification.thresholds import Threshold, fit
from meritnet.subnets.models.verification.watermark import Watermark

SIZES = (8, 16, 32, 64, 128, 256)
"""Tokens checked: so many in a row, of as many answers as they fill."""
NOISE_TOKENS = 32
METHODS: tuple[Method, ...] = (
    TokenReplay(),
    Logprobs(),
    Projection(),
    TopActivations(),
    PublishedActivations("published TOPLOC", resolution=0.0),
    Redundancy(),
    Watermark(),
    ReplayAndProjection(),
)


@dataclass(frozen=True)
class Rate:
    """Alarms of one method on one way of serving, at one number of tokens checked."""

    method: str
    serving: str
    tokens: int
    windows: int
    alarms: int

    @property
    def share(self) -> float | None:
        """Alarms per window; nothing without a window."""
        return self.alarms / self.windows if self.windows else None


@dataclass(frozen=True)
class Fitted:
    """A method's threshold at one number of tokens checked."""

    method: str
    tokens: int
    threshold: Threshold


def marks(method: Method, checked: Sequence[Checked]) -> np.ndarray:
    """A method's marks of all answers, one after the other, (U, F)."""
    return np.concatenate([method.marks(claim(method, one), one.replay) for one in checked])


def claim(method: Method, one: Checked) -> Claim:
    """An answer with the evidence that its miner would send for a method."""
    sampling = one.question.asked.sampling
    evidence = method.evidence(one.served.trace, sampling.seed)
    return Claim(sampling, one.served.tokens, evidence, one.question.seeds, one.twin)


def suspicions(method: Method, found: np.ndarray, tokens: int) -> list[float]:
    """A method's suspicion of every whole window of so many tokens."""
    units = tokens // method.stride
    if not units:
        return []
    starts = range(0, len(found) - units + 1, units)
    return [method.suspicion(found[start : start + units]) for start in starts]


@dataclass(frozen=True)
class Noise:
    """What one way of serving makes a method suspect, over windows of NOISE_TOKENS."""

    method: str
    serving: str
    smallest: float
    largest: float


@dataclass(frozen=True)
class Alarms:
    """Everything that was found."""

    noise: tuple[Noise, ...]
    fitted: tuple[Fitted, ...]
    rates: tuple[Rate, ...]


def measure(
    fitting: Sequence[Checked], servings: Mapping[str, Sequence[Checked]], false_alarms: float
) -> Alarms:
    """Fit every method to honest answers, then count alarms on every way of serving.

    Where too few honest tokens are there for a window, nothing is said.
    """
    noise: list[Noise] = []
    fitted: list[Fitted] = []
    rates: list[Rate] = []
    for method in METHODS:
        honest = marks(method, fitting)
        found = {name: marks(method, checked) for name, checked in servings.items()}
        for name, rows in {"fitted to": honest, **found}.items():
            values = suspicions(method, rows, NOISE_TOKENS)
            noise += [Noise(method.name, name, min(values), max(values))] if values else []
        for tokens in SIZES:
            windows = suspicions(method, honest, tokens)
            if not windows:
                continue
            fitted.append(Fitted(method.name, tokens, _threshold(method, windows, false_alarms)))
            rates += [_rate(method, name, rows, fitted[-1]) for name, rows in found.items()]
    return Alarms(tuple(noise), tuple(fitted), tuple(rates))


def _threshold(method: Method, honest: Sequence[float], false_alarms: float) -> Threshold:
    found = fit(honest, false_alarms, method.resolution)
    return replace(found, value=0.0) if isinstance(method, PublishedActivations) else found


def _rate(method: Method, serving: str, rows: np.ndarray, fitted: Fitted) -> Rate:
    values = suspicions(method, rows, fitted.tokens)
    alarms = sum(fitted.threshold.flags(value) for value in values)
    return Rate(method.name, serving, fitted.tokens, len(values), alarms)
