"""Requests a second through the miner's server, beside a bare aiohttp server that verifies and signs nothing.

    python bench/miner_requests.py [--requests 5000] [--in-flight 32]

The load comes from a second process, so both have a core; it signs each request just before it is sent,
which takes a sixth of what the miner's work takes (parse, verify, remember, admit, handle, sign). The bare
server gets the same requests. Prints one JSON object.
"""

import argparse
import asyncio
import json
import multiprocessing
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Coroutine
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from aiohttp import web

from meritnet.chain.keys import KeyPair
from meritnet.miner.admission import Admission, Peer, Policy
from meritnet.miner.auth import ReplayStore, Verifier
from meritnet.miner.health import Health
from meritnet.miner.server import MinerServer
from meritnet.subnets import wire
from meritnet.subnets.base import Route

MINER = KeyPair.from_uri("//Bob")
VALIDATOR = KeyPair.from_uri("//Alice")
BODY = b'{"prompt": "hello", "seed": 7}'


class NoOp:
    """A role that answers with what it got."""

    artifacts = None
    chat = None

    def __init__(self) -> None:
        self.routes = {"/noop": Route(self.answer, 4096)}

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    async def answer(self, body: bytes) -> bytes:
        return body


async def verified(directory: Path) -> int:
    """Starts the miner's server as it is and returns its port."""
    admission = Admission(Policy(requests_per_s=1e9, burst=10**9, in_flight=64), time.monotonic)
    admission.update([(VALIDATOR.address, Peer(0, True, 10**12))])
    verifier = Verifier(MINER.address, ReplayStore(directory / "nonces", time.time_ns()), time.time_ns)
    server = MinerServer(MINER, NoOp(), admission, verifier, Health(), host="127.0.0.1", port=0)
    await server.start()
    return server.port


async def bare(_: Path) -> int:
    """Starts aiohttp's own server with the same handler and returns its port."""

    async def answer(request: web.BaseRequest) -> web.Response:
        return web.Response(body=await request.read())

    runner = web.ServerRunner(web.Server(answer, access_log=None))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    return int(runner.addresses[0][1])


def serve(start: Callable[[Path], Coroutine[Any, Any, int]], ready: Connection) -> None:
    """The server's process, until it is ended."""

    async def main() -> None:
        with tempfile.TemporaryDirectory() as directory:
            ready.send(await start(Path(directory)))
            await asyncio.Event().wait()

    asyncio.run(main())


def request_bytes(nonce_ns: int) -> bytes:
    """A signed request as it goes over the wire."""
    signed = wire.sign_request(VALIDATOR, "POST", "/noop", BODY, MINER.address, nonce_ns)
    lines = [f"{name}: {value}" for name, value in signed.headers.items()]
    head = "\r\n".join(["POST /noop HTTP/1.1", "Host: x", f"Content-Length: {len(BODY)}", *lines, "", ""])
    return head.encode() + BODY


async def load(port: int, count: int, in_flight: int) -> tuple[float, list[float]]:
    """Sends so many requests over ``in_flight`` connections; seconds in all, and of each. Not 200 fails."""
    waits: list[float] = []

    last_ns = 0

    async def one(share: int) -> None:
        nonlocal last_ns
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for _ in range(share):
            last_ns = max(last_ns + 1, time.time_ns())
            request = request_bytes(last_ns)
            sent = time.perf_counter()
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            if not head.startswith(b"HTTP/1.1 200"):
                raise RuntimeError(head.decode())
            length = head.lower().split(b"content-length: ")[1].split(b"\r\n")[0]
            await reader.readexactly(int(length))
            waits.append(time.perf_counter() - sent)
        writer.close()

    began = time.perf_counter()
    await asyncio.gather(*(one(count // in_flight) for _ in range(in_flight)))
    return time.perf_counter() - began, waits


def measure(
    start: Callable[[Path], Coroutine[Any, Any, int]], count: int, in_flight: int
) -> dict[str, float]:
    """Requests a second and latencies of one server."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.Process(target=serve, args=(start, theirs), daemon=True)
    process.start()
    port = ours.recv()
    took, waits = asyncio.run(load(port, count, in_flight))
    process.terminate()
    process.join()
    return {
        "requests_per_s": round(count // in_flight * in_flight / took),
        "median_ms": round(statistics.median(waits) * 1e3, 2),
        "p99_ms": round(statistics.quantiles(waits, n=100)[98] * 1e3, 2),
    }


def main() -> None:
    """Measures both servers, alternating, and prints the medians of the rounds."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--requests", type=int, default=5_000)
    parser.add_argument("--in-flight", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    rounds: dict[str, list[dict[str, float]]] = {"verified": [], "bare": []}
    for _ in range(given.rounds):
        for name, start in (("verified", verified), ("bare", bare)):
            rounds[name].append(measure(start, given.requests, given.in_flight))
    result: dict[str, Any] = {
        name: {figure: statistics.median(one[figure] for one in found) for figure in found[0]}
        for name, found in rounds.items()
    }
    result["ratio"] = round(result["verified"]["requests_per_s"] / result["bare"]["requests_per_s"], 3)
    result["in_flight"] = given.in_flight
    result["load_average"] = round(os.getloadavg()[0], 1)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
