"""Checking a validator's bundles without asking it: what it kept is scored and drawn again.

Nothing here needs the validator's keys, and only what the subnet's judge needs of models and files. What no
one but the validator can know, such as that no answer came, is named as its word.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from pathlib import Path

from meritnet.chain.errors import MeritnetError
from meritnet.subnets.artifacts import ArtifactStore
from meritnet.subnets.base import Answer, ArtifactRef, Remembers, ValidatorRole
from meritnet.subnets.receipts import Receipt
from meritnet.validator import provenance
from meritnet.validator.archive import Archive, opened
from meritnet.validator.ask import Failure
from meritnet.validator.binding import proof_path, read_proof
from meritnet.validator.bundle import Bundle, Entry, InvalidBundle, StepBundle, WeightsBundle
from meritnet.validator.judgement import Judgement, judgement, plain
from meritnet.validator.provenance import Origin
from meritnet.validator.recollection import recalled
from meritnet.validator.sampling import sample, step_seed
from meritnet.validator.scores import ALPHA, Average, moved
from meritnet.validator.weights import weight_vector

TOLERANCE = 1e-4
"""Two machines' floating point may score one answer this differently."""
FIGURES_TOLERANCE = 1e-3
"""The figures behind a score are rounded besides."""
_ABSENT = Failure("it is not at hand")

Roles = Callable[[Origin], ValidatorRole]
"""Makes the role that judges, as the origin says. Raises ``MeritnetError``."""


class Verdict(StrEnum):
    """What an audit says of one thing."""

    HOLDS = "holds"
    DIFFERS = "differs"
    UNCHECKED = "unchecked"
    """Something is missing here that the check needs."""
    WORD = "validator's word"
    """Nobody but the validator can know."""


@dataclass(frozen=True)
class Finding:
    """A verdict on one thing in one bundle."""

    bundle: str
    about: str
    """Such as ``sample``, or ``uid 3: score``."""
    verdict: Verdict
    detail: str = ""

    @property
    def is_good(self) -> bool:
        """Whether an audit may pass with it."""
        return self.verdict in (Verdict.HOLDS, Verdict.WORD)


@dataclass(frozen=True)
class Bench:
    """What audits work with."""

    archive: Archive
    roles: Roles
    files: ArtifactStore | None = None
    """Files that miners delivered, by content id."""


async def audit(path: Path, roles: Roles, files: ArtifactStore | None = None) -> list[Finding]:
    """Everything that can be checked of a bundle's file; of weights, of their epoch's steps too."""
    bench = Bench(Archive(path.parent), roles, files)
    try:
        bundle = opened(path)
        standings = Standings(bench.archive, bundle, _wanted(bundle))
    except InvalidBundle as error:
        return [Finding(path.stem, "file", Verdict.DIFFERS, str(error))]
    found = [Finding(path.stem, "file", Verdict.HOLDS, "the bytes are those that the name says")]
    try:
        return found + await _all(bench, path, bundle, standings)
    except InvalidBundle as error:  # one before it, by which this one's questions went
        return [*found, Finding(path.stem, "steps before", Verdict.DIFFERS, str(error))]
    except (ValueError, OverflowError) as error:  # such as a uid beyond u16, or a hash that is no hex
        return [*found, Finding(path.stem, "values", Verdict.DIFFERS, f"no validator writes this: {error}")]


async def _all(bench: Bench, path: Path, bundle: Bundle, standings: Standings) -> list[Finding]:
    """A step, or weights with the steps of their epoch."""
    if isinstance(bundle, StepBundle):
        return await _step(bench, path.stem, bundle, standings)
    found = [_same_code(path.stem, bundle.origin, bench.roles(bundle.origin))]
    found += _weights(path, bundle, standings)
    for name, step in bench.archive.back(bundle.previous):
        if step.epoch != bundle.epoch:
            break
        found += await _step(bench, name, step, Standings(bench.archive, step, _wanted(step)))
    return found


class Standings:
    """What the steps up to one of them made of everybody, and whether each follows from the one before."""

    def __init__(
        self, archive: Archive, bundle: Bundle, wanted: frozenset[tuple[int, str]] | None = None
    ) -> None:
        """Looks back from a bundle until all that are wanted are found; without a wish, as far as steps are
        kept. Raises ``InvalidBundle`` where a step on the way is not of the same validator."""
        self.newest: StepBundle | None = None
        self._found: dict[tuple[int, str], Average] = {}
        oldest = bundle.previous
        for name, step in archive.back(bundle.previous):
            if _life(step.origin) != _life(bundle.origin):
                raise InvalidBundle(f"it follows on {name}, which is of another validator, subnet or chain")
            self.newest = self.newest or step
            oldest = step.previous
            for entry in step.entries:
                self._found.setdefault(_miner(entry), entry.after)
            if wanted is not None and wanted <= self._found.keys():
                break
        self.is_whole = not oldest
        """Whether every step since the first is kept."""

    def get(self, uid: int, hotkey: str) -> Average | None:
        """The newest standing of a miner that is known."""
        return self._found.get((uid, hotkey))

    def __iter__(self) -> Iterator[tuple[int, str]]:
        return iter(self._found)


