"""Questions out, answers or failures in, as values: nothing that a miner does raises here.

One pool of connections for all miners. Every request is signed for its receiver, every response must be
signed by it. Time and size are bounded, redirects and compression are not followed, and addresses that are
not public are left alone unless told otherwise: an address on the chain is a stranger's word, and a
validator that followed it to a machine of its own network would be a stranger's tool.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from hashlib import sha256
from ipaddress import ip_address
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

import aiohttp
from yarl import URL

from meritnet.chain.client.metagraph import Axon
from meritnet.chain.keys import KeyPair
from meritnet.subnets.artifacts import ArtifactError, ArtifactStore
from meritnet.subnets.base import ArtifactRef, Task
from meritnet.subnets.receipts import Exchange
from meritnet.subnets.tracing import OFF, TRACEPARENT, Attributes, Span, Traces
from meritnet.subnets.wire import (
    BadResponse,
    SignedRequest,
    SignedResponse,
    StaleRequest,
    read_response,
    sign_request,
)

CONNECTIONS = 128
FETCH_S = 120.0
"""For one artifact."""
ONE_TICK_NS = 10**9
"""No clock is coarser. Nobody asks often enough to run ahead so far."""
REFUSAL_BYTES = 4096
"""Of a refusal's body, which says why."""


_Result = TypeVar("_Result")
_NONE = aiohttp.ClientTimeout(total=None)


@dataclass(frozen=True)
class Failure:
    """Why there is no answer; one line that a person reads. The rest is what there is of evidence."""

    why: str
    request: SignedRequest | None = field(default=None, compare=False)
    response: SignedResponse | None = field(default=None, compare=False)
    """The refusal, where the miner signed one."""
    response_body: bytes = field(default=b"", compare=False)
    says_stale: bool = field(default=False, compare=False)
    """The miner says that the request was made too long ago, or in the future: one of the two clocks is off.
    Nobody signed that."""


@dataclass(frozen=True)
class Target:
    """A miner as the chain knows it."""

    uid: int
    hotkey: str
    axon: Axon

    @property
    def url(self) -> str:
        """Where it says that it serves."""
        host = f"[{self.axon.ip}]" if ":" in self.axon.ip else self.axon.ip
        return f"http://{host}:{self.axon.port}"


