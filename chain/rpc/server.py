"""The node on a socket: JSON-RPC over HTTP (POST on ``/``) and over WebSocket, on one port.

Requests run in worker threads, one at a time for each connection. A client that does not read what it
subscribed to is dropped. Pages of other sites cannot talk to a local node: the names in ``Host`` and
``Origin`` are checked (DNS rebinding), and ``dev_`` methods are for loopback only.
"""

import asyncio
import contextlib
import ipaddress
import logging
import os
import threading
from collections import deque
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from urllib.parse import urlsplit

from aiohttp import WSCloseCode, WSMsgType, web

from meritnet.chain.errors import MeritnetError, TransportError, UsageError
from meritnet.chain.node.node import Node
from meritnet.chain.rpc.door import Door
from meritnet.chain.rpc.session import Session

# aiohttp logs each malformed request with its stack at level ERROR: a stranger's way to fill the disk.
_QUIET = logging.getLogger("meritnet.chain.rpc.http")
_QUIET.setLevel(logging.CRITICAL)

PORT = 9944
CLOSE_TIMEOUT_S = 1.0
"""How long a client may take to say goodbye."""

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True)
class Limits:
    """What clients may use up, all of them together or each of them."""

    connections: int = 100
    """Of those that have said something: requests under way, and WebSockets."""
    sockets: int = 512
    """Of all; well below the 1,024 files that a process may usually open."""
    silence_s: float = 60.0
    """For the head of a request, on a new connection and on a kept one."""
    request_bytes: int = 15 * 1024 * 1024
    unread_messages: int = 4_096
    unread_bytes: int = 32 * 1024 * 1024
    body_timeout_s: float = 30.0
    heartbeat_s: float = 30.0
    workers: int = 8


