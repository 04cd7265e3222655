"""Requests a second through the miner's server, beside three rivals in the same run.

    python bench/miner_requests.py [--requests 5000] [--in-flight 32] [--rounds 3]

`floor`     aiohttp that verifies one sr25519 signature a request, and does nothing else with it: no server on
            aiohttp that believes its callers can beat that.
`signing`   the same, which also signs its answer, as ours must: the receipt's share of the work.
`bare`      aiohttp that verifies nothing.
`bittensor` bittensor 10.5's axon, asked by its own dendrite, which verifies and answers. `asked` is our
            server, asked by a validator's own client, which verifies every answer: library against library.

`verified` is the miner's server as it is: parse, verify, remember on disk, admit, handle, sign the answer,
count, log. The load for it and for the first three comes from a second process, so both have a core; it signs
each request just before it is sent. `cpu_us` is what the server's process alone takes for a request, which
says more than requests a second where others use the machine. The servers take turns; the medians of the
rounds are printed as one JSON object. bittensor is installed on first use, into an environment of its own
below the user's cache directory.
"""

import argparse
import asyncio
import json
import multiprocessing
import os
import socket
import statistics
import subprocess
import tempfile
import time
import venv
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from hashlib import sha256
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import structlog
from aiohttp import web
from platformdirs import user_cache_path

from meritnet.chain.client.metagraph import Axon
from meritnet.chain.keys import KeyPair
from meritnet.chain.types import BlockNumber
from meritnet.miner.admission import Admission, Peer, Policy
from meritnet.miner.auth import ReplayStore, Verifier
from meritnet.miner.health import Health
from meritnet.miner.server import MinerServer
from meritnet.subnets import wire
from meritnet.subnets.artifacts import ArtifactStore
from meritnet.subnets.base import Route, Task
from meritnet.validator.ask import Asker, Failure, Target

MINER = KeyPair.from_uri("//Bob")
VALIDATOR = KeyPair.from_uri("//Alice")
BODY = b'{"prompt": "hello", "seed": 7}'
BITTENSOR = "bittensor==10.5.0"
RIVAL = Path(__file__).parent / "rivals" / "axon_and_dendrite.py"
INSTALL_TIMEOUT_S = 900
PAIRS = (
    *(("verified", rival) for rival in ("floor", "signing", "bare", "bittensor")),
    ("asked", "bittensor"),
)


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
    """Starts the miner's server as it is and returns its port; its log goes to a file."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper("iso"),
            structlog.processors.JSONRenderer(),
        ],
        logger_factory=structlog.PrintLoggerFactory((directory / "log").open("w")),
    )
    policy = Policy(
        requests_per_s=1e9,
        burst=10**9,
        address_requests_per_s=1e9,
        address_burst=10**9,
        in_flight=64,
    )
    admission = Admission(policy, time.monotonic)
    admission.update([(VALIDATOR.address, Peer(0, True, 10**12))])
    verifier = Verifier(MINER.address, ReplayStore(directory / "nonces", time.time_ns()), time.time_ns)
    server = MinerServer(MINER, NoOp(), admission, verifier, Health(), host="127.0.0.1", port=0)
    await server.start()
    return server.port


async def floor(_: Path) -> int:
    """Starts a server that verifies the signature and returns its port."""

    async def answer(request: web.BaseRequest) -> web.Response:
        body = await request.read()
        digest = sha256(body).hexdigest()
        signed = wire.parse_request(request.method, request.raw_path, request.headers.items(), digest)
        wire.check_signature(signed)
        return web.Response(body=body)

    return await _listening(answer)


async def signing(_: Path) -> int:
    """Starts a server that verifies the request and signs the answer, and returns its port."""

    async def answer(request: web.BaseRequest) -> web.Response:
        body = await request.read()
        digest = sha256(body).hexdigest()
        signed = wire.parse_request(request.method, request.raw_path, request.headers.items(), digest)
        wire.check_signature(signed)
        return web.Response(body=body, headers=wire.sign_response(MINER, signed, 200, digest).headers)

    return await _listening(answer)


async def bare(_: Path) -> int:
    """Starts aiohttp's own server with the same handler and returns its port."""

    async def answer(request: web.BaseRequest) -> web.Response:
        return web.Response(body=await request.read())

    return await _listening(answer)


async def _listening(answer: Callable[[web.BaseRequest], Coroutine[Any, Any, web.Response]]) -> int:
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


