"""One step of a validator: sample, ask, score, record.

What a miner does wrong costs that miner only: no answer, a malformed one, a missing file are scores of zero
with their reason. So is an answer that breaks the subnet's own judge: otherwise breaking it would be worth
money.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from functools import partial

from structlog.contextvars import bound_contextvars

from meritnet.chain.errors import MeritnetError
from meritnet.subnets.base import Answer, Score, Task, ValidatorRole
from meritnet.subnets.receipts import Exchange, Receipt, kept_body
from meritnet.subnets.tracing import OFF, Attributes, Traces
from meritnet.validator.archive import Archive
from meritnet.validator.ask import Asker, Failure, Target
from meritnet.validator.bundle import Entry, StepBundle
from meritnet.validator.events import Asked, Report, Scored
from meritnet.validator.health import Health
from meritnet.validator.judgement import Judgement, judgement, plain
from meritnet.validator.provenance import Origin
from meritnet.validator.recollection import took_in
from meritnet.validator.sampling import sample, step_seed
from meritnet.validator.scores import ScoreBook, moved
from meritnet.validator.view import Block

DRAW_S = 1800.0
"""For drawing one task; the first may have to fetch and load a model."""


@dataclass(frozen=True)
class Moment:
    """When a step is taken, and what it follows."""

    block: Block
    epoch: int
    step: int
    """Steps of this epoch before it, so that two in one block differ."""
    previous: str = ""
    """The bundle of the step before."""


@dataclass(frozen=True)
class Judged:
    """What one miner got in a step: an exchange, or the failure of one, and what the judge made of it."""

    target: Target
    task: Task
    got: Exchange | Failure
    judgement: Judgement

    @property
    def score(self) -> Score:
        """What it is worth."""
        return self.judgement.score

    @property
    def exchange(self) -> Exchange | None:
        """Both signed messages; missing when no signed answer came."""
        return self.got if isinstance(self.got, Exchange) else None


@dataclass(frozen=True)
class Step:
    """What a step left: the name of its bundle, and what each miner got, by uid."""

    bundle: str
    judged: list[Judged]


@dataclass(frozen=True)
class Bench:
    """Who judges, and where the judgement goes."""

    origin: Origin
    role: ValidatorRole
    asker: Asker
    scores: ScoreBook
    archive: Archive
    report: Report
    at_once: asyncio.Semaphore
    """How many miners are asked at the same time."""
    threads: Executor
    """Where tasks are drawn: the first one may load a model."""
    traces: Traces = OFF
    health: Health = field(default_factory=Health)


async def step(bench: Bench, moment: Moment, targets: Sequence[Target], most: int) -> Step:
    """Asks at most ``most`` of the targets, drawn by the block's hash, and takes their scores in.

    The bundle is on disk before a score counts. Raises ``MeritnetError`` when no task can be drawn, such as
    without a model, or when our clock is wrong; then nobody is scored.
    """
    origin = bench.origin
    seed = step_seed(moment.block.hash, origin.netuid, origin.validator, moment.step)
    drawn = set(sample([target.uid for target in targets], most, seed))
    asked = [target for target in targets if target.uid in drawn]
    with bench.health.drawing(), bench.traces.span("draw", {"meritnet.tasks": len(asked)}):
        tasks = [await _task(bench, seed, target.uid) for target in asked]

    judged = await asyncio.gather(*map(partial(_judged, bench), asked, tasks))
    _check_clock(judged)
    entries = tuple(_entry(bench, moment, one) for one in judged)
    bundle = StepBundle(
        origin,
        moment.previous,
        moment.block,
        moment.epoch,
        moment.step,
        seed.hex(),
        tuple((target.uid, target.hotkey) for target in targets),
        most,
        bench.scores.alpha,
        entries,
    )
    name = await asyncio.get_running_loop().run_in_executor(bench.threads, bench.archive.put, bundle)
    for entry in entries:
        _count(bench, entry)
    took_in(bench.role, entries)
    return Step(name, list(judged))


async def _task(bench: Bench, seed: bytes, uid: int) -> Task:
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(DRAW_S):
            return await loop.run_in_executor(bench.threads, bench.role.task, seed, uid)
    except TimeoutError:
        raise MeritnetError(f"no task was drawn within {DRAW_S:g} s", "is the model being fetched?") from None


def _check_clock(judged: Sequence[Judged]) -> None:
    """Raises ``MeritnetError`` when most miners say that our clock is off and none has answered: it is not
    their fault. One that answers shows that the others' clocks are."""
    said = [one.got for one in judged if isinstance(one.got, Failure) and one.got.says_stale]
    if 2 * len(said) > len(judged) and not any(one.exchange for one in judged):
        raise MeritnetError(
            f"this machine's clock is off, say {len(said)} of {len(judged)} miners ({said[0].why})",
            "set the clock, such as by `timedatectl set-ntp true`; nobody was scored",
        )


async def _judged(bench: Bench, target: Target, task: Task) -> Judged:
    """Asks one miner and scores what comes; nothing that it sends raises."""
    async with bench.at_once:
        request = bench.asker.sign(target, task)
        about: Attributes = {
            "meritnet.netuid": bench.origin.netuid,
            "meritnet.uid": target.uid,
            "meritnet.hotkey": target.hotkey,
            "meritnet.request_id": request.id,
        }
        bench.report(Asked(bench.origin.netuid, bench.origin.validator, target.uid, task.path, request.id))
        with bench.traces.span("ask", about):
            got = await bench.asker.ask(target, task, request)
    if isinstance(got, Failure):
        return Judged(target, task, got, Judgement(Score(0.0, got.why), failure=got.why))
    answer = Answer(got.response_body, got.elapsed_s)
    with bench.traces.span("score", about) as span, bound_contextvars(request_id=request.id):
        found = await judgement(bench.role, task, answer, partial(bench.asker.fetch, target))
        span.note({"meritnet.score": found.score.value})
    return Judged(target, task, got, found)


def _entry(bench: Bench, moment: Moment, judged: Judged) -> Entry:
    """What is kept of one miner's part, with its standing before and after."""
    uid, hotkey, score = judged.target.uid, judged.target.hotkey, judged.score
    before = bench.scores.get(uid, hotkey)
    after = moved(before, hotkey, score.value, moment.block.number, score.why, bench.scores.alpha)
    return Entry(_receipt(judged), before, after)


def _receipt(judged: Judged) -> Receipt:
    got, found = judged.got, judged.judgement
    came = got.response is not None
    return Receipt(
        uid=judged.target.uid,
        miner=judged.target.hotkey,
        task=judged.task,
        score=found.score.value,
        why=found.score.why,
        evidence=plain(found.score.evidence),
        request=got.request,
        response=got.response,
        response_body=kept_body(got.response_body) if came else None,
        elapsed_s=got.elapsed_s if isinstance(got, Exchange) else None,
        failure=found.failure,
        files=found.files,
    )


def _count(bench: Bench, entry: Entry) -> None:
    """Lets a score that is on disk count."""
    receipt, after = entry.receipt, entry.after
    bench.scores.put(receipt.uid, after)
    bench.report(
        Scored(
            bench.origin.netuid,
            bench.origin.validator,
            receipt.uid,
            receipt.score,
            receipt.why,
            after.value,
            receipt.elapsed_s,
            receipt.evidence,
            receipt.request.id if receipt.request is not None else "",
        )
    )
