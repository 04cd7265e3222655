"""The kit against kinds that are broken on purpose, one for each rule; both built-in kinds pass it."""

import json
import math
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from meritnet.subnets import testing as kit
from meritnet.subnets.base import Answer, ArtifactRef, InvalidAnswer, InvalidRequest, Route, Score, Task
from meritnet.subnets.draws import Draws
from meritnet.subnets.models.engine import Engine
from meritnet.subnets.registry import subnet
from meritnet.subnets.testing import CHECKS, Check, Player, Standing, Trial, Unsound
from meritnet.testing import check_subnet, validator_steps

LAZY_ERROR = 1.0


class Doubling:
    """A sound kind: miners double a number, the score falls with the error. Overrides break it."""

    kind = "doubling"
    summary = "double a number"
    hyperparameters: Mapping[str, int | bool] = {}

    def miner(self, context: Any) -> Any:
        return DoublingMiner(context.lazy)

    def validator(self, context: Any) -> Any:
        return DoublingValidator()


class DoublingMiner:
    artifacts = None
    chat = None

    def __init__(self, lazy: bool) -> None:
        self.error = LAZY_ERROR if lazy else 0.0
        self.routes = {"/double": Route(self.double, 1024)}

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    async def double(self, body: bytes) -> bytes:
        return json.dumps({"number": number(body), "double": 2 * number(body) + self.error}).encode()


def number(body: bytes) -> int:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        raise InvalidRequest("no JSON") from None
    if not isinstance(found, dict) or type(found.get("number")) is not int or found["number"] > 10**9:
        raise InvalidRequest("name a number")
    value: int = found["number"]
    return value


class DoublingValidator:
    def __init__(self) -> None:
        self.judged: list[tuple[int, float]] = []
        self.drawn: list[int] = []

    def task(self, seed: bytes, uid: int) -> Task:
        self.drawn.append(uid)
        body = json.dumps({"number": Draws(seed, uid).below(10**6), "uid": uid}).encode()
        return Task("/double", body, deadline_s=5, max_answer_bytes=256)

    def artifacts(self, task: Task, answer: Answer) -> list[ArtifactRef]:
        return []

    def error(self, task: Task, answer: Answer) -> float:
        try:
            said = json.loads(answer.body)
        except (ValueError, RecursionError):
            raise InvalidAnswer("no JSON") from None
        if not isinstance(said, dict) or type(said.get("double")) not in (int, float):
            raise InvalidAnswer("no number")
        if said.get("number") != number(task.body) or not abs(said["double"]) < 1e9:
            raise InvalidAnswer("another question's answer")
        return abs(said["double"] - 2 * number(task.body))

    def value(self, error: float, task: Task, answer: Answer) -> float:
        return 1 / (1 + error)

    def evidence(self, value: float) -> dict[str, object]:
        return {"factors": {"closeness": value}}

    async def score(self, task: Task, answer: Answer, artifacts: Mapping[str, Path]) -> Score:
        error = self.error(task, answer)
        value = self.value(error, task, answer)
        self.judged.append((json.loads(task.body)["uid"], value))
        return Score(value, f"wrong by {error:g}", self.evidence(value))


def kind_with(
    validator: type[DoublingValidator] = DoublingValidator, miner: type[DoublingMiner] = DoublingMiner
) -> Doubling:
    made = Doubling()
    made.validator = lambda context: validator()  # type: ignore[method-assign]
    made.miner = lambda context: miner(context.lazy)  # type: ignore[method-assign]
    return made


class DrawsAnew(DoublingValidator):
    count = 0

    def task(self, seed: bytes, uid: int) -> Task:
        DrawsAnew.count += 1
        return super().task(seed + bytes([DrawsAnew.count % 256]), uid)


class AsksAllTheSame(DoublingValidator):
    def task(self, seed: bytes, uid: int) -> Task:
        return super().task(seed, 0)


class AsksOneThing(DoublingValidator):
    def task(self, seed: bytes, uid: int) -> Task:
        return super().task(b"", uid)


class TakesShortAnswers(DoublingValidator):
    def task(self, seed: bytes, uid: int) -> Task:
        return Task("/double", super().task(seed, uid).body, deadline_s=5, max_answer_bytes=4)


