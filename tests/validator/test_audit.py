"""An audit passes what a validator really did, and names what it did not."""

import asyncio
import json
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from meritnet.chain.keys import KeyPair
from meritnet.consensus.commit import commit_hash
from meritnet.subnets.artifacts import ArtifactStore
from meritnet.subnets.receipts import KEPT_BODY_BYTES
from meritnet.validator.archive import Archive
from meritnet.validator.audit import Finding, Verdict, audit
from meritnet.validator.binding import Proof, bound_salt, proof_path
from meritnet.validator.bundle import Bundle, StepBundle, WeightsBundle, name_of
from meritnet.validator.provenance import Origin, origin
from meritnet.validator.scores import ScoreBook
from meritnet.validator.step import Bench, Moment, step
from meritnet.validator.view import Block
from meritnet.validator.weights import weight_vector

VALIDATOR = KeyPair.from_uri("//Alice")
MINER = KeyPair.from_uri("//miner1")
SECRET = "07" * 32
EPOCH = 3
LIMIT = 0.5
"""A constant of the module that judges, as kinds have them."""


def block(number: int) -> Block:
    return Block(number, "0x" + bytes([number]).hex() * 32)


class Life:
    """What a validator leaves in a directory: two steps, weights made of them, the proof of their commit."""

    def __init__(self, directory: Path, quiz: Any) -> None:
        self.archive = Archive(directory / "bundles")
        self.quiz = quiz
        self.scores = ScoreBook()
        self.steps: list[str] = []
        self.hotkeys: tuple[str, ...] = ()

    def bench(self, street: Any) -> Bench:
        made = origin("0x" + "00" * 32, 1, VALIDATOR.address, "quiz", self.quiz)
        at_once, threads = asyncio.Semaphore(8), ThreadPoolExecutor(1)
        return Bench(
            made, self.quiz, street.asker, self.scores, self.archive, lambda _: None, at_once, threads
        )

    async def live(self, street: Any) -> None:
        diligent, _ = await street.miner(1, self.quiz.diligent)
        lazy, _ = await street.miner(2, self.quiz.lazy)
        refusing, _ = await street.miner(3, self.quiz.lazy, admits=KeyPair.from_uri("//Bob"))
        rude = await street.hostile(4, b"\x00")
        targets = [diligent, lazy, refusing, rude]
        self.hotkeys = (VALIDATOR.address, *(target.hotkey for target in targets))
        for number in range(2):
            previous = self.steps[-1] if self.steps else ""
            moment = Moment(block(7 + number), EPOCH, number, previous)
            self.steps.append((await step(self.bench(street), moment, targets, 4)).bundle)

    def weights(self, previous: str | None = None) -> WeightsBundle:
        vector = weight_vector(self.scores.values(), own_uid=0, neurons=5, min_allowed_weights=4)
        assert vector is not None
        made = origin("0x" + "00" * 32, 1, VALIDATOR.address, "quiz", self.quiz)
        head = self.steps[-1] if previous is None else previous
        row = vector.uids, vector.values, 0
        return WeightsBundle(made, head, block(9), EPOCH, self.hotkeys, 0, 4, self.scores.items(), *row)

    def proven(self, bundle: WeightsBundle) -> Path:
        """The weights as they are kept after their reveal."""
        name = self.archive.put(bundle)
        salt = bound_salt(bytes.fromhex(SECRET), name)
        digest = commit_hash(VALIDATOR.public, 1, bundle.uids, bundle.values, salt, 0).hex()
        proof = Proof(1, VALIDATOR.address, EPOCH, 9, digest, bundle.uids, bundle.values, 0, SECRET, name)
        path = self.archive.path(name)
        proof_path(path).write_text(json.dumps(proof.fields()))
        return path

    def audit(self, bundle: Bundle | str) -> list[Finding]:
        name = bundle if isinstance(bundle, str) else self.archive.put(bundle)
        return asyncio.run(audit(self.archive.path(name), lambda _: self.quiz))

    def first(self) -> StepBundle:
        found = self.archive.get(self.steps[0])
        assert isinstance(found, StepBundle)
        return found


@pytest.fixture
def life(on_street: Callable[..., None], quiz: Any, tmp_path: Path) -> Life:
    made = Life(tmp_path, quiz)
    on_street(made.live)
    return made


def bad(findings: Sequence[Finding]) -> dict[str, str]:
    return {one.about: one.detail for one in findings if not one.is_good}


def test_an_epoch_as_it_was_holds_from_the_weights_down(life: Life) -> None:
    found = asyncio.run(audit(life.proven(life.weights()), lambda _: life.quiz))
    assert bad(found) == {}
    assert {one.bundle for one in found} >= set(life.steps)
    assert [one.verdict for one in found if one.about == "commit"] == [Verdict.HOLDS]
    words = {one.about for one in found if one.verdict is Verdict.WORD}
    assert words == {"uid 3: score", "uid 4: score"}  # nobody else can know that no answer came
    scores = [one.verdict for one in found if one.about in ("uid 1: score", "uid 2: score")]
    assert scores == [Verdict.HOLDS] * 4


