"""Hostile traffic to one miner and to the chain, for as long as the context lasts, from addresses of its own.

Nothing here is permitted anywhere: what is answered must be a refusal; ``Tally.served`` names what was not.
"""

import asyncio
import contextlib
import json
import threading
import time
import zlib
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import cycle
from random import Random

import zstandard

from meritnet.chain.keys import KeyPair
from meritnet.subnets.wire import sign_request

STRANGER = KeyPair.from_uri("//Stranger")
HERE = "127.0.0.1"
CONNECTIONS = 2_000
DESCRIPTORS = 2 * CONNECTIONS + 200
"""What the sender of idle connections needs."""
ADDRESSES = [f"127.0.1.{last}" for last in range(1, 41)]
ANSWER_S = 60.0
PATIENCE_S = 2.0
"""Of those who send half of something and see what comes."""
BODY_BYTES = 10_000_000
REFUSALS = {400, 401, 403, 404, 405, 408, 413, 415, 429, 431, 503}


@dataclass(frozen=True)
class Aim:
    """Where one kind of traffic goes."""

    name: str
    port: int
    path: str
    hotkey: str = ""
    """Of a miner."""


@dataclass
class Tally:
    """What became of the traffic."""

    sent: int = 0
    answers: Counter[str] = field(default_factory=Counter)
    served: list[str] = field(default_factory=list)
    """Answers that were no refusal."""

    in_force: threading.Event = field(default_factory=threading.Event)
    """Set once there is as much of it as there will be."""

    def note(self, aim: Aim, answer: bytes) -> None:
        """One exchange is over."""
        self.sent += 1
        self.in_force.set()
        status = (
            answer.split(b" ", 2)[1].decode(errors="replace") if answer.startswith(b"HTTP/") else "closed"
        )
        self.answers[status] += 1
        refused = status == "closed" or (status.isdigit() and int(status) in REFUSALS)
        if not (refused or (aim.name == "chain" and status == "200" and b'"error"' in answer)):
            self.served.append(f"{aim.name}: {answer[:300]!r}")


Traffic = Callable[[list[Aim], Random, Tally], Coroutine[None, None, None]]


@contextmanager
def under(traffic: Traffic, aims: list[Aim], seed: int) -> Iterator[Tally]:
    """Traffic from a thread of its own while the context lasts."""
    tally = Tally()
    loop = asyncio.new_event_loop()
    sending = loop.create_task(traffic(aims, Random(seed), tally))

    def run() -> None:
        asyncio.set_event_loop(loop)
        with contextlib.suppress(asyncio.CancelledError):
            loop.run_until_complete(sending)
        loop.close()

    thread = threading.Thread(target=run, name="hostile", daemon=True)
    thread.start()
    try:
        yield tally
    finally:
        if thread.is_alive():
            loop.call_soon_threadsafe(sending.cancel)
        thread.join(30)
    assert not thread.is_alive()
    if not sending.cancelled():
        sending.result()  # it should not have ended: why did it?


async def malformed(aims: list[Aim], dice: Random, tally: Tally) -> None:
    """Everything but a request: other protocols, broken heads, lies about lengths, missing signatures."""
    await _many(
        aims, dice, tally, lambda aim: [_spoilt(aim, dice)], at_once=8, pause_s=0.01, wait_s=PATIENCE_S
    )


async def decompression_bombs(aims: list[Aim], dice: Random, tally: Tally) -> None:
    """Bodies of 10 MB that would unpack to 10 GB, and headers that say so; signed by a stranger."""

    def bomb(aim: Aim) -> list[bytes]:
        coding = dice.choice(list(BOMBS))
        body = BOMBS[coding]
        return [head(aim, {"Content-Encoding": coding, "Content-Length": str(len(body))}, body), body]

    await _many(aims, dice, tally, bomb, at_once=4, pause_s=0.05)


async def json_bombs(aims: list[Aim], dice: Random, tally: Tally) -> None:
    """JSON that is deep, long, or one number of ten million digits; batches that ask for much."""

    def bomb(aim: Aim) -> list[bytes]:
        body = dice.choice(JSON_BOMBS)
        return [head(aim, {"Content-Length": str(len(body))}, body), body]

    await _many(aims, dice, tally, bomb, at_once=2, pause_s=0.2)


async def trickle(aims: list[Aim], dice: Random, tally: Tally) -> None:
    """A hundred connections a target that say a byte now and then: of a head, or of a body."""

    def slowly(aim: Aim) -> AsyncIterator[bytes]:
        whole = head(aim, {"Content-Length": "1000"}, b"x" * 1000)
        started = whole if dice.random() < 0.5 else whole[:40]

        async def bytes_now_and_then() -> AsyncIterator[bytes]:
            yield started
            while True:
                await asyncio.sleep(0.5)
                yield b"x"

        return bytes_now_and_then()

    async def one(aim: Aim) -> None:
        while True:
            tally.note(aim, await _say(aim, slowly(aim), dice.choice(ADDRESSES)))
            await asyncio.sleep(0.2)

    await asyncio.gather(*[one(aim) for aim in aims for _ in range(100)])


async def idle_connections(aims: list[Aim], dice: Random, tally: Tally) -> None:
    """Two thousand connections a target that say nothing; one that is closed is opened again."""

    async def one(aim: Aim, address: str) -> None:
        while True:
            try:
                reader, writer = await asyncio.open_connection(HERE, aim.port, local_addr=(address, 0))
            except OSError:
                await asyncio.sleep(1.0)
                continue
            tally.sent += 1
            if tally.sent >= CONNECTIONS * len(aims):
                tally.in_force.set()
            try:
                with contextlib.suppress(OSError):
                    await reader.read()
            finally:
                writer.transport.abort()
            await asyncio.sleep(1.0)

    places = cycle(ADDRESSES)
    await asyncio.gather(*[one(aim, next(places)) for aim in aims for _ in range(CONNECTIONS)])


