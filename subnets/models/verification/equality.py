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
    kernels = [
        _kernel(_matrix([*ours, *theirs], length)) for ours, theirs in zip(served, reference, strict=True)
    ]
    counts = [len(answers) for answers in served]
    observed = _discrepancy(kernels, [np.arange(2 * count) for count in counts])
    as_large = 0
    for _ in range(permutations):
        order = [random.permutation(2 * count) for count in counts]
        as_large += _discrepancy(kernels, order) >= observed - 1e-12
    return (1 + as_large) / (1 + permutations)


def _matrix(answers: Sequence[Sequence[int]], length: int) -> np.ndarray:
    """Tokens (N, length); what follows an answer's end is one token of its own."""
    found = np.full((len(answers), length), _ENDED)
    for row, answer in enumerate(answers):
        found[row, : min(length, len(answer))] = answer[:length]
    return found


def _kernel(tokens: np.ndarray) -> np.ndarray:
    """Share of equal positions between any two answers, (N, N)."""
    return np.asarray((tokens[:, None] == tokens[None]).mean(axis=2))


def _discrepancy(kernels: Sequence[np.ndarray], orders: Sequence[np.ndarray]) -> float:
    """Squared discrepancy, averaged over the prompts: the first half of an order against the second."""
    total = 0.0
    for kernel, order in zip(kernels, orders, strict=True):
        half = len(order) // 2
        mixed = kernel[np.ix_(order, order)]
        ours, theirs, across = mixed[:half, :half], mixed[half:, half:], mixed[:half, half:]
        pairs = half * (half - 1)
        total += (ours.sum() - np.trace(ours) + theirs.sum() - np.trace(theirs)) / pairs
        total -= 2 * float(across.mean())
    return total / len(kernels)