def entry_changed(life: Life, at: int, average: dict[str, Any] | None = None, **changes: Any) -> StepBundle:
    """The first step with something else in one entry, under its new name."""
    bundle = life.first()
    entries = list(bundle.entries)
    receipt = replace(entries[at].receipt, **changes)
    after = replace(entries[at].after, **(average or {}))
    entries[at] = replace(entries[at], receipt=receipt, after=after)
    return replace(bundle, entries=tuple(entries))


def test_a_score_that_was_not_earned_is_told(life: Life) -> None:
    found = bad(life.audit(entry_changed(life, 1, {"value": 1.0}, score=1.0)))
    assert found == {"uid 2: score": "given was 1 (half right), due is 0.1 (half right)"}
    found = bad(life.audit(entry_changed(life, 1, {"why": "right"}, why="right")))
    assert found == {"uid 2: score": "the reason is: half right"}
    paid = entry_changed(life, 3, {"value": 0.5}, score=0.5)
    assert bad(life.audit(paid)) == {"uid 4: score": "nothing was answered, and 0.5 was given"}


def test_an_answer_that_is_denied_is_told(life: Life) -> None:
    denied = entry_changed(life, 0, {"value": 0.0, "why": "late"}, score=0.0, why="late", failure="late")
    assert bad(life.audit(denied)) == {"uid 1: score": "given was 0 (late), due is 1 (right)"}


def test_whatever_was_signed_stays_as_it_was(life: Life) -> None:
    receipt = life.first().entries[0].receipt
    assert receipt.response is not None
    task = replace(receipt.task, body=b"another question")
    assert set(bad(life.audit(entry_changed(life, 0, task=task)))) == {
        "uid 1: signatures",
        "uid 1: task",
        "uid 1: score",
    }
    forged = replace(receipt.response, signature=bytes(64))
    assert list(bad(life.audit(entry_changed(life, 0, response=forged)))) == ["uid 1: signatures"]
    assert list(bad(life.audit(entry_changed(life, 3, request=None)))) == ["uid 4: signatures"]


def test_the_draw_is_the_block_s(life: Life) -> None:
    bundle = life.first()
    assert {"seed", "sample"} <= set(bad(life.audit(replace(bundle, block=block(99), most=2))))
    assert set(bad(life.audit(replace(bundle, most=2)))) == {"sample"}
    assert set(bad(life.audit(replace(bundle, entries=bundle.entries[:3])))) == {"sample"}
    stranger = ((1, VALIDATOR.address), *bundle.candidates[1:])
    assert set(bad(life.audit(replace(bundle, candidates=stranger)))) == {"sample"}


def test_other_thresholds_are_named_and_other_code_is_said(life: Life) -> None:
    bundle = life.first()
    assert bundle.origin.parameters["TAO"] == 10**9
    other = replace(bundle.origin, parameters={**bundle.origin.parameters, "TAO": 1})
    assert bad(life.audit(replace(bundle, origin=other))) == {"parameters": "here TAO are others"}
    found = life.audit(replace(bundle, origin=replace(bundle.origin, code="ab" * 32)))
    assert bad(found) == {}
    assert [one.verdict for one in found if one.about == "parameters"] == [Verdict.WORD]


def test_an_average_follows_from_the_step_before(life: Life) -> None:
    second = life.archive.get(life.steps[1])
    assert isinstance(second, StepBundle)
    moved = entry_changed(life, 1, {"value": 0.9})
    assert bad(life.audit(moved)) == {"uid 2: average": "it is 0.1, not 0.9"}
    fresh = replace(second, entries=(replace(second.entries[0], before=None), *second.entries[1:]))
    assert bad(life.audit(fresh)) == {"uid 1: average": "it does not begin where the last step left it"}
    assert bad(life.audit(replace(second, previous=""))).keys() == {
        "order",
        *(f"uid {uid}: average" for uid in (1, 2, 3, 4)),
    }
    life.archive.path(life.steps[0]).unlink()  # an older step that is gone is no fault
    assert bad(life.audit(life.steps[1])) == {}


def test_weights_follow_from_the_averages_and_those_from_the_steps(life: Life) -> None:
    bundle = life.weights()
    others = replace(bundle, values=tuple(reversed(bundle.values)))
    assert bad(life.audit(others)) == {"weights": "the averages give other weights"}
    left_out = replace(bundle, averages=bundle.averages[:3])
    assert bad(life.audit(left_out)) == {"uid 4: average": "it was scored and left out"}
    (uid, average), *rest = bundle.averages
    better = replace(bundle, averages=((uid, replace(average, value=0.9)), *rest))
    assert bad(life.audit(better))["uid 1: average"] == "the steps give another one"
    lost = replace(bundle, previous="ab" * 32)
    assert bad(life.audit(lost)) == {"steps": f"step {lost.previous} is not at hand"}
    (stolen,) = life.audit(replace(bundle, origin=replace(bundle.origin, validator=MINER.address)))
    assert "which is of another validator, subnet or chain" in stolen.detail
    moved = replace(bundle, hotkeys=(VALIDATOR.address,) * 5)
    assert bad(life.audit(moved))["uid 1: average"] == "the uid belongs to another hotkey"
    earlier = life.weights(previous=life.steps[0])
    assert bad(life.audit(earlier)).keys() == {f"uid {uid}: average" for uid in (1, 2, 3, 4)}


