"""A chain, three miners (the third is lazy) and two validators, each a process behind links of its own.

What a process prints is kept in a file, over all its lives.
"""

import json
import os
import resource
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from chaos.proxy import Link, Links
from chaos.schedule import MINERS, VALIDATORS

from meritnet.chain.client import Chain
from meritnet.cli.template.sums import Sums
from meritnet.localnet.network import enlist, found, fund
from meritnet.localnet.plan import Neuron, Plan, cast

LAZY = "miner-3"
BLOCK_S = 0.3
READY_S = 120.0
USUAL_DESCRIPTORS = 1_024
"""What a process may open where nobody says otherwise; it may raise that by itself."""
HERE, OUTSIDE = "127.0.0.1", "127.0.0.2"
"""Miners listen here and seem to be outside, where their links listen."""


@dataclass
class Service:
    """One process and its lives."""

    name: str
    command: list[str]
    environment: dict[str, str]
    ready: str
    """In the line of output that says that it works."""
    folder: Path
    process: subprocess.Popen[bytes] | None = None
    lives: int = 0
    _read: int = 0
    _birth: int = 0
    _lines: list[dict[str, Any]] = field(default_factory=list)

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    @property
    def clock(self) -> Path:
        """The file that says how wrong the process's clock is."""
        return self.folder / f"{self.name}.clock"

    def set_clock(self, ahead_s: int) -> None:
        """Lets the process's wall clock be ahead by so many seconds, from now on."""
        with self.clock.open("r+b" if self.clock.exists() else "wb") as file:
            file.write(b"%-31d\n" % ahead_s)  # in one piece and of one length: it is being read

    def start(self) -> None:
        """Starts a new life; returns at once."""
        self.set_clock(0)
        with (self.folder / f"{self.name}.out").open("ab") as out:
            out.write(b"\n" if self.lives else b"")  # a line that a kill tore ends here
        self._birth = len(self.lines())
        with (
            (self.folder / f"{self.name}.out").open("ab") as out,
            (self.folder / f"{self.name}.err").open("ab") as errors,
        ):
            self.process = subprocess.Popen(
                [sys.executable, str(Path(__file__).with_name("clock.py")), str(self.clock), *self.command],
                env=self.environment,
                stdout=out,
                stderr=errors,
            )
        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.prlimit(self.pid, resource.RLIMIT_NOFILE, (min(USUAL_DESCRIPTORS, most), most))
        self.lives += 1

    def wait_until_ready(self) -> None:
        """Waits for this life's first sign of work."""
        self.wait_for(lambda line: self.ready in (*line, line.get("event")), self._birth)

    def wait_for(self, holds: Callable[[dict[str, Any]], bool], since: int) -> None:
        """Waits for a line of output of which something holds, after so many lines."""
        deadline = time.monotonic() + READY_S
        while not any(map(holds, self.lines()[since:])):
            assert self.is_alive, f"{self.name} ended: {self.complaint()}"
            assert time.monotonic() < deadline, f"{self.name} did not say what was awaited for {READY_S:g} s"
            time.sleep(0.02)  # a file has no event to wait for

    @property
    def is_alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def send(self, number: int) -> None:
        """A signal."""
        os.kill(self.pid, number)

    def kill(self) -> None:
        """``kill -9``, to its end."""
        assert self.process is not None
        self.process.kill()
        self.process.wait(10)

    def stop(self) -> int:
        """As a service manager stops it; its exit code."""
        assert self.process is not None
        self.process.send_signal(signal.SIGCONT)
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.kill()
            return -signal.SIGKILL

    def lines(self) -> list[dict[str, Any]]:
        """What it printed so far, of all its lives; a line that is not complete yet is left for later."""
        path = self.folder / f"{self.name}.out"
        with path.open("rb") as file:
            file.seek(self._read)
            fresh = file.read()
        whole = fresh[: fresh.rfind(b"\n") + 1]
        self._read += len(whole)
        self._lines += [found for line in whole.splitlines() if isinstance(found := _json(line), dict)]
        return self._lines

    def events(self, name: str) -> list[dict[str, Any]]:
        """Its events of that name."""
        return [line for line in self.lines() if line.get("event") == name]

    def complaint(self) -> str:
        """The end of its log."""
        return (self.folder / f"{self.name}.err").read_text(errors="replace")[-2000:]


