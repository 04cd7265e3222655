"""Every way of asking wrongly that we know, over real sockets.

Each gets one status with one clear reason and no traceback; afterwards the server answers an honest request,
and has its memory and its open files back. The same table stands in ``docs/neurons.md``.
"""

import asyncio
import gzip
import json
import os
import pickle
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from meritnet.chain.keys import KeyPair
from meritnet.miner.listener import Limits
from meritnet.subnets.base import Route
from meritnet.subnets.text_generation import messages

ROOT = Path(__file__).resolve().parents[2]
SECOND = 10**9
TEXT = "/text_generation"
MEMORY_BYTES = 32 * 2**20
HONEST = {
    "nonce": "0" * 32,
    "model": "tiny",
    "messages": [{"role": "user", "content": "hi"}],
    "seed": "0" * 64,
    "temperature": 1.0,
    "max_tokens": 12,
    "fingerprint": 0,
}


@dataclass(frozen=True)
class Told:
    """What the attacker was told."""

    status: int
    body: bytes


Attack = Callable[[Any], Awaitable[Told]]


@dataclass(frozen=True)
class Case:
    """One wrong request; ``says`` is the reason as the documentation has it, ``…`` for what varies."""

    name: str
    attack: Attack
    status: int
    says: str
    before_restart: Attack | None = None


async def told(answer: Awaitable[Any]) -> Told:
    reply = await answer
    return Told(reply.status, reply.body)


def sent(spoil: Callable[[dict[str, str]], dict[str, str]], body: bytes = b"hello") -> Attack:
    """A request whose headers are spoilt after signing, or whose body is another one than was signed."""

    async def attack(on: Any) -> Told:
        return await told(on.send("POST", "/echo", body, spoil(on.sign("/echo", b"hello").headers)))

    return attack


def asked(path: str, body: bytes, **other: Any) -> Attack:
    """A well signed request with something wrong in it."""

    async def attack(on: Any) -> Told:
        return await told(on.ask(path, body, **other))

    return attack


def aged(seconds: int) -> Attack:
    async def attack(on: Any) -> Told:
        return await told(on.ask("/echo", nonce_ns=time.time_ns() - seconds * SECOND))

    return attack


async def repeated(on: Any) -> Told:
    headers = on.sign("/echo").headers
    await on.send("POST", "/echo", b"hello", headers)
    return await told(on.send("POST", "/echo", b"hello", headers))


class Kept:
    """Sends the same signed request to the server before and after a restart."""

    def __init__(self) -> None:
        self.headers: dict[str, str] = {}

    async def before(self, on: Any) -> Told:
        self.headers = on.sign("/echo").headers
        return await told(on.send("POST", "/echo", b"hello", self.headers))

    async def after(self, on: Any) -> Told:
        return await told(on.send("POST", "/echo", b"hello", self.headers))


KEPT = Kept()


def raw(*pieces: bytes) -> Attack:
    """Bytes as they are, whatever they are; reads until the server closes."""

    async def attack(on: Any) -> Told:
        reader, writer = await asyncio.open_connection("127.0.0.1", on.server.port)
        for piece in pieces:
            with suppress(ConnectionError):
                writer.write(piece)
                await writer.drain()
        answer = await reader.read()
        writer.close()
        head, _, body = answer.partition(b"\r\n\r\n")
        return Told(int(head.split(b" ", 2)[1]), body)

    return attack


def head(on: Any, body: bytes, *lines: str) -> bytes:
    signed = [f"{name}: {value}" for name, value in on.sign("/echo", body).headers.items()]
    return "\r\n".join(["POST /echo HTTP/1.1", "Host: x", *signed, *lines, "", ""]).encode()


async def chunked(on: Any) -> Told:
    chunks = b"400\r\n" + b"x" * 1024 + b"\r\n"
    return await raw(head(on, b"", "Transfer-Encoding: chunked"), *[chunks] * 3)(on)


async def declared(on: Any) -> Told:
    return await raw(head(on, b"", "Content-Length: 99999999999"))(on)


async def slow_head(on: Any) -> Told:
    """A byte now and then, for as long as the server listens."""
    reader, writer = await asyncio.open_connection("127.0.0.1", on.server.port)
    writer.write(b"POST /echo HTTP/1.1\r\nX-Long: ")
    answer = asyncio.create_task(reader.read())
    while not answer.done():
        writer.write(b"y")
        await asyncio.wait([answer], timeout=0.02)
    writer.close()
    head, _, body = answer.result().partition(b"\r\n\r\n")
    return Told(int(head.split(b" ", 2)[1]), body)


async def slow_body(on: Any) -> Told:
    async def trickle() -> AsyncIterator[bytes]:
        yield b"he"
        await asyncio.Event().wait()

    return await told(on.send("POST", "/echo", trickle(), on.sign("/echo").headers))


BOMB = gzip.compress(b"0" * 2**26)


async def bomb(on: Any) -> Told:
    headers = {**on.sign(TEXT, BOMB).headers, "Content-Encoding": "gzip"}
    return await told(on.send("POST", TEXT, BOMB, headers))


