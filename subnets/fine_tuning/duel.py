"""Champion against challenger, example by example: pure, losses in, figures out.

Both are measured on the same held-out examples. Within DECIDED_NATS neither wins one; an undecided example
counts half for each, so that a few decided ones do not decide a duel. Challengers win a duel when their part
of the points is surely more than half.
"""

from dataclasses import dataclass
from hashlib import sha256

import numpy as np

DECIDED_NATS = 0.01
"""A smaller difference of two losses decides nothing: floating point and tiny noise make such ones."""
SURE_WIN = 0.99
"""Confidence, one-sided, that a challenger wins more than half."""
ADVANTAGE_NATS = 0.01
"""By so much a challenger must undercut a champion that has just been crowned, on each example."""
HALF_LIFE_ROUNDS = 4
"""After so many rounds, half of the advantage is gone: in the end no champion sits by its age."""
RESAMPLES = 2_000


@dataclass(frozen=True)
class Duel:
    """What a challenger did against a champion."""

    won: int
    lost: int
    examples: int
    sure_rate: float
    """The bound that its part of the points exceeds with SURE_WIN confidence."""

    @property
    def is_won(self) -> bool:
        """Whether the challenger surely wins more than half."""
        return self.sure_rate > 0.5


def fought(champion: np.ndarray, challenger: np.ndarray, seed: bytes, advantage: float = 0.0) -> Duel:
    """Let a challenger fight: losses in nats on the same examples, shape (N,).

    `advantage` is the champion's.
    """
    margin = champion - challenger - advantage
    won, lost = margin > DECIDED_NATS, margin < -DECIDED_NATS
    points = 0.5 + 0.5 * won - 0.5 * lost
    return Duel(int(won.sum()), int(lost.sum()), len(margin), lower_bound(points, seed, SURE_WIN))


def advantage(rounds: int) -> float:
    """What a champion is given, in nats an example, after so many rounds with the crown."""
    return float(ADVANTAGE_NATS * 0.5 ** (rounds / HALF_LIFE_ROUNDS))


def lower_bound(values: np.ndarray, seed: bytes, confidence: float) -> float:
    """One-sided bootstrap bound of the mean; seeded, so that everyone finds the same number.

    Resampling is by raw Philox words, whose stream is stable between numpy versions.
    """
    key = np.frombuffer(sha256(seed + b"bootstrap").digest()[:16], dtype="<u8")
    words = np.random.Philox(key=key).random_raw(RESAMPLES * len(values))
    means = values[(words % np.uint64(len(values))).astype(np.intp)].reshape(RESAMPLES, -1).mean(axis=1)
    place = int(RESAMPLES * (1 - confidence))
    return float(np.partition(means, place)[place])