def _life(origin: Origin) -> tuple[str, int, str, str]:
    return origin.genesis, origin.netuid, origin.validator, origin.kind


def _miner(entry: Entry) -> tuple[int, str]:
    return entry.receipt.uid, entry.receipt.miner


def _wanted(bundle: Bundle) -> frozenset[tuple[int, str]] | None:
    """Whose standings a step is checked by; weights are checked by everybody's."""
    return frozenset(map(_miner, bundle.entries)) if isinstance(bundle, StepBundle) else None


def finding(name: str, about: str, holds: bool, detail: str) -> Finding:
    """A verdict of two; the detail is only said of what differs."""
    return Finding(name, about, Verdict.HOLDS if holds else Verdict.DIFFERS, "" if holds else detail)


async def _step(bench: Bench, name: str, step: StepBundle, standings: Standings) -> list[Finding]:
    origin = step.origin
    seed = step_seed(step.block.hash, origin.netuid, origin.validator, step.step)
    drawn = sample([uid for uid, _ in step.candidates], step.most, seed)
    asked = list(map(_miner, step.entries))
    fair = [uid for uid, _ in asked] == drawn and set(asked) <= set(step.candidates)
    found = [
        finding(name, "seed", seed.hex() == step.seed, f"block {step.block.hash} gives {seed.hex()}"),
        finding(name, "sample", fair, f"the seed draws {drawn}, asked were {[uid for uid, _ in asked]}"),
        finding(name, "order", _follows(step, standings), "a step of this epoch before it is left out"),
    ]
    role = bench.roles(origin)
    is_whole = recalled(role, bench.archive, step.previous)
    found += [
        _same_code(name, origin, role),
        finding(name, "alpha", step.alpha == ALPHA, f"newest scores weigh {ALPHA:g} here"),
    ]
    for entry in step.entries:
        found += [
            _signatures(name, origin, entry.receipt),
            _task(name, role, seed, entry.receipt, is_whole),
            await _score(bench, name, role, entry.receipt),
            _average(name, step, entry, standings),
        ]
    return found


def _follows(step: StepBundle, standings: Standings) -> bool:
    """Whether the steps of an epoch follow each other without a gap."""
    before = standings.newest
    if before is None:
        return step.step == 0 or bool(step.previous)  # no longer kept
    return step.step == (before.step + 1 if before.epoch == step.epoch else 0)


def _same_code(name: str, origin: Origin, role: ValidatorRole) -> Finding:
    """Other thresholds make other scores; other code may."""
    here = provenance.parameters(role)
    there = dict(origin.parameters)
    changed = [key for key in sorted(here | there) if here.get(key) != there.get(key)]
    if changed:
        return Finding(name, "parameters", Verdict.DIFFERS, f"here {', '.join(changed)} are others")
    if provenance.code(role) != origin.code:
        word = f"scored by other code (version {origin.version}) under the same parameters"
        return Finding(name, "parameters", Verdict.WORD, word)
    return Finding(name, "parameters", Verdict.HOLDS)


def _signatures(name: str, origin: Origin, receipt: Receipt) -> Finding:
    about = f"uid {receipt.uid}: signatures"
    try:
        receipt.check(origin.validator)
    except MeritnetError as error:
        return Finding(name, about, Verdict.DIFFERS, str(error))
    if receipt.request is None:
        return Finding(name, about, Verdict.DIFFERS, "no request was signed")
    return Finding(name, about, Verdict.HOLDS, "" if receipt.response else "of the request; none came back")


def _task(name: str, role: ValidatorRole, seed: bytes, receipt: Receipt, is_whole: bool) -> Finding:
    """The question beside the one that the seed draws; what it says of earlier steps, beside those."""
    drawn, about = role.task(seed, receipt.uid), f"uid {receipt.uid}: task"
    if drawn == receipt.task or not isinstance(role, Remembers):
        return finding(name, about, drawn == receipt.task, "the seed draws another question")
    if role.unremembered(drawn) != role.unremembered(receipt.task):
        return Finding(name, about, Verdict.DIFFERS, "the seed draws another question")
    if is_whole:
        return Finding(name, about, Verdict.DIFFERS, "the steps before say other things than it does")
    return Finding(name, about, Verdict.WORD, "the steps that it goes by are not all at hand")


async def _score(bench: Bench, name: str, role: ValidatorRole, receipt: Receipt) -> Finding:
    """The score beside the one that the judge gives now."""
    about = f"uid {receipt.uid}: score"
    word = receipt.failure and (receipt.score, receipt.why) == (0.0, receipt.failure)
    if not receipt.is_answered:
        detail = receipt.why if word else f"nothing was answered, and {receipt.score} was given"
        return Finding(name, about, Verdict.WORD if word else Verdict.DIFFERS, detail)
    if receipt.response_body is None or receipt.elapsed_s is None:
        return Finding(name, about, Verdict.UNCHECKED, "the answer was too large to keep")
    answer = Answer(receipt.response_body, receipt.elapsed_s)
    again = await judgement(role, receipt.task, answer, partial(_at_hand, bench.files))
    if again.failure:
        verdict = Verdict.WORD if word else Verdict.UNCHECKED
        return Finding(name, about, verdict, receipt.why if word else again.failure)
    return _compared(name, about, receipt, again, figures=isinstance(role, Remembers))


