"""Replay and projection together, as the live kind judges: each sees what the other cannot."""

import numpy as np

from meritnet.subnets.models.decoding import Replay
from meritnet.subnets.models.verification.method import Claim, Trace
from meritnet.subnets.models.verification.projection import Projection
from meritnet.subnets.models.verification.replay import TokenReplay


class ReplayAndProjection:
    """The larger of both suspicions, each in units of its own resolution."""

    name = "replay + projection"
    stride = 1
    resolution = 1.0
    needs_model = True

    def __init__(self) -> None:
        self._parts = (TokenReplay(), Projection())

    def evidence(self, trace: Trace, seed: bytes) -> bytes:
        """The projections."""
        return self._parts[1].evidence(trace, seed)

    def marks(self, claim: Claim, replay: Replay | None) -> np.ndarray:
        """Gap and relative error, (T, 2)."""
        return np.hstack([part.marks(claim, replay) / part.resolution for part in self._parts])

    def suspicion(self, marks: np.ndarray) -> float:
        """The larger one."""
        return float(marks.max())
