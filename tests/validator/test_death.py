"""Exactly one commit and one reveal, wherever a validator is killed: at every durable write, at every call.

The places are counted, not chosen: each life runs until its n-th breath, for every n there is. A life that
was killed is followed by one that is killed too, and that by one that is let live.
"""

import asyncio
import json
import os
import shutil
import types
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from meritnet.chain.client.client import Chain
from meritnet.chain.client.transport import InProcessTransport, Subscription
from meritnet.chain.rpc.session import Session
from meritnet.validator import durable
from meritnet.validator.archive import Archive
from meritnet.validator.binding import bound_salt, proof_path, read_proof
from meritnet.validator.bundle import WeightsBundle
from meritnet.validator.commit import CommitBook, Committer
from meritnet.validator.duties import Duties, Manner, Threads
from meritnet.validator.events import ignore
from meritnet.validator.scores import ScoreBook
from meritnet.validator.state import State
from meritnet.validator.view import epoch_clock, head
from meritnet.validator.weights import WeightVector

VECTOR = WeightVector((3, 4), (65_535, 1_000))
BUNDLE = "ab" * 32
EVENTS = bytes.fromhex("26aa394eea5630e07c48ae0c9558cef780d41e5e16056765bc8461851072c9d7")


class Killed(BaseException):
    """The process ended here, without a chance to clean up."""


class Breath:
    """Counts what a life does; the last breath is not drawn."""

    def __init__(self, last: int = 0) -> None:
        self.count = 0
        self.last = last

    def draw(self) -> None:
        self.count += 1
        if self.count == self.last:
            raise Killed


class Mortal:
    """A connection that breathes before and after every call. Nobody seals but it: a transaction waits in
    the pool for one breath and is in a block by the next."""

    def __init__(self, node: Any, breath: Breath) -> None:
        self._inner = InProcessTransport(lambda send: Session(node, send))
        self._node = node
        self._breath = breath

    def request(self, method: str, params: Sequence[object] = (), timeout_s: float = 10.0) -> Any:
        self._breath.draw()
        answer = self._inner.request(method, params, timeout_s)
        self._breath.draw()
        if method == "author_submitExtrinsic":
            self._node.seal()
            self._breath.draw()
        elif method == "system_accountNextIndex" and self._node.pending():
            self._node.seal()  # what an earlier life sent comes into a block once this one has seen it wait
        return answer

    def subscribe(
        self, method: str, params: Sequence[object], unsubscribe: str, timeout_s: float = 10.0
    ) -> Subscription:
        self._breath.draw()
        return self._inner.subscribe(method, params, unsubscribe, timeout_s)

    def close(self) -> None:
        self._inner.close()


