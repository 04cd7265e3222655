"""Checks on the roles themselves: what is asked, and how one answer is judged.

Each check takes a trial and raises `Unsound` with one line when the kind fails it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from meritnet.subnets.base import Answer, InvalidRequest
from meritnet.subnets.testing.trial import HONEST, LAZY, RIVAL, SUBJECT, Trial, Unsound, seed, shown

SEEDS = 3
UID, OTHER_UID = SUBJECT, 2

NONSENSE = (
    *(b"", b"\xff\xfe\x00", b"\0" * 16, b"NaN", b"[Infinity]", b"1e400", b"9" * 5_000),
    *(b"[" * 5_000, b'{"a":' * 2_000, b'"\\ud800"', b'{"a": 1', b"not json"),
)
"""Bytes that no honest miner of any kind sends: they must earn nothing and break nothing."""
DOUBTFUL = (b"null", b"true", b"[]", b"{}", b'""', b"0", b"-1", b"[null]", b'{"": {}}')
"""Small JSON values: one of them may be somebody's right answer, but none may break a role."""


def scores_stay_in_range(trial: Trial) -> None:
    """Every value is a number from 0 to 1, `why` is one line, the evidence is JSON, and honest work earns.

    Measured: value, reason and evidence for the honest, the lazy and the cheats on the tasks of three seeds,
    each by a role of its own, three steps in a row.
    """
    best = 0.0
    for name in trial.everybody:
        for found in trial.judged_in_a_row(name, SEEDS):
            _in_range(name, found.value)
            if not found.why.strip() or "\n" in found.why.strip():
                raise Unsound(f"`why` must be one line, the {name} answer's is {found.why!r}")
            _is_json(name, found.score.evidence if found.score else {})
            best = max(best, found.value if name == HONEST else 0.0)
    if best == 0:
        raise Unsound(f"the honest miner earned 0 on {SEEDS} tasks, the last time because {found.why!r}")


def the_same_answer_scores_the_same(trial: Trial) -> None:
    """A task and an answer fix the score, whoever judges and how often: a receipt can be checked by anyone.

    Measured: the values that a role gives twice to the same answer, and what a second, fresh role gives, on
    the tasks of three seeds, three steps in a row.
    """
    for name in trial.everybody:
        role = trial.role()
        for number in range(SEEDS):
            other = trial.role()
            task = role.task(seed(number), UID)
            other.task(seed(number), UID)
            values = [trial.judged(one, task, name).value for one in (role, role, other)]
            if len(set(values)) != 1:
                raise Unsound(
                    f"one {name} answer scored {values[0]:g}, again {values[1]:g},"
                    f" with a fresh role {values[2]:g}"
                )
            trial.took_in(role, task, trial.judged(role, task, name))


def tasks_are_drawn_from_the_seed(trial: Trial) -> None:
    """Anybody can draw a task again, and nobody is asked what another miner is: an answer is good once.

    Measured: tasks of two fresh roles for the same seed and uid, for two uids, and for two seeds; and whether
    the miner serves the task's path, takes its size, and may send an answer as large as its own.
    """
    first, again = trial.role(), trial.role()
    task = first.task(seed(0), UID)
    if again.task(seed(0), UID) != task:
        raise Unsound(
            f"uid {UID} was asked {shown(task.body)}, drawn again {shown(again.task(seed(0), UID).body)}"
        )
    if first.task(seed(0), OTHER_UID).body == task.body:
        raise Unsound(f"uids {UID} and {OTHER_UID} are both asked {shown(task.body)}")
    if first.task(seed(1), UID).body == task.body:
        raise Unsound(f"two seeds both ask {shown(task.body)}")
    size = len(trial.answer(HONEST, task).body)
    if size > task.max_answer_bytes:
        raise Unsound(f"an answer may have {task.max_answer_bytes} bytes, the honest one has {size}")
    most = trial.run(trial.miner(HONEST)).routes[task.path].max_request_bytes
    if len(task.body) > most:
        raise Unsound(f"the miner takes {most} bytes, the task has {len(task.body)}")
    if not (math.isfinite(task.deadline_s) and task.deadline_s > 0):
        raise Unsound(f"a deadline of {task.deadline_s:g} s")


def malformed_answers_are_refused(trial: Trial) -> None:
    """Nothing that a miner can send breaks the role: it raises InvalidAnswer, or scores, and nothing else.

    Measured: what nonsense earns (it must be 0), and what an honest answer earns after a part of it was cut,
    flipped, removed or replaced (at most what it earned whole).
    """
    role = trial.role()
    task = role.task(seed(0), UID)
    honest = trial.answer(HONEST, task)
    whole = trial.judged(role, task, HONEST).value
    bodies = [(body, 0.0) for body in NONSENSE]
    bodies += [(body, whole) for body in (*DOUBTFUL, *mutations(honest.body))]
    for body, most in bodies:
        value = trial.judged(role, task, HONEST, Answer(body, elapsed_s=0.0)).value
        if not value <= most:
            raise Unsound(f"{shown(body)} earned {value:g}, the honest {shown(honest.body)} {whole:g}")


