"""A chain on a socket, an empty home, and the command line as a function."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import structlog

from meritnet.chain.node.node import Node
from meritnet.chain.node.seal import Instant, Manual
from meritnet.chain.rpc.server import serving
from meritnet.cli import options
from meritnet.cli.app import run


@dataclass(frozen=True)
class Result:
    """What a command line left behind."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Standard output as the one object that it must be."""
        return json.loads(self.out)


Meritnet = Callable[..., Result]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """No test sees the user's files or settings."""
    for name in ("HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    for name in ("ENDPOINT", "WALLET", "HOTKEY", "WALLET_PATH", "PASSWORD_FILE", "CONFIG", "NETUID"):
        monkeypatch.delenv(f"MERITNET_{name}", raising=False)
    options.config.cache_clear()
    yield tmp_path / "home"
    options.config.cache_clear()
    structlog.reset_defaults()


@pytest.fixture
def meritnet(capsys: pytest.CaptureFixture[str]) -> Meritnet:
    """``meritnet("wallet", "list")`` as a shell would run it, in this process."""

    def command(*arguments: str) -> Result:
        capsys.readouterr()
        code = run(arguments)
        found = capsys.readouterr()
        return Result(code, found.out, found.err)

    return command


@pytest.fixture
def local_chain(node: Node, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A node on a socket that makes a block for each transaction; commands find it by themselves."""
    node.set_seal(Instant())
    with serving(node, dev_rpc=True) as endpoint:
        monkeypatch.setenv("MERITNET_ENDPOINT", endpoint)
        yield endpoint
    node.set_seal(Manual())