@dataclass
class Localnet:
    """All processes and links of a run."""

    folder: Path
    netuid: int
    uids: dict[str, int]
    """Of miners and validators."""
    neurons: dict[str, Neuron]
    services: dict[str, Service]
    links: Links
    link_of: dict[str, Link]
    """A miner's: from its validators. A validator's: to the chain."""
    endpoint: str

    @property
    def honest(self) -> list[int]:
        """The uids of the honest miners."""
        return [self.uids[name] for name in MINERS]


@contextmanager
def localnet(folder: Path) -> Iterator[Localnet]:
    """A subnet at work; everything is stopped at the end and must have ended by itself, with code 0."""
    environment = _environment(folder)
    port = _free_port()
    seal = ("--seal", f"interval:{BLOCK_S}")
    home = ("--base-path", str(folder / "chain"))
    command = ["chain", "start", *home, "--rpc-port", str(port), *seal, "--json"]
    chain_service = Service("chain", command, environment, "endpoint", folder)
    services = {"chain": chain_service}
    with Links() as links:
        try:
            chain_service.start()
            chain_service.wait_until_ready()
            net = _settled(folder, links, services, f"ws://{HERE}:{port}")
            _join(net, environment, port)
            yield net
        finally:
            codes = {name: service.stop() for name, service in reversed(services.items())}
    assert set(codes.values()) <= {0}, codes


def _settled(folder: Path, links: Links, services: dict[str, Service], endpoint: str) -> Localnet:
    """The chain's side: a subnet, registrations, stake."""
    owner, *neurons = cast(Plan(("sums",), miners=3, validators=2))
    names = [*VALIDATORS, *MINERS, LAZY]
    with Chain.connect(endpoint) as chain:
        fund(chain, owner, neurons)
        site = found(chain, owner, Sums())
        enlist(chain, [site], neurons)
        graph = chain.metagraph(site.netuid)
    uids = {name: graph.uid_of(one.hotkey_address) for name, one in zip(names, neurons, strict=True)}
    people = dict(zip(names, neurons, strict=True))
    return Localnet(folder, site.netuid, uids, people, services, links, {}, endpoint)


def _join(net: Localnet, environment: dict[str, str], chain_port: int) -> None:
    """Starts the neurons behind links of their own, and waits until the miners serve."""
    for name in (*MINERS, LAZY, *VALIDATORS):
        role = name.partition("-")[0]
        to_chain = net.links.open((HERE, 0), (HERE, chain_port))
        options: list[str] = []
        net.link_of[name] = to_chain
        if role == "miner":
            port = _free_port()
            net.link_of[name] = net.links.open((OUTSIDE, port), (HERE, port))
            options = ["--port", str(port), "--external-ip", OUTSIDE, *(["--lazy"] if name == LAZY else [])]
        one = net.neurons[name]
        keys = ["--wallet", one.coldkey_uri, "--netuid", str(net.netuid), "--kind", "sums"]
        where = ["--data-dir", str(net.folder / name), "--endpoint", f"ws://{HERE}:{to_chain.listen[1]}"]
        command = [role, "run", *keys, *where, *options, "--json"]
        ready = "Serving" if role == "miner" else "Asked"
        net.services[name] = Service(name, command, environment, ready, net.folder)
        net.services[name].start()
    for name in (*MINERS, LAZY):
        net.services[name].wait_until_ready()


def _environment(folder: Path) -> dict[str, str]:
    """Directories of the run's own, and a kind of subnet that needs no model, declared as packages do."""
    declared = folder / "kinds/sums-1.dist-info"
    declared.mkdir(parents=True)
    declared.joinpath("METADATA").write_text("Metadata-Version: 2.1\nName: sums\nVersion: 1\n")
    declared.joinpath("entry_points.txt").write_text(
        "[meritnet.subnets]\nsums = meritnet.cli.template.sums:subnet\n"
    )
    path = [str(declared.parent), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {
        **os.environ,
        "MERITNET_CONFIG": str(folder / "config.toml"),
        "MERITNET_WALLET_PATH": str(folder / "wallets"),
        "XDG_DATA_HOME": str(folder / "data"),
        "XDG_STATE_HOME": str(folder / "state"),
        "PYTHONPATH": os.pathsep.join(path),
        "NO_COLOR": "1",
    }


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HERE, 0))
        return int(probe.getsockname()[1])


def _json(line: bytes) -> Any:
    try:
        return json.loads(line)
    except ValueError:
        return None  # torn by a kill
