"""Top activations: the largest values of 32 tokens' last hidden states, where they lie and what they are.

After the idea of TOPLOC (arXiv 2501.16007), whose published thresholds stand here for comparison. Its
polynomial would pack the same figures into half of the bytes; we send them as they are.
"""

from dataclasses import dataclass

import numpy as np

from meritnet.subnets.base import InvalidAnswer
from meritnet.subnets.models.decoding import Replay
from meritnet.subnets.models.verification.method import Claim, Trace, prefilled

CHUNK = 32
KEPT = 128
ENTRY = np.dtype([("place", "<u4"), ("value", "<u2")])
EXPONENT_BITS, MANTISSA_BITS = 8, 7
FAR = 2**MANTISSA_BITS
"""Steps that count for a value which is missing or has another sign: a doubling."""
PUBLISHED_EXPONENTS = 90
PUBLISHED_MEAN, PUBLISHED_MEDIAN = 10.0, 8.0
"""TOPLOC accepts a chunk if at least 90 of 128 exponents are equal, and those values' mantissas differ by at
most 10 on average and 8 in the median."""


def bfloat16(values: np.ndarray) -> np.ndarray:
    """Bits of the nearest bfloat16 of float32 values, ties to even."""
    bits = np.ascontiguousarray(values, np.float32).view(np.uint32).astype(np.uint64)
    return ((bits + 0x7FFF + ((bits >> np.uint64(16)) & np.uint64(1))) >> np.uint64(16)).astype(np.uint16)


def top(hidden: np.ndarray) -> np.ndarray:
    """The entries of the largest magnitudes of a chunk (T, D); of equal ones those that come first."""
    values = bfloat16(hidden.reshape(-1))
    order = np.argsort(-(values & 0x7FFF).astype(np.int32), kind="stable")[:KEPT]
    found = np.empty(len(order), ENTRY)
    found["place"], found["value"] = order, values[order]
    return found


def chunks(hidden: np.ndarray) -> list[np.ndarray]:
    """The whole chunks of an answer's hidden states (T, D)."""
    return [hidden[start : start + CHUNK] for start in range(0, len(hidden) - CHUNK + 1, CHUNK)]


def read(evidence: bytes, count: int, size: int) -> list[np.ndarray]:
    """The entries of `count` chunks of `size` values. Raises InvalidAnswer."""
    kept = min(KEPT, size)
    if len(evidence) != count * kept * ENTRY.itemsize:
        raise InvalidAnswer(f"{len(evidence)} bytes of evidence, {count * kept * ENTRY.itemsize} are due")
    found = np.frombuffer(evidence, ENTRY).reshape(count, kept)
    for entries in found:
        if len(np.unique(entries["place"])) < kept or entries["place"].max() >= size:
            raise InvalidAnswer("the evidence names a place twice, or one that is not there")
    return list(found)


def compared(claimed: np.ndarray, found: np.ndarray) -> tuple[float, float, float, float]:
    """Equal exponents; mean and median difference of their mantissas; mean steps of bfloat16 over all."""
    values = dict(zip(claimed["place"].tolist(), claimed["value"].tolist(), strict=True))
    own = found["value"].astype(int)
    theirs = np.array([values.get(place, -1) for place in found["place"].tolist()])
    there = theirs >= 0
    alike = there & (theirs >> MANTISSA_BITS == own >> MANTISSA_BITS)  # sign and exponent
    mantissas = np.abs((theirs & (FAR - 1)) - (own & (FAR - 1)))[alike]
    signed = there & (theirs >> (MANTISSA_BITS + EXPONENT_BITS) == own >> (MANTISSA_BITS + EXPONENT_BITS))
    steps = np.where(signed, np.minimum(np.abs(theirs - own), FAR), FAR)
    mean, median = (float(mantissas.mean()), float(np.median(mantissas))) if alike.any() else (FAR, FAR)
    return float(alike.sum()), mean, median, float(steps.mean())


@dataclass
class TopActivations:
    """Mean steps of bfloat16 between claimed and found values; 24 bytes a token."""

    name: str = "top activations"
    stride: int = CHUNK
    resolution: float = 0.1
    """A hundredth of what the published rule allows; rounding may move one value in ten by a step."""
    needs_model: bool = True

    def evidence(self, trace: Trace, seed: bytes) -> bytes:
        """The entries of every whole chunk."""
        return b"".join(top(chunk).tobytes() for chunk in chunks(np.array(trace.hidden)))

    def marks(self, claim: Claim, replay: Replay | None) -> np.ndarray:
        """Four figures a chunk (see `compared`), (U, 4)."""
        found = chunks(prefilled(replay).hidden)
        claimed = read(claim.evidence, len(found), found[0].size if found else 0)
        rows = [compared(theirs, top(own)) for theirs, own in zip(claimed, found, strict=True)]
        return np.array(rows).reshape(-1, 4)

    def suspicion(self, marks: np.ndarray) -> float:
        """The mean of steps."""
        return float(marks[:, 3].mean())


class PublishedActivations(TopActivations):
    """The same evidence under TOPLOC's published thresholds, which are not fitted to anything here."""

    def suspicion(self, marks: np.ndarray) -> float:
        """Share of chunks that the published rule refuses."""
        exponents, mean, median = marks[:, 0], marks[:, 1], marks[:, 2]
        refused = (exponents < PUBLISHED_EXPONENTS) | (mean > PUBLISHED_MEAN) | (median > PUBLISHED_MEDIAN)
        return float(refused.mean())