class Hospice:
    """Lives one after the other on one chain and one disk, each with its own breath."""

    def __init__(self, town: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        self.town = town
        self.breath = Breath()
        self.waited = 0
        """How many lives left a transaction in the pool."""
        self.home: Path = town.directory / "life"
        breathing = {name: self._around(getattr(os, name)) for name in ("open", "fsync")}
        monkeypatch.setattr(durable, "os", types.SimpleNamespace(**vars(os) | breathing))
        monkeypatch.setattr(Path, "replace", self._around(Path.replace))

    def _around(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def breathing(*arguments: Any) -> Any:
            self.breath.draw()
            result = call(*arguments)
            self.breath.draw()
            return result

        return breathing

    def committer(self, chain: Chain) -> Committer:
        """A committer as it comes to life: all that it knows is on disk."""
        book, archive = CommitBook(self.home / "commits.json"), Archive(self.home / "bundles")
        return Committer(chain, self.town.netuid, self.town.validators[0], book, archive)

    def live(self, work: Callable[[Chain], object], last: int = 0) -> bool:
        """One life, to its end or its last breath; whether it was killed."""
        self.breath = Breath(last)
        chain = Chain(Mortal(self.town.node, self.breath))
        try:
            work(chain)
        except Killed:
            return True
        finally:
            self.breath = Breath()
            chain.close()
        return False

    def deaths(self, work: Callable[[Chain], object]) -> Iterator[int]:
        """Kills one life at each of its breaths and its heir at some breath too; each time the heir's heir
        is let live before the caller looks, and then chain and disk are put back."""
        node, saved = self.town.node, self.town.directory / "saved"
        self.home.mkdir(exist_ok=True)
        shutil.copytree(self.home, saved)
        mark = node.snapshot()
        last = 0
        killed = True
        while killed:
            last += 1
            killed = self.live(work, last)
            if killed:
                self.waited += bool(node.pending())
                self.live(work, 1 + last * 7 % 23)
                self.live(work)
            yield last
            node.revert(mark)
            shutil.rmtree(self.home)
            shutil.copytree(saved, self.home)
        shutil.rmtree(saved)


def happened(town: Any, chain: Chain, since: int) -> list[str]:
    """The names of what weights did on the chain."""
    found: list[str] = []
    for number in range(since + 1, town.node.head.number + 1):
        events = chain.codec.events(chain.storage(EVENTS, at=chain.block_hash(number)) or b"\0")
        found += [event.name for event in events if event.name.startswith("Weights")]
    return found


def advance_to_epoch(town: Any, chain: Chain, epoch: int) -> None:
    while epoch_clock(chain, town.netuid, head(chain)).epoch < epoch:
        town.node.seal()


def test_one_commit_wherever_death_comes(town: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    hospice = Hospice(town, monkeypatch)
    with town.connect() as chain:
        advance_to_epoch(town, chain, epoch_clock(chain, town.netuid, head(chain)).epoch + 1)
        epoch, since = epoch_clock(chain, town.netuid, head(chain)).epoch, town.node.head.number

        def work(link: Chain) -> None:
            committer = hospice.committer(link)
            committer.recover(epoch)
            committer.commit(VECTOR, 0, epoch, BUNDLE)

        lives = 0
        for lives in hospice.deaths(work):
            assert happened(town, chain, since) == ["WeightsCommitted"], f"killed at breath {lives}"
            (commit,) = CommitBook(hospice.home / "commits.json").commits
            (kept,) = chain.weight_commits(town.netuid, town.validators[0].address)
            assert (commit.on_chain, commit.commit_hash) == (True, kept.commit_hash.hex())
        assert lives > 40
        assert hospice.waited > 0


def test_one_reveal_and_one_proof_wherever_death_comes(town: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    hospice = Hospice(town, monkeypatch)
    with town.connect() as chain:
        epoch = epoch_clock(chain, town.netuid, head(chain)).epoch
        hospice.live(lambda link: hospice.committer(link).commit(VECTOR, 0, epoch, BUNDLE))
        advance_to_epoch(town, chain, epoch + 1)
        since = town.node.head.number
        uid = chain.metagraph(town.netuid).uid_of(town.validators[0].address)

        def work(link: Chain) -> None:
            committer = hospice.committer(link)
            committer.recover(epoch + 1)
            committer.reveal(epoch + 1, 1)

        lives = 0
        for lives in hospice.deaths(work):
            assert happened(town, chain, since).count("WeightsRevealed") == 1, f"killed at breath {lives}"
            assert chain.weights(town.netuid)[uid] == [(3, 65_535), (4, 1_000)]
            assert CommitBook(hospice.home / "commits.json").commits == []
            proof = read_proof(proof_path(Archive(hospice.home / "bundles").path(BUNDLE)))
            assert proof is not None
            proof.check()
        assert lives > 40
        assert hospice.waited > 0


@pytest.mark.slow
def test_from_scores_to_the_chain_wherever_death_comes(
    town: Any, quiz: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The whole duty, with its bundle and its state: what is committed is what the bundle says."""
    hospice = Hospice(town, monkeypatch)
    hospice.home.mkdir()
    with town.connect() as chain:
        advance_to_epoch(town, chain, epoch_clock(chain, town.netuid, head(chain)).epoch + 1)
        graph, since = chain.metagraph(town.netuid), town.node.head.number
        scores = ScoreBook()
        scores.add(4, str(graph.hotkeys[4]), 0.5, 9, "half")
        State(hospice.home / "state.json", scores=scores).save()

        async def duty(link: Chain, threads: Threads) -> None:
            manner, pair = Manner(8, 8, True), town.validators[0]
            given = (link, town.netuid, pair, quiz, hospice.home, threads, ignore, manner)
            duties = Duties(*given, genesis="0x00", kind="quiz")
            block = head(link)
            clock = epoch_clock(link, town.netuid, block)
            await duties.recover(clock)
            duties.state.enter(clock.epoch)
            if not duties.progress(clock).committed:
                await duties.set_weights(block, clock, link.hyperparameters(town.netuid))

        def work(link: Chain) -> None:
            threads = Threads("mortal")
            try:
                asyncio.run(duty(link, threads))
            finally:
                threads.pool.shutdown()

        lives = 0
        for lives in hospice.deaths(work):
            assert happened(town, chain, since) == ["WeightsCommitted"], f"killed at breath {lives}"
            (commit,) = CommitBook(hospice.home / "commits.json").commits
            bundle = Archive(hospice.home / "bundles").get(commit.bundle)
            assert isinstance(bundle, WeightsBundle)
            assert (commit.uids, commit.values) == (bundle.uids, bundle.values) == ((4,), (65_535,))
            assert commit.salt == bound_salt(bytes.fromhex(commit.secret), commit.bundle)
            assert State.load(hospice.home / "state.json").scores.to_json() == scores.to_json()
        assert lives > 80


def test_the_secret_is_written_down_in_the_open_only_after_the_reveal(
    town: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    hospice = Hospice(town, monkeypatch)
    with town.connect() as chain:
        epoch = epoch_clock(chain, town.netuid, head(chain)).epoch
        hospice.live(lambda link: hospice.committer(link).commit(VECTOR, 0, epoch, BUNDLE))
        assert list((hospice.home).rglob("*.proof.json")) == []
        advance_to_epoch(town, chain, epoch + 1)
        hospice.live(lambda link: hospice.committer(link).reveal(epoch + 1, 1))
        assert len(list((hospice.home).rglob("*.proof.json"))) == 1


def test_a_state_is_the_old_one_or_the_new_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    town = types.SimpleNamespace(directory=tmp_path)
    hospice = Hospice(town, monkeypatch)
    scores = ScoreBook()
    scores.add(3, "hotkey", 0.5, 9, "half")
    old = State(tmp_path / "state.json", 7, 1, False, None, scores, "ab" * 32)
    new = State(tmp_path / "state.json", 7, 2, False, None, scores, "cd" * 32)
    old.save()
    before = (tmp_path / "state.json").read_text()
    seen: list[int] = []
    for last in range(1, 100):
        (tmp_path / "state.json").write_text(before)
        hospice.breath = Breath(last)
        try:
            new.save()
        except Killed:
            hospice.breath = Breath()
            kept = State.load(tmp_path / "state.json")
            assert (kept.steps_done, kept.bundle) in ((1, "ab" * 32), (2, "cd" * 32))
            json.loads((tmp_path / "state.json").read_text())
            seen.append(kept.steps_done)
        else:
            break
    assert seen == sorted(seen)
    assert set(seen) == {1, 2}
