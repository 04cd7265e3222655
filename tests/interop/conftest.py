"""The public clients, each in an environment of its own, and a real node process for them.

Nothing here is mocked: the node is `meritnet chain start` in a process, the clients are what pip and
npm install, and the two meet on a loopback socket.
"""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import venv
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from platformdirs import user_cache_path

from meritnet.chain.client.client import Chain
from meritnet.chain.errors import MeritnetError

HERE = Path(__file__).parent
BITTENSOR = ("bittensor==11.3.0",)
ASYNC_SUBSTRATE = ("async-substrate-interface==2.2.1", "py-sr25519-bindings==0.2.4")
POLKADOT_JS = "@polkadot/api@16.5.6"
INSTALL_TIMEOUT_S = 900
START_TIMEOUT_S = 60
STOP_TIMEOUT_S = 10
REQUEST_TIMEOUT_S = 180


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.parent == HERE:
            item.add_marker(pytest.mark.interop)


@dataclass(frozen=True)
class Node:
    """A running `meritnet chain start`; `chain` is our own client of it, the judge of every claim."""

    endpoint: str
    chain: Chain


class DriverError(AssertionError):
    """What the public client raised while it served a request."""


@dataclass
class Driver:
    """The public SDK in its own process, spoken to a line at a time (see bittensor_driver.py)."""

    process: subprocess.Popen[str]
    reader: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1))

    def __call__(self, method: str, **params: Any) -> Any:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps({"method": method, "params": params}) + "\n")
        self.process.stdin.flush()
        return self.answer()

    def answer(self) -> Any:
        assert self.process.stdout is not None
        line = self.reader.submit(self.process.stdout.readline).result(REQUEST_TIMEOUT_S)
        if not line:
            raise DriverError(f"the SDK's process ended with status {self.process.wait(STOP_TIMEOUT_S)}")
        answer = json.loads(line)
        if "error" in answer:
            raise DriverError(answer["error"])
        return answer["result"]

    def read(self, name: str, **params: Any) -> Any:
        """A named read of the SDK (`client.read`)."""
        return self("read", name=name, params=params)


StartDriver = Callable[[str], Driver]


def environment(name: str, requirements: tuple[str, ...]) -> Path:
    """The Python of a virtual environment that holds the requirements, made on first use and kept."""
    home = user_cache_path("meritnet") / name
    python, made = home / "bin" / "python", home / "installed"
    if not made.exists() or made.read_text().split() != list(requirements):
        venv.create(home, with_pip=True, clear=True)
        pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        run([*pip, *requirements], timeout_s=INSTALL_TIMEOUT_S)
        made.write_text("\n".join(requirements))
    return python


def run(
    command: list[str | Path], *, timeout_s: float, cwd: Path | None = None, env: dict[str, str] | None = None
) -> str:
    """Standard output of a command that must succeed; its standard error is in the failure."""
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=timeout_s, cwd=cwd, env=env, check=False
    )
    assert done.returncode == 0, f"{command} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}"
    return done.stdout


def stop(process: subprocess.Popen[str]) -> None:
    process.terminate()
    try:
        process.wait(STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(STOP_TIMEOUT_S)
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()


@pytest.fixture(scope="session")
def clean_environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Environment variables with an empty home, so that no client finds settings or caches of another run."""
    kept = {
        key: value for key, value in os.environ.items() if not key.startswith(("BT_", "BTCLI_", "MERITNET_"))
    }
    return kept | {"HOME": str(tmp_path_factory.mktemp("home")), "NO_COLOR": "1", "COLUMNS": "200"}


@pytest.fixture(scope="session")
def bittensor_python() -> Path:
    return environment("interop", BITTENSOR)


@pytest.fixture(scope="session")
def async_substrate(clean_environment: dict[str, str]) -> Callable[..., Any]:
    """One session of async-substrate-interface with an endpoint (see async_substrate_session.py)."""
    python, script = environment("interop-async", ASYNC_SUBSTRATE), HERE / "async_substrate_session.py"
    return lambda *words: json.loads(
        run([python, script, *words], timeout_s=REQUEST_TIMEOUT_S, env=clean_environment)
    )


@pytest.fixture(scope="session")
def polkadot_js(clean_environment: dict[str, str]) -> Callable[[str], Any]:
    """One session of @polkadot/api with an endpoint (see polkadot_js_session.mjs)."""
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("Node.js is not installed")
    home = user_cache_path("meritnet") / "interop-js"
    if not (home / "node_modules" / "@polkadot" / "api").exists():
        home.mkdir(parents=True, exist_ok=True)
        run([npm, "install", "--no-audit", "--no-fund", POLKADOT_JS], timeout_s=INSTALL_TIMEOUT_S, cwd=home)
    script = HERE / "polkadot_js_session.mjs"
    return lambda endpoint: json.loads(
        run(["node", script, endpoint], timeout_s=REQUEST_TIMEOUT_S, cwd=home, env=clean_environment)
    )


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """A development chain in a process of its own: a block for every transaction, time by the blocks."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    endpoint = f"ws://127.0.0.1:{port}"
    log = tmp_path_factory.mktemp("node") / "log"
    command = [
        sys.executable,
        "-m",
        "meritnet",
        "chain",
        "start",
        "--tmp",
        "--seal",
        "instant",
        "--preset",
        "local",
    ]
    with log.open("w") as output:
        process = subprocess.Popen(
            [*command, "--rpc-port", str(port), "--dev-rpc"], stdout=output, stderr=output, text=True
        )
        try:
            with connect(endpoint, process, log) as chain:
                yield Node(endpoint, chain)
        finally:
            stop(process)
            print(log.read_text())  # pytest shows it beside a failure


def connect(endpoint: str, process: subprocess.Popen[str], log: Path) -> Chain:
    deadline = time.monotonic() + START_TIMEOUT_S
    while True:
        try:
            return Chain.connect(endpoint)
        except MeritnetError:
            if process.poll() is not None or time.monotonic() > deadline:
                pytest.fail(f"the node did not start:\n{log.read_text()}")
            time.sleep(0.1)


@pytest.fixture(scope="session")
def start_driver(
    bittensor_python: Path, clean_environment: dict[str, str]
) -> Iterator[Callable[[str], Driver]]:
    """Starts the SDK's process for an endpoint; every process started so ends with the session."""
    started: list[Driver] = []

    def start(endpoint: str) -> Driver:
        script = HERE / "bittensor_driver.py"
        process = subprocess.Popen(
            [bittensor_python, script, endpoint],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=clean_environment,
        )
        driver = Driver(process)
        started.append(driver)
        assert driver.answer() == "ready"
        return driver

    yield start
    for driver in started:
        stop(driver.process)
        driver.reader.shutdown()


@pytest.fixture(scope="module")
def sdk(node: Node, start_driver: StartDriver) -> Driver:
    return start_driver(node.endpoint)


@pytest.fixture(scope="session")
def btcli(bittensor_python: Path, clean_environment: dict[str, str]) -> Callable[..., str]:
    """Runs the SDK's own command line and returns what it prints."""

    def call(*arguments: str) -> str:
        program = bittensor_python.parent / "btcli"
        return run([program, *arguments], timeout_s=REQUEST_TIMEOUT_S, env=clean_environment)

    return call
