"""Token replay: does the declared model draw this token with this noise? Nothing is sent along.

The method is known as Token-DiFR. Because the noise is the request's, it also finds the right model sampled
with other noise, which no check of activations can.
"""

import numpy as np

from meritnet.subnets.models.decoding import Replay
from meritnet.subnets.models.verification.method import Claim, Trace, prefilled


class TokenReplay:
    """The largest gap: one token that the model would not have drawn is enough."""

    name = "token replay"
    stride = 1
    resolution = 1e-3
    """Above the noise of rounding, 1e-4, and below the nearest wrong token of int8 weights (docs/log.md)."""
    needs_model = True

    def evidence(self, trace: Trace, seed: bytes) -> bytes:
        """Nothing."""
        return b""

    def marks(self, claim: Claim, replay: Replay | None) -> np.ndarray:
        """Gaps in noisy logits, (T, 1)."""
        return np.array(prefilled(replay).gaps)[:, None]

    def suspicion(self, marks: np.ndarray) -> float:
        """The largest gap of the window."""
        return float(marks.max())
