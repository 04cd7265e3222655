"""What a role remembers follows from its steps' bundles: live, after a restart, in an audit of some."""

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from meritnet.chain.keys import KeyPair
from meritnet.subnets.base import Answer, ArtifactRef, PastStep, Score, Task
from meritnet.validator.archive import Archive
from meritnet.validator.audit import Verdict, audit
from meritnet.validator.bundle import InvalidBundle, StepBundle
from meritnet.validator.provenance import origin
from meritnet.validator.recollection import recalled
from meritnet.validator.scores import ScoreBook
from meritnet.validator.step import Bench, Moment, step
from meritnet.validator.view import Block

VALIDATOR = KeyPair.from_uri("//Alice")
STEPS = 6


class Loyalty:
    """A kind that pays by how many of its last three questions a miner answered; the question says it."""

    recalled_steps = 3

    def __init__(self) -> None:
        self.past: list[set[int]] = []

    def task(self, seed: bytes, uid: int) -> Task:
        return Task("/task", seed + bytes([uid, sum(uid in who for who in self.past)]), 5.0, 1000)

    def artifacts(self, task: Task, answer: Answer) -> list[ArtifactRef]:
        return []

    async def score(self, task: Task, answer: Answer, artifacts: Mapping[str, Path]) -> Score:
        return Score(task.body[-1] / 3, "loyal", {"answered": 1.0})

    def recall(self, step: PastStep) -> None:
        if any(set(evidence) - {"answered"} for _, evidence in step):
            raise ValueError("no evidence of this kind")
        answered = {task.body[-2] for task, evidence in step if evidence}
        self.past = [*self.past, answered][-self.recalled_steps :]

    def unremembered(self, task: Task) -> Task:
        return replace(task, body=task.body[:-1] + b"\0")


class House:
    """A validator's steps with one miner, and what is left of them."""

    def __init__(self, directory: Path) -> None:
        self.archive = Archive(directory / "bundles")
        self.steps: list[str] = []

    async def live(self, street: Any) -> None:
        async def any_answer(body: bytes) -> bytes:
            return b"here"

        miner, _ = await street.miner(1, any_answer)
        role, scores = Loyalty(), ScoreBook()
        made = origin("0x" + "00" * 32, 1, VALIDATOR.address, "loyalty", role)
        parts = asyncio.Semaphore(8), ThreadPoolExecutor(1)
        bench = Bench(made, role, street.asker, scores, self.archive, lambda _: None, *parts)
        for number in range(STEPS):
            block = Block(7 + number, "0x" + bytes([number]).hex() * 32)
            moment = Moment(block, 3, number, self.steps[-1] if self.steps else "")
            self.steps.append((await step(bench, moment, [miner], 4)).bundle)
            assert recalled(fresh := Loyalty(), self.archive, self.steps[-1])
            assert fresh.past == role.past

    def get(self, number: int) -> StepBundle:
        found = self.archive.get(self.steps[number])
        assert isinstance(found, StepBundle)
        return found

    def audit(self, name: str) -> dict[str, Verdict]:
        found = asyncio.run(audit(self.archive.path(name), lambda _: Loyalty()))
        return {one.about: one.verdict for one in found}


@pytest.fixture
def house(on_street: Callable[..., None], tmp_path: Path) -> House:
    made = House(tmp_path)
    on_street(made.live)
    return made


def test_what_is_remembered_is_stated_and_holds_in_an_audit(house: House) -> None:
    scores = [house.get(number).entries[0].receipt.score for number in range(STEPS)]
    assert scores == [0, 1 / 3, 2 / 3, 1, 1, 1]
    for name in house.steps:
        assert set(house.audit(name).values()) == {Verdict.HOLDS}


def test_without_the_steps_before_it_is_the_validator_s_word(house: House) -> None:
    for name in house.steps[:-1]:
        house.archive.path(name).unlink()
    found = house.audit(house.steps[-1])
    assert found["uid 1: task"] is Verdict.WORD
    assert found["uid 1: score"] is Verdict.HOLDS


def entry_changed(house: House, number: int, **changes: Any) -> str:
    """A step with something else in its receipt, under its new name."""
    bundle = house.get(number)
    entry = bundle.entries[0]
    changed = replace(entry, receipt=replace(entry.receipt, **changes))
    return house.archive.put(replace(bundle, entries=(changed,)))


def test_what_the_steps_before_contradict_differs(house: House) -> None:
    task = house.get(2).entries[0].receipt.task
    loyal = replace(task, body=task.body[:-1] + b"\3")
    assert house.audit(entry_changed(house, 2, task=loyal))["uid 1: task"] is Verdict.DIFFERS
    other = replace(task, body=b"another" + task.body)
    assert house.audit(entry_changed(house, 2, task=other))["uid 1: task"] is Verdict.DIFFERS


def test_a_figure_by_which_later_steps_go_is_compared(house: House) -> None:
    for evidence, verdict in (({"answered": 0.0}, Verdict.DIFFERS), ({"answered": 0.9999}, Verdict.HOLDS)):
        name = entry_changed(house, 2, evidence=evidence)
        assert house.audit(name)["uid 1: score"] is verdict


def test_figures_that_no_judge_gives_are_named_and_not_taken_in(house: House) -> None:
    hostile = entry_changed(house, 2, evidence={"surprise": 1})
    with pytest.raises(InvalidBundle, match="block 9 says other things"):
        recalled(Loyalty(), house.archive, hostile)
    follows = house.archive.put(replace(house.get(3), previous=hostile))
    assert house.audit(follows)["steps before"] is Verdict.DIFFERS
