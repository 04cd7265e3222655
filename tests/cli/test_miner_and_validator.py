"""`meritnet miner` and `meritnet validator` against a node on a socket: register, run, step, stop."""

import json
import os
import signal
import sys
import threading
import time
import types
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

from meritnet.chain.client.client import Chain
from meritnet.chain.client.stake import add_stake
from meritnet.chain.client.subnets import register_subnet, set_identity, start_subnet
from meritnet.chain.keys import KeyPair
from meritnet.chain.node.node import Node
from meritnet.chain.node.seal import Instant
from meritnet.chain.rpc.server import serving
from meritnet.cli.app import run
from meritnet.subnets import registry
from meritnet.subnets.base import Answer, MinerContext, Route, Score, Task, ValidatorContext

pytestmark = pytest.mark.slow


class Parrot:
    """A subnet kind that earns by repeating; both roles in one object."""

    kind = "parrot"
    summary = "Says what it hears."
    hyperparameters: Mapping[str, int | bool] = {}
    artifacts_of_miner = None
    chat = None

    def miner(self, context: MinerContext) -> Any:
        async def repeat(body: bytes) -> bytes:
            return body if not context.lazy else body[:1]

        role = types.SimpleNamespace(routes={"/say": Route(repeat, 100)}, artifacts=None, chat=None)

        async def nothing() -> None: ...

        role.start = role.stop = nothing
        return role

    def validator(self, context: ValidatorContext) -> Any:
        async def score(task: Task, answer: Answer, artifacts: Mapping[str, Path]) -> Score:
            return Score(
                float(answer.body == task.body), "repeated" if answer.body == task.body else "mumbled"
            )

        return types.SimpleNamespace(
            task=lambda seed, uid: Task("/say", seed, 5.0, 100),
            artifacts=lambda task, answer: [],
            score=score,
        )


@pytest.fixture
def endpoint(node: Node, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[str]:
    """A node that seals at once, with subnet 1 of a kind of our own, on a socket."""
    module = types.ModuleType("parrot_kind")
    module.subnet = Parrot()  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "parrot_kind", module)
    monkeypatch.setitem(registry.BUILT_IN, "parrot", "parrot_kind")
    monkeypatch.setenv("MERITNET_CONFIG", str(tmp_path / "no-config"))
    node.set_seal(Instant())
    owner = KeyPair.from_uri("//Alice")
    with serving(node) as found, Chain.connect(found) as chain:
        register_subnet(chain, owner, KeyPair.from_uri("//Alice//hotkey").address)
        set_identity(chain, owner, 1, "my subnet", "parrot")
        start_subnet(chain, owner, 1)
        yield found