class Unbounded(DoublingValidator):
    async def score(self, task: Task, answer: Answer, artifacts: Mapping[str, Path]) -> Any:
        self.error(task, answer)
        return SimpleNamespace(value=math.nan, why="well", evidence={})


class AboveOne(DoublingValidator):
    def value(self, error: float, task: Task, answer: Answer) -> float:
        return 1.25 - error


class Rambles(DoublingValidator):
    async def score(self, task: Task, answer: Answer, artifacts: Mapping[str, Path]) -> Score:
        return Score(1.0, "good\nvery good")


class NoJsonEvidence(DoublingValidator):
    def evidence(self, value: float) -> dict[str, object]:
        return {"loss": math.inf}


class PaysNobody(DoublingValidator):
    def value(self, error: float, task: Task, answer: Answer) -> float:
        return 0.0


class Moody(DoublingValidator):
    def value(self, error: float, task: Task, answer: Answer) -> float:
        return super().value(error, task, answer) * 0.9 ** len(self.judged)


class Trusting(DoublingValidator):
    def error(self, task: Task, answer: Answer) -> float:
        error: float = abs(json.loads(answer.body)["double"] - 2 * number(task.body))
        return error


class Generous(DoublingValidator):
    def error(self, task: Task, answer: Answer) -> float:
        try:
            return super().error(task, answer)
        except InvalidAnswer:
            return 9.0  # an answer is an answer


class Fragile(DoublingMiner):
    async def double(self, body: bytes) -> bytes:
        return json.dumps(
            {"number": json.loads(body)["number"], "double": 2 * json.loads(body)["number"]}
        ).encode()


class Unwilling(DoublingMiner):
    async def double(self, body: bytes) -> bytes:
        raise InvalidRequest("not today")


class Backwards(DoublingValidator):
    def value(self, error: float, task: Task, answer: Answer) -> float:
        return (1 + min(error, 1)) / 2


class Relenting(DoublingValidator):
    """Halves a value for lateness, and the value may be below zero."""

    def value(self, error: float, task: Task, answer: Answer) -> float:
        value = 1 - 2 * min(error, 1)
        late = 1 - answer.elapsed_s / task.deadline_s / 2
        return (1 + value * late) / 2


class CountsTwice(DoublingValidator):
    def value(self, error: float, task: Task, answer: Answer) -> float:
        return super().value(error, task, answer) ** 2

    def evidence(self, value: float) -> dict[str, object]:
        return {"factors": {"closeness": math.sqrt(value), "form": 1.0}}


class Relative(DoublingValidator):
    """Pays by how an answer compares with the others seen."""

    def value(self, error: float, task: Task, answer: Answer) -> float:
        value = super().value(error, task, answer)
        return value / 2 if any(other > value for _, other in self.judged) else value


class PrefersTheFirst(DoublingValidator):
    def value(self, error: float, task: Task, answer: Answer) -> float:
        return super().value(error, task, answer) * (1.0 if json.loads(task.body)["uid"] == 0 else 0.5)


class Tiring(DoublingValidator):
    """Pays little to whoever answered in the step before."""

    def value(self, error: float, task: Task, answer: Answer) -> float:
        uid = json.loads(task.body)["uid"]
        steps = self.drawn.count(uid)
        rested = (
            sum(one == uid for one, _ in self.judged) == 0
            or steps - getattr(self, "last", {}).get(uid, 0) > 1
        )
        self.last = getattr(self, "last", {}) | {uid: steps}
        return super().value(error, task, answer) * (1.0 if rested else 0.1)


class WearsOut(DoublingValidator):
    """Each pass makes the next one worth less."""

    def value(self, error: float, task: Task, answer: Answer) -> float:
        uid = json.loads(task.body)["uid"]
        passes = sum(one == uid and value > 0 for one, value in self.judged)
        return super().value(error, task, answer) * 0.5**passes


class OwnCredibility(DoublingValidator):
    """Averages by itself what the validator averages again."""

    def value(self, error: float, task: Task, answer: Answer) -> float:
        uid = json.loads(task.body)["uid"]
        passes = sum(one == uid for one, _ in self.judged)
        return super().value(error, task, answer) * min(1.0, (passes + 1) / 4)


