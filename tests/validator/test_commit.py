"""Commits and reveals: each in its epoch, kept on disk until it is settled, and nobody else's."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from meritnet.chain.client.client import Chain
from meritnet.chain.client.subnets import set_hyperparameter
from meritnet.chain.errors import MeritnetError
from meritnet.chain.keys import KeyPair
from meritnet.consensus.commit import commit_hash
from meritnet.validator.archive import Archive
from meritnet.validator.binding import bound_salt
from meritnet.validator.commit import Commit, CommitBook, Committer, SecondValidator
from meritnet.validator.schedule import EpochClock
from meritnet.validator.view import epoch_clock, head
from meritnet.validator.weights import WeightVector

VECTOR = WeightVector((3, 4), (65_535, 1_000))
BUNDLE = "ab" * 32


def clock(town: Any, chain: Chain) -> EpochClock:
    return epoch_clock(chain, town.netuid, head(chain))


def advance_to_epoch(town: Any, chain: Chain, epoch: int) -> None:
    while clock(town, chain).epoch < epoch:
        town.node.seal()


def committer(town: Any, chain: Chain) -> Committer:
    """A validator's committer as it comes to life: everything that it knows is on disk."""
    book = CommitBook(town.directory / "commits.json")
    return Committer(chain, town.netuid, town.validators[0], book, Archive(town.directory / "bundles"))


def events_named(town: Any, chain: Chain, name: str) -> int:
    """How often something happened on the chain since genesis."""
    key = bytes.fromhex("26aa394eea5630e07c48ae0c9558cef780d41e5e16056765bc8461851072c9d7")
    found = 0
    for number in range(1, town.node.head.number + 1):
        events = chain.codec.events(chain.storage(key, at=chain.block_hash(number)) or b"\0")
        found += sum(event.name == name for event in events)
    return found


@pytest.mark.slow
def test_a_commit_that_was_never_sent_expires_with_its_epoch(town: Any) -> None:
    with town.connect() as chain:
        epoch = clock(town, chain).epoch
        drafting = committer(town, chain)
        drafting.book.put(drafting._draft(VECTOR, 0, epoch, BUNDLE))
        advance_to_epoch(town, chain, epoch + 1)
        reborn = committer(town, chain)
        reborn.recover(epoch + 1)
        assert reborn.book.commits == []
        assert events_named(town, chain, "WeightsCommitted") == 0


@pytest.mark.slow
def test_a_reveal_too_late_is_given_up(town: Any) -> None:
    with town.connect() as chain:
        epoch = clock(town, chain).epoch
        with town.instant():
            made = committer(town, chain).commit(VECTOR, 0, epoch, BUNDLE)
        assert made.on_chain
        advance_to_epoch(town, chain, epoch + 2)
        late = committer(town, chain)
        assert late.reveal(epoch + 2, 1) == []
        assert late.book.commits == []


@pytest.mark.slow
def test_a_commit_is_revealed_after_the_period_that_it_was_made_under(town: Any) -> None:
    """Where the period adapts, it may be another one by the time of the reveal."""
    owner = KeyPair.from_uri("//Alice")
    with town.connect() as chain:
        with town.instant():
            set_hyperparameter(chain, owner, town.netuid, "commit_reveal_period", 2, as_root=True)
            set_hyperparameter(chain, owner, town.netuid, "reveal_target", 1, as_root=True)
            made = committer(town, chain).commit(VECTOR, 0, epoch := clock(town, chain).epoch, BUNDLE)
            set_hyperparameter(chain, owner, town.netuid, "commit_reveal_period", 1, as_root=True)
        assert made.reveal_period == 2
        late = committer(town, chain)
        assert late.book.reveals_due(1) == (epoch + 2,)
        advance_to_epoch(town, chain, epoch + 1)
        assert late.reveal(epoch + 1, 1) == []
        advance_to_epoch(town, chain, epoch + 2)
        with town.instant():
            assert late.reveal(epoch + 2, 1) == [made]
        assert late.book.commits == []