def spoilt(field: str, value: str) -> Attack:
    """The honest request of a real subnet with one value replaced, as JSON text."""
    fields = {name: json.dumps(good) for name, good in HONEST.items()} | {field: value}
    body = "{" + ", ".join(f'"{name}": {text}' for name, text in fields.items()) + "}"
    return asked(TEXT, body.encode())


async def deposited(on: Any) -> Told:
    """A pickle where files by content id are."""
    body = pickle.dumps({"weights": [1.0]})
    return await told(on.ask("/artifacts/" + "0" * 64, body))


CASES = [
    Case("unsigned", sent(lambda headers: {}), 401, "X-Bittensor-Version is missing"),
    Case("stale", aged(11), 401, "the request is … old, at most 10 s are allowed"),
    Case("from the future", aged(-4), 401, "the request is … ahead, at most 2 s are allowed"),
    Case("replayed", repeated, 401, "this request was seen before"),
    Case("replayed after a restart", KEPT.after, 401, "this request was seen before", KEPT.before),
    Case(
        "signed for another miner",
        asked("/echo", b"hello", receiver=KeyPair.from_uri("//Eve").address),
        401,
        "the request is for …, this is …",
    ),
    Case("altered body", sent(lambda h: h, b"other"), 401, "the signature is not …'s over this request"),
    Case("too large by Content-Length", declared, 413, "at most 1,024 bytes are read here"),
    Case("too large in chunks", chunked, 413, "at most 1,024 bytes are read here"),
    Case(
        "one header too long",
        raw(b"POST /echo HTTP/1.1\r\nHost: x\r\nX-Long: " + b"y" * 100_000 + b"\r\n\r\n"),
        431,
        "the request line or the headers are too large",
    ),
    Case(
        "too many headers",
        raw(b"POST /echo HTTP/1.1\r\n" + b"".join(b"X-%d: y\r\n" % n for n in range(1000)) + b"\r\n"),
        431,
        "the request line or the headers are too large",
    ),
    Case("no HTTP", raw(b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n"), 400, "malformed HTTP: …"),
    Case("headers that trickle", slow_head, 408, "the headers did not arrive in time"),
    Case("a body that trickles", slow_body, 408, "the body did not arrive within … s"),
    Case("decompression bomb", bomb, 415, "send the body as it is, without Content-Encoding"),
    Case("JSON nested 100,000 deep", asked(TEXT, b"[" * 100_000), 400, "Invalid JSON: …"),
    Case("a number of 100,000 digits", spoilt("max_tokens", "9" * 100_000), 400, "Invalid JSON: …"),
    Case("NaN", spoilt("temperature", "NaN"), 400, "temperature: Input should be a finite number"),
    Case("infinity", spoilt("temperature", "1e999"), 400, "temperature: Input should be a finite number"),
    Case(
        "a number as text", spoilt("max_tokens", '"12"'), 400, "max_tokens: Input should be a valid integer"
    ),
    Case("a pickle as body", asked(TEXT, pickle.dumps(HONEST)), 400, "Invalid JSON: …"),
    Case("a pickle as artifact", deposited, 405, "use GET here"),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case.name))
def test_a_wrong_request_costs_its_sender_an_answer_and_the_miner_nothing(
    bench: Callable[..., None], capsys: pytest.CaptureFixture[str], case: Case
) -> None:
    async def before(on: Any) -> None:
        assert case.before_restart is not None
        assert (await case.before_restart(on)).status == 200

    async def scenario(on: Any) -> None:
        on.role.routes = {**on.role.routes, TEXT: Route(parsed, messages.MAX_REQUEST_BYTES)}
        assert (await on.ask("/echo")).status == 200
        open_files, resident = _open_files(), _resident_bytes()
        answer = await case.attack(on)
        _check(answer, case)
        assert (await on.ask("/echo", b"honest")).body == b"honest"
        await on.until(lambda: _open_files() <= open_files)
        assert _resident_bytes() - resident < MEMORY_BYTES
        assert on.admission.running == 0

    if case.before_restart is not None:
        bench(before)
    bench(scenario, limits=Limits(read_s=0.1))
    printed = capsys.readouterr()
    assert "Traceback" not in printed.out + printed.err


def test_the_documentation_has_the_same_table() -> None:
    page = (ROOT / "docs/neurons.md").read_text()
    for case in CASES:
        assert f"| {case.name} | {case.status} | {case.says} |" in page


async def parsed(body: bytes) -> bytes:
    """A subnet's handler as far as the model."""
    messages.parse_request(body)
    return b"{}"


def _check(answer: Told, case: Case) -> None:
    assert answer.status == case.status, answer
    (line,) = answer.body.decode().splitlines()
    why = str(json.loads(line)["error"])
    at = 0
    for part in case.says.split("…"):
        assert (at := why.find(part, at)) >= 0, why
    assert "Traceback" not in line
    assert len(line) < 500


def _open_files() -> int:
    return len(os.listdir("/proc/self/fd"))


def _resident_bytes() -> int:
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE")
