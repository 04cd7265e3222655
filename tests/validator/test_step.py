"""One step against real servers: who is asked, what each gets, and what is kept of it."""

import asyncio
import json
import math
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from meritnet.chain.errors import MeritnetError
from meritnet.chain.keys import KeyPair
from meritnet.subnets.base import Answer, ArtifactRef, InvalidAnswer, Score, Task
from meritnet.validator import judgement
from meritnet.validator import step as steps
from meritnet.validator.archive import Archive
from meritnet.validator.bundle import StepBundle
from meritnet.validator.events import Asked, Scored
from meritnet.validator.provenance import origin
from meritnet.validator.sampling import sample, step_seed
from meritnet.validator.scores import ScoreBook
from meritnet.validator.step import Bench, Moment, step
from meritnet.validator.view import Block

VALIDATOR = KeyPair.from_uri("//Alice").address
BLOCK = Block(7, "0x" + "42" * 32)


class Judge:
    """Wants the question back in capitals and a file with it."""

    def task(self, seed: bytes, uid: int) -> Task:
        question = json.dumps({"say": seed.hex()[:8], "uid": uid}).encode()
        return Task("/task", question, 1.0, 4096)

    def artifacts(self, task: Task, answer: Answer) -> list[ArtifactRef]:
        if answer.body == b"break the judge":
            raise ZeroDivisionError
        lines = answer.body.split(b"\n")
        if lines[0] != task.body.upper():
            raise InvalidAnswer("the question is not in capitals")
        return [ArtifactRef(line.decode(), 1000) for line in lines[1:]]

    async def score(self, task: Task, answer: Answer, artifacts: Mapping[str, Path]) -> Score:
        size = sum(path.stat().st_size for path in artifacts.values())
        return Score(
            0.5 + 0.1 * size, f"{size} bytes came along", {"bytes": size, "odd": [math.nan, {1: Path}]}
        )


async def capitals(body: bytes) -> bytes:
    return body.upper()


async def lower(body: bytes) -> bytes:
    return body


async def breaker(body: bytes) -> bytes:
    return b"break the judge"


async def never(body: bytes) -> bytes:
    await asyncio.Event().wait()
    return b""


def bench(street: Any, events: list[Any]) -> Bench:
    role = Judge()
    return Bench(
        origin("0x" + "00" * 32, 1, VALIDATOR, "capitals", role),
        role,
        street.asker,
        ScoreBook(),
        Archive(street.directory / "bundles"),
        events.append,
        asyncio.Semaphore(8),
        ThreadPoolExecutor(1),
    )


def test_each_miner_gets_what_it_earned_and_no_other_suffers(on_street: Callable[..., None]) -> None:
    async def scenario(street: Any) -> None:
        honest, _ = await street.miner(0, capitals)
        wrong, _ = await street.miner(1, lower)
        evil, _ = await street.miner(2, breaker)
        slow, _ = await street.miner(3, never)
        rude = await street.hostile(4, b"\x00\x01")

        with_file, role = await street.miner(5, capitals)
        content_id = role.artifacts.put(b"abc").encode()

        async def and_file(body: bytes) -> bytes:
            return body.upper() + b"\n" + content_id

        role.routes["/task"] = type(role.routes["/task"])(and_file, 1000)
        events: list[Any] = []
        at = bench(street, events)
        taken = await step(at, Moment(BLOCK, 1, 0), [honest, wrong, evil, slow, rude, with_file], 10)
        judged = taken.judged

        found = {one.target.uid: (one.score.value, one.score.why) for one in judged}
        assert found[0] == (0.5, "0 bytes came along")
        assert found[1] == (0.0, "the question is not in capitals")
        assert found[2] == (0.0, "the judge failed: ZeroDivisionError")
        assert found[3] == (0.0, "no answer within 1 s")
        assert found[4][0] == 0.0
        assert found[4][1].startswith("no connection")
        assert found[5] == (0.8, "3 bytes came along")
        assert at.scores.values() == {0: 0.5, 1: 0.0, 2: 0.0, 3: 0.0, 4: 0.0, 5: 0.8}

        assert sorted(event.uid for event in events if isinstance(event, Asked)) == [0, 1, 2, 3, 4, 5]
        assert [event.uid for event in events if isinstance(event, Scored)] == [0, 1, 2, 3, 4, 5]
        bundle = at.archive.get(taken.bundle)
        assert isinstance(bundle, StepBundle)
        kept = [entry.receipt for entry in bundle.entries]
        for receipt in kept:
            receipt.check(VALIDATOR)
        assert [receipt.is_answered for receipt in kept] == [True, True, True, False, False, True]
        assert all(receipt.request is not None for receipt in kept)
        assert [entry.after.value for entry in bundle.entries] == [0.5, 0.0, 0.0, 0.0, 0.0, 0.8]
        nonces = {receipt.request.id for receipt in kept if receipt.request}
        assert {event.request_id for event in events if isinstance(event, Scored)} == nonces
        assert kept[5].evidence == {"bytes": 3, "odd": ["nan", {"1": str(Path)}]}

    on_street(scenario)