class Unbound(DoublingValidator):
    """Takes the right answer to any question."""

    def error(self, task: Task, answer: Answer) -> float:
        super().error(Task(task.path, answer.body, 1, 1), answer)
        said = json.loads(answer.body)
        return float(abs(said["double"] - 2 * said["number"]))


async def fading(role: Any, players: Mapping[int, Player], **options: Any) -> Standing:
    """A pipeline that takes a tenth from whoever is not asked."""
    found = await validator_steps(role, players, **options)
    averages: list[dict[int, float]] = []
    for scores, now in zip(found.scores, found.averages, strict=True):
        averages.append({uid: value if uid in scores else 0.9 * value for uid, value in now.items()})
    return Standing(found.scores, averages, found.shares)


async def squaring(role: Any, players: Mapping[int, Player], **options: Any) -> Standing:
    """A pipeline whose weights are the squares of the averages."""
    found = await validator_steps(role, players, **options)
    squares = {uid: share**2 for uid, share in found.shares.items()}
    total = sum(squares.values()) or 1.0
    return Standing(found.scores, found.averages, {uid: value / total for uid, value in squares.items()})


async def forgiving(role: Any, players: Mapping[int, Player], **options: Any) -> Standing:
    """A pipeline that averages only over the scores above zero: silence costs nothing."""
    found = await validator_steps(role, players, **options)
    kept = {
        uid: [step[uid] for step in found.scores if step.get(uid, 0) > 0] or [0.0]
        for uid in found.averages[-1]
    }
    means = {uid: sum(values) / len(values) for uid, values in kept.items()}
    total = sum(means.values()) or 1.0
    shares = {uid: value / total for uid, value in means.items()}
    return Standing(found.scores, [*found.averages[:-1], means], shares)


BROKEN: list[tuple[Check, Any, str]] = [
    (kit.tasks_are_drawn_from_the_seed, DrawsAnew, "drawn again"),
    (kit.tasks_are_drawn_from_the_seed, AsksAllTheSame, "uids 1 and 2 are both asked"),
    (kit.tasks_are_drawn_from_the_seed, AsksOneThing, "two seeds both ask"),
    (kit.tasks_are_drawn_from_the_seed, TakesShortAnswers, "an answer may have 4 bytes, the honest one has"),
    (kit.scores_stay_in_range, Unbounded, "a score is a number from 0 to 1, the honest answer's is nan"),
    (
        kit.scores_stay_in_range,
        AboveOne,
        "breaks the role: ValueError: a score lies between 0 and 1, not 1.25",
    ),
    (kit.scores_stay_in_range, Rambles, "`why` must be one line"),
    (kit.scores_stay_in_range, NoJsonEvidence, "the evidence of the honest answer is no JSON"),
    (kit.scores_stay_in_range, Unwilling, r"the honest miner refuses the task b'.*': not today"),
    (kit.scores_stay_in_range, PaysNobody, "the honest miner earned 0 on 3 tasks"),
    (kit.the_same_answer_scores_the_same, Moody, "scored 1, again 0.9, with a fresh role 1"),
    (kit.malformed_answers_are_refused, Trusting, r"the answer b'' breaks the role: JSONDecodeError"),
    (kit.malformed_answers_are_refused, Generous, r"b'' earned 0.1, the honest b'.*' 1"),
    (kit.bad_requests_are_refused, Fragile, r"the request b'' breaks the miner: JSONDecodeError"),
    (kit.better_answers_never_earn_less, Backwards, "the honest answer scored 0.5, the lazy one 1"),
    (kit.penalties_never_help, Relenting, r"the lazy answer scored 0 after 0 s and 0.125 after 2.5 s"),
    (
        kit.factors_multiply_to_the_value,
        CountsTwice,
        "scored 0.25, its factors say 0.5: closeness 0.5, form 1",
    ),
    (kit.one_miner_does_not_move_another, Relative, "the lazy miner scored 0.5 alone and 0.25 after another"),
    (kit.permuting_uids_permutes_rewards, PrefersTheFirst, "average is 1.000 as uid 0 and 0.500 as uid 1"),
    (
        kit.refusing_never_helps,
        Tiring,
        "erring in step 2 of 3 has the average 0.667, with the honest answer 0.400",
    ),
    (kit.passing_never_costs, WearsOut, "after 1 passes scored 0.5, to a fresh role 1"),
    (
        kit.nothing_counts_twice,
        OwnCredibility,
        "the honest answer scored 0.5 in a row of steps and 0.25 with a fresh role",
    ),
    (kit.splitting_never_pays, Unbound, "got 0.500 of the weights, the same work under 3 uids 0.750"),
]


