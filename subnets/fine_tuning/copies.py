"""When two adapters are one: by where they read, and by what they do.

Read: an adapter changes the model by the products B·A, which look at few directions of a layer's input, their
row space. Adapters trained apart start from other random A matrices and look elsewhere, whatever they learn;
a copy looks where its original does, whatever its scale, factors and ranks of junk, and noise turns it away
slowly. Done: losses that agree on nearly every example. Both are measured in docs/log.md.
"""

from collections.abc import Sequence
from zlib import crc32

import numpy as np

from meritnet.subnets.models.lora import Adapter

PROBES = 1_024
"""Numbers in a sketch: cosines of sketches stray from those of row spaces by 1 / sqrt(PROBES) or so."""
COPY_COSINE = 0.18
"""From here on, two adapters read from the same.

Sketches of adapters trained apart: 0.09 at most (docs/log.md).
"""
ALIKE_NATS = 0.03
"""Two losses closer than this are the same."""
ALIKE_PART = 0.8
"""From this part of the examples on, two adapters do the same."""
FAINT = 1e-3
"""A direction that weighs less than this part of the layer's heaviest is none."""
_DIGITS = 3


def sketch(adapter: Adapter) -> list[float]:
    """Project the row spaces of an adapter's products onto PROBES random directions, always the same ones.

    The result has the length 1, or is all 0.

    Entry p is the sum over layers of u_p · (P - r/d I) v_p with random signs u_p and v_p, where P projects
    onto the r directions that the layer's product reads of d. So dot products of sketches are, on average,
    those of the projectors, and those of unrelated ones are 0.
    """
    total = np.zeros(PROBES)
    for name in sorted(name for name in adapter.tensors if ".lora_A." in name):
        down = adapter.tensors[name].double().numpy()  # (r, in)
        up = adapter.tensors[name.replace(".lora_A.", ".lora_B.")].double().numpy()  # (out, r)
        read = _read_directions(down, up)
        # Drawn by the layer's name: whatever other layers an adapter changes, this one adds the same.
        left, right = _signs(crc32(name.encode()), down.shape[1])
        inside = ((left @ read.T) * (right @ read.T)).sum(axis=1)
        total += inside - len(read) / down.shape[1] * (left * right).sum(axis=1)
    length = float(np.linalg.norm(total))
    return [round(float(part), _DIGITS) for part in total / length] if 0 < length < np.inf else [0.0] * PROBES


def _read_directions(down: np.ndarray, up: np.ndarray) -> np.ndarray:
    """Orthonormal rows (r, in) that span the row space of the product of (out, r) and (r, in)."""
    _, weights, rows = np.linalg.svd(np.linalg.qr(up, mode="r") @ down, full_matrices=False)
    return np.asarray(rows[weights > FAINT * max(weights.max(), 1e-30)])


def _signs(key: int, width: int) -> np.ndarray:
    """Random signs, (2, PROBES, width) float32, from the raw bits of Philox."""
    count = 2 * PROBES * width
    raw = np.random.Philox(key=key).random_raw(-(-count // 64)).astype("<u8")
    bits = np.unpackbits(raw.view(np.uint8), count=count)
    return (bits.astype(np.float32) * 2 - 1).reshape(2, PROBES, width)


def are_near(one: Sequence[float], other: Sequence[float]) -> bool:
    """Say of two sketches whether they are of the same adapter, up to its form and noise."""
    return len(one) == len(other) and float(np.dot(one, other)) >= COPY_COSINE


def are_alike(one: Sequence[float], other: Sequence[float]) -> bool:
    """Say of the losses of two adapters on the same examples whether they do the same."""
    same = np.abs(np.subtract(one, other)) <= ALIKE_NATS
    return len(same) > 0 and float(same.mean()) >= ALIKE_PART