async def validator_load(port: int, count: int, in_flight: int) -> tuple[float, list[float]]:
    """The same from the validator's own client, which keeps 8 connections to a miner."""
    target = Target(0, MINER.address, Axon("127.0.0.1", port, BlockNumber(0), 0, 4))
    task = Task("/noop", BODY, deadline_s=60.0, max_answer_bytes=4096)
    waits: list[float] = []

    async def one(asker: Asker, share: int) -> None:
        for _ in range(share):
            answer = await asker.ask(target, task)
            if isinstance(answer, Failure):
                raise RuntimeError(answer.why)
            waits.append(answer.elapsed_s)

    async def asking(store: ArtifactStore, clock_ns: Callable[[], int]) -> None:
        async with Asker(VALIDATOR, store, allow_private=True, clock_ns=clock_ns) as asker:
            await asyncio.gather(*(one(asker, count // in_flight) for _ in range(8)))

    with tempfile.TemporaryDirectory() as directory:
        store = ArtifactStore(Path(directory))
        began = time.perf_counter()
        # Several clients of one key, whose nonces must differ.
        clocks = [lambda shift=number: time.time_ns() // 64 * 64 + shift for number in range(in_flight // 8)]
        await asyncio.gather(*(asking(store, clock) for clock in clocks))
        return time.perf_counter() - began, waits


Start = Callable[[Path], Coroutine[Any, Any, int]]
SERVERS: dict[str, Start] = {"verified": verified, "floor": floor, "signing": signing, "bare": bare}
Load = Callable[[int, int, int], Coroutine[Any, Any, tuple[float, list[float]]]]


def measure(start: Start, loading: Load, count: int, in_flight: int) -> dict[str, float]:
    """Requests a second and latencies of one server."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.Process(target=serve, args=(start, theirs), daemon=True)
    process.start()
    port = ours.recv()
    before_s = cpu_s(process.pid)
    took, waits = asyncio.run(loading(port, count, in_flight))
    used_s = cpu_s(process.pid) - before_s
    process.terminate()
    process.join()
    return {
        "requests_per_s": round(len(waits) / took),
        "cpu_us": round(used_s / len(waits) * 1e6),
        "median_ms": round(statistics.median(waits) * 1e3, 2),
        "p99_ms": round(statistics.quantiles(waits, n=100)[98] * 1e3, 2),
    }


def cpu_s(process: int | None) -> float:
    """Seconds of processor that a process has had (Linux)."""
    user, system = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def bittensor_python() -> Path | None:
    """The Python of an environment with bittensor, made on first use and kept; ``None`` if it cannot be."""
    home = user_cache_path("meritnet") / "bench-bittensor"
    python, made = home / "bin" / "python", home / "installed"
    if made.exists() and made.read_text().strip() == BITTENSOR:
        return python
    venv.create(home, with_pip=True, clear=True)
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", BITTENSOR]
    if subprocess.run(pip, check=False, timeout=INSTALL_TIMEOUT_S).returncode != 0:
        return None
    made.write_text(BITTENSOR)
    return python


@contextmanager
def axon(python: Path, folder: str) -> Iterator[tuple[int, int]]:
    """bittensor's server in a process; gives its port and process."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    command = [python, RIVAL, "serve", folder, str(port)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert process.stdout is not None
    try:
        if not any(line.strip() == "ready" for line in process.stdout):
            raise RuntimeError("bittensor's axon did not start")
        yield port, process.pid
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def measure_bittensor(python: Path, count: int, in_flight: int) -> dict[str, float]:
    """Good answers a second of dendrites from an axon."""
    with tempfile.TemporaryDirectory() as folder, axon(python, folder) as (port, process):
        before_s = cpu_s(process)
        command = [python, RIVAL, "ask", folder, str(port), str(count), str(in_flight)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        used_s = cpu_s(process) - before_s
    took_s, good = done.stdout.splitlines()[-1].split()
    return {
        "requests_per_s": round(int(good) / float(took_s), 1),
        "cpu_us": round(used_s / count * 1e6),
        "refused": count - int(good),
    }


def main() -> None:
    """Measures all servers, alternating, and prints the medians of the rounds."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--requests", type=int, default=5_000)
    parser.add_argument("--in-flight", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    python = bittensor_python()
    servers: dict[str, tuple[Start, Load]] = {name: (start, load) for name, start in SERVERS.items()}
    servers["asked"] = (verified, validator_load)
    rounds: dict[str, list[dict[str, float]]] = {name: [] for name in servers}
    if python is not None:
        rounds["bittensor"] = []
    for _ in range(given.rounds):
        for name, (start, loading) in servers.items():
            rounds[name].append(measure(start, loading, given.requests, given.in_flight))
        if python is not None:
            few = given.requests // 10 // given.in_flight * given.in_flight
            rounds["bittensor"].append(measure_bittensor(python, few, given.in_flight))
    result: dict[str, Any] = {
        name: {figure: statistics.median(one[figure] for one in found) for figure in found[0]}
        for name, found in rounds.items()
    }
    for ours, theirs in PAIRS:
        result[f"{ours}_to_{theirs}"] = ratios(result, ours, theirs)
    result["in_flight"] = given.in_flight
    result["load_average"] = round(os.getloadavg()[0], 1)
    print(json.dumps(result))


def ratios(result: dict[str, Any], ours: str, theirs: str) -> dict[str, float] | str:
    """Requests a second of ours to theirs, and what theirs takes of the processor to what ours does."""
    if theirs not in result:
        return "not available"
    return {
        "requests_per_s": round(result[ours]["requests_per_s"] / result[theirs]["requests_per_s"], 2),
        "cpu": round(result[theirs]["cpu_us"] / result[ours]["cpu_us"], 2),
    }


if __name__ == "__main__":
    main()
