"""What all methods share: a miner's trace, a claim to be checked, marks, one suspicion for a window of marks.

Letters in shapes: T tokens of an answer, D width of the model, U units (a token each, or a chunk of tokens).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import torch

from meritnet.subnets.base import InvalidAnswer
from meritnet.subnets.models.decoding import Replay
from meritnet.subnets.models.sampling import Sampling


@dataclass
class Trace:
    """What a miner sees while it decodes; its `see`, or its `see_hidden`, is given to the engine."""

    hidden: list[np.ndarray] = field(default_factory=list)
    """What each token was drawn from, float32 (D,)."""
    logprobs: list[float] = field(default_factory=list)
    """Log-probability of each token at temperature 1."""

    def see(self, hidden: torch.Tensor, logits: torch.Tensor, token: int) -> None:
        """Keep what one token was drawn from."""
        self.see_hidden(hidden, logits, token)
        self.logprobs.append(float(torch.log_softmax(logits.float(), dim=0)[token]))

    def see_hidden(self, hidden: torch.Tensor, logits: torch.Tensor, token: int) -> None:
        """Keep the hidden state alone, which takes no time."""
        self.hidden.append(hidden.float().cpu().numpy().copy())

    @classmethod
    def of(cls, replay: Replay) -> Trace:
        """The trace that a prefill leaves: what a cheat can hand in that reads with the declared model."""
        return cls(list(replay.hidden), [float(value) for value in replay.logprobs])


@dataclass(frozen=True)
class Claim:
    """An answer, what was asked for, and what it is compared with."""

    sampling: Sampling
    tokens: tuple[int, ...]
    evidence: bytes = b""
    """What the method had the miner send along."""
    seeds: tuple[bytes, ...] = ()
    """Seeds that other miners were given, always in one order."""
    twin: tuple[int, ...] = ()
    """Another miner's answer to the very same request."""


class Method(Protocol):
    """One way to check an answer. Honest answers have a suspicion of about 0, cheats a larger one."""

    name: str
    stride: int
    """Tokens of a unit; what is left of an answer beyond whole units is not looked at."""
    resolution: float
    """No suspicion up to here means anything, whatever was measured; see `thresholds`."""
    needs_model: bool
    """Whether the checker runs a prefill."""

    def evidence(self, trace: Trace, seed: bytes) -> bytes:
        """What the miner sends along; empty for methods that look at the tokens only."""
        ...

    def marks(self, claim: Claim, replay: Replay | None) -> np.ndarray:
        """Judge an answer unit by unit: (U, F), F figures of the method's own. Raises InvalidAnswer."""
        ...

    def suspicion(self, marks: np.ndarray) -> float:
        """Sum up a window of units, perhaps of several answers. Larger is more suspicious."""
        ...


def numbers(evidence: bytes, kind: str, shape: tuple[int, ...]) -> np.ndarray:
    """Read a miner's figures: exactly so many of one little-endian type. Raises InvalidAnswer."""
    due = int(np.prod(shape)) * np.dtype(kind).itemsize
    if len(evidence) != due:
        raise InvalidAnswer(f"{len(evidence)} bytes of evidence, {due} are due")
    found = np.frombuffer(evidence, dtype=kind).reshape(shape)
    if found.dtype.kind == "f" and not np.isfinite(found).all():
        raise InvalidAnswer("the evidence holds figures that are not finite")
    return found


def prefilled(replay: Replay | None) -> Replay:
    """The prefill that a method needs."""
    if replay is None:
        raise ValueError("this method checks against a prefill")
    return replay
