"""A trial: one kind of subnet, miners that behave well and badly, and fresh roles of a validator.

Miners work in this process, without a network. What a miner answers to a task is worked out once and kept, so
that checks can hand the same work in again under another uid, later, or not at all.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import Any, NoReturn, Protocol, Self, TypeVar

from meritnet.chain.errors import MeritnetError
from meritnet.chain.keys import KeyPair
from meritnet.subnets.base import (
    Answer,
    EngineSource,
    InvalidAnswer,
    InvalidRequest,
    MinerContext,
    MinerRole,
    Remembers,
    Score,
    Subnet,
    Task,
    ValidatorContext,
    ValidatorRole,
)

VALIDATOR = KeyPair.from_uri("//Alice").address
"""Who asks in every trial."""
HONEST, RIVAL, LAZY = "honest", "rival", "lazy"
"""The miners of a trial; the rival is a second honest one, with a hotkey and work of its own."""
SUBJECT = 1
"""The uid of a miner that is judged alone."""
SHOWN_BYTES = 60

_Result = TypeVar("_Result")


class Unsound(AssertionError):
    """A kind breaks a rule of scoring; one line says which, with the two answers or scores that show it."""


@dataclass(frozen=True)
class Reply:
    """What comes back when a miner is asked: an answer and its files, or no answer and why."""

    answer: Answer | None
    files: Mapping[str, Path] = field(default_factory=dict)
    """Content id to file, for what the answer names."""
    why: str = ""
    """Of a refusal."""


Player = Callable[[int, Task], Awaitable[Reply]]
"""A miner in a pipeline: answers the task of a step, counted from 0."""
Cheat = Callable[[Task, bytes], bytes]
"""Makes a worse answer from a task and an honest answer's body; may also return the same one."""


@dataclass(frozen=True)
class Standing:
    """Where a validator stands after some steps; everything by uid."""

    scores: Sequence[Mapping[int, float]]
    """Step by step, of those who were asked in it."""
    averages: Sequence[Mapping[int, float]]
    """After each step, of everybody who was asked by then."""
    shares: Mapping[int, float]
    """Of the weights after the last step; they sum to 1, or are empty when nobody earned anything."""


class Pipeline(Protocol):
    """What a validator makes of a role's scores, up to its weights."""

    async def __call__(
        self, role: ValidatorRole, players: Mapping[int, Player], *, steps: int, most: int, folder: Path
    ) -> Standing:
        """Run `steps` steps that ask at most `most` of the players each; `folder` is empty."""
        ...


@dataclass(frozen=True)
class Judgement:
    """What one answer got: a value of 0 and the reason when the role refused it."""

    value: float
    why: str
    score: Score | None = None
    """What the role returned; missing when it raised InvalidAnswer."""


def no_engine() -> NoReturn:
    """Stand for the model of a kind that needs none."""
    raise MeritnetError("this trial has no model", "pass engine= to the kit for a kind that uses one")


