"""A validator's whole life beside others: what it leaves can be audited, explained and looked at, and no
secret is ever said."""

import asyncio
import io
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import structlog
from prometheus_client import generate_latest

from meritnet.chain.client.subnets import set_hyperparameter
from meritnet.chain.errors import MeritnetError
from meritnet.chain.keys import KeyPair
from meritnet.chain.types import BlockNumber
from meritnet.cli.render import plain
from meritnet.miner.run import MinerService
from meritnet.validator import status as looking
from meritnet.validator.archive import Archive
from meritnet.validator.audit import audit
from meritnet.validator.binding import proof_path
from meritnet.validator.bundle import StepBundle
from meritnet.validator.commit import CommitBook, Committer, SecondValidator
from meritnet.validator.durable import exclusive
from meritnet.validator.events import Committed, Event, Paid, Revealed, Stepped, Waits, WeightsSet
from meritnet.validator.health import Health
from meritnet.validator.metrics import Metrics
from meritnet.validator.pages import pages
from meritnet.validator.run import Options, Validator, subnet_directory
from meritnet.validator.status import status
from meritnet.validator.weights import WeightVector
from meritnet.validator.why import in_words, tell
from meritnet.validator.witness import witness

OPTIONS = Options(steps_per_epoch=2, allow_private=True)


class House:
    """One validator with its miners, alive until something is seen."""

    def __init__(self, town: Any, quiz: Any) -> None:
        self.town = town
        self.quiz = quiz
        self.told: list[Event] = []
        self.pair = town.validators[0]
        self.data_dir = town.directory / "validator"
        self.metrics = Metrics()

    def report(self, event: Event) -> None:
        self.told.append(event)
        self.metrics.take(event)

    def seen(self, kind: type[Event]) -> list[Any]:
        return [event for event in self.told if isinstance(event, kind)]

    @property
    def directory(self) -> Path:
        with self.town.connect() as chain:
            return subnet_directory(self.data_dir, chain.block_hash(BlockNumber(0)), self.town.netuid)

    def live(self, until: Callable[[], bool], answers: dict[int, Any] | None = None) -> None:
        async def bounded() -> None:
            async with asyncio.timeout(60):
                await self._live(until, answers or {})

        asyncio.run(bounded())

    async def _live(self, until: Callable[[], bool], answers: dict[int, Any]) -> None:
        town, stop = self.town, asyncio.Event()
        services = []
        with town.connect() as chain:
            for number, answer in answers.items():
                home = town.directory / f"miner{number}"
                role = self.quiz.role(answer, home)
                service = MinerService(chain, town.netuid, town.miners[number], role, data_dir=home)
                services.append(service)
            started = asyncio.gather(*(service.start() for service in services))
            await town.pump([], started.done)
            await started
            validator = Validator(
                chain,
                town.netuid,
                self.pair,
                self.quiz,
                self.data_dir,
                report=self.report,
                options=OPTIONS,
                kind="quiz",
            )
            living = asyncio.create_task(validator.run(stop))

            def over() -> bool:
                if until():
                    stop.set()
                return living.done()

            try:
                await town.pump([validator], over)
            finally:
                stop.set()
                for service in services:
                    await service.stop()
                await living


@pytest.fixture
def house(town: Any, quiz: Any) -> House:
    return House(town, quiz)


@contextmanager
def logged() -> Iterator[io.StringIO]:
    """All structured logs of the moment."""
    lines = io.StringIO()
    structlog.configure(
        processors=[structlog.processors.format_exc_info, structlog.processors.JSONRenderer(default=repr)],
        logger_factory=lambda *_: structlog.PrintLogger(lines),
    )
    try:
        yield lines
    finally:
        structlog.reset_defaults()


