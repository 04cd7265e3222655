"""Whether the miner is ready, and whether a request comes from this very machine."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address

from aiohttp import web

CHAIN_SEEN_WITHIN_S = 60.0
"""Without a look at the chain for this long (five blocks of the public chain) a miner is not ready."""

LOADING = "the model is not loaded"
STOPPING = "the miner is stopping"

_FORWARDED = ("Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-IP", "Via", "CF-Connecting-IP")
_LOCAL_NAMES = {"localhost", "127.0.0.1", "[::1]"}


@dataclass(frozen=True)
class Standing:
    """The miner as the newest metagraph has it."""

    uid: int
    block: int
    incentive: float
    emission_rao: int
    """What the last epoch paid it."""
    stake_rao: int


@dataclass
class Health:
    """What must be true before a miner earns; each part of the service keeps its own line up to date."""

    closed: str = ""
    """Why no request is taken at the moment, ``LOADING`` or ``STOPPING``; empty when requests are taken."""
    role_started: bool = False
    registered: bool = False
    announced: bool = False
    chain_seen_at_s: float | None = None
    """Monotonic time of the last look at the chain."""
    standing: Standing | None = None
    """``None`` while the hotkey is not registered."""

    def missing(self, now_s: float) -> list[str]:
        """What is not there yet, in words; nothing when the miner is ready."""
        seen = self.chain_seen_at_s is not None and now_s - self.chain_seen_at_s < CHAIN_SEEN_WITHIN_S
        lines = {
            STOPPING: self.closed != STOPPING,
            LOADING: self.role_started,
            "the hotkey is not registered": self.registered,
            "the endpoint is not on the chain": self.announced,
            "the chain has not been seen of late": seen,
        }
        return [line for line, holds in lines.items() if not holds]


def is_local(request: web.BaseRequest) -> bool:
    """Whether the request was made on this machine by a program, not passed on and not by a page of the web.

    A reverse proxy on the same machine would make the world look local, so any forwarding header says no. A
    web page that had its name rebound to 127.0.0.1 still sends its own name as Host, or an Origin.
    """
    if any(name in request.headers for name in _FORWARDED):
        return False
    if not _is_loopback(request.remote):
        return False
    if not _is_local_name(request.headers.get("Host", "")):
        return False
    origin = request.headers.get("Origin")
    return origin is None or _is_local_name(origin.partition("://")[2])


def _is_loopback(remote: str | None) -> bool:
    try:
        return remote is not None and ip_address(remote.partition("%")[0]).is_loopback
    except ValueError:
        return False


def _is_local_name(host: str) -> bool:
    name = host if host.endswith("]") else host.rpartition(":")[0] or host
    return name.lower() in _LOCAL_NAMES