class RpcServer:
    """Serves a node until closed. Made by :func:`serve`."""

    def __init__(
        self, node: Node, host: str, *, dev_rpc: bool, origins: frozenset[str], limits: Limits
    ) -> None:
        self.node = node
        self.endpoint = ""
        self._host = host
        self._dev = dev_rpc
        self._origins = origins
        self._limits = limits
        self._connections = 0
        self._open: set[web.WebSocketResponse] = set()
        self._workers = ThreadPoolExecutor(limits.workers, thread_name_prefix="rpc")
        app = web.Application(client_max_size=limits.request_bytes, middlewares=[self._guard])
        app.add_routes(
            [
                web.post("/", self._post),
                web.options("/", self._preflight),
                web.get("/", self._websocket),
                web.get("/health", self._health),
            ]
        )
        self._runner = web.AppRunner(
            app,
            access_log=None,
            logger=_QUIET,
            auto_decompress=False,
            keepalive_timeout=limits.silence_s,
            shutdown_timeout=CLOSE_TIMEOUT_S,
            lingering_time=CLOSE_TIMEOUT_S,
        )
        self._listener: asyncio.Server | None = None

    async def start(self, port: int) -> None:
        """Listen; ``TransportError`` if the port is taken."""
        await self._runner.setup()
        assert self._runner.server is not None
        door = Door(self._runner.server, self._limits.sockets)
        try:
            self._listener = await asyncio.get_running_loop().create_server(door, self._host, port)
        except OSError as error:
            await self.close()
            reason = os.strerror(error.errno).lower() if error.errno else str(error)
            taken = f"cannot listen on {self._host}:{port}: {reason}"
            raise TransportError(taken, "stop what uses the port, or choose another") from None
        bound = self._listener.sockets[0].getsockname()[1]
        shown = f"[{self._host}]" if ":" in self._host else self._host
        self.endpoint = f"ws://{shown}:{bound}"

    async def close(self) -> None:
        """Say goodbye to every client and stop listening."""
        goodbyes = [
            socket.close(code=WSCloseCode.GOING_AWAY, message=b"the node stops") for socket in self._open
        ]
        await asyncio.gather(*goodbyes, return_exceptions=True)
        if self._listener is not None:
            self._listener.close()
        await self._runner.cleanup()
        self._workers.shutdown(wait=False, cancel_futures=True)

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if not self._is_local_name(request.host):
            raise web.HTTPForbidden(text="this node does not go by that host name\n")
        origin = request.headers.get("Origin")
        if origin and not self._is_local_origin(origin) and origin not in self._origins:
            raise web.HTTPForbidden(text="pages of this origin may not use the node\n")
        if self._connections >= self._limits.connections:
            raise web.HTTPServiceUnavailable(text="too many connections\n")
        self._connections += 1
        try:
            return await handler(request)
        finally:
            self._connections -= 1

    def _is_local_name(self, host: str) -> bool:
        """Whether a ``Host`` header names this machine; any address does, names are only for loopback."""
        name = urlsplit(f"//{host}").hostname or ""
        if name in LOCAL_NAMES or name == self._host:
            return True
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return False
        return not _is_loopback(self._host)

    def _is_local_origin(self, origin: str) -> bool:
        return (urlsplit(origin).hostname or "") in LOCAL_NAMES

    def _may_develop(self, request: web.Request) -> bool:
        origin = request.headers.get("Origin")
        return self._dev and (origin is None or self._is_local_origin(origin))

    async def _health(self, _request: web.Request) -> web.Response:
        failure = self.node.failure
        state = {"status": "failed" if failure else "ok", "head": self.node.head.number}
        shown = state | ({"error": str(failure)} if failure else {})
        return web.json_response(shown, status=503 if failure else 200)

    async def _post(self, request: web.Request) -> web.Response:
        if "Content-Encoding" in request.headers:
            raise web.HTTPUnsupportedMediaType(text="send the request as it is, without Content-Encoding\n")
        try:
            async with asyncio.timeout(self._limits.body_timeout_s):
                text = await request.text()
        except TimeoutError:
            raise web.HTTPRequestTimeout(text="the request did not arrive in time\n") from None
        except (UnicodeDecodeError, LookupError):  # the latter for a charset that nobody knows
            raise web.HTTPBadRequest(text="the request is no text\n") from None
        except web.RequestPayloadError as error:
            raise web.HTTPBadRequest(text=f"the body is broken: {error}\n") from None
        session = Session(self.node, dev=self._may_develop(request))
        answer = await asyncio.get_running_loop().run_in_executor(self._workers, session.receive, text)
        return web.Response(text=answer or "", content_type="application/json", headers=_cors(request))

    async def _preflight(self, request: web.Request) -> web.Response:
        """Tell a browser that a page of an origin that got this far may post JSON."""
        allowed = {"Access-Control-Allow-Methods": "POST", "Access-Control-Allow-Headers": "Content-Type"}
        return web.Response(status=204, headers=_cors(request) | allowed)

    async def _websocket(self, request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse(
            timeout=CLOSE_TIMEOUT_S,
            heartbeat=self._limits.heartbeat_s,
            max_msg_size=self._limits.request_bytes,
            compress=False,
        )
        if not socket.can_prepare(request).ok:
            raise web.HTTPMethodNotAllowed("GET", ["POST"], text="JSON-RPC: POST here, or open a WebSocket\n")
        await socket.prepare(request)
        self._open.add(socket)
        try:
            connection = _Connection(self.node, socket, self._limits, dev=self._may_develop(request))
            await connection.run(self._workers)
        finally:
            self._open.discard(socket)
        return socket


class _Connection:
    """One WebSocket: a session, and a bounded queue of what the client has still to read."""

    def __init__(self, node: Node, socket: web.WebSocketResponse, limits: Limits, *, dev: bool) -> None:
        self._socket = socket
        self._limits = limits
        self._loop = asyncio.get_running_loop()
        self._unread: deque[str] = deque()
        self._held: list[str] = []
        self._answering = False
        self._size = 0
        self._more = asyncio.Event()
        self._overrun = False
        self._session = Session(node, self._send, dev=dev)

    def _send(self, text: str) -> None:
        """Queue a notification, from any thread."""
        with contextlib.suppress(RuntimeError):  # the loop has ended, and the client with it
            self._loop.call_soon_threadsafe(self._offer, text)

    def _offer(self, text: str) -> None:
        if self._answering:  # a subscription's first notification comes after the answer that names it
            self._held.append(text)
        else:
            self._put(text)

    def _put(self, text: str) -> None:
        self._unread.append(text)
        self._size += len(text)
        if len(self._unread) > self._limits.unread_messages or self._size > self._limits.unread_bytes:
            self._overrun = True
        self._more.set()

    async def run(self, workers: ThreadPoolExecutor) -> None:
        """Serve until the client goes, or is too slow."""
        tasks = [asyncio.create_task(self._read(workers)), asyncio.create_task(self._write())]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._session.close()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            if self._overrun and self._socket._req and self._socket._req.transport:
                self._socket._req.transport.abort()  # a close frame would wait for the reader, too

    async def _read(self, workers: ThreadPoolExecutor) -> None:
        async for message in self._socket:
            if message.type not in (WSMsgType.TEXT, WSMsgType.BINARY):
                return
            text = message.data if message.type is WSMsgType.TEXT else message.data.decode(errors="replace")
            self._answering = True
            answer = await self._loop.run_in_executor(workers, self._session.receive, text)
            if answer is not None:
                self._put(answer)
            self._answering = False
            held, self._held = self._held, []
            for notification in held:
                self._put(notification)

    async def _write(self) -> None:
        while not self._overrun:
            await self._more.wait()
            self._more.clear()
            while self._unread and not self._overrun:
                text = self._unread.popleft()
                self._size -= len(text)
                await self._socket.send_str(text)


def _cors(request: web.Request) -> dict[str, str]:
    origin = request.headers.get("Origin")
    return {"Access-Control-Allow-Origin": origin, "Vary": "Origin"} if origin else {}


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


async def serve(
    node: Node,
    host: str = "127.0.0.1",
    port: int = PORT,
    *,
    dev_rpc: bool = False,
    origins: frozenset[str] = frozenset({"https://polkadot.js.org"}),
    limits: Limits | None = None,
) -> RpcServer:
    """Serve ``node`` on a socket of the running loop; port 0 takes any free one.

    ``origins`` are the web sites whose pages may use the node, besides local ones. ``UsageError`` for
    ``dev_rpc`` on an address that others reach.
    """
    if dev_rpc and not _is_loopback(host):
        raise UsageError(f"dev methods are for loopback only, not for {host}", "serve on 127.0.0.1")
    server = RpcServer(node, host, dev_rpc=dev_rpc, origins=origins, limits=limits or Limits())
    await server.start(port)
    return server


@contextlib.contextmanager
def serving(node: Node, host: str = "127.0.0.1", port: int = 0, *, dev_rpc: bool = False) -> Iterator[str]:
    """Serve ``node`` from a thread of its own as long as the context lasts; the endpoint."""
    started: Future[tuple[str, asyncio.AbstractEventLoop, asyncio.Event]] = Future()

    async def main() -> None:
        stop = asyncio.Event()
        server = await serve(node, host, port, dev_rpc=dev_rpc)
        started.set_result((server.endpoint, asyncio.get_running_loop(), stop))
        await stop.wait()
        await server.close()

    def run() -> None:
        try:
            asyncio.run(main())
        except MeritnetError as error:
            started.set_exception(error)

    thread = threading.Thread(target=run, name="rpc-server", daemon=True)
    thread.start()
    endpoint, loop, stop = started.result(timeout=10)
    try:
        yield endpoint
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(timeout=10)