def bad_requests_are_refused(trial: Trial) -> None:
    """Nothing that a caller can send breaks the miner: it raises InvalidRequest, or answers.

    Measured: what the honest miner's handler does with nonsense and with parts of an honest task.
    """
    task = trial.role().task(seed(0), UID)
    handler = trial.run(trial.miner(HONEST)).routes[task.path].handler
    for body in (*NONSENSE, *DOUBTFUL, *mutations(task.body)):
        try:
            trial.run(_bytes(handler, body))
        except InvalidRequest:
            continue
        except Exception as error:  # whatever a handler raises is the finding
            raise Unsound(
                f"the request {shown(body)} breaks the miner: {type(error).__name__}: {error}"
            ) from error


def better_answers_never_earn_less(trial: Trial) -> None:
    """The lazy and the cheats earn at most what honest work earns, on the same task.

    Measured: both scores on the tasks of three seeds, each by a role of its own, three steps in a row.
    """
    rows = {name: [found.value for found in trial.judged_in_a_row(name, SEEDS)] for name in trial.everybody}
    for name in (LAZY, *trial.cheats):
        for honest, value in zip(rows[HONEST], rows[name], strict=True):
            if value > honest:
                raise Unsound(
                    f"the honest answer scored {honest:g}, the {name} one {value:g} on the same task"
                )


def penalties_never_help(trial: Trial) -> None:
    """What is a penalty for a good answer is none the less one for a bad answer.

    A factor below 1 improves a negative value, so it must be applied where no value is negative. Measured:
    the score of every answer, good or bad, sent at once, after half the deadline, and at the deadline.
    """
    for number in range(SEEDS):
        role = trial.role()
        task = role.task(seed(number), UID)
        for name in trial.everybody:
            given = trial.answer(name, task)
            before, late_s = 2.0, 0.0
            for part in (0.0, 0.5, 1.0):
                answer = replace(given, elapsed_s=part * task.deadline_s)
                value = trial.judged(role, task, name, answer).value
                if value > before:
                    raise Unsound(
                        f"the {name} answer scored {before:g} after {late_s:g} s"
                        f" and {value:g} after {answer.elapsed_s:g} s"
                    )
                before, late_s = value, answer.elapsed_s


def factors_multiply_to_the_value(trial: Trial) -> None:
    """No factor counts twice: where the evidence lists ``factors``, the value is their product, each once.

    Measured: the value beside the product, for every answer whose evidence has a mapping ``factors``.
    """
    for number in range(SEEDS):
        role = trial.role()
        task = role.task(seed(number), UID)
        for name in trial.everybody:
            found = trial.judged(role, task, name)
            factors = found.score.evidence.get("factors") if found.score else None
            if isinstance(factors, dict):
                product = math.prod(float(factor) for factor in factors.values())
                if not math.isclose(found.value, product, abs_tol=1e-9):
                    named = ", ".join(f"{factor} {value:g}" for factor, value in factors.items())
                    raise Unsound(
                        f"the {name} answer scored {found.value:g}, its factors say {product:g}: {named}"
                    )


def one_miner_does_not_move_another(trial: Trial) -> None:
    """What one miner answers is no matter for another's score, unless it hands in the same work.

    Measured: the score of a second honest miner and of the lazy one with a fresh role, and with a role that
    has just judged the first honest miner.
    """
    for name in (RIVAL, LAZY):
        alone, after = trial.role(), trial.role()
        before = after.task(seed(0), UID)
        trial.judged(after, before, HONEST)
        values = []
        for role in (alone, after):
            task = role.task(seed(0), OTHER_UID)
            values.append(trial.judged(role, task, name).value)
        if values[0] != values[1]:
            raise Unsound(
                f"the {name} miner scored {values[0]:g} alone and {values[1]:g} after another was judged"
            )


def mutations(body: bytes) -> Iterator[bytes]:
    """Damaged copies of a message: cut, doubled, a bit flipped; of JSON, each part removed or replaced."""
    yield body[: len(body) // 2]
    yield body + body
    yield body + b" x"
    for place in {0, len(body) // 2, len(body) - 1} & set(range(len(body))):
        yield body[:place] + bytes([body[place] ^ 0x80]) + body[place + 1 :]
    try:
        whole = json.loads(body)
    except (ValueError, RecursionError):
        return
    yield from (json.dumps(value).encode() for value in _damaged(whole))


def _damaged(whole: Any) -> Iterator[Any]:
    """The value with one part of it, down to two levels, removed or replaced."""
    odd: Sequence[Any] = (None, True, -1, 2**70, 0.5, float("nan"), "", "x" * 300, [], {}, [[]], {"a": None})
    if isinstance(whole, dict):
        yield whole | {"surprise": 1}
        for name, part in whole.items():
            yield {key: value for key, value in whole.items() if key != name}
            yield from (whole | {name: value} for value in odd)
            if isinstance(part, list):
                yield from (whole | {name: value} for value in _damaged(part))
    elif isinstance(whole, list):
        yield whole * 100
        yield whole[:-1]
        yield from ([value, *whole[1:]] for value in odd)
    else:
        yield from odd


def _in_range(name: str, value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, float | int) or not 0 <= value <= 1:
        raise Unsound(f"a score is a number from 0 to 1, the {name} answer's is {value!r}")


def _is_json(name: str, evidence: Any) -> None:
    try:
        json.dumps(evidence, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise Unsound(f"the evidence of the {name} answer is no JSON: {error}") from None


async def _bytes(handler: Callable[[bytes], Awaitable[bytes]], body: bytes) -> bytes:
    return await handler(body)