def meritnet(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = run(arguments)
    out, err = capsys.readouterr()
    return code, out, err


def register(capsys: pytest.CaptureFixture[str], endpoint: str, role: str, wallet: str) -> dict[str, Any]:
    code, out, _ = meritnet(
        capsys,
        role,
        "register",
        "--netuid",
        "1",
        "--wallet",
        wallet,
        "--yes",
        "--json",
        "--endpoint",
        endpoint,
    )
    assert code == 0, out
    told: dict[str, Any] = json.loads(out)
    return told


def when_ready(port: int, then: Any) -> threading.Thread:
    """Calls back once the miner on the port is ready."""

    def wait() -> None:
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            try:
                with urlopen(f"http://127.0.0.1:{port}/ready", timeout=1) as reply:
                    if reply.status == 200:
                        break
            except OSError:
                time.sleep(0.02)
        then()

    thread = threading.Thread(target=wait)
    thread.start()
    return thread


def test_a_hotkey_is_registered_once_and_told_what_comes_next(
    endpoint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    told = register(capsys, endpoint, "miner", "//Dave")
    assert (told["netuid"], told["uid"]) == (1, 1)
    assert told["price_rao"] > 0
    code, _, err = meritnet(
        capsys, "miner", "register", "--netuid", "1", "--wallet", "//Dave", "--yes", "--endpoint", endpoint
    )
    assert code == 2
    assert "is registered on subnet 1 already, as uid 1" in err
    assert "meritnet miner run --netuid 1" in err


def test_a_miner_serves_until_it_is_told_to_stop_and_a_validator_scores_it(
    endpoint: str, capsys: pytest.CaptureFixture[str], tmp_path: Path, unused_port: int
) -> None:
    register(capsys, endpoint, "miner", "//Dave")
    uid = register(capsys, endpoint, "validator", "//Bob")["uid"]
    with Chain.connect(endpoint) as chain:
        hotkey = chain.metagraph(1).hotkeys[uid]
        add_stake(chain, KeyPair.from_uri("//Bob"), hotkey, 1, 10**12)
    judged: list[tuple[int, str]] = []

    def validate_then_stop() -> None:
        import subprocess

        step = [sys.executable, "-c", _STEP, endpoint, str(tmp_path / "validator")]
        done = subprocess.run(step, capture_output=True, text=True, timeout=60, check=False)
        judged.append((done.returncode, done.stdout + done.stderr))
        os.kill(os.getpid(), signal.SIGTERM)

    thread = when_ready(unused_port, validate_then_stop)
    code, out, _ = meritnet(
        capsys,
        *("miner", "run", "--netuid", "1", "--wallet", "//Dave", "--port", str(unused_port)),
        *("--data-dir", str(tmp_path / "miner"), "--endpoint", endpoint, "--json"),
    )
    thread.join()
    assert code == 0
    assert [json.loads(line)["event"] for line in out.splitlines()][:2] == ["Serving", "Announced"]
    assert judged[0][0] == 0, judged
    (row,) = json.loads(judged[0][1])
    assert (row["uid"], row["score"], row["why"]) == (1, 1.0, "repeated")

    about = ("--netuid", "1", "--wallet", "//Bob", "--data-dir", str(tmp_path / "validator"))
    about += ("--endpoint", endpoint)
    code, out, _ = meritnet(capsys, "validator", "why", "--uid", "1", *about, "--json")
    told = json.loads(out)
    assert (code, told["tasks"][0]["score"], told["tasks"][0]["why"]) == (0, 1.0, "repeated")
    assert told["fault"] == ""
    code, out, _ = meritnet(capsys, "validator", "why", "--uid", "1", *about)
    assert (code, "scored 1.000 because: repeated" in out, "all hold" in out) == (0, True, True)
    code, _, err = meritnet(capsys, "validator", "why", "--uid", "7", *about)
    assert (code, "subnet 1 has uids 0 to 2, not 7" in err) == (1, True)

    (bundle,) = tmp_path.glob("validator/chain-*/subnet-1/bundles/*.json")
    code, out, _ = meritnet(capsys, "validator", "audit", str(bundle), "--on-chain", "--endpoint", endpoint)
    assert (code, "everything holds" in out) == (0, True), out
    code, out, _ = meritnet(capsys, "validator", "status", *about, "--json")
    told = json.loads(out)
    assert (code, told["is_running"], [one["average"] for one in told["miners"]]) == (0, False, [1.0])
    code, out, _ = meritnet(capsys, "validator", "status", *about)
    assert (code, "repeated" in out) == (0, True)


_STEP = """
import sys, types
sys.path.insert(0, "")
from meritnet.subnets import registry
from meritnet.subnets.base import Score, Task
from meritnet.cli.app import run

async def score(task, answer, artifacts):
    return Score(float(answer.body == task.body), "repeated")

role = types.SimpleNamespace(
    task=lambda seed, uid: Task("/say", seed, 5.0, 100), artifacts=lambda task, answer: [], score=score
)
module = types.ModuleType("parrot_kind")
module.subnet = types.SimpleNamespace(kind="parrot", validator=lambda context: role)
sys.modules["parrot_kind"] = module
registry.BUILT_IN["parrot"] = "parrot_kind"
sys.exit(run([
    "validator", "step", "--netuid", "1", "--wallet", "//Bob", "--json",
    "--endpoint", sys.argv[1], "--data-dir", sys.argv[2],
]))
"""


def test_a_validator_runs_until_it_is_told_to_stop_and_shows_its_figures(
    endpoint: str, capsys: pytest.CaptureFixture[str], tmp_path: Path, unused_port: int
) -> None:
    register(capsys, endpoint, "validator", "//Bob")
    figures: list[str] = []

    def watch_then_stop() -> None:
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline and "meritnet_validator_troubles_total{" not in "".join(figures):
            try:
                with urlopen(f"http://127.0.0.1:{unused_port}/metrics", timeout=1) as reply:
                    figures.append(reply.read().decode())
            except OSError:
                pass
            time.sleep(0.05)
        os.kill(os.getpid(), signal.SIGTERM)

    thread = threading.Thread(target=watch_then_stop)
    thread.start()
    code, out, _ = meritnet(
        capsys,
        *("validator", "run", "--netuid", "1", "--wallet", "//Bob", "--metrics-port", str(unused_port)),
        *("--data-dir", str(tmp_path), "--endpoint", endpoint, "--json"),
    )
    thread.join()
    assert code == 0
    told = [json.loads(line) for line in out.splitlines()]
    assert ("Trouble", "no miner of subnet 1 has announced an address") in [
        (event["event"], event.get("message")) for event in told
    ]
    assert 'meritnet_validator_troubles_total{netuid="1"' in figures[-1]


def test_an_adapter_is_trained_and_put_where_the_miner_finds_it(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    from meritnet.subnets.models.tiny import save_tiny

    model = save_tiny(tmp_path / "tiny")
    code, out, _ = meritnet(
        capsys,
        *("miner", "finetune", "--netuid", "2", "--wallet", "//Dave", "--model", str(model), "--steps", "8"),
        *("--data-dir", str(tmp_path / "miner"), "--json"),
    )
    assert code == 0
    told = json.loads(out)
    assert told["loss_gain_nats"] > 0
    assert (tmp_path / "miner" / "role" / "artifacts" / told["content_id"]).is_file()
    assert len(told["losses_nats"]) == 8


def test_a_training_shows_its_curve_and_draws_it(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    from meritnet.subnets.models.tiny import save_tiny

    model = save_tiny(tmp_path / "tiny")
    code, out, _ = meritnet(
        capsys,
        *("miner", "finetune", "--netuid", "2", "--wallet", "//Dave", "--model", str(model), "--steps", "4"),
        *("--data-dir", str(tmp_path / "miner"), "--png", str(tmp_path / "curve.png")),
        *("--rank", "4", "--target", "o_proj", "--target", "q_proj", "--dora", "--measure-every", "2"),
    )
    assert code == 0
    assert "steps; nats a token: * loss of the step's text, o held-out text" in out
    assert "serve it with: meritnet miner run --netuid 2" in out
    assert (tmp_path / "curve.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("miner", "run", "--wallet", "//Dave"), 2, "missing: --netuid N"),
        (("miner", "run", "--netuid", "1"), 2, "no wallet is named"),
        (
            ("miner", "run", "--netuid", "1", "--wallet", "//Dave", "--kind", "chess"),
            2,
            "unknown subnet kind 'chess'",
        ),
        (("miner", "run", "--netuid", "9", "--wallet", "//Dave"), 2, "does not tell the kind of subnet 9"),
        (("miner", "run", "--netuid", "1", "--wallet", "//Dave"), 1, "is not registered on subnet 1"),
        (
            ("miner", "run", "--netuid", "1", "--wallet", "//Dave", "--api-keys", "/does/not/exist"),
            2,
            "the API keys cannot be read from /does/not/exist: No such file or directory",
        ),
        (("miner", "register", "--netuid", "9", "--wallet", "//Dave", "--yes"), 1, ""),
        (
            ("miner", "finetune", "--netuid", "1", "--wallet", "//Dave", "--rank", "17"),
            2,
            "an adapter's rank is 1 to 16, this one's 17",
        ),
        (
            ("miner", "finetune", "--netuid", "1", "--wallet", "//Dave", "--target", "lm_head"),
            2,
            "this one changes lm_head",
        ),
        (
            ("miner", "finetune", "--netuid", "1", "--wallet", "//Dave", "--png", "/does/not/exist.png"),
            2,
            "there is no folder /does/not for the picture",
        ),
    ],
)
def test_what_cannot_work_is_one_clear_line(
    endpoint: str,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    arguments: tuple[str, ...],
    code: int,
    says: str,
    unused_port: int,
) -> None:
    run_only = ("--data-dir", str(tmp_path), "--port", str(unused_port)) if arguments[1] == "run" else ()
    got, _, err = meritnet(capsys, *arguments, *run_only, "--endpoint", endpoint)
    assert (got, says in err) == (code, True), err
    assert err.count("\n") == 1
    assert "Traceback" not in err


@pytest.fixture
def unused_port() -> int:
    import socket

    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])
