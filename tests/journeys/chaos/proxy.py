"""A TCP proxy on loopback whose links misbehave on demand: slow, dropped, dead.

All proxies of a run live in one event loop in a thread of its own; what the test calls returns at once.
"""

import asyncio
import contextlib
import socket
import struct
import threading
from dataclasses import dataclass, field
from typing import Self

PIECE = 16_384
LINGER_NOT = struct.pack("ii", 1, 0)
"""Closing such a socket resets the connection."""


@dataclass(frozen=True)
class Weather:
    """What a link does to what it carries."""

    delay_s: float = 0.0
    """Each piece waits for so long."""
    bytes_per_s: float | None = None
    swallows: bool = False
    """Nothing arrives, and nobody is told; that is not made good when the weather clears."""
    drops_every_s: float | None = None
    """All connections are reset so often; new ones are taken in between."""


FAIR = Weather()


@dataclass
class Link:
    """Listens in one place and passes on to another; both on loopback."""

    listen: tuple[str, int]
    target: tuple[str, int]
    weather: Weather = FAIR
    carried_bytes: int = 0
    dropped: int = 0
    _server: asyncio.Server | None = None
    _writers: set[asyncio.StreamWriter] = field(default_factory=set)
    _doomed: set[asyncio.StreamWriter] = field(default_factory=set)
    """Connections that swallowed something are lost for good."""

    async def open(self) -> None:
        """Listens; the port is known afterwards if it was 0."""
        self._server = await asyncio.start_server(self._accept, *self.listen)
        self.listen = self._server.sockets[0].getsockname()[:2]

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            there_reader, there = await asyncio.open_connection(*self.target)
        except OSError:
            self._reset(writer)
            return
        self._writers.add(there)
        await asyncio.gather(
            self._carry(reader, there), self._carry(there_reader, writer), return_exceptions=True
        )
        for end in (writer, there):
            self._reset(end) if end in self._doomed else self._end(end)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while piece := await reader.read(PIECE):
                weather = self.weather
                if weather.swallows or writer in self._doomed:
                    self._doomed.add(writer)
                    continue
                await asyncio.sleep(weather.delay_s)
                if weather.bytes_per_s is not None:
                    await asyncio.sleep(len(piece) / weather.bytes_per_s)
                writer.write(piece)
                await writer.drain()
                self.carried_bytes += len(piece)
            if writer not in self._doomed:
                writer.write_eof()
        except OSError:
            self._end(writer)

    def close(self) -> None:
        """Listens no more."""
        if self._server is not None:
            self._server.close()
        for writer in list(self._writers):
            self._reset(writer)

    def drop(self) -> None:
        """Resets every connection."""
        for writer in list(self._writers):
            self.dropped += 1
            self._reset(writer)

    def _reset(self, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_NOT)
        writer.transport.abort()
        self._forget(writer)

    def _end(self, writer: asyncio.StreamWriter) -> None:
        writer.close()
        self._forget(writer)

    def _forget(self, writer: asyncio.StreamWriter) -> None:
        self._writers.discard(writer)
        self._doomed.discard(writer)


class Links:
    """The links of a run, in a loop of their own. Use as a context manager."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="links", daemon=True)
        self._links: list[Link] = []
        self._storms: dict[int, asyncio.Task[None]] = {}

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        for link in self._links:
            self._loop.call_soon_threadsafe(link.close)
        asyncio.run_coroutine_threadsafe(_end_all(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def open(self, listen: tuple[str, int], target: tuple[str, int]) -> Link:
        """A link that carries from now on."""
        link = Link(listen, target)
        asyncio.run_coroutine_threadsafe(link.open(), self._loop).result(10)
        self._links.append(link)
        return link

    def change(self, link: Link, weather: Weather) -> None:
        """Lets a link be as the weather says from now on."""

        async def change() -> None:
            link.weather = weather
            if (storm := self._storms.pop(id(link), None)) is not None:
                storm.cancel()
            if weather.drops_every_s is not None:
                self._storms[id(link)] = asyncio.create_task(_storm(link, weather.drops_every_s))

        asyncio.run_coroutine_threadsafe(change(), self._loop).result(10)


async def _end_all() -> None:
    rest = asyncio.all_tasks() - {asyncio.current_task()}
    for task in rest:
        task.cancel()
    await asyncio.gather(*rest, return_exceptions=True)


async def _storm(link: Link, every_s: float) -> None:
    while True:
        link.drop()
        await asyncio.sleep(every_s)
