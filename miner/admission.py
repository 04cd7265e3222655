"""Whether a verified caller is served now: registered, permitted, not too often, and with room in the queue.

An address is counted before anything is read from it, so that a flood of worthless signatures costs no
verification; a hotkey or an API client is counted after it has shown to be one, so that nobody can spend
another one's allowance. A refusal is an exception with an HTTP status, one line that says why, and the
seconds after which to try again.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from meritnet.chain.errors import MeritnetError
from meritnet.miner.allowances import Allowances


class Refusal(MeritnetError):
    """A request that is not served, for a reason that the caller may know."""

    def __init__(self, status: int, message: str, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.retry_after_s = retry_after_s


@dataclass(frozen=True)
class Policy:
    """Who is served, how often, and how many at once."""

    min_stake_rao: int | None = None
    """Stake that stands in for a validator permit. ``None``: a permit is needed, except in a subnet that has
    not given any yet (before its first epoch), where any stake will do."""
    requests_per_s: float = 4.0
    """Sustained rate of one hotkey, and of one API client."""
    burst: int = 32
    """Requests of one hotkey or client that may come at once after a pause."""
    address_requests_per_s: float = 50.0
    """Sustained rate of one address, whoever speaks from there and whether or not it is believed."""
    address_burst: int = 500
    """Requests from one address that may come at once after a pause."""
    in_flight: int = 32
    """Requests in the handlers at the same time."""
    waiting: int = 64
    """Requests that may wait for a handler; beyond it the one with the least stake is refused."""
    wait_s: float = 10.0
    """How long a request may wait."""
    stale_view_s: float = 300.0
    """Age of the metagraph view beyond which nobody is admitted: permits may have been lost meanwhile."""


@dataclass(frozen=True)
class Peer:
    """What the chain says of one hotkey of the subnet."""

    uid: int
    permit: bool
    stake_rao: int


@dataclass(frozen=True)
class View:
    """The subnet's hotkeys at one moment, and when (monotonic seconds) that was."""

    peers: dict[str, Peer] = field(default_factory=dict)
    taken_at_s: float = -math.inf

    @property
    def gave_permits(self) -> bool:
        """Whether any hotkey holds a permit, which none does before the first epoch."""
        return any(peer.permit for peer in self.peers.values())


@dataclass(order=True, frozen=True)
class _Waiting:
    """A place in the queue; the largest is served next: most stake, then first come."""

    stake_rao: int
    ticket: int
    """Falls by one for each request."""
    turn: asyncio.Future[None] = field(compare=False)


class Admission:
    """Decides about one caller at a time; ``update`` gives it a newer view of the chain."""

    def __init__(self, policy: Policy, clock_s: Callable[[], float]) -> None:
        self.policy = policy
        self.view = View()
        self._clock_s = clock_s
        self._hotkeys = Allowances(policy.requests_per_s, policy.burst, clock_s)
        self._clients = Allowances(policy.requests_per_s, policy.burst, clock_s)
        self._addresses = Allowances(policy.address_requests_per_s, policy.address_burst, clock_s)
        self._waiting: list[_Waiting] = []
        self._running = 0
        self._ticket = 0

    def update(self, peers: Iterable[tuple[str, Peer]]) -> None:
        """Replaces the view; allowances of hotkeys that have gone are forgotten."""
        self.view = View(dict(peers), self._clock_s())
        self._hotkeys.keep(self.view.peers)

    def admit_address(self, address: str) -> None:
        """Lets a request from this address be read. Raises ``Refusal`` (429)."""
        if wait_s := self._addresses.spend(address):
            rate = self.policy.address_requests_per_s
            raise Refusal(429, f"at most {rate:g} requests a second from one address", wait_s)

    def admit_client(self, name: str) -> None:
        """Lets a request of this API client be answered. Raises ``Refusal`` (429)."""
        self._check_rate(self._clients, name)

    def admit(self, hotkey: str) -> Peer:
        """The caller as the chain knows it. Raises ``Refusal``: 403 for a stranger, 429 for a hurried one."""
        if self._clock_s() - self.view.taken_at_s > self.policy.stale_view_s:
            raise Refusal(503, "this miner has lost sight of the chain", 30)
        peer = self.view.peers.get(hotkey)
        if peer is None:
            raise Refusal(403, f"{hotkey} is not registered on this subnet")
        self._check_permit(peer)
        self._check_rate(self._hotkeys, hotkey)
        return peer

    @asynccontextmanager
    async def place(self, peer: Peer) -> AsyncIterator[None]:
        """Room to work for one request, in order of stake. Raises ``Refusal`` (503) when there is none."""
        if self._running >= self.policy.in_flight:
            await self._queue(peer)
        else:
            self._running += 1
        try:
            yield
        finally:
            self._leave()

    @property
    def queue_length(self) -> int:
        """Requests that wait for a handler."""
        return len(self._waiting)

    @property
    def running(self) -> int:
        """Requests in the handlers."""
        return self._running

    def _check_permit(self, peer: Peer) -> None:
        minimum = self.policy.min_stake_rao
        if peer.permit or (minimum is not None and peer.stake_rao >= minimum):
            return
        if minimum is None and not self.view.gave_permits and peer.stake_rao > 0:
            return
        needed = "a validator permit" if minimum is None else f"a permit or {minimum / 1e9:g} TAO of stake"
        raise Refusal(403, f"uid {peer.uid} needs {needed}, and holds {peer.stake_rao / 1e9:g} TAO of stake")

    def _check_rate(self, allowances: Allowances, key: str) -> None:
        if wait_s := allowances.spend(key):
            raise Refusal(429, f"at most {self.policy.requests_per_s:g} requests a second", wait_s)

    async def _queue(self, peer: Peer) -> None:
        """Returns when it is this request's turn; the one that leaves hands its place over."""
        self._ticket -= 1
        mine = _Waiting(peer.stake_rao, self._ticket, asyncio.get_running_loop().create_future())
        self._waiting.append(mine)
        if len(self._waiting) > self.policy.waiting:
            least = min(self._waiting)
            self._waiting.remove(least)
            least.turn.set_exception(Refusal(503, "the queue is full, and others hold more stake", 1))
        try:
            async with asyncio.timeout(self.policy.wait_s):
                await mine.turn
        except (TimeoutError, asyncio.CancelledError) as ended:
            if mine.turn.done() and not mine.turn.cancelled() and mine.turn.exception() is None:
                self._leave()  # the turn came in the same moment: hand it on
            if isinstance(ended, TimeoutError):
                raise Refusal(503, f"no handler was free for {self.policy.wait_s:g} s", 1) from None
            raise
        finally:
            if mine in self._waiting:
                self._waiting.remove(mine)

    def _leave(self) -> None:
        while self._waiting:
            first = max(self._waiting)
            self._waiting.remove(first)
            if not first.turn.done():
                first.turn.set_result(None)
                return
        self._running -= 1