def late() -> int:
    return time.time_ns() - 60 * 10**9


def test_nobody_is_scored_when_our_own_clock_is_off(on_street: Callable[..., None]) -> None:
    async def scenario(street: Any) -> None:
        targets = [(await street.miner(uid, capitals))[0] for uid in range(3)]
        targets.append(await street.hostile(3, b"\x00\x01"))
        at = bench(street, [])
        with pytest.raises(MeritnetError, match=r"clock is off, say 3 of 4 miners \(.*60.* s old") as found:
            await step(at, Moment(BLOCK, 1, 0), targets, 10)
        assert "timedatectl" in found.value.hint
        assert at.scores.values() == {}

    on_street(scenario, clock_ns=late)


def test_one_that_answers_shows_that_the_others_clocks_are_off(on_street: Callable[..., None]) -> None:
    async def scenario(street: Any) -> None:
        wrong = [(await street.miner(uid, capitals))[0] for uid in range(2)]
        right, _ = await street.miner(2, capitals, clock_ns=late)
        at = bench(street, [])
        await step(at, Moment(BLOCK, 1, 0), [*wrong, right], 10)
        assert at.scores.values() == {0: 0.0, 1: 0.0, 2: 0.5}

    on_street(scenario, clock_ns=late)


def test_the_draw_is_the_block_s_and_the_others_stay_as_they_were(on_street: Callable[..., None]) -> None:
    async def scenario(street: Any) -> None:
        targets = [(await street.miner(uid, capitals))[0] for uid in range(5)]
        at = bench(street, [])
        at.scores.add(0, targets[0].hotkey, 0.9, 1, "")
        judged = (await step(at, Moment(BLOCK, 1, 3), targets, 2)).judged
        expected = sample(range(5), 2, step_seed(BLOCK.hash, 1, VALIDATOR, 3))
        assert [one.target.uid for one in judged] == expected
        if 0 not in expected:
            assert at.scores.values()[0] == 0.9

    on_street(scenario)


def test_a_step_with_nobody_to_ask_is_empty(on_street: Callable[..., None]) -> None:
    async def scenario(street: Any) -> None:
        assert (await step(bench(street, []), Moment(BLOCK, 1, 0), [], 5)).judged == []

    on_street(scenario)


def test_a_failure_of_the_validator_itself_costs_no_miner_anything(
    on_street: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise MeritnetError("the model cannot be had")

    async def scenario(street: Any) -> None:
        targets = [(await street.miner(uid, capitals))[0] for uid in range(2)]
        monkeypatch.setattr(Judge, "task", fail)
        at = bench(street, [])
        with pytest.raises(MeritnetError, match="cannot be had"):
            await step(at, Moment(BLOCK, 1, 0), targets, 2)
        assert at.scores.values() == {}
        assert not at.archive.directory.exists()

    on_street(scenario)


def test_nothing_is_waited_for_without_an_end(
    on_street: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    released = threading.Event()

    def stuck(*_: object) -> None:
        released.wait()

    async def thinking(*_: object) -> Score:
        await asyncio.Event().wait()
        raise AssertionError

    async def scenario(street: Any) -> None:
        target, _ = await street.miner(0, capitals)
        monkeypatch.setattr(judgement, "JUDGE_S", 0.01)
        with monkeypatch.context() as patched:
            patched.setattr(Judge, "score", thinking)
            taken = await step(bench(street, []), Moment(BLOCK, 1, 0), [target], 1)
        assert taken.judged[0].score == Score(0.0, "not judged within 0.01 s")
        monkeypatch.setattr(steps, "DRAW_S", 0.01)
        monkeypatch.setattr(Judge, "task", stuck)
        with pytest.raises(MeritnetError, match=r"no task was drawn within 0\.01 s"):
            await step(bench(street, []), Moment(BLOCK, 1, 1), [target], 1)
        released.set()

    on_street(scenario)


def test_a_disk_that_is_full_moves_no_average(
    on_street: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario(street: Any) -> None:
        target, _ = await street.miner(0, capitals)
        at = bench(street, [])

        def full(*_: object) -> None:
            raise OSError(28, "No space left on device")

        with monkeypatch.context() as patched:
            patched.setattr("os.fsync", full)
            with pytest.raises(OSError, match="No space left"):
                await step(at, Moment(BLOCK, 1, 0), [target], 1)
        assert at.scores.values() == {}
        await step(at, Moment(BLOCK, 1, 0), [target], 1)
        assert at.scores.values() == {0: 0.5}

    on_street(scenario)
