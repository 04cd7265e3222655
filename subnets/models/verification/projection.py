"""Projection: a few numbers of each token's last hidden state, along directions drawn from a seed.

A random projection keeps lengths on average (Johnson and Lindenstrauss), so the distance between a claimed
and a found projection estimates how far the two hidden states are apart. The idea is known as
Activation-DiFR.
"""

import hashlib
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from meritnet.subnets.models.decoding import Replay
from meritnet.subnets.models.verification.method import Claim, Trace, numbers, prefilled

KIND = "<f2"
LARGEST = 65_504.0
"""Of float16: what is larger is sent as this."""


@lru_cache(maxsize=64)
def directions(seed: bytes, width: int, count: int) -> np.ndarray:
    """Give `count` orthonormal directions in `width` dimensions, float64 (D, count).

    Gaussian figures from the Philox bits of the seed (Box and Muller), made orthonormal by Gram and Schmidt
    in plain steps, so that other languages can find them.
    """
    key = np.frombuffer(hashlib.sha256(b"projection" + seed).digest()[:16], dtype="<u8")
    bits = np.random.Philox(key=key, counter=np.zeros(4, np.uint64)).random_raw(2 * width * count)
    uniform = ((bits >> np.uint64(11)).astype(np.float64) + 0.5) * 2.0**-53
    first, second = uniform.reshape(2, -1)
    gaussian = (np.sqrt(-2 * np.log(first)) * np.cos(2 * np.pi * second)).reshape(width, count)
    for column in range(count):
        for before in range(column):
            gaussian[:, column] -= (gaussian[:, before] @ gaussian[:, column]) * gaussian[:, before]
        gaussian[:, column] /= np.sqrt(gaussian[:, column] @ gaussian[:, column])
    gaussian.setflags(write=False)
    return np.asarray(gaussian)


def project(hidden: np.ndarray, seed: bytes, count: int) -> bytes:
    """What a miner sends of its hidden states (T, D): `count` float16 a token."""
    found = hidden.astype(np.float64) @ directions(seed, hidden.shape[1], count)
    return bytes(np.clip(found, -LARGEST, LARGEST).astype(KIND).tobytes())


def errors(evidence: bytes, hidden: np.ndarray, seed: bytes, count: int) -> np.ndarray:
    """How far the claimed hidden states lie from the found ones (T, D), in parts of the found one's length.

    (T,), unbiased in the square. Raises InvalidAnswer for evidence of wrong size.
    """
    tokens, width = hidden.shape
    claimed = numbers(evidence, KIND, (tokens, count)).astype(np.float64)
    exact = hidden.astype(np.float64)
    away = np.linalg.norm(claimed - exact @ directions(seed, width, count), axis=1)
    length = np.linalg.norm(exact, axis=1)
    return np.asarray(away * np.sqrt(width / count) / np.maximum(length, 1e-30))


@dataclass
class Projection:
    """Largest relative error of a hidden state; 2 bytes times `count` a token."""

    count: int = 8
    name: str = "projection"
    stride: int = 1
    resolution: float = 1e-3
    """Float16 alone makes errors of 3e-4."""
    needs_model: bool = True

    def evidence(self, trace: Trace, seed: bytes) -> bytes:
        """The projections of every token."""
        return project(np.array(trace.hidden), seed, self.count)

    def marks(self, claim: Claim, replay: Replay | None) -> np.ndarray:
        """Relative errors, (T, 1)."""
        found = prefilled(replay).hidden
        return errors(claim.evidence, found, claim.sampling.seed, self.count)[:, None]

    def suspicion(self, marks: np.ndarray) -> float:
        """The largest error: a miner cannot hide a token of another model among many of the right one."""
        return float(marks.max())
