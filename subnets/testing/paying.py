"""Checks on what scores become: a role behind a validator's own steps, averages and weights.

Each check takes a trial, runs its pipeline with miners that do this or that, and raises `Unsound` with one
line when it pays for what it should not. A kind fails them by what its role remembers from answer to answer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import permutations

from meritnet.chain.types import U16_MAX
from meritnet.subnets.base import Task
from meritnet.subnets.testing.trial import (
    HONEST,
    LAZY,
    REFUSALS,
    RIVAL,
    Player,
    Reply,
    Standing,
    Trial,
    Unsound,
)

STEPS = 3
TOLERANCE = 1e-9
WEIGHT_TOLERANCE = 2 / U16_MAX
"""Shares come from weights of 16 bits."""
COPIES = 3
SUBJECT, FIELD = 3, 1
"""The uid that a check looks at, and that of the honest miner beside it."""


def permuting_uids_permutes_rewards(trial: Trial) -> None:
    """Who has which uid is no matter: each miner takes its average along.

    Measured: the averages of an honest, a lazy and a silent miner after three steps in every order of the
    uids 0, 1 and 250. They may differ by the trial's ``luck`` for that miner, since each uid has its own
    tasks.
    """
    found: dict[str, dict[int, float]] = {}
    for order in permutations((0, 1, 250)):
        players = dict(zip((HONEST, LAZY, "silent"), order, strict=True))
        standing = trial.standing({uid: trial.player(name) for name, uid in players.items()}, steps=STEPS)
        for name, uid in players.items():
            found.setdefault(name, {})[uid] = standing.averages[-1][uid]
    for name, averages in found.items():
        low, high = min(averages, key=averages.__getitem__), max(averages, key=averages.__getitem__)
        luck = trial.luck.get(name, 0.0)
        if averages[high] - averages[low] > luck + TOLERANCE:
            raise Unsound(
                f"the {name} miner's average is {averages[high]:.3f} as uid {high} and {averages[low]:.3f}"
                f" as uid {low}" + (f", apart by more than {luck:g}" if luck else "")
            )


def refusing_never_helps(trial: Trial) -> None:
    """Not to answer, to answer with an error, or to answer with nothing is never better than to answer.

    Measured: average and share of the weights of an honest miner that answers badly in one of three steps,
    beside those of one that refuses in that step; and of miners that always answer badly, or never at all.
    """
    turns: list[tuple[str, Sequence[int]]] = [(refusal, [step]) for step, refusal in enumerate(REFUSALS)]
    turns += [(refusal, range(STEPS)) for refusal in REFUSALS]
    for name in trial.everybody:
        for refusal, steps in turns:
            answering = _beside_another(trial, trial.player(HONEST, dict.fromkeys(steps, name)))
            refusing = _beside_another(trial, trial.player(HONEST, dict.fromkeys(steps, refusal)))
            when = "all steps" if len(steps) == STEPS else f"step {steps[0] + 1} of {STEPS}"
            _not_better(
                f"a miner that is {refusal} in {when}", refusing, f"with the {name} answer", answering
            )


def passing_never_costs(trial: Trial) -> None:
    """To pass a check never lowers a miner's standing, however often it passed before.

    Measured: the average of a lazy and of a silent miner that works honestly in one of three steps, beside
    that without; the score of each honest answer in a row of them, beside that of a fresh role; and the
    average after a score that is no lower than the average.
    """
    for name in (LAZY, "silent"):
        failing = _beside_another(trial, trial.player(name))
        for step in range(STEPS):
            passing = _beside_another(trial, trial.player(name, {step: HONEST}))
            _not_better(
                f"the {name} miner without", failing, f"with an honest answer in step {step + 1}", passing
            )
    tasks: dict[int, Task] = {}
    standing = trial.standing({SUBJECT: _noting(trial.player(HONEST), tasks)}, steps=2 * STEPS)
    before = 0.0
    for step, task in tasks.items():
        score, average = standing.scores[step][SUBJECT], standing.averages[step][SUBJECT]
        fresh = trial.judged(trial.role(), task, HONEST).value
        if score < fresh - TOLERANCE:
            raise Unsound(f"an honest answer after {step} passes scored {score:g}, to a fresh role {fresh:g}")
        if score >= before > average + TOLERANCE:
            raise Unsound(f"a score of {score:g} lowered an average from {before:g} to {average:g}")
        before = average


def nothing_counts_twice(trial: Trial) -> None:
    """The role's word counts once: averages lie among the scores, weights are in proportion to averages.

    Measured: the scores in the steps beside those that a fresh role gives; each average beside the lowest and
    the highest score in it; and the shares of an honest and a lazy miner beside their averages.
    """
    tasks: dict[str, dict[int, Task]] = {HONEST: {}, LAZY: {}}
    players = {
        uid: _noting(trial.player(name), tasks[name]) for uid, name in ((FIELD, HONEST), (SUBJECT, LAZY))
    }
    standing = trial.standing(players, steps=STEPS)
    for uid, name in ((FIELD, HONEST), (SUBJECT, LAZY)):
        scores = [step[uid] for step in standing.scores]
        for score, task in zip(scores, tasks[name].values(), strict=True):
            fresh = trial.judged(trial.role(), task, name).value
            if abs(score - fresh) > TOLERANCE:
                raise Unsound(
                    f"the {name} answer scored {score:g} in a row of steps and {fresh:g} with a fresh role"
                )
        average = standing.averages[-1][uid]
        if not min(scores) - TOLERANCE <= average <= max(scores) + TOLERANCE:
            raise Unsound(f"scores from {min(scores):g} to {max(scores):g} became an average of {average:g}")
    total = sum(standing.averages[-1].values())
    for uid, average in standing.averages[-1].items():
        share = standing.shares.get(uid, 0.0)
        if total and abs(share - average / total) > WEIGHT_TOLERANCE:
            raise Unsound(
                f"an average of {average:g} among {total:g} in all became {share:.4f} of the weights"
            )


def splitting_never_pays(trial: Trial) -> None:
    """One piece of work handed in under several uids earns at most what it earns under one.

    Uids that each do the whole work are as many miners, and no scoring can tell: this is about copies.
    Measured: the share of an honest miner beside another one, and the shares together of three uids that all
    hand in what the first of them worked out for its own task.
    """
    alone = trial.standing({FIELD: trial.player(RIVAL), SUBJECT: trial.player(HONEST)}, steps=STEPS)
    copies = [SUBJECT + copy for copy in range(COPIES)]
    worked_out = _Once(trial)
    players = {FIELD: trial.player(RIVAL)} | {uid: worked_out.player(uid) for uid in copies}
    split = trial.standing(players, steps=STEPS)
    one, many = alone.shares.get(SUBJECT, 0.0), sum(split.shares.get(uid, 0.0) for uid in copies)
    if many > one + WEIGHT_TOLERANCE:
        raise Unsound(f"one miner got {one:.3f} of the weights, the same work under {COPIES} uids {many:.3f}")


def unasked_miners_keep_their_average(trial: Trial) -> None:
    """Who was not drawn in a step neither gains nor loses by it.

    Measured: the averages of five miners before and after each of six steps that ask two of them.
    """
    names = (HONEST, RIVAL, LAZY, HONEST, "silent")
    players = {uid: trial.player(name) for uid, name in enumerate(names)}
    standing = trial.standing(players, steps=2 * STEPS, most=2)
    before: Mapping[int, float] = {}
    for step, (scores, averages) in enumerate(zip(standing.scores, standing.averages, strict=True)):
        for uid in before.keys() - scores.keys():
            if averages.get(uid) != before[uid]:
                raise Unsound(
                    f"step {step + 1} did not ask uid {uid}, whose average went from {before[uid]:g}"
                    f" to {averages.get(uid, float('nan')):g}"
                )
        before = averages


class _Once:
    """Work done once and handed in by all: the answer to the task of whoever is asked first in a step."""

    def __init__(self, trial: Trial) -> None:
        self._trial = trial
        self._first: dict[int, Task] = {}

    def player(self, uid: int) -> Player:
        async def answer(step: int, task: Task) -> Reply:
            return await self._trial.reply(HONEST, self._first.setdefault(step, task))

        return answer


def _beside_another(trial: Trial, player: Player) -> Standing:
    return trial.standing({FIELD: trial.player(RIVAL), SUBJECT: player}, steps=STEPS)


def _noting(player: Player, tasks: dict[int, Task]) -> Player:
    """The same player; its tasks by step end up in `tasks`."""

    async def answer(step: int, task: Task) -> Reply:
        tasks[step] = task
        return await player(step, task)

    return answer


def _not_better(who: str, worse: Standing, otherwise: str, better: Standing) -> None:
    """Hold the subject's average and share in `worse` to at most those in `better`."""
    lines: Sequence[tuple[str, float, float, float]] = (
        ("average", worse.averages[-1][SUBJECT], better.averages[-1][SUBJECT], TOLERANCE),
        (
            "share of the weights",
            worse.shares.get(SUBJECT, 0),
            better.shares.get(SUBJECT, 0),
            WEIGHT_TOLERANCE,
        ),
    )
    for figure, low, high, tolerance in lines:
        if low > high + tolerance:
            raise Unsound(f"{who} has the {figure} {low:.3f}, {otherwise} {high:.3f}")