class Asker:
    """The validator's side of the wire; use as an asynchronous context manager."""

    def __init__(
        self,
        pair: KeyPair,
        artifacts: ArtifactStore,
        *,
        allow_private: bool = False,
        clock_ns: Callable[[], int] = time.time_ns,
        traces: Traces = OFF,
    ) -> None:
        self._pair = pair
        self._artifacts = artifacts
        self._allow_private = allow_private
        self._clock_ns = clock_ns
        self._traces = traces
        self._last_nonce_ns = 0
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=CONNECTIONS, limit_per_host=8),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            skip_auto_headers=("Accept-Encoding",),
            trust_env=False,
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()

    def sign(self, target: Target, task: Task) -> SignedRequest:
        """The request for a task, to be sent at once: it does not stay fresh for long."""
        return self._signed("POST", task.path, task.body, target)

    async def ask(
        self, target: Target, task: Task, request: SignedRequest | None = None
    ) -> Exchange | Failure:
        """The miner's signed answer to a task, or why there is none; ``request`` if it is signed already."""
        request = request or self.sign(target, task)
        began_s = time.perf_counter()

        async def whole(response: aiohttp.ClientResponse) -> Exchange | Failure:
            # A refusal may say more than the shortest of answers.
            most = task.max_answer_bytes if response.status == 200 else REFUSAL_BYTES
            body = await _bounded(response, most)
            if body is None:
                return Failure(f"the answer is larger than {most:,} bytes")
            if response.status == 401 and _kind(body) == StaleRequest.__name__:
                return Failure(_refusal(401, body), says_stale=True)
            signed = read_response(request, response.status, response.headers.items(), _digest(body))
            if response.status != 200:
                return Failure(_refusal(response.status, body), request, signed, body)
            return Exchange(request, task.body, signed, body, time.perf_counter() - began_s)

        with self._span(target, request, task.path):
            got = await self._exchanged(target, request, task.body, task.deadline_s, whole)
        return replace(got, request=request) if isinstance(got, Failure) else got

    async def fetch(self, target: Target, wanted: ArtifactRef) -> Path | Failure:
        """A file of the miner's, verified while it arrives, or why there is none."""
        if wanted.content_id in self._artifacts:
            return self._artifacts.path(wanted.content_id)
        request = self._signed("GET", f"/artifacts/{wanted.content_id}", b"", target)

        async def stored(response: aiohttp.ClientResponse) -> Path | Failure:
            if response.status != 200:
                return Failure(_refusal(response.status, await _bounded(response, REFUSAL_BYTES) or b""))
            read_response(request, 200, response.headers.items(), wanted.content_id)
            with self._artifacts.receiving(wanted.content_id, wanted.max_bytes) as sink:
                async for chunk in response.content.iter_any():
                    sink.write(chunk)
            return self._artifacts.path(wanted.content_id)

        with self._span(target, request, "/artifacts/{content_id}"):
            return await self._exchanged(target, request, b"", FETCH_S, stored)

    def _span(self, target: Target, request: SignedRequest, path: str) -> AbstractContextManager[Span]:
        about: Attributes = {
            "http.request.method": request.method,
            "url.template": path,
            "server.address": target.axon.ip,
            "server.port": target.axon.port,
            "meritnet.request_id": request.id,
        }
        return self._traces.span(f"{request.method} {path}", about, kind="client")

    async def _exchanged(
        self,
        target: Target,
        request: SignedRequest,
        body: bytes,
        deadline_s: float,
        read: Callable[[aiohttp.ClientResponse], Awaitable[_Result | Failure]],
    ) -> _Result | Failure:
        """Sends a signed request and lets ``read`` take the response, within the deadline."""
        assert self._session is not None, "use the asker as a context manager"
        if (refused := self._unreachable(target)) is not None:
            return refused
        url = URL(target.url + request.target, encoded=True)
        headers = request.headers | {"Content-Type": "application/json", "Accept-Encoding": "identity"}
        span = self._traces.current()
        if span.traceparent:
            headers[TRACEPARENT] = span.traceparent
        try:
            async with (
                asyncio.timeout(deadline_s),
                self._session.request(
                    request.method,
                    url,
                    data=body or None,
                    headers=headers,
                    allow_redirects=False,
                    timeout=_NONE,
                ) as response,
            ):
                span.note({"http.response.status_code": response.status})
                if response.status >= 400:
                    span.fail(str(response.status))
                return await read(response)
        except TimeoutError:
            span.fail("timeout")
            return Failure(f"no answer within {deadline_s:g} s")
        except (BadResponse, ArtifactError) as error:
            span.fail(type(error).__name__)
            return Failure(str(error))
        except (aiohttp.ClientError, ValueError, OSError) as error:
            span.fail(type(error).__name__)
            return Failure(f"no connection: {_first_line(error)}")

    def _unreachable(self, target: Target) -> Failure | None:
        if not target.axon.is_serving:
            return Failure("the miner has announced no address")
        if not self._allow_private and not ip_address(target.axon.ip).is_global:
            return Failure(f"{target.axon.ip} is no public address")
        return None

    def _signed(self, method: str, path: str, body: bytes, target: Target) -> SignedRequest:
        # Two requests in one tick of the clock must not share a nonce, but a clock that was ahead and has
        # been set right must not leave us in the future.
        now_ns = self._clock_ns()
        runs_ahead = now_ns <= self._last_nonce_ns < now_ns + ONE_TICK_NS
        self._last_nonce_ns = self._last_nonce_ns + 1 if runs_ahead else now_ns
        return sign_request(self._pair, method, path, body, target.hotkey, self._last_nonce_ns)


async def _bounded(response: aiohttp.ClientResponse, most: int) -> bytes | None:
    """The body, or ``None`` when it is larger than allowed."""
    if response.content_length is not None and response.content_length > most:
        return None
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > most:
            return None
    return bytes(body)


def _refusal(status: int, body: bytes) -> str:
    """A miner's refusal in one line; its words are a stranger's and are cut."""
    try:
        reason = str(json.loads(body)["error"])
    except (ValueError, KeyError, TypeError, RecursionError):
        reason = ""
    return f"refused with {status}: {_first_line(reason)}" if reason else f"refused with {status}"


def _kind(body: bytes) -> str:
    """The kind of error that a miner names when it refuses before it knows who asks."""
    try:
        return str(json.loads(body)["kind"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return ""


def _first_line(words: object) -> str:
    line = (str(words).splitlines() or [""])[0]
    return "".join(letter for letter in line if letter.isprintable())[:200] or type(words).__name__


def _digest(body: bytes) -> str:
    return sha256(body).hexdigest()
