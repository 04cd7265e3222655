"""Redundancy: two miners answer the very same request, and honest answers are equal. No model is needed.

It costs a second generation, and two miners of one owner agree on anything.
"""

import numpy as np

from meritnet.subnets.models.decoding import Replay
from meritnet.subnets.models.verification.method import Claim, Trace


class Redundancy:
    """Share of positions at which the two answers differ."""

    name = "redundancy"
    stride = 1
    resolution = 0.0
    needs_model = False

    def evidence(self, trace: Trace, seed: bytes) -> bytes:
        """Nothing."""
        return b""

    def marks(self, claim: Claim, replay: Replay | None) -> np.ndarray:
        """1 where the answers differ, or one of them has ended, (T, 1)."""
        twin = claim.twin[: len(claim.tokens)]
        padded = (*twin, *(-1 for _ in range(len(claim.tokens) - len(twin))))
        return np.asarray(np.array(claim.tokens) != np.array(padded), float)[:, None]

    def suspicion(self, marks: np.ndarray) -> float:
        """The share."""
        return float(marks.mean())
