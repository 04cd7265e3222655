"""Sampling that anyone can repeat: the noise of every position comes from the request's seed.

A token is ``argmax(logits / temperature + noise)`` with Gumbel noise, which draws from the softmax exactly
(the Gumbel-max trick). Because the noise is known, a validator can say for every token of an answer whether
the declared model would have chosen it, without running the decoding again (the method is known as
Token-DiFR).
"""

import hashlib
from dataclasses import dataclass

import numpy as np
import torch

SEED_BYTES = 32


@dataclass(frozen=True)
class Sampling:
    """How an answer is drawn."""

    seed: bytes
    """32 bytes; the noise is a function of it and of the position alone."""
    temperature: float
    """0 takes the likeliest token; 1 draws from the model's own distribution."""
    max_tokens: int


def gumbel_noise(seed: bytes, position: int, size: int) -> torch.Tensor:
    """Give standard Gumbel noise for the answer's token at `position`: float32, shape (size,).

    The bits are those of the counter-based Philox generator (its raw stream is stable between numpy
    versions).
    """
    uniform = _uniform(_philox(seed, position).random_raw(size))
    return torch.from_numpy((-np.log(-np.log(uniform))).astype(np.float32))


def uniform_at(seed: bytes, position: int, token: int) -> float:
    """The uniform number behind one token's noise, without drawing the others'."""
    block, place = divmod(token, _WORDS)
    return float(_uniform(_philox(seed, position, block).random_raw(_WORDS))[place])


_WORDS = 4
"""Philox gives so many words for one value of its counter."""


def _philox(seed: bytes, position: int, block: int = 0) -> np.random.Philox:
    key = np.frombuffer(hashlib.sha256(seed).digest()[:16], dtype="<u8")
    return np.random.Philox(key=key, counter=np.array([block, 0, position, 0], dtype=np.uint64))


def _uniform(bits: np.ndarray) -> np.ndarray:
    """Numbers strictly between 0 and 1 from 64 random bits each."""
    return np.asarray(((bits >> np.uint64(11)).astype(np.float64) + 0.5) * 2.0**-53)


def noisy_logits(logits: torch.Tensor, sampling: Sampling, position: int) -> torch.Tensor:
    """Score every token at one position, in units of log-probability.

    The largest is the one drawn. Shape (V,).
    """
    if sampling.temperature == 0:
        return logits.float()
    # Drawn on the CPU whatever the device: everybody must find the same bits.
    noise = gumbel_noise(sampling.seed, position, logits.shape[-1]).to(logits.device)
    return logits.float() / sampling.temperature + noise