class Trial:
    """Use as a context manager: miners start at their first question and stop at the end.

    ``luck`` says for a miner by name (``honest``, ``lazy``) how far apart its average may lie at two uids
    only because each uid has a task of its own; 0 for whoever is not named.
    """

    def __init__(
        self,
        kind: Subnet,
        folder: Path,
        pipeline: Pipeline,
        *,
        engine: EngineSource = no_engine,
        cheats: Mapping[str, Cheat] | None = None,
        luck: Mapping[str, float] | None = None,
    ) -> None:
        self.kind = kind
        self.pipeline = pipeline
        self.cheats = dict(cheats or {})
        self.luck = dict(luck or {})
        self._folder = folder
        self._engine = engine
        self._runner = asyncio.Runner()
        self._miners: dict[str, MinerRole] = {}
        self._replies: dict[tuple[str, bytes], Reply] = {}
        self._folders = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for miner in self._miners.values():
            self.run(miner.stop())
        self._runner.close()

    def run(self, work: Coroutine[Any, Any, _Result]) -> _Result:
        """Run a coroutine to its end; all of a trial's run in one event loop."""
        return self._runner.run(work)

    def role(self) -> ValidatorRole:
        """A validator's role that remembers nothing."""
        return self.kind.validator(ValidatorContext(self._engine, self._fresh("validator"), VALIDATOR))

    async def miner(self, name: str) -> MinerRole:
        """The miner of that name, ready to answer."""
        if name not in self._miners:
            hotkey = KeyPair.from_uri(f"//{name}").address
            context = MinerContext(self._engine, self._fresh(name), hotkey, lazy=name == LAZY)
            self._miners[name] = self.kind.miner(context)
            await self._miners[name].start()
        return self._miners[name]

    async def reply(self, name: str, task: Task) -> Reply:
        """What a miner, or a cheat by its name, hands in for a task; worked out once."""
        key = name, task.body
        if key not in self._replies:
            self._replies[key] = await self._work_out(name, task)
        return self._replies[key]

    async def judge(self, role: ValidatorRole, task: Task, reply: Reply) -> Judgement:
        """A role's judgement of a reply. Raises Unsound when the role breaks on it."""
        if reply.answer is None:
            return Judgement(0.0, reply.why)
        try:
            wanted = role.artifacts(task, reply.answer)
            if missing := [ref.content_id for ref in wanted if ref.content_id not in reply.files]:
                return Judgement(0.0, f"file {missing[0]} is not delivered")
            files = {ref.content_id: reply.files[ref.content_id] for ref in wanted}
            score = await role.score(task, reply.answer, files)
        except InvalidAnswer as error:
            return Judgement(0.0, str(error))
        except Exception as error:  # whatever a role raises is the finding
            said = f"{type(error).__name__}: {error}"
            raise Unsound(f"the answer {shown(reply.answer.body)} breaks the role: {said}") from error
        return Judgement(score.value, score.why, score)

    def judged(self, role: ValidatorRole, task: Task, name: str, answer: Answer | None = None) -> Judgement:
        """What a role says to a miner's answer, or to `answer` in its place. Raises Unsound."""
        reply = self.run(self.reply(name, task))
        return self.run(self.judge(role, task, reply if answer is None else replace(reply, answer=answer)))

    def judged_in_a_row(self, name: str, steps: int) -> list[Judgement]:
        """What a fresh role says to a miner in each of so many steps; it is told of every step.

        A kind may judge only what was handed in at an earlier step. Raises Unsound.
        """
        role, found = self.role(), []
        for number in range(steps):
            task = role.task(seed(number), SUBJECT)
            found.append(self.judged(role, task, name))
            self.took_in(role, task, found[-1])
        return found

    def took_in(self, role: ValidatorRole, task: Task, found: Judgement) -> None:
        """Tell a role of a step in which one miner was asked, if it remembers any."""
        if isinstance(role, Remembers):
            role.recall([(task, found.score.evidence if found.score else {})])

    def answer(self, name: str, task: Task) -> Answer:
        """The answer that somebody who answers hands in."""
        answer = self.run(self.reply(name, task)).answer
        assert answer is not None, f"{name} does not answer"
        return answer

    def standing(self, players: Mapping[int, Player], *, steps: int = 3, most: int = 64) -> Standing:
        """What a validator with a fresh role makes of these miners."""
        folder = self._fresh("pipeline")
        return self.run(self.pipeline(self.role(), players, steps=steps, most=most, folder=folder))

    def player(self, name: str, turns: Mapping[int, str] | None = None) -> Player:
        """The miner of that name; in the steps of `turns`, counted from 0, somebody else in its place."""

        async def answer(step: int, task: Task) -> Reply:
            return await self.reply((turns or {}).get(step, name), task)

        return answer

    @property
    def everybody(self) -> list[str]:
        """All whose answers can be judged: honest, lazy, and the cheats."""
        return [HONEST, LAZY, *self.cheats]

    async def _work_out(self, name: str, task: Task) -> Reply:
        if name in REFUSALS:
            return REFUSALS[name]
        if name in self.cheats:
            honest = await self.reply(HONEST, task)
            assert honest.answer is not None
            body = self.cheats[name](task, honest.answer.body)
            return replace(honest, answer=replace(honest.answer, body=body))
        miner = await self.miner(name)
        route = miner.routes.get(task.path)
        if route is None:
            raise Unsound(f"the validator asks {task.path}, the miner serves {', '.join(miner.routes)}")
        try:
            answer = Answer(await route.handler(task.body), elapsed_s=0.0)
        except InvalidRequest as error:
            raise Unsound(f"the {name} miner refuses the task {shown(task.body)}: {error}") from error
        return Reply(answer, self._delivered(miner, task, answer))

    def _delivered(self, miner: MinerRole, task: Task, answer: Answer) -> dict[str, Path]:
        """The files of a miner's own answer, as it would hand them out."""
        store = miner.artifacts
        if store is None:
            return {}
        try:
            wanted = self.role().artifacts(task, answer)
        except InvalidAnswer:  # to be judged, and refused again
            return {}
        return {ref.content_id: store.path(ref.content_id) for ref in wanted if ref.content_id in store}

    def _fresh(self, name: str) -> Path:
        self._folders += 1
        folder = self._folder / f"{self._folders:03}-{name}"
        folder.mkdir(parents=True)
        return folder


REFUSALS = {
    "silent": Reply(None, why="no answer within the deadline"),
    "erring": Reply(None, why="500: internal error"),
    "babbling": Reply(Answer(b"", elapsed_s=0.0)),
}
"""The ways not to answer, by name: no answer in time, an error, an answer that is none."""


def seed(number: int) -> bytes:
    """A step's seed: 32 bytes, the same in every trial."""
    return sha256(f"trial {number}".encode()).digest()


def shown(body: bytes) -> str:
    """An answer's beginning, for a line that a person reads."""
    return f"{body[:SHOWN_BYTES]!r}{'…' if len(body) > SHOWN_BYTES else ''}"