def test_a_proof_about_other_weights_is_told(life: Life) -> None:
    path = life.proven(life.weights())
    fields = json.loads(proof_path(path).read_text())
    proof_path(path).write_text(json.dumps(fields | {"secret": "08" * 32}))
    found = bad(asyncio.run(audit(path, lambda _: life.quiz)))
    assert list(found) == ["commit"]
    other = life.proven(replace(life.weights(), min_allowed_weights=3))
    proof_path(path).write_text(proof_path(other).read_text())
    found = bad(asyncio.run(audit(path, lambda _: life.quiz)))
    assert found == {"commit": "the proof is about other weights"}


def test_a_changed_file_is_told_before_anything_else(life: Life) -> None:
    path = life.archive.path(life.steps[0])
    data = path.read_bytes()
    for place in range(0, len(data), 97):
        path.write_bytes(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
        (found,) = life.audit(life.steps[0])
        assert (found.about, found.verdict) == ("file", Verdict.DIFFERS)
        (found,) = life.audit(life.steps[1])  # it names the first
        assert (found.about, found.verdict) == ("file", Verdict.DIFFERS)


def test_what_is_missing_is_not_passed(life: Life, monkeypatch: pytest.MonkeyPatch) -> None:
    receipt = life.first().entries[0].receipt
    assert receipt.response is not None
    large = entry_changed(life, 0, response_body=None)
    assert KEPT_BODY_BYTES > 0
    assert bad(life.audit(large)) == {"uid 1: score": "the answer was too large to keep"}

    from meritnet.subnets.base import ArtifactRef

    monkeypatch.setattr(type(life.quiz), "artifacts", lambda *_: [ArtifactRef("ab" * 32, 10)])
    found = bad(life.audit(life.steps[0]))
    assert found["uid 1: score"] == "file abababababab…: it is not at hand"


def test_files_are_taken_from_where_they_were_kept(
    life: Life, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from meritnet.subnets.base import ArtifactRef

    store = ArtifactStore(tmp_path / "artifacts")
    content_id = store.put(b"a file")
    monkeypatch.setattr(type(life.quiz), "artifacts", lambda *_: [ArtifactRef(content_id, 10)])
    path = life.archive.path(life.steps[0])
    assert bad(asyncio.run(audit(path, lambda _: life.quiz, store))) == {}


def test_the_origin_says_who_judges_by_what(quiz: Any) -> None:
    made: Origin = origin("0x00", 1, "5V", "quiz", quiz)
    assert made.parameters["TAO"] == 10**9
    assert "Town" not in made.parameters
    assert len(made.code) == 64
    assert made == origin("0x00", 1, "5V", "quiz", quiz)


CANONICAL: Any = {"sort_keys": True, "separators": (",", ":")}


def leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where in a JSON value there is something that is not a container of more."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in inner:
        yield from leaves(part, (*path, key))
    yield path


def changed(value: Any, path: tuple[Any, ...], to: object) -> Any:
    if not path:
        return to
    copy = value.copy()
    copy[path[0]] = changed(copy[path[0]], path[1:], to)
    return copy


def stands(bundle: str) -> set[str]:
    """What one bundle alone says of its validator, or what the chain and its neighbours are needed for."""
    claims = {"version", "code", "kind", "genesis", "epoch", "number", "version_key"}
    heard = {"why", "failure", "elapsed_s", "evidence", "files", "response", "response_body"}
    return claims | (heard | {"previous", "most"} if bundle == "step" else {"hash"})


@pytest.mark.slow
@pytest.mark.parametrize("to", [None, "", "xyz", -1, 0.5, 10**30, [], {}, [None], True])
def test_a_hostile_bundle_is_told_and_never_breaks_the_audit(life: Life, to: object) -> None:
    unseen = set()
    for name in (life.steps[0], life.archive.put(life.weights())):
        fields = json.loads(life.archive.path(name).read_bytes())
        for place in leaves(fields):
            other = changed(fields, place, to)
            path = life.archive.path(name_of(data := json.dumps(other, **CANONICAL).encode()))
            path.write_bytes(data)
            found = asyncio.run(audit(path, lambda _: life.quiz))
            if other != fields:
                path.unlink()
                if all(one.is_good for one in found):
                    unseen.add((fields["about"], *place))
    assert {place for place in unseen if not stands(place[0]) & set(place)} == set()
