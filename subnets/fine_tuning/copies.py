"""One adapter is paid once: whose adapter is whose, as a validator has seen it.

Of two uids that offer the same adapter, the one whose file the validator judged first keeps it. What counts
is what adapters do to the model, the products B·A: another file with the same products, or nearly the same,
is a copy. Two adapters trained apart start from other random A matrices and stay almost orthogonal
(docs/log.md).
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from meritnet.subnets.models.lora import Adapter

PROBES = 64
"""Numbers in a sketch: cosines of sketches stray from those of products by 1 / sqrt(PROBES) or so."""
COPY_COSINE = 0.7
"""From here on, two adapters are one. Trained apart: 0.06; ten steps further: 0.87 (docs/log.md)."""
RECORD = "offers.json"


@dataclass(frozen=True)
class Offer:
    """The adapter that a uid offered last."""

    content_id: str
    sketch: tuple[float, ...]


class Offers:
    """The adapters on offer by uid, none of them a copy of another; survives restarts.

    A uid holds one adapter at a time and lets go of it by offering another.
    """

    def __init__(self, data_dir: Path) -> None:
        self._record = data_dir / RECORD
        self._by_uid = _read(self._record)

    def original(self, uid: int, adapter: Adapter) -> int | None:
        """Take in what a uid offers; the uid that it was copied from, or None when it is its own."""
        known = self._by_uid.get(uid)
        if known is not None and known.content_id == adapter.content_id:
            return None
        offer = Offer(adapter.content_id, tuple(map(float, sketch(adapter))))
        others = {other: held for other, held in self._by_uid.items() if other != uid}
        found = next((other for other, held in others.items() if is_copy(offer, held)), None)
        self._by_uid = others if found is not None else others | {uid: offer}
        self._write()
        return found

    def _write(self) -> None:
        self._record.parent.mkdir(parents=True, exist_ok=True)
        draft = self._record.with_suffix(".new")
        draft.write_text(json.dumps({uid: asdict(offer) for uid, offer in self._by_uid.items()}) + "\n")
        draft.replace(self._record)


def is_copy(one: Offer, other: Offer) -> bool:
    """Say whether two offers are the same adapter, up to its scale and a little noise."""
    if one.content_id == other.content_id:
        return True
    left, right = np.array(one.sketch), np.array(other.sketch)
    return bool(left @ right >= COPY_COSINE * np.linalg.norm(left) * np.linalg.norm(right) > 0)


def sketch(adapter: Adapter) -> np.ndarray:
    """Project an adapter's products onto random directions, always the same ones; shape (PROBES,).

    Entry p is the sum over layers of u_p · (B A) v_p with normal u_p and v_p, so that dot products of
    sketches are those of the products on average, whatever factors the file writes them in.
    """
    random = np.random.Generator(np.random.Philox(key=0))
    total = np.zeros(PROBES)
    for name in sorted(name for name in adapter.tensors if ".lora_A." in name):
        down = adapter.tensors[name].double().numpy()  # (r, in)
        up = adapter.tensors[name.replace(".lora_A.", ".lora_B.")].double().numpy()  # (out, r)
        left, right = (random.standard_normal((PROBES, width)) for width in (up.shape[0], down.shape[1]))
        total += ((left @ up) * (right @ down.T)).sum(axis=1)
    return total


def _read(record: Path) -> dict[int, Offer]:
    try:
        found: dict[str, dict[str, Any]] = json.loads(record.read_text())
        return {
            int(uid): Offer(str(offer["content_id"]), tuple(map(float, offer["sketch"])))
            for uid, offer in found.items()
        }
    except (FileNotFoundError, ValueError, TypeError, KeyError, AttributeError):  # none, or another version's
        return {}
