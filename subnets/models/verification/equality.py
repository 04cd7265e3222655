"""Model-equality test: do two sets of answers come from one distribution? Black box, no seed, no activations.

Maximum mean discrepancy with a Hamming kernel (the share of positions at which two answers to one prompt
agree), and a permutation test. It sees what others cannot, such as a resold API, and needs many answers.
"""

from collections.abc import Sequence

import numpy as np

Samples = Sequence[Sequence[Sequence[int]]]
"""Answers by prompt and sample."""
_ENDED = -1


def p_value(served: Samples, reference: Samples, length: int, permutations: int, seed: int) -> float:
    """Chance of a discrepancy at least as large if both sets came from one model.

    Looks at the first `length` tokens; both sets hold equally many answers to every prompt, two at least.
    """
    random = np.random.default_rng(seed)
    observed, permuted = 0.0, np.zeros(permutations)
    for ours, theirs in zip(served, reference, strict=True):
        kernel = _kernel(_matrix([*ours, *theirs], length))
        as_it_is = np.arange(len(kernel))
        observed += _discrepancies(kernel, as_it_is[None])[0]
        permuted += _discrepancies(kernel, random.permuted(np.tile(as_it_is, (permutations, 1)), axis=1))
    return float((1 + np.sum(permuted >= observed - 1e-12)) / (1 + permutations))


def _matrix(answers: Sequence[Sequence[int]], length: int) -> np.ndarray:
    """Tokens (N, length); what follows an answer's end is one token of its own."""
    found = np.full((len(answers), length), _ENDED)
    for row, answer in enumerate(answers):
        found[row, : min(length, len(answer))] = answer[:length]
    return found


def _kernel(tokens: np.ndarray) -> np.ndarray:
    """Share of equal positions between any two answers, (N, N)."""
    return np.asarray((tokens[:, None] == tokens[None]).mean(axis=2))


def _discrepancies(kernel: np.ndarray, orders: np.ndarray) -> np.ndarray:
    """Squared discrepancy between the first and the second half of every order (R, N), unbiased: (R,)."""
    half = len(kernel) // 2
    mixed = kernel[orders[:, :, None], orders[:, None, :]]  # (R, N, N)
    ours, theirs, across = mixed[:, :half, :half], mixed[:, half:, half:], mixed[:, :half, half:]
    # An answer agrees with itself everywhere: `half` ones on each diagonal.
    within = (ours.sum(axis=(1, 2)) + theirs.sum(axis=(1, 2)) - 2 * half) / (half * (half - 1))
    return np.asarray(within - 2 * across.mean(axis=(1, 2)))