async def _many(
    aims: list[Aim],
    dice: Random,
    tally: Tally,
    request: Callable[[Aim], list[bytes]],
    *,
    at_once: int,
    pause_s: float,
    wait_s: float = ANSWER_S,
) -> None:
    async def one() -> None:
        while True:
            aim = dice.choice(aims)
            tally.note(aim, await _say(aim, _each(request(aim)), dice.choice(ADDRESSES), wait_s))
            await asyncio.sleep(pause_s)

    await asyncio.gather(*[one() for _ in range(at_once)])


async def _each(pieces: list[bytes]) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece


async def _say(aim: Aim, pieces: AsyncIterator[bytes], address: str, wait_s: float = ANSWER_S) -> bytes:
    """Sends while the other side listens; what it answers, at most its beginning. Empty if it just closes."""
    try:
        reader, writer = await asyncio.open_connection(HERE, aim.port, local_addr=(address, 0))
    except OSError:
        return b""

    async def send() -> None:
        with contextlib.suppress(OSError):
            async for piece in pieces:
                writer.write(piece)
                await writer.drain()

    sending = asyncio.create_task(send())
    try:
        async with asyncio.timeout(wait_s):
            return await reader.read(4096)
    except OSError:
        return b""
    finally:
        sending.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await sending
        writer.transport.abort()


def head(aim: Aim, more: Mapping[str, str], body: bytes) -> bytes:
    """The head of a request; to a miner a well signed one, by somebody whom it does not know."""
    lines = {"Host": f"{HERE}:{aim.port}", "Content-Type": "application/json", **more}
    if aim.hotkey:
        lines |= sign_request(STRANGER, "POST", aim.path, body, aim.hotkey, time.time_ns()).headers
    text = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"POST {aim.path} HTTP/1.1\r\n{text}\r\n".encode()


def _spoilt(aim: Aim, dice: Random) -> bytes:
    honest = head(aim, {"Content-Length": "2"}, b"{}") + b"{}"
    place = dice.randrange(len(honest))
    host = b"Host: 127.0.0.1\r\n"
    wrong = [
        dice.randbytes(dice.randrange(1, 4000)) + b"\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + dice.randbytes(300) + b"\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.6\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: elsewhere.example\r\nConnection: close\r\n\r\n",
        b"GET / HTTP/9.9\r\n" + host + b"\r\n",
        b"POST / HTTP/1.1\r\n" + host + b"Content-Length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\n" + host + b"Content-Length: 99999999999999\r\n\r\nx",
        b"POST / HTTP/1.1\r\n" + host + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"POST / HTTP/1.1\r\n" + host + b"Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n{}",
        b"POST / HTTP/1.1\r\n" + host + b"X: " + b"y" * 50_000 + b"\r\n\r\n",
        b"POST / HTTP/1.1\r\n" + b"".join(b"X-%d: y\r\n" % n for n in range(500)) + b"\r\n",
        b"POST %b HTTP/1.1\r\n" % aim.path.encode() + host + b'Content-Length: 8\r\n\r\n{"a":NaN',
        honest[:place] + bytes([dice.randrange(256)]) + honest[place + 1 :],
        honest[:place] + honest[place + dice.randrange(1, 9) :] + b"\r\n\r\n",
    ]
    return dice.choice(wrong)


def _deflated(count: int) -> tuple[bytes, bytes, bytes]:
    """A beginning, a piece that may be repeated, and an end, of a raw stream of zeros; a MiB a piece."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    zeros = bytes(1 << 20)
    first = packer.compress(zeros) + packer.flush(zlib.Z_FULL_FLUSH)
    again = packer.compress(zeros) + packer.flush(zlib.Z_FULL_FLUSH)
    return first, again * count, packer.flush(zlib.Z_FINISH)


def _bombs() -> dict[str, bytes]:
    raw = b"".join(_deflated(9_500))
    return {
        "gzip": b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff" + raw + bytes(8),
        "deflate": b"\x78\x9c" + raw + bytes(4),
        "zstd": zstandard.ZstdCompressor().compress(bytes(1 << 26)) * 160,
    }


BOMBS = _bombs()
JSON_BOMBS = [
    b"[" * BODY_BYTES,
    b'{"a":' * (BODY_BYTES // 5),
    b"[" + b"1," * (BODY_BYTES // 2) + b"1]",
    b"9" * BODY_BYTES,
    b'{"jsonrpc":"2.0","id":"' + b"i" * BODY_BYTES + b'","method":"system_name"}',
    json.dumps([{"jsonrpc": "2.0", "id": 1, "method": "state_getMetadata"}] * 101).encode(),
    json.dumps([{"jsonrpc": "2.0", "id": n, "method": "no_such" * 1000} for n in range(100)]).encode(),
    b'{"jsonrpc":"2.0","id":1,"method":"state_call","params":' + b"[" * 500 + b"]" * 500 + b"}",
    b'{"jsonrpc":"2.0","id":1,"method":"author_submitExtrinsic","params":["0x' + b"ff" * 5_000_000 + b'"]}',
]
TRAFFIC: dict[str, Traffic] = {
    "malformed": malformed,
    "idle connections": idle_connections,
    "decompression bombs": decompression_bombs,
    "JSON bombs": json_bombs,
    "trickle": trickle,
}


def descriptors_are_enough() -> bool:
    """Raises what this process may open as far as it goes, and says whether that will do."""
    import resource

    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    return most >= DESCRIPTORS
