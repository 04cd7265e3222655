"""What goes wrong, and when: a seed becomes a list of faults. Pure, so that a failure repeats by its seed.

A run has every outage and every kind of hostile traffic once; the seed draws their order, whom they meet, how
long they last and how bad they are.
"""

from dataclasses import dataclass
from random import Random

MINERS = ("miner-1", "miner-2")
"""The honest ones; ``miner-3`` is lazy and no victim."""
VALIDATORS = ("validator-1", "validator-2")
NEURONS = MINERS + VALIDATORS

OUTAGES: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("kill", ("chain",)),
    ("kill", MINERS),
    ("kill", VALIDATORS),
    ("stop", ("chain",)),
    ("stop", NEURONS),
    ("slow link", NEURONS),
    ("dropped connections", NEURONS),
    ("dead link", NEURONS),
    ("clock skew", MINERS),
    ("clock skew", VALIDATORS),
)
"""Each with the processes of which one is the victim. A miner's link is the one to its validators, a
validator's the one to the chain."""

TRAFFIC = ("malformed", "idle connections", "decompression bombs", "JSON bombs", "trickle")
"""Sent to one honest miner and to the chain."""

SKEWS_S = (-3600, -60, 60, 3600)


@dataclass(frozen=True)
class Fault:
    """One thing that goes wrong."""

    kind: str
    victim: str
    length_s: float = 0.0
    """Of an outage; hostile traffic lasts until honest work was done under it."""
    skew_s: int = 0
    seed: int = 0
    """For what is drawn while the fault lasts."""

    def __str__(self) -> str:
        skew = f" by {self.skew_s:+d} s" if self.skew_s else ""
        length = f" for {self.length_s:.1f} s" if self.length_s else ""
        return f"{self.kind}{skew}: {self.victim}{length}"


def schedule(seed: int) -> list[Fault]:
    """The faults of a run, in order."""
    dice = Random(seed)
    faults = [_outage(dice, kind, dice.choice(victims)) for kind, victims in OUTAGES]
    faults += [Fault(kind, dice.choice(MINERS), seed=dice.getrandbits(32)) for kind in TRAFFIC]
    dice.shuffle(faults)
    return faults


def _outage(dice: Random, kind: str, victim: str) -> Fault:
    length_s = round(dice.uniform(1, 2) if kind == "kill" else dice.uniform(3, 8), 1)
    skew_s = dice.choice(SKEWS_S) if kind == "clock skew" else 0
    return Fault(kind, victim, length_s, skew_s, dice.getrandbits(32))
