"""Who sent this request, and whether it is new: ``btauth/1`` in full, with a memory that survives a restart.

The order is the protocol's: shape, receiver, freshness, signature, replay. The first three need no body, so a
server asks ``claim`` before it reads one and ``believe`` after.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Callable, Iterable
from itertools import takewhile
from pathlib import Path

from meritnet.chain.errors import MeritnetError
from meritnet.subnets import wire

RETENTION_NS = 60 * 10**9
"""How long a nonce is remembered; the window of freshness and the reading of a body lie well inside."""
CAPACITY = 1 << 18
"""Nonces remembered at once, about 40 MB. One process cannot verify as many within the retention."""

_RECORD = struct.Struct(">32sQQ")


class ReplayStoreFull(MeritnetError):
    """More requests within the retention than can be remembered; none is accepted until some expire."""


class ReplayStore:
    """The nonces seen of late, in memory and in an append-only file of fixed-length records.

    A record is written by one ``write`` before the request is acted upon. Killing the process loses nothing,
    as the page stays with the operating system; after a loss of power a machine takes longer to come back
    than a request stays fresh. ``path=None`` keeps the memory only.
    """

    def __init__(self, path: Path | None, now_ns: int, *, retention_ns: int = RETENTION_NS) -> None:
        self._retention_ns = retention_ns
        self._seen: dict[bytes, int] = {}
        self._path = path
        self._file: int | None = None
        self._records_in_file = 0
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._load(path, now_ns)
            self._rewrite(path)

    def __len__(self) -> int:
        return len(self._seen)

    def remember(self, public: bytes, nonce_ns: int, now_ns: int) -> bool:
        """Whether this (sender, nonce) is new; from now on it is not. Raises ``ReplayStoreFull``."""
        self._forget(now_ns)
        key = public + nonce_ns.to_bytes(8, "big")
        if key in self._seen:
            return False
        if len(self._seen) >= CAPACITY:
            raise ReplayStoreFull("too many requests of late", "come back in a minute")
        self._seen[key] = now_ns
        if self._file is not None and self._path is not None:
            os.write(self._file, _RECORD.pack(public, nonce_ns, now_ns))
            self._records_in_file += 1
            if self._records_in_file > 2 * len(self._seen) + 1024:
                self._rewrite(self._path)
        return True

    def close(self) -> None:
        """Closes the file; the store must not be used any more."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _forget(self, now_ns: int) -> None:
        # Insertion order is order of arrival, so the expired ones stand first.
        expired = takewhile(lambda item: item[1] + self._retention_ns < now_ns, self._seen.items())
        for key, _ in list(expired):
            del self._seen[key]

    def _load(self, path: Path, now_ns: int) -> None:
        raw = path.read_bytes() if path.exists() else b""
        # A torn record at the end was never acted upon: the write comes before the answer.
        whole = len(raw) - len(raw) % _RECORD.size
        for public, nonce_ns, seen_ns in _RECORD.iter_unpack(raw[:whole]):
            if seen_ns + self._retention_ns >= now_ns:
                self._seen[public + nonce_ns.to_bytes(8, "big")] = seen_ns

    def _rewrite(self, path: Path) -> None:
        """Replaces the file by one with what is still remembered, and appends to that one from now on."""
        self.close()
        fresh = path.with_name(path.name + ".new")
        self._file = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o600)
        rest = memoryview(b"".join(key + seen_ns.to_bytes(8, "big") for key, seen_ns in self._seen.items()))
        while rest:
            rest = rest[os.write(self._file, rest) :]
        fresh.replace(path)
        self._records_in_file = len(self._seen)


class Verifier:
    """Believes requests to one receiver, each at most once. ``clock_ns`` is Unix time."""

    def __init__(self, receiver: str, store: ReplayStore, clock_ns: Callable[[], int]) -> None:
        self._receiver = receiver
        self._store = store
        self._clock_ns = clock_ns

    def claim(self, method: str, target: str, headers: Iterable[tuple[str, str]]) -> wire.SignedRequest:
        """What the headers say, for us and fresh, but not believed yet; the body is still unknown.

        Raises ``MalformedAuth``, ``WrongReceiver`` or ``StaleRequest``.
        """
        request = wire.parse_request(method, target, headers, body_sha256="")
        wire.check_receiver(request, self._receiver)
        wire.check_freshness(request, self._clock_ns())
        return request

    def believe(self, claim: wire.SignedRequest, body_sha256: str) -> wire.SignedRequest:
        """The request with its body, signed by its sender and never seen before; it is remembered.

        Raises ``BadSignature``, ``ReplayedRequest`` or ``ReplayStoreFull``.
        """
        request = claim.with_body(body_sha256)
        wire.check_signature(request)
        if not self._store.remember(wire.public_key(request.sender), request.nonce_ns, self._clock_ns()):
            raise wire.ReplayedRequest("this request was seen before")
        return request
