"""One answer through the subnet's judge: the same way while a validator works and when somebody audits it."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import structlog

from meritnet.subnets.base import Answer, ArtifactRef, InvalidAnswer, Score, Task, ValidatorRole
from meritnet.subnets.stack import stack
from meritnet.validator.ask import Failure

JUDGE_S = 300.0
"""For judging one answer, its files included."""

MOST_LETTERS = 500
"""Of a reason, which may repeat what a miner sent; it goes into logs, onto terminals and into files."""

Fetch = Callable[[ArtifactRef], Awaitable[Path | Failure]]

_log = structlog.get_logger("validator")


@dataclass(frozen=True)
class Judgement:
    """A score, and what it was made from besides the answer."""

    score: Score
    files: tuple[ArtifactRef, ...] = ()
    failure: str = ""
    """Why the judge came to no verdict of its own, such as a file that did not come."""


async def judgement(role: ValidatorRole, task: Task, answer: Answer, fetch: Fetch) -> Judgement:
    """What an answer is worth. Whatever is wrong with it is a score of zero with the reason."""
    try:
        async with asyncio.timeout(JUDGE_S):
            return await _verdict(role, task, answer, fetch)
    except InvalidAnswer as error:
        return Judgement(Score(0.0, one_line(str(error))))
    except TimeoutError:
        return _none(f"not judged within {JUDGE_S:g} s")
    except Exception as error:  # noqa: BLE001 - the edge of one miner: it must not end the others' step
        _log.error("judging failed", path=task.path, stack=stack(error))
        return _none(f"the judge failed: {type(error).__name__}")


async def _verdict(role: ValidatorRole, task: Task, answer: Answer, fetch: Fetch) -> Judgement:
    """The subnet's judgement, with the files that it wants. Raises ``InvalidAnswer``."""
    files: dict[str, Path] = {}
    wanted = tuple(role.artifacts(task, answer))
    for one in wanted:
        got = await fetch(one)
        if isinstance(got, Failure):
            return _none(f"file {one.content_id[:12]}…: {got.why}", wanted)
        files[one.content_id] = got
    score = await role.score(task, answer, files)
    return Judgement(replace(score, why=one_line(score.why)), wanted)


def _none(why: str, files: tuple[ArtifactRef, ...] = ()) -> Judgement:
    return Judgement(Score(0.0, why), files, why)


def one_line(words: str) -> str:
    """A reason as one line of bounded length that steers no terminal."""
    line = "".join(letter if letter.isprintable() else " " for letter in words[: MOST_LETTERS + 1])
    return line if len(line) <= MOST_LETTERS else line[: MOST_LETTERS - 1] + "…"


def plain(value: Any) -> Any:
    """Figures as JSON can carry them, whatever a subnet's judge hands over; no NaN, no endless nesting."""
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else str(value)
    if isinstance(value, str | int | bool | None):
        return value
    if isinstance(value, Mapping):
        return {str(name): plain(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [plain(part) for part in value]
    return str(value)
