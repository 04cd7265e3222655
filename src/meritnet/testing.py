"""What a subnet's own tests call: its scoring held to the rules, behind a real validator's steps.

::

    def test_its_scoring_is_sound(tmp_path: Path) -> None:
        check_subnet(subnet, tmp_path)

Works without pytest. For a chain in the test's own process, ask pytest for the fixture ``node``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path
from typing import cast

from meritnet.chain.client.metagraph import Axon
from meritnet.chain.keys import KeyPair
from meritnet.chain.types import BlockNumber
from meritnet.subnets.base import ArtifactRef, EngineSource, Subnet, Task, ValidatorRole
from meritnet.subnets.receipts import Exchange
from meritnet.subnets.testing import Cheat, Player, Reply, Standing, Trial, Unsound, check
from meritnet.subnets.testing.trial import VALIDATOR, no_engine
from meritnet.subnets.wire import SignedRequest, SignedResponse
from meritnet.validator.archive import Archive
from meritnet.validator.ask import Asker, Failure, Target
from meritnet.validator.provenance import origin
from meritnet.validator.scores import ScoreBook
from meritnet.validator.step import Bench, Moment, step
from meritnet.validator.view import Block
from meritnet.validator.weights import weight_vector

__all__ = ["Unsound", "check_subnet", "no_engine", "validator_steps"]

NETUID = 1
GENESIS = "0x" + "00" * 32
"""Of no chain."""


def check_subnet(
    kind: Subnet,
    folder: Path,
    *,
    engine: EngineSource = no_engine,
    cheats: Mapping[str, Cheat] | None = None,
    luck: Mapping[str, float] | None = None,
) -> None:
    """Hold a kind to every rule of `meritnet.subnets.testing.CHECKS`.

    Raises `Unsound` (an AssertionError) with one line for each rule that it breaks. `folder` is an empty
    directory for what the roles keep; `engine` gives the model to a kind that uses one. `cheats` are answers
    to try beside a lazy miner's, by name: each makes a worse body from a task and an honest answer's. `luck`
    says, for ``honest`` or ``lazy``, how far apart one miner's average may lie at two uids only because the
    tasks of uids differ; 0 for whoever is not named.
    """
    with Trial(kind, folder, validator_steps, engine=engine, cheats=cheats, luck=luck) as trial:
        check(trial)


async def validator_steps(
    role: ValidatorRole, players: Mapping[int, Player], *, steps: int, most: int, folder: Path
) -> Standing:
    """A validator's own steps, moving averages and weights; only the wire is played."""
    street = _Street(players)
    book = ScoreBook()
    targets = [
        Target(uid, _hotkey(uid), Axon("127.0.0.1", 1, BlockNumber(1), 1, 4)) for uid in sorted(players)
    ]
    scores, averages, previous = [], [], ""
    with ThreadPoolExecutor(1) as threads:
        bench = Bench(
            origin=origin(GENESIS, NETUID, VALIDATOR, "on trial", role),
            role=role,
            asker=cast("Asker", street),
            scores=book,
            archive=Archive(folder / "bundles"),
            report=lambda event: None,
            at_once=asyncio.Semaphore(16),
            threads=threads,
        )
        for street.step in range(steps):
            moment = Moment(_block(street.step), epoch=0, step=street.step, previous=previous)
            taken = await step(bench, moment, targets, most)
            previous = taken.bundle
            scores.append({one.target.uid: one.score.value for one in taken.judged})
            averages.append(book.values())
    own = max(players) + 1
    vector = weight_vector(book.values(), own_uid=own, neurons=own + 1, min_allowed_weights=1)
    return Standing(scores, averages, vector.shares if vector else {})


class _Street:
    """Stands in an Asker's place: players answer instead of servers, and their files lie here already."""

    def __init__(self, players: Mapping[int, Player]) -> None:
        self.step = 0
        self._players = players
        self._replies: dict[int, Reply] = {}

    def sign(self, target: Target, task: Task) -> SignedRequest:
        asked = sha256(task.body).hexdigest()
        return SignedRequest("sr25519", "POST", task.path, asked, 1, VALIDATOR, target.hotkey, b"")

    async def ask(self, target: Target, task: Task, request: SignedRequest) -> Exchange | Failure:
        reply = self._replies[target.uid] = await self._players[target.uid](self.step, task)
        if reply.answer is None:
            return Failure(reply.why)
        return _exchange(request, task, reply.answer.body, reply.answer.elapsed_s)

    async def fetch(self, target: Target, wanted: ArtifactRef) -> Path | Failure:
        path = self._replies[target.uid].files.get(wanted.content_id)
        return Failure("the miner does not have it") if path is None else path


def _exchange(request: SignedRequest, task: Task, body: bytes, elapsed_s: float) -> Exchange:
    """An exchange in the wire's form; nobody here asks for its signatures."""
    said, responder = sha256(body).hexdigest(), request.receiver or ""
    response = SignedResponse("sr25519", 200, said, request.body_sha256, 1, VALIDATOR, responder, b"")
    return Exchange(request, task.body, response, body, elapsed_s)


def _block(number: int) -> Block:
    return Block(number + 1, "0x" + sha256(f"block {number}".encode()).hexdigest())


def _hotkey(uid: int) -> str:
    return KeyPair.from_uri(f"//uid{uid}").address
