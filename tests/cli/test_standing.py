"""`miner status` and `validator status`, once and live, in this process and in a terminal of their own."""

import asyncio
import json
import os
import pty
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest

from meritnet.chain.client.client import Chain
from meritnet.chain.client.subnets import register_subnet
from meritnet.chain.errors import MeritnetError
from meritnet.chain.keys import KeyPair
from meritnet.cli import standing
from meritnet.cli.standing import Page, show, validator_page
from meritnet.miner.admission import Admission, Policy
from meritnet.miner.auth import ReplayStore, Verifier
from meritnet.miner.health import Health
from meritnet.miner.server import MinerServer
from meritnet.validator.status import MinerStanding, Status

BOB = KeyPair.from_uri("//Bob")
DEADLINE_S = 60.0


def looks(*found: Any) -> Callable[[], Any]:
    """Gives one after the other, raising what is an exception; Ctrl-C comes after the last."""
    left = iter((*found, KeyboardInterrupt()))

    def read() -> Any:
        one = next(left)
        if isinstance(one, BaseException):
            raise one
        return one

    return read


def numbered(number: int) -> Page:
    return Page({"block": number}, ("uid>", "why"), [(number, "a\x1b[31m[red]")])


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(standing, "EVERY_S", 0.0)


def test_a_watch_shows_each_look_and_ends_well(capsys: pytest.CaptureFixture[str]) -> None:
    show(looks(7, MeritnetError("gone\naway"), 8), numbered, watch=True, as_json=False)
    shown = capsys.readouterr().out
    assert shown.count("block") == 3
    assert "trouble  gone away; what stands here is older" in shown
    assert shown.index("trouble") < shown.index("8")


def test_a_watch_for_programs_is_one_document_a_look(capsys: pytest.CaptureFixture[str]) -> None:
    show(looks({"block": 7}, MeritnetError("gone"), {"block": 8}), numbered, watch=True, as_json=True)
    first, trouble, last = map(json.loads, capsys.readouterr().out.splitlines())
    assert (first, last) == ({"block": 7}, {"block": 8})
    assert "gone" in json.dumps(trouble)


@pytest.mark.parametrize("as_json", [False, True])
def test_a_first_look_that_fails_is_an_error(as_json: bool) -> None:
    with pytest.raises(MeritnetError, match="nobody"):
        show(looks(MeritnetError("nobody answers")), numbered, watch=True, as_json=as_json)


def test_what_a_stranger_sent_does_not_steer_the_terminal() -> None:
    status = Status(
        1, BOB.address, True, 5, 1, 3, 2, True, 10**9, 1, False, (2,), 5, 0.5, (), {"troubles_total": 2}, ()
    )
    evil = MinerStanding(4, BOB.address, 0.5, 3, 5, "\x1b[2J[bold]why" + "x" * 5000, 0.25)
    page = validator_page(replace(status, miners=(evil,)))
    assert page.facts["ready"] == "yes"
    assert page.facts["troubles total"] == "2"
    assert "\x1b" not in page.rows[0][5]  # type: ignore[operator]
    assert len(str(page.rows[0][5])) < 700
    assert validator_page(replace(status, missing=("it stops",))).facts["ready"] == "no: it stops"
    assert "ready" not in validator_page(replace(status, missing=None)).facts


class Nothing:
    """A role without routes."""

    artifacts = chat = None

    def __init__(self) -> None:
        self.routes: dict[str, Any] = {}

    async def start(self) -> None: ...

    async def stop(self) -> None: ...


@pytest.fixture
def miner_url() -> Iterator[str]:
    """A miner's server in a thread."""
    up, down, urls = Event(), Event(), []

    async def life() -> None:
        now_ns = time.time_ns()
        verifier = Verifier(BOB.address, ReplayStore(None, now_ns), time.time_ns)
        admission = Admission(Policy(), time.monotonic)
        server = MinerServer(BOB, Nothing(), admission, verifier, Health(), host="127.0.0.1", port=0)
        await server.start()
        urls.append(f"http://127.0.0.1:{server.port}")
        up.set()
        await asyncio.to_thread(down.wait, DEADLINE_S)
        await server.stop()

    thread = Thread(target=lambda: asyncio.run(life()))
    thread.start()
    assert up.wait(DEADLINE_S)
    yield urls[0]
    down.set()
    thread.join()


class Terminal:
    """A command in a terminal of its own."""

    def __init__(self, *arguments: str) -> None:
        self._ours, theirs = pty.openpty()
        command = [sys.executable, "-m", "meritnet", *arguments]
        environment = {**os.environ, "TERM": "xterm", "COLUMNS": "200", "LINES": "50"}
        self._process = subprocess.Popen(
            command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment, start_new_session=True
        )
        os.close(theirs)
        self.shown = ""

    def until(self, words: str, times: int = 1) -> None:
        """Reads until the words have been shown so often."""
        deadline = time.monotonic() + DEADLINE_S
        while self.shown.count(words) < times:
            assert time.monotonic() < deadline, self.shown
            if select.select([self._ours], [], [], 0.1)[0] and not self._read():
                break
        assert self.shown.count(words) >= times, self.shown

    def interrupt(self) -> int:
        """Ctrl-C, and the exit code; the rest of the output is read."""
        self._process.send_signal(signal.SIGINT)
        while self._read():
            pass
        os.close(self._ours)
        return self._process.wait(DEADLINE_S)

    def _read(self) -> bool:
        try:
            data = os.read(self._ours, 1 << 16)
        except OSError:  # the other end is closed
            return False
        self.shown += data.decode(errors="replace")
        return bool(data)


@pytest.mark.slow
def test_a_miner_is_watched_from_another_terminal(miner_url: str) -> None:
    terminal = Terminal("miner", "status", "--url", miner_url, "--watch")
    terminal.until("the model is not loaded", 2)
    terminal.until("/ready")
    assert terminal.interrupt() == 0
    assert "Traceback" not in terminal.shown
    assert BOB.address in terminal.shown


@pytest.mark.slow
def test_a_validator_is_watched_from_another_terminal(local_chain: str, tmp_path: Path) -> None:
    with Chain.connect(local_chain) as chain:
        register_subnet(chain, KeyPair.from_uri("//Alice"), KeyPair.from_uri("//Alice//hotkey").address)
    about = ["validator", "status", "--netuid", "1", "--wallet", "//Bob", "--data-dir", str(tmp_path)]
    terminal = Terminal(*about, "--endpoint", local_chain, "--watch")
    terminal.until("no miner has been scored yet", 2)
    assert terminal.interrupt() == 0
    assert "Traceback" not in terminal.shown

    documents = Terminal(*about, "--endpoint", local_chain, "--watch", "--json")
    documents.until("\n", 2)
    assert documents.interrupt() == 0
    assert "Traceback" not in documents.shown
    first, second = map(json.loads, documents.shown.splitlines()[:2])
    assert first["validator"] == second["validator"]
    assert (first["uid"], first["is_running"]) == (None, False)
