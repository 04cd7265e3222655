"""What a validator's step costs the validator, for each of the miners that it asks.

    python bench/validator_step.py [--miners 64] [--steps 20]

`step`   a validator's own step: draw, sign, ask, verify, judge, write the bundle to disk, move the averages.
`floor`  an aiohttp client that signs each request and verifies each answer, and does nothing else.
`bare`   an aiohttp client that does neither.

The miners are real servers, a port each, in a second process. Times are of this process's processor, in
microseconds a request, the median of the steps; the first step, which connects, is given beside it. `wall_ms`
is a whole step by the clock. All is printed as one JSON object.
"""

import argparse
import asyncio
import json
import multiprocessing
import os
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from multiprocessing.connection import Connection
from pathlib import Path

import aiohttp
import structlog

from meritnet.chain.client.metagraph import Axon
from meritnet.chain.keys import KeyPair
from meritnet.chain.types import BlockNumber
from meritnet.miner.admission import Admission, Peer, Policy
from meritnet.miner.auth import ReplayStore, Verifier
from meritnet.miner.health import Health
from meritnet.miner.server import MinerServer
from meritnet.subnets import wire
from meritnet.subnets.artifacts import ArtifactStore
from meritnet.subnets.base import Answer, ArtifactRef, Route, Score, Task
from meritnet.validator.archive import Archive
from meritnet.validator.ask import Asker, Target
from meritnet.validator.provenance import origin
from meritnet.validator.scores import ScoreBook
from meritnet.validator.step import Bench, Moment, step
from meritnet.validator.view import Block

VALIDATOR = KeyPair.from_uri("//Alice")
PATH = "/noop"
Round = Callable[[int], Awaitable[None]]


class NoOp:
    """Both roles of a subnet in which the answer is the question."""

    artifacts = None
    chat = None

    def __init__(self) -> None:
        self.routes = {PATH: Route(self.answer, 4096)}

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    async def answer(self, body: bytes) -> bytes:
        return body


class Judge:
    """Wants its question back."""

    def task(self, seed: bytes, uid: int) -> Task:
        return Task(PATH, seed + uid.to_bytes(2, "big"), 30.0, 4096)

    def artifacts(self, task: Task, answer: Answer) -> list[ArtifactRef]:
        return []

    async def score(self, task: Task, answer: Answer, artifacts: Mapping[str, Path]) -> Score:
        return Score(float(answer.body == task.body), "the question came back")


def pair(uid: int) -> KeyPair:
    """The key of a miner."""
    return KeyPair.from_uri(f"//Alice//{uid}")


def serve(miners: int, ready: Connection) -> None:
    """The miners' process, until it is ended."""
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())  # made, written nowhere

    async def main() -> None:
        ports = []
        for uid in range(miners):
            admission = Admission(
                Policy(requests_per_s=1e9, burst=10**9, address_requests_per_s=1e9, address_burst=10**9),
                time.monotonic,
            )
            admission.update([(VALIDATOR.address, Peer(0, True, 10**12))])
            verifier = Verifier(pair(uid).address, ReplayStore(None, time.time_ns()), time.time_ns)
            server = MinerServer(pair(uid), NoOp(), admission, verifier, Health(), host="127.0.0.1", port=0)
            await server.start()
            ports.append(server.port)
        ready.send(ports)
        await asyncio.Event().wait()

    asyncio.run(main())


def stepping(directory: Path, asker: Asker, targets: list[Target]) -> Round:
    """A validator's step."""
    role = Judge()
    bench = Bench(
        origin("0x" + "00" * 32, 1, VALIDATOR.address, "noop", role),
        role,
        asker,
        ScoreBook(),
        Archive(directory / "bundles"),
        lambda event: None,
        asyncio.Semaphore(64),
        ThreadPoolExecutor(1),
    )

    async def once(number: int) -> None:
        block = Block(number, "0x" + sha256(number.to_bytes(4, "big")).hexdigest())
        done = await step(bench, Moment(block, 0, number), targets, len(targets))
        if any(judged.score.value != 1.0 for judged in done.judged):
            raise RuntimeError("a miner answered wrongly")

    return once


def posting(session: aiohttp.ClientSession, targets: list[Target], *, signed: bool) -> Round:
    """The same requests by a plain client."""

    async def ask(number: int, target: Target) -> None:
        body = number.to_bytes(32, "big") + target.uid.to_bytes(2, "big")
        if not signed:
            async with session.get(target.url + "/health") as response:
                await response.read()
            return
        request = wire.sign_request(VALIDATOR, "POST", PATH, body, target.hotkey, time.time_ns())
        async with session.post(target.url + PATH, data=body, headers=request.headers) as response:
            answer = await response.read()
            wire.read_response(request, response.status, response.headers.items(), sha256(answer).hexdigest())

    async def once(number: int) -> None:
        await asyncio.gather(*(ask(number, target) for target in targets))

    return once


async def measured(once: Round, steps: int, requests: int) -> dict[str, float]:
    """Microseconds of this process's processor a request, and a step's milliseconds by the clock."""
    cpu_us, wall_ms = [], []
    for number in range(steps + 1):
        cpu, wall = time.process_time(), time.perf_counter()
        await once(number)
        cpu_us.append((time.process_time() - cpu) / requests * 1e6)
        wall_ms.append((time.perf_counter() - wall) * 1e3)
    return {
        "cpu_us": round(statistics.median(cpu_us[1:])),
        "first_cpu_us": round(cpu_us[0]),
        "wall_ms": round(statistics.median(wall_ms[1:]), 1),
    }


async def compare(ports: list[int], steps: int) -> dict[str, dict[str, float]]:
    """All three against the same miners."""
    targets = [
        Target(uid, pair(uid).address, Axon("127.0.0.1", port, BlockNumber(0), 0, 4))
        for uid, port in enumerate(ports)
    ]
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        store = ArtifactStore(Path(folder) / "files")
        async with Asker(VALIDATOR, store, allow_private=True) as asker:
            found["step"] = await measured(stepping(Path(folder), asker, targets), steps, len(ports))
    for name, signed in (("floor", True), ("bare", False)):
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=128)) as session:
            found[name] = await measured(posting(session, targets, signed=signed), steps, len(ports))
    return found


def main() -> None:
    """Starts the miners, measures, prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--miners", type=int, default=64)
    parser.add_argument("--steps", type=int, default=20)
    given = parser.parse_args()
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.Process(target=serve, args=(given.miners, theirs), daemon=True)
    process.start()
    found = asyncio.run(compare(ours.recv(), given.steps))
    process.terminate()
    process.join()
    ratio = {
        f"step_to_{name}": round(found["step"]["cpu_us"] / found[name]["cpu_us"], 2)
        for name in ("floor", "bare")
    }
    print(
        json.dumps({"miners": given.miners, **found, **ratio, "load_average": round(os.getloadavg()[0], 1)})
    )


if __name__ == "__main__":
    main()
