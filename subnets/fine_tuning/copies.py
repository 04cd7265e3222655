"""When two adapters are one: by what they are made of, and by what they do.

Made of: an adapter changes the model by the products B·A. Another file with the same products, or nearly the
same, is a copy, whatever its scale and whatever factors it is written in. Two adapters trained apart start
from other random A matrices and stay almost orthogonal. Done: losses that agree on nearly every example.
Products can be hidden behind others that do nothing; losses cannot. Both are measured in docs/log.md.
"""

from collections.abc import Sequence
from zlib import crc32

import numpy as np

from meritnet.subnets.models.lora import Adapter

PROBES = 256
"""Numbers in a sketch: cosines of sketches stray from those of products by 1 / sqrt(PROBES) or so."""
COPY_COSINE = 0.5
"""From here on, two adapters are made of the same."""
ALIKE_NATS = 0.03
"""Two losses closer than this are the same."""
ALIKE_PART = 0.8
"""From this part of the examples on, two adapters do the same."""
_DIGITS = 3


def sketch(adapter: Adapter) -> list[float]:
    """Project an adapter's products onto PROBES random directions, always the same ones.

    The result has the length 1, or is all 0.

    Entry p is the sum over layers of u_p · (B A) v_p with normal u_p and v_p, so that dot products of
    sketches are those of the products on average, whatever factors the file writes them in.
    """
    total = np.zeros(PROBES)
    for name in sorted(name for name in adapter.tensors if ".lora_A." in name):
        # Drawn by the layer's name: whatever other layers an adapter changes, this one adds the same.
        random = np.random.Generator(np.random.Philox(key=crc32(name.encode())))
        down = adapter.tensors[name].double().numpy()  # (r, in)
        up = adapter.tensors[name.replace(".lora_A.", ".lora_B.")].double().numpy()  # (out, r)
        left, right = (random.standard_normal((PROBES, width)) for width in (up.shape[0], down.shape[1]))
        total += ((left @ up) * (right @ down.T)).sum(axis=1)
    length = float(np.linalg.norm(total))
    return [round(float(part), _DIGITS) for part in total / length] if 0 < length < np.inf else [0.0] * PROBES


def are_near(one: Sequence[float], other: Sequence[float]) -> bool:
    """Say of two sketches whether they are of the same adapter, up to its scale and a little noise."""
    return len(one) == len(other) and float(np.dot(one, other)) >= COPY_COSINE


def are_alike(one: Sequence[float], other: Sequence[float]) -> bool:
    """Say of the losses of two adapters on the same examples whether they do the same."""
    same = np.abs(np.subtract(one, other)) <= ALIKE_NATS
    return len(same) > 0 and float(same.mean()) >= ALIKE_PART