def test_what_a_life_leaves_is_audited_explained_and_shown(house: House) -> None:
    house.live(
        lambda: len(house.seen(Paid)) >= 4 and bool(house.seen(Revealed)),
        {0: house.quiz.diligent, 1: house.quiz.lazy},
    )
    archive = Archive(house.directory / "bundles")
    revealed = {event.epoch for event in house.seen(Revealed)}
    bundles = [event.bundle for event in house.seen(Committed) if event.epoch in revealed]
    assert bundles
    with house.town.connect() as chain:
        for name in bundles:
            path = archive.path(name)
            found = asyncio.run(audit(path, lambda _: house.quiz)) + witness(chain, path)
            assert [one for one in found if not one.is_good] == []
            assert {"commit", "weights", "commit on the chain", "neurons"} <= {one.about for one in found}
            assert proof_path(path).exists()
        step = archive.path(house.seen(Stepped)[0].bundle)
        assert [one.verdict for one in witness(chain, step)] == ["holds", "holds"]
        bundle = archive.get(step.stem)
        assert isinstance(bundle, StepBundle)
        lies = (
            (replace(bundle, block=replace(bundle.block, number=1)), "chain", "block 1 is 0x"),
            (replace(bundle, origin=replace(bundle.origin, genesis="0x00")), "chain", "another chain"),
            (replace(bundle, candidates=bundle.candidates[1:]), "neurons", "others could have been drawn"),
        )
        for lie, about, says in lies:
            (found_out,) = [
                one for one in witness(chain, archive.path(archive.put(lie))) if one.verdict == "differs"
            ]
            assert found_out.about == about
            assert says in found_out.detail
        unknown = replace(bundle, block=replace(bundle.block, hash="0x" + "00" * 32))
        verdicts = [one.verdict for one in witness(chain, archive.path(archive.put(unknown)))]
        assert verdicts == ["differs", "unchecked"]

        diligent, lazy, silent = (
            chain.metagraph(house.town.netuid).uid_of(pair.address) for pair in house.town.miners
        )
        address = str(house.pair.address)
        story = tell(chain, house.data_dir, house.town.netuid, address, lazy)
        words = in_words(story)
        assert words[0].startswith(f"epoch {story.tasks[0].epoch}, step ")
        assert "scored 0.100 because: half right (answered in" in words[0]
        assert "its moving average is 0.100, over" in words[5]
        assert f"weights for epoch {story.weights_epoch} give it 0.0909 of the row" in words[6]
        assert words[7] == (
            "on the chain its row gives 0.0909; the majority of stake agrees on 0.0909, so nothing is clipped"
        )
        assert words[8].startswith("its incentive is 0.0909 of what miners get; the epoch at block ")
        assert (story.fault, story.pay_rao > 0) == ("", True)
        words = in_words(tell(chain, house.data_dir, house.town.netuid, address, silent))
        assert words[0].startswith("this validator has not asked it in the ")
        assert words[1] == "it has no moving average: its first score makes one"
        with pytest.raises(MeritnetError, match="has uids 0 to 5, not 6"):
            tell(chain, house.data_dir, house.town.netuid, address, 6)

        shown = status(chain, house.data_dir, house.town.netuid, address, None)
        assert (shown.uid, shown.has_permit, shown.is_running) == (1, True, False)
        assert {one.uid: round(one.weight, 4) for one in shown.miners} == {diligent: 0.9091, lazy: 0.0909}
        assert {one.uid: one.average for one in shown.miners} == {diligent: 1.0, lazy: pytest.approx(0.1)}
        with exclusive(house.directory):
            assert status(chain, house.data_dir, house.town.netuid, address, None).is_running
        with pytest.raises(MeritnetError, match=r"nothing shows figures on 127\.0\.0\.1:1:"):
            status(chain, house.data_dir, house.town.netuid, address, 1)

    with pages(0, address, Health(), house.metrics) as port:
        figures = looking.figures(port)
    assert figures["duties_total"] > 4
    assert figures["wrong_predictions_total"] == 0


