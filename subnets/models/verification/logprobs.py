"""Log-probability check: the miner says how likely each of its tokens was, the checker looks it up.

Every API has these figures already. They say nothing of the noise that a token was drawn with.
"""

import numpy as np

from meritnet.subnets.models.decoding import Replay
from meritnet.subnets.models.verification.method import Claim, Trace, numbers, prefilled

KIND = "<f2"


class Logprobs:
    """Mean difference between claimed and found log-probabilities, in nats; 2 bytes a token."""

    name = "log-probs"
    stride = 1
    resolution = 2e-3
    """Half a unit of float16's last place at 8 nats, where hardly a token lies."""
    needs_model = True

    def evidence(self, trace: Trace, seed: bytes) -> bytes:
        """One float16 a token."""
        return np.array(trace.logprobs, KIND).tobytes()

    def marks(self, claim: Claim, replay: Replay | None) -> np.ndarray:
        """Differences in nats, (T, 1)."""
        claimed = numbers(claim.evidence, KIND, (len(claim.tokens),)).astype(np.float64)
        return np.asarray(np.abs(claimed - prefilled(replay).logprobs)[:, None])

    def suspicion(self, marks: np.ndarray) -> float:
        """The mean difference."""
        return float(marks.mean())
