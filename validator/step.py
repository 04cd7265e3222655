"""One step of a validator: sample, ask, score, record.

What a miner does wrong costs that miner only: no answer, a malformed one, a missing file are scores of zero
with their reason. So is an answer that breaks the subnet's own judge: otherwise breaking it would be worth
money.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import structlog

from meritnet.subnets.base import Answer, InvalidAnswer, Score, Task, ValidatorRole
from meritnet.subnets.receipts import Exchange, Receipt, ReceiptBook
from meritnet.validator.ask import Asker, Failure, Target
from meritnet.validator.events import Asked, Report, Scored
from meritnet.validator.sampling import sample, step_seed
from meritnet.validator.scores import ScoreBook
from meritnet.validator.view import Block

JUDGE_S = 300.0
"""For judging one answer."""

_log = structlog.get_logger("validator")


@dataclass(frozen=True)
class Judged:
    """What one miner got in a step; ``exchange`` is missing when no signed answer came."""

    target: Target
    score: Score
    exchange: Exchange | None


@dataclass(frozen=True)
class Bench:
    """Who judges, and where the judgement goes."""

    netuid: int
    validator: str
    role: ValidatorRole
    asker: Asker
    scores: ScoreBook
    receipts: ReceiptBook
    report: Report
    at_once: asyncio.Semaphore
    """How many miners are asked at the same time."""
    threads: Executor
    """Where tasks are drawn: the first one may load a model."""


async def step(bench: Bench, block: Block, number: int, targets: Sequence[Target], most: int) -> list[Judged]:
    """Asks at most ``most`` of the targets, drawn by the block's hash, and takes their scores in.

    ``number`` counts the steps of the epoch, so that two in one block differ. The order is that of the uids.
    Raises ``MeritnetError`` when no task can be drawn, such as without a model; then nobody is scored.
    """
    seed = step_seed(block.hash, bench.netuid, bench.validator, number)
    drawn = set(sample([target.uid for target in targets], most, seed))
    asked = [target for target in targets if target.uid in drawn]
    loop = asyncio.get_running_loop()
    tasks = [await loop.run_in_executor(bench.threads, bench.role.task, seed, one.uid) for one in asked]

    judged = await asyncio.gather(*map(partial(_judge, bench), asked, tasks))
    bench.receipts.write([_receipt(bench, block, one) for one in judged])
    for one in judged:
        _record(bench, block, one)
    return list(judged)


async def _judge(bench: Bench, target: Target, task: Task) -> Judged:
    """Asks one miner and scores what comes; nothing that it sends raises."""
    exchange: Exchange | None = None
    try:
        async with bench.at_once:
            bench.report(Asked(bench.netuid, bench.validator, target.uid, task.path))
            got = await bench.asker.ask(target, task)
        if isinstance(got, Failure):
            return Judged(target, Score(0.0, got.why), None)
        exchange = got
        async with asyncio.timeout(JUDGE_S):
            return Judged(target, await _score(bench, target, task, exchange), exchange)
    except InvalidAnswer as error:
        return Judged(target, Score(0.0, str(error)), exchange)
    except TimeoutError:
        return Judged(target, Score(0.0, f"not judged within {JUDGE_S:g} s"), exchange)
    except Exception as error:  # noqa: BLE001 - the edge of one miner: it must not end the others' step
        _log.exception("judging failed", uid=target.uid, netuid=bench.netuid)
        return Judged(target, Score(0.0, f"the judge failed: {type(error).__name__}"), exchange)


async def _score(bench: Bench, target: Target, task: Task, exchange: Exchange) -> Score:
    """The subnet's judgement, with the files that it wants. Raises ``InvalidAnswer``."""
    answer = Answer(exchange.response_body, exchange.elapsed_s)
    files: dict[str, Path] = {}
    for wanted in bench.role.artifacts(task, answer):
        got = await bench.asker.fetch(target, wanted)
        if isinstance(got, Failure):
            raise InvalidAnswer(f"file {wanted.content_id[:12]}…: {got.why}")
        files[wanted.content_id] = got
    return await bench.role.score(task, answer, files)


def _record(bench: Bench, block: Block, judged: Judged) -> None:
    target, score = judged.target, judged.score
    average = bench.scores.add(target.uid, target.hotkey, score.value, block.number, score.why)
    elapsed_s = None if judged.exchange is None else judged.exchange.elapsed_s
    judgement = score.value, score.why, average.value, elapsed_s, _plain(score.evidence)
    bench.report(Scored(bench.netuid, bench.validator, target.uid, *judgement))


def _receipt(bench: Bench, block: Block, judged: Judged) -> Receipt:
    return Receipt(
        netuid=bench.netuid,
        block_hash=block.hash,
        uid=judged.target.uid,
        miner=judged.target.hotkey,
        validator=bench.validator,
        score=judged.score.value,
        why=judged.score.why,
        evidence=_plain(judged.score.evidence),
        exchange=judged.exchange,
    )


def _plain(value: Any) -> Any:
    """Figures as JSON can carry them, whatever a subnet's judge hands over; no NaN, no endless nesting."""
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else str(value)
    if isinstance(value, str | int | bool | None):
        return value
    if isinstance(value, Mapping):
        return {str(name): _plain(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    return str(value)