def test_no_secret_is_said(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    """Logs, events, errors, figures, standard streams, and every file but the one that must hold the salt."""
    with logged() as lines:
        house.live(lambda: bool(house.seen(Committed)), {0: house.quiz.diligent, 1: house.quiz.lazy})
        (commit,) = CommitBook(house.directory / "commits.json").commits
        with house.town.connect() as chain:
            at = chain, house.data_dir, house.town.netuid, str(house.pair.address)
            (committed,), shown = house.seen(Committed), status(*at, None)
            assert [one.weight for one in shown.miners] == [0.0, 0.0]
            book, archive = CommitBook(house.town.directory / "other.json"), Archive(house.directory / "x")
            with pytest.raises(SecondValidator) as error:
                Committer(chain, house.town.netuid, house.pair, book, archive).recover(commit.epoch)
            (house.directory / "state.json").write_text("{")
            with pytest.raises(MeritnetError) as damaged:
                Validator(chain, house.town.netuid, house.pair, house.quiz, house.data_dir)
    salt = b"".join(value.to_bytes(2, "little") for value in commit.salt).hex()
    key = house.pair.secret.hex()
    secrets = [commit.secret, salt, str(list(commit.salt))[1:-1], str(commit.salt)[1:-1], key, key[:64]]
    said = [
        lines.getvalue(),
        *capsys.readouterr(),
        generate_latest(house.metrics.registry).decode(),
        *map(repr, house.told),
        *(json.dumps(one.value.fields()) for one in (error, damaged)),
        repr(house.pair),
        repr(commit),
        json.dumps(plain(shown)),
        json.dumps([plain(event) for event in house.told]),
    ]
    # The share of the lazy one, which no score and no average is; from then on what is said is public.
    (share,) = (share for share in committed.weights.values() if 0 < share < 0.5)
    assert not [text for text in said if str(share)[:6] in text]
    files = [path for path in house.town.directory.rglob("*") if path.is_file()]
    said += [path.read_bytes().decode(errors="replace") for path in files if path.name != "commits.json"]
    for secret in secrets:
        assert len(secret) >= 64
        assert not [text for text in said if secret.lower() in text.lower()]
    assert (house.directory / "commits.json").stat().st_mode & 0o777 == 0o600


def test_a_rate_limit_is_waited_for_and_said(house: House) -> None:
    town = house.town
    with town.connect() as chain, town.instant():
        set_hyperparameter(
            chain, KeyPair.from_uri("//Alice"), town.netuid, "weights_rate_limit", 45, as_root=True
        )
    house.live(lambda: len(house.seen(Committed)) >= 2, {0: house.quiz.diligent})
    waits = house.seen(Waits)
    assert waits
    first, second = house.seen(Committed)[:2]
    assert second.epoch - first.epoch > 1  # an epoch lasts 20 blocks here
    assert all(f"the next may be sent in block {event.block}" in event.why for event in waits)
    assert len({(event.block, event.why) for event in waits}) <= 4


def test_another_machine_s_validator_is_told_at_its_start(house: House) -> None:
    town = house.town
    with town.connect() as chain, town.instant():
        from meritnet.validator.view import epoch_clock, head

        epoch = epoch_clock(chain, town.netuid, head(chain)).epoch
        book, archive = CommitBook(town.directory / "a.json"), Archive(town.directory / "a")
        elsewhere = Committer(chain, town.netuid, house.pair, book, archive)
        elsewhere.commit(WeightVector((3,), (65_535,)), 0, epoch, "ab" * 32)
    with pytest.raises(SecondValidator, match="another validator works with this hotkey"):
        house.live(lambda: False)


def test_in_the_open_weights_are_set_audited_and_not_bound(house: House) -> None:
    town = house.town
    with town.connect() as chain, town.instant():
        set_hyperparameter(
            chain,
            KeyPair.from_uri("//Alice"),
            town.netuid,
            "commit_reveal_weights_enabled",
            False,
            as_root=True,
        )
    house.live(lambda: len(house.seen(WeightsSet)) >= 2, {0: house.quiz.diligent})
    newest = Archive(house.directory / "bundles").newest_weights()
    assert newest is not None
    name, bundle = newest
    with town.connect() as chain:
        assert chain.weights(town.netuid)[1] == list(zip(bundle.uids, bundle.values, strict=True))
    path = house.directory / "bundles" / f"{name}.json"
    found = asyncio.run(audit(path, lambda _: house.quiz))
    assert [one for one in found if not one.is_good] == []
    assert [one.verdict for one in found if one.about == "commit"] == ["validator's word"]
