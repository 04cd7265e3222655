"""Watermark: the seeded noise itself. It shows with whose seed an answer was drawn, without any model.

Drawing ``argmax(logits / temperature + noise)`` favours tokens whose noise is large, so under the right seed
the uniform numbers u behind an answer's tokens lie near 1; under any other seed they are uniform. The sum of
``-log(1 - u)`` over T tokens then has mean T and variance T (Aaronson's watermark, which changes no
distribution). Every validator gives every miner a seed of its own, so a copied answer names its source.
"""

import numpy as np

from meritnet.subnets.models.decoding import Replay
from meritnet.subnets.models.sampling import uniform_at
from meritnet.subnets.models.verification.method import Claim, Trace


def exponentials(seed: bytes, tokens: tuple[int, ...]) -> np.ndarray:
    """Give ``-log(1 - u)`` for every token of an answer, (T,): 1 on average unless drawn with this seed."""
    uniform = [uniform_at(seed, position, token) for position, token in enumerate(tokens)]
    return np.asarray(-np.log1p(-np.array(uniform)))


def z_score(values: np.ndarray) -> float:
    """Standard deviations above what another seed gives."""
    return float((values.sum() - len(values)) / np.sqrt(len(values)))


def drawn_with(tokens: tuple[int, ...], seeds: tuple[bytes, ...]) -> tuple[int, float]:
    """Whose seed an answer was most likely drawn with: its place among the seeds, and its z-score."""
    scores = [z_score(exponentials(seed, tokens)) for seed in seeds]
    best = int(np.argmax(scores))
    return best, scores[best]


class Watermark:
    """How much better another miner's seed fits than the request's own, in standard deviations."""

    name = "watermark"
    stride = 1
    resolution = 0.0
    needs_model = False

    def evidence(self, trace: Trace, seed: bytes) -> bytes:
        """Nothing."""
        return b""

    def marks(self, claim: Claim, replay: Replay | None) -> np.ndarray:
        """A column for the own seed and one for each of the others', (T, 1 + seeds)."""
        seeds = (claim.sampling.seed, *claim.seeds)
        return np.column_stack([exponentials(seed, claim.tokens) for seed in seeds])

    def suspicion(self, marks: np.ndarray) -> float:
        """The best of the others' z-scores less the own; without others, how badly the own seed fits."""
        own, *others = (z_score(column) for column in marks.T)
        return max(others, default=0.0) - own