@pytest.mark.slow
def test_what_the_chain_refuses_is_an_error_and_stays_on_disk(town: Any) -> None:
    with town.connect() as chain, town.instant():
        stranger = KeyPair.from_uri("//Bob")  # a coldkey, no hotkey of this subnet
        book, archive = CommitBook(town.directory / "commits.json"), Archive(town.directory / "bundles")
        epoch = clock(town, chain).epoch
        with pytest.raises(MeritnetError):
            Committer(chain, town.netuid, stranger, book, archive).commit(VECTOR, 0, epoch, BUNDLE)
        assert [commit.on_chain for commit in CommitBook(town.directory / "commits.json").commits] == [False]


def test_the_hash_is_the_one_of_the_specification(tmp_path: Path) -> None:
    book = CommitBook(tmp_path / "commits.json")
    archive = Archive(tmp_path / "bundles")
    pair = KeyPair.from_uri("//Bob")
    draft = Committer(None, 7, pair, book, archive)._draft(VECTOR, 3, 5, BUNDLE)  # type: ignore[arg-type]
    assert draft.salt == bound_salt(bytes.fromhex(draft.secret), BUNDLE)
    assert (len(draft.salt), len(draft.secret)) == (16, 64)
    assert draft.commit_hash == commit_hash(pair.public, 7, draft.uids, draft.values, draft.salt, 3).hex()
    again = Committer(None, 7, pair, book, archive)._draft(VECTOR, 3, 5, BUNDLE)  # type: ignore[arg-type]
    assert again.salt != draft.salt


def test_a_book_is_replaced_whole_and_privately(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "deep" / "commits.json"
    first = Commit(1, (1,), (65_535,), (9,) * 8, 0, "aa" * 32)
    CommitBook(path).put(first)
    assert path.stat().st_mode & 0o777 == 0o600

    def fail(*_: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr("os.fsync", fail)
    with pytest.raises(OSError, match="no space"):
        CommitBook(path).put(Commit(2, (1,), (1,), (1,), 0, "bb" * 32))
    assert CommitBook(path).commits == [first]


@pytest.mark.parametrize("damage", [lambda text: text[:-10], lambda text: "", lambda text: "\x00" * 40])
def test_a_damaged_book_is_named(tmp_path: Path, damage: Callable[[str], str]) -> None:
    path = tmp_path / "commits.json"
    CommitBook(path).put(Commit(1, (1,), (65_535,), (9,) * 8, 0, "aa" * 32))
    path.write_text(damage(path.read_text()))
    with pytest.raises(MeritnetError, match="cannot be read"):
        CommitBook(path)


@pytest.mark.slow
def test_a_second_validator_on_the_hotkey_is_refused_wherever_it_runs(town: Any) -> None:
    with town.connect() as chain, town.instant():
        epoch = clock(town, chain).epoch
        ours = committer(town, chain)
        made = ours.commit(VECTOR, 0, epoch, BUNDLE)
        archive = Archive(town.directory / "elsewhere")
        book = CommitBook(town.directory / "elsewhere.json")
        other = Committer(chain, town.netuid, town.validators[0], book, archive)
        says = (
            rf"another validator works with this hotkey: in block {made.block} it committed for epoch {epoch}"
        )
        for attempt in (
            lambda: other.recover(epoch),
            lambda: other.commit(VECTOR, 0, epoch, BUNDLE),
        ):
            with pytest.raises(SecondValidator, match=says) as error:
                attempt()
            assert f"start it in epoch {epoch + 1}" in error.value.hint
        assert other.book.commits == []
        ours.recover(epoch)  # the first goes on
        other.recover(epoch + 1)


@pytest.mark.slow
def test_two_that_commit_at_the_same_time_find_out(town: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with town.connect() as chain, town.instant():
        epoch = clock(town, chain).epoch
        book = CommitBook(town.directory / "elsewhere.json")
        other = Committer(chain, town.netuid, town.validators[0], book, Archive(town.directory / "b"))
        send = other._send

        def overtaken(commit: Commit) -> Commit:
            committer(town, chain).commit(VECTOR, 0, epoch, BUNDLE)
            return send(commit)

        monkeypatch.setattr(other, "_send", overtaken)
        with pytest.raises(SecondValidator):
            other.commit(VECTOR, 0, epoch, BUNDLE)