def _compared(name: str, about: str, receipt: Receipt, again: Judgement, *, figures: bool) -> Finding:
    """What was given beside what is due; the figures too, where later steps go by them."""
    score = again.score
    if not math.isclose(score.value, receipt.score, abs_tol=TOLERANCE):
        given, due = f"{receipt.score:g} ({receipt.why})", f"{score.value:g} ({score.why})"
        return Finding(name, about, Verdict.DIFFERS, f"given was {given}, due is {due}")
    if figures and not _close(plain(score.evidence), receipt.evidence):
        return Finding(name, about, Verdict.DIFFERS, "the figures by which later steps go are others")
    return finding(name, about, _words(score.why) == _words(receipt.why), f"the reason is: {score.why}")


def _close(one: object, other: object) -> bool:
    """Whether two values as JSON has them are the same, numbers up to FIGURES_TOLERANCE."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(_close(one[name], other[name]) for name in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_close, one, other))
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, abs_tol=FIGURES_TOLERANCE)
    return one == other


def _words(why: str) -> str:
    """A reason without its figures, which two machines may round differently."""
    return "".join(letter for letter in why if not (letter.isdigit() or letter in "+-.,e"))


async def _at_hand(files: ArtifactStore | None, wanted: ArtifactRef) -> Path | Failure:
    return _ABSENT if files is None or wanted.content_id not in files else files.path(wanted.content_id)


def _average(name: str, step: StepBundle, entry: Entry, standings: Standings) -> Finding:
    receipt, about = entry.receipt, f"uid {entry.receipt.uid}: average"
    known = standings.get(receipt.uid, receipt.miner)
    if known != entry.before and (known is not None or standings.is_whole):
        return Finding(name, about, Verdict.DIFFERS, "it does not begin where the last step left it")
    try:
        due = moved(entry.before, receipt.miner, receipt.score, step.block.number, receipt.why, step.alpha)
    except ValueError as error:
        return Finding(name, about, Verdict.DIFFERS, str(error))
    return finding(name, about, due == entry.after, f"it is {due.value:g}, not {entry.after.value:g}")


def _weights(path: Path, bundle: WeightsBundle, standings: Standings) -> list[Finding]:
    name = path.stem
    vector = weight_vector(
        {uid: average.value for uid, average in bundle.averages},
        own_uid=bundle.own_uid,
        neurons=len(bundle.hotkeys),
        min_allowed_weights=bundle.min_allowed_weights,
    )
    same = vector is not None and (vector.uids, vector.values) == (bundle.uids, bundle.values)
    own = bundle.hotkeys[bundle.own_uid : bundle.own_uid + 1] == (bundle.origin.validator,)
    found = [
        finding(name, "weights", same, "the averages give other weights"),
        finding(name, "own uid", own, "it belongs to another hotkey"),
    ]
    if bundle.previous and standings.newest is None:
        found.append(Finding(name, "steps", Verdict.UNCHECKED, f"step {bundle.previous} is not at hand"))
    found += [_standing(name, bundle, uid, average, standings) for uid, average in bundle.averages]
    kept = {uid for uid, _ in bundle.averages}
    for uid, hotkey in standings:
        if uid < len(bundle.hotkeys) and bundle.hotkeys[uid] == hotkey and uid not in kept:
            found.append(Finding(name, f"uid {uid}: average", Verdict.DIFFERS, "it was scored and left out"))
    return [*found, _bound(path, bundle)]


def _standing(name: str, bundle: WeightsBundle, uid: int, average: Average, standings: Standings) -> Finding:
    """An average beside what the newest step about the miner left."""
    about, known = f"uid {uid}: average", standings.get(uid, average.hotkey)
    if uid >= len(bundle.hotkeys) or bundle.hotkeys[uid] != average.hotkey:
        return Finding(name, about, Verdict.DIFFERS, "the uid belongs to another hotkey")
    if known is None and not standings.is_whole:
        return Finding(name, about, Verdict.WORD, "the step that it comes from is not kept any more")
    return finding(name, about, known == average, "the steps give another one")


def _bound(path: Path, bundle: Bundle) -> Finding:
    """Whether the commit's salt was made from this bundle."""
    assert isinstance(bundle, WeightsBundle)
    try:
        proof = read_proof(proof_path(path))
        if proof is None:
            return Finding(path.stem, "commit", Verdict.WORD, "there is no proof yet that it was made before")
        proof.check()
    except MeritnetError as error:
        return Finding(path.stem, "commit", Verdict.DIFFERS, str(error))
    origin = bundle.origin
    about = (origin.netuid, origin.validator, bundle.uids, bundle.values, bundle.version_key, path.stem)
    bound = (proof.netuid, proof.validator, proof.uids, proof.values, proof.version_key, proof.bundle)
    return finding(path.stem, "commit", about == bound, "the proof is about other weights")
