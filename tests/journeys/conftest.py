"""Journeys go through the command line and sockets, as a person would: every command is a process of its
own."""

import json
import os
import selectors
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

COMMAND_S = 120
READY_S = 120


class Journey:
    """A chain process and whoever joined it. Commands get its endpoint and directories of their own."""

    def __init__(self, folder: Path, *start: str) -> None:
        self.folder = folder
        self.processes: list[subprocess.Popen[str]] = []
        self.python = sys.executable
        self.environment = {
            **os.environ,
            "MERITNET_CONFIG": str(folder / "config.toml"),
            "MERITNET_WALLET_PATH": str(folder / "wallets"),
            "XDG_DATA_HOME": str(folder / "data"),
            "XDG_STATE_HOME": str(folder / "state"),
            "NO_COLOR": "1",
        }
        ready = self.service("chain", "start", "--tmp", "--rpc-port", "0", *start)
        self.environment["MERITNET_ENDPOINT"] = ready["endpoint"]

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end, whatever that is."""
        return subprocess.run(
            [self.python, "-m", "meritnet", *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=COMMAND_S,
            check=False,
        )

    def ask(self, *arguments: str) -> Any:
        """Run a command that must succeed; what it says as JSON."""
        done = self.command(*arguments, "--json")
        assert done.returncode == 0, f"{arguments}: {done.stdout}{done.stderr}"
        return json.loads(done.stdout.splitlines()[-1])

    def service(self, *arguments: str) -> Any:
        """Start a command that runs until it is stopped; its first line of JSON."""
        process = subprocess.Popen(
            [self.python, "-m", "meritnet", *arguments, "--json"],
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.processes.append(process)
        return json.loads(self.line(process))

    def line(self, process: subprocess.Popen[str]) -> str:
        """The next line that a service prints, within the deadline."""
        assert process.stdout is not None
        with selectors.DefaultSelector() as selector:
            selector.register(process.stdout, selectors.EVENT_READ)
            if not selector.select(READY_S):
                raise AssertionError(f"{process.args} said nothing for {READY_S} s")
        line = process.stdout.readline()
        assert line, f"{process.args} ended: {process.stderr.read() if process.stderr else ''}"
        return line

    def event(self, name: str) -> dict[str, Any]:
        """The next event of that name that the newest service prints; trouble on the way is a failure."""
        while True:
            event: dict[str, Any] = json.loads(self.line(self.processes[-1]))
            assert event["event"] != "Trouble", event
            if event["event"] == name:
                return event

    def subnet(self, kind: str) -> str:
        """A started subnet of a kind, owned by Alice; its number."""
        alice = ("--wallet", "//Alice", "--yes")
        netuid = str(self.ask("subnet", "register", "--kind", kind, *alice)["netuid"])
        self.ask("subnet", "start", netuid, *alice)
        return netuid

    def to_next_epoch(self, netuid: str) -> int:
        """Make blocks up to and including the next epoch's; its number."""
        due: int = self.ask("subnet", "show", netuid)["next_epoch_block"]
        self.ask("chain", "advance", "--to", str(due))
        return due

    def close(self) -> None:
        """Stop every service as Ctrl-C would; each must end by itself with code 0."""
        codes = {}
        for process in reversed(self.processes):
            process.send_signal(signal.SIGINT)
            try:
                process.communicate(timeout=30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.communicate()
            codes[str(process.args)] = process.returncode
        assert all(code in (0, 130) for code in codes.values()), codes


@pytest.fixture
def journey(tmp_path: Path) -> Iterator[Journey]:
    """A local chain that makes a block for every extrinsic, and on demand."""
    travel = Journey(tmp_path, "--seal", "instant", "--dev-rpc")
    try:
        yield travel
    finally:
        travel.close()


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The folder of a two-layer model."""
    from meritnet.subnets.models.tiny import save_tiny

    return str(save_tiny(tmp_path_factory.mktemp("model") / "tiny"))
