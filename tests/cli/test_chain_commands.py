"""``meritnet chain`` and ``doctor``: a node one can watch and move in time."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from meritnet.chain.client import Chain


@pytest.mark.usefixtures("local_chain")
def test_status_tells_where_the_chain_is(meritnet: Any) -> None:
    found = meritnet("chain", "status", "--json").json
    assert found["chain"] == "Meritnet local"
    assert (found["block"], found["finalized_block"], found["pending"]) == (0, 0, 0)
    assert found["dev_rpc"] is True
    assert found["block_time"] == "1970-01-01T00:00:00+00:00"
    meritnet("chain", "advance", "2")
    times = [meritnet("chain", "status", "--json").json["block_time"] for _ in range(2)]
    assert times[0] == times[1] > "2025"
    assert "block" in meritnet("chain", "status").out


@pytest.mark.usefixtures("local_chain")
def test_time_is_moved_and_put_back(meritnet: Any) -> None:
    assert meritnet("chain", "advance", "3", "--json").json == {"from": 0, "block": 3}
    name = meritnet("chain", "snapshot", "--json").json["snapshot"]
    assert meritnet("chain", "advance", "--to", "10").out == "block 3 → 10\n"
    assert meritnet("chain", "advance", "--to", "9").code == 2
    assert meritnet("chain", "revert", name, "--json").json == {"from": 10, "block": 3}
    assert meritnet("chain", "revert", "no-such-snapshot").code == 1


@pytest.mark.usefixtures("local_chain")
def test_blocks_are_listed_newest_last(meritnet: Any) -> None:
    meritnet("chain", "advance", "5")
    found = meritnet("chain", "blocks", "-n", "3", "--json").json
    assert [block["block"] for block in found] == [3, 4, 5]
    assert [block["parent"] for block in found[1:]] == [block["hash"] for block in found[:-1]]
    assert len(meritnet("chain", "blocks", "-n", "3").out.splitlines()) == 4


@pytest.mark.usefixtures("local_chain")
def test_the_runtime_is_named_with_its_pallets(meritnet: Any) -> None:
    found = meritnet("chain", "runtime", "--json").json
    assert found["spec_name"] == "meritnet"
    assert {"System", "Balances", "Sudo"} <= set(found["pallets"])
    assert found["code_bytes"] > 100_000
    assert "Balances" in meritnet("chain", "runtime").out


@pytest.mark.usefixtures("local_chain")
def test_the_doctor_finds_a_wallet_that_others_can_read(meritnet: Any, home: Path) -> None:
    assert meritnet("doctor").code == 0
    made = meritnet("wallet", "create", "me", "--no-password", "--json")
    folder = Path(meritnet("wallet", "show", "me", "--json").json["folder"])
    assert made.code == 0
    (folder / "coldkey").chmod(0o644)
    found = meritnet("doctor", "--json")
    assert found.code == 1
    bad = [finding for finding in found.json if finding["state"] == "bad"]
    assert [finding["mend"] for finding in bad] == [f"chmod 600 {folder / 'coldkey'}"]


def test_the_doctor_goes_on_without_a_chain(meritnet: Any) -> None:
    found = meritnet("doctor", "--endpoint", "ws://127.0.0.1:1", "--json")
    assert found.code == 0
    chain = next(finding for finding in found.json if finding["what"] == "chain")
    assert (chain["state"], "chain start" in chain["mend"]) == ("note", True)


def started(*arguments: str) -> tuple[subprocess.Popen[str], dict[str, Any]]:
    """A node in a process of its own, and the line that says it is there."""
    process = subprocess.Popen(
        [sys.executable, "-m", "meritnet", "chain", "start", "--rpc-port", "0", "--json", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ,
    )
    assert process.stdout is not None
    return process, json.loads(process.stdout.readline())


@pytest.mark.journey
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_node_ends_cleanly_and_goes_on_where_it_stopped(tmp_path: Path, number: signal.Signals) -> None:
    kept = ("--base-path", str(tmp_path / "chain"), "--seal", "manual", "--dev-rpc")
    process, told = started(*kept)
    with Chain.connect(told["endpoint"]) as chain:
        hashed = chain.block_hash(chain.advance(7))
    process.send_signal(number)
    out, err = process.communicate(timeout=20)
    assert (process.returncode, out, err) == (0, "", "")
    process, told = started(*kept)
    try:
        assert told["block"] == 7
        with Chain.connect(told["endpoint"]) as chain:
            assert chain.block_hash() == hashed
    finally:
        process.terminate()
        process.communicate(timeout=20)


@pytest.mark.journey
def test_following_ends_with_ctrl_c_and_130() -> None:
    node, told = started("--tmp", "--seal", "interval:0.1")
    follow = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "meritnet",
            "chain",
            "blocks",
            "-n",
            "1",
            "-f",
            "--endpoint",
            told["endpoint"],
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert follow.stdout is not None
    lines = [follow.stdout.readline() for _ in range(5)]
    follow.send_signal(signal.SIGINT)
    _, err = follow.communicate(timeout=20)
    node.terminate()
    node.communicate(timeout=20)
    assert (follow.returncode, err) == (130, "")
    heights = [int(line.split()[0]) for line in lines[1:]]
    assert heights == list(range(heights[0], heights[0] + 4))


@pytest.mark.journey
def test_a_port_that_is_taken_is_one_line() -> None:
    process, told = started("--tmp", "--seal", "manual")
    port = told["endpoint"].rsplit(":", 1)[1]
    second = subprocess.run(
        [sys.executable, "-m", "meritnet", "chain", "start", "--tmp", "--rpc-port", port],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    process.terminate()
    process.communicate(timeout=20)
    assert second.returncode == 1
    assert second.stderr.startswith("error: cannot listen on 127.0.0.1")
    assert second.stderr.count("\n") == 1
