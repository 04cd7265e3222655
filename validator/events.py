"""What a validator reports while it works, for whoever renders it: `meritnet up`, the command line, a log."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

HIDDEN: Mapping[str, bool] = {"hidden": True}
"""Marks a field that is never written where others may read it, such as in a log."""


@dataclass(frozen=True)
class Event:
    """Something that a validator did or learned in a subnet."""

    netuid: int
    validator: str
    """Address of its hotkey."""


@dataclass(frozen=True)
class Asked(Event):
    """A question went out to a miner."""

    uid: int
    path: str
    request_id: str
    """The nonce of the signed request, by which the miner's log knows it too."""


@dataclass(frozen=True)
class Scored(Event):
    """A miner's answer was judged; ``average`` is the miner's standing after it."""

    uid: int
    value: float
    why: str
    average: float
    elapsed_s: float | None
    """Time to the answer; ``None`` when there was none."""
    evidence: Mapping[str, object] = field(default_factory=dict)
    """The figures behind the value, as JSON values."""
    request_id: str = ""
    """As it was asked under."""


@dataclass(frozen=True)
class Stepped(Event):
    """A step is over and its state is on disk."""

    epoch: int
    step: int
    """How many steps of this epoch are done now."""
    block: int
    block_hash: str
    asked: int
    answered: int
    bundle: str = ""
    """The name of the bundle that the step left."""


@dataclass(frozen=True)
class Committed(Event):
    """The hash of these weights is on the chain."""

    epoch: int
    weights: dict[int, float] = field(default_factory=dict, repr=False, metadata=HIDDEN)
    """Share by uid; nobody's to know before they are revealed, so missing in what another process printed."""
    bundle: str = ""
    """The name of the bundle that the salt binds."""


@dataclass(frozen=True)
class Revealed(Event):
    """Weights committed in an earlier epoch are on the chain in the open."""

    epoch: int
    """The epoch in which they were committed."""
    weights: dict[int, float]


@dataclass(frozen=True)
class WeightsSet(Event):
    """Weights were set in the open, in a subnet without commit-reveal."""

    epoch: int
    weights: dict[int, float]


@dataclass(frozen=True)
class Waits(Event):
    """The chain takes no weights yet; it will from this block on."""

    block: int
    why: str


@dataclass(frozen=True)
class Predicted(Event):
    """What the epoch's end will pay into this validator's stake, computed here from the chain's state."""

    epoch: int
    block: int
    """The block in which the epoch will run."""
    rao: int


@dataclass(frozen=True)
class Paid(Event):
    """What the epoch's end did pay, beside the prediction."""

    epoch: int
    block: int
    predicted_rao: int
    paid_rao: int

    @property
    def agrees(self) -> bool:
        """Whether the chain paid what its specification says, to the rao."""
        return self.predicted_rao == self.paid_rao


@dataclass(frozen=True)
class Trouble(Event):
    """Something failed; the validator goes on. ``what`` completes "it could not …", ``message`` says why."""

    what: str
    message: str


Report = Callable[[Event], None]


def ignore(event: Event) -> None:
    """Report to nobody."""