def broken_id(case: Any) -> str:
    return case.__name__ if hasattr(case, "__name__") else ""


@pytest.mark.parametrize(("one", "broken", "reason"), BROKEN, ids=broken_id)
def test_a_kind_that_breaks_a_rule_fails_its_check(
    one: Check, broken: Any, reason: str, tmp_path: Path
) -> None:
    kind = kind_with(miner=broken) if issubclass(broken, DoublingMiner) else kind_with(broken)
    with Trial(kind, tmp_path, validator_steps) as trial, pytest.raises(Unsound, match=reason) as found:
        one(trial)
    assert "\n" not in str(found.value)


BROKEN_PIPELINES: list[tuple[Check, Any, str]] = [
    (kit.unasked_miners_keep_their_average, fading, r"did not ask uid \d, whose average went from"),
    (kit.nothing_counts_twice, squaring, "an average of .* became .* of the weights"),
    (
        kit.refusing_never_helps,
        forgiving,
        "silent in step 1 of 3 has the average 1.000, with the lazy answer 0.833",
    ),
]


@pytest.mark.parametrize(("one", "pipeline", "reason"), BROKEN_PIPELINES, ids=broken_id)
def test_a_validator_that_breaks_a_rule_fails_its_check(
    one: Check, pipeline: Any, reason: str, tmp_path: Path
) -> None:
    with Trial(kind_with(), tmp_path, pipeline) as trial, pytest.raises(Unsound, match=reason):
        one(trial)


def test_cheats_are_tried_beside_the_lazy(tmp_path: Path) -> None:
    def too_much(task: Task, body: bytes) -> bytes:
        return json.dumps(json.loads(body) | {"double": 2 + json.loads(body)["double"]}).encode()

    class Upwards(DoublingValidator):
        def value(self, error: float, task: Task, answer: Answer) -> float:
            return {0.0: 0.5, LAZY_ERROR: 0.25}.get(error, 0.75)

    with Trial(kind_with(Upwards), tmp_path, validator_steps, cheats={"rounded up": too_much}) as trial:
        reason = kit.finding_of(kit.better_answers_never_earn_less, trial)
    assert reason == "the honest answer scored 0.5, the rounded up one 0.75 on the same task"


def test_every_rule_has_a_kind_that_breaks_it() -> None:
    assert {one for one, _, _ in (*BROKEN, *BROKEN_PIPELINES)} == set(CHECKS)


def test_a_sound_kind_passes_and_a_broken_one_hears_every_rule_by_name(tmp_path: Path) -> None:
    check_subnet(kind_with(), tmp_path / "sound")
    with pytest.raises(Unsound) as found:
        check_subnet(kind_with(Moody), tmp_path / "moody")
    headline, *_ = lines = str(found.value).splitlines()
    assert headline.startswith("doubling breaks ")
    assert "the same answer scores the same: one honest answer scored 1, again 0.9" in headline
    assert all(": " in line for line in lines)


def test_a_kind_that_needs_a_model_hears_how_to_give_it(tmp_path: Path) -> None:
    with pytest.raises(Exception, match="this trial has no model"):
        check_subnet(subnet("text_generation"), tmp_path)


@pytest.mark.parametrize(("kind", "luck"), [("text_generation", {}), ("fine_tuning", {})])
def test_the_built_in_kinds_are_sound(
    kind: str, luck: dict[str, float], engine: Engine, tmp_path: Path
) -> None:
    check_subnet(subnet(kind), tmp_path, engine=lambda: engine, luck=luck)


def test_the_kit_works_without_pytest() -> None:
    program = "import sys; sys.modules['pytest'] = None; import meritnet.testing, meritnet.subnets.testing"
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
