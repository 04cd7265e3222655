"""What a miner reports about its life, for whoever renders it: `meritnet up`, the command line, a log."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Event:
    """Something that a miner did or learned in a subnet."""

    netuid: int
    hotkey: str


@dataclass(frozen=True)
class Serving(Event):
    """The server takes requests."""

    url: str


@dataclass(frozen=True)
class Announced(Event):
    """The chain knows the miner's address now."""

    uid: int
    ip: str
    port: int


@dataclass(frozen=True)
class Seen(Event):
    """The miner as the newest metagraph has it."""

    uid: int
    block: int
    incentive: float
    emission_rao: int
    """What the last epoch paid it."""
    stake_rao: int


@dataclass(frozen=True)
class Deregistered(Event):
    """The hotkey has no uid any more: nobody will ask until it is registered again."""


@dataclass(frozen=True)
class Trouble(Event):
    """Something failed; the miner goes on. ``what`` completes "it could not …", ``message`` says why."""

    what: str
    message: str


Report = Callable[[Event], None]


def ignore(event: Event) -> None:
    """Report to nobody."""
