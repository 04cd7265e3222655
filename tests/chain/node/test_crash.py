"""Nothing acknowledged is lost: kill -9 at any moment, and a disk that is full."""

import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from meritnet.chain.errors import StoreError
from meritnet.chain.node.node import Node
from meritnet.chain.node.sqlite import SqliteStore

SEALING_FOREVER = """
import sys
from pathlib import Path
from meritnet.chain.node.node import Node

node = Node.open(base_path=Path(sys.argv[1]))
while True:
    print(node.seal().number, flush=True)
"""
KILLS = 50


def killed_at_random(directory: Path, dice: random.Random) -> int:
    """Let a process make blocks, kill it some time after its first one; the last height it acknowledged."""
    process = subprocess.Popen([sys.executable, "-c", SEALING_FOREVER, directory], stdout=subprocess.PIPE)
    assert process.stdout is not None
    with process:
        acknowledged = process.stdout.readline()
        time.sleep(dice.random() * 0.2)
        os.kill(process.pid, signal.SIGKILL)
        acknowledged += process.stdout.read()
    complete = acknowledged.decode().rpartition("\n")[0]
    return int(complete.split("\n")[-1])


@pytest.mark.slow
def test_kill_at_any_moment_loses_nothing_acknowledged(tmp_path: Path) -> None:
    seed = int(os.environ.get("MERITNET_TEST_SEED") or time.time_ns())
    print(f"again with MERITNET_TEST_SEED={seed}")
    dice = random.Random(seed)
    height = 0
    for _ in range(KILLS):
        acknowledged = killed_at_random(tmp_path, dice)
        assert acknowledged > height
        with Node.open(base_path=tmp_path) as node:  # opening computes the root of the whole state
            height = node.head.number
            assert acknowledged <= height <= acknowledged + 1
            assert node.state().root() == node.head.state_root
            node.replay(height)


def read_everything(directory: Path, true_hashes: list[bytes]) -> str:
    """Open a chain that may be damaged and read all of it: whole, older, or the text of a ``StoreError``."""
    try:
        with Node.open(base_path=directory) as node:
            assert node.head.hash == true_hashes[node.head.number]
            assert node.state().root() == node.head.state_root
            for number in range(node.head.number + 1):
                block = node.block_at(number)
                assert block is not None
                assert block.hash == true_hashes[number]
                assert node.state(block.hash).root() == block.header.state_root
            return "older" if node.head.number < len(true_hashes) - 1 else "whole"
    except StoreError as error:
        return str(error)


def test_bits_that_flip_on_disk_are_noticed(tmp_path: Path) -> None:
    seed = int(os.environ.get("MERITNET_TEST_SEED") or time.time_ns())
    print(f"again with MERITNET_TEST_SEED={seed}")
    dice = random.Random(seed)
    with Node.open(base_path=tmp_path / "true") as node:
        true_hashes = [node.head.hash, *(node.seal().hash for _ in range(6))]
        shutil.copytree(tmp_path / "true", tmp_path / "killed")  # as after kill -9: with the write-ahead log
    assert read_everything(tmp_path / "true", true_hashes) == "whole"
    for turn in range(25):
        copy = tmp_path / f"copy-{turn}"
        source = dice.choice(["true", "killed"])
        shutil.copytree(tmp_path / source, copy)
        victim = dice.choice([path for path in sorted(copy.iterdir()) if path.stat().st_size])
        data = bytearray(victim.read_bytes())
        if dice.random() < 0.2:
            del data[dice.randrange(len(data)) :]
        else:
            data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)
        victim.write_bytes(data)
        outcome = read_everything(copy, true_hashes)
        assert outcome in ("whole", "older") or re.search("is damaged|holds a chain of|format", outcome)
        shutil.rmtree(copy)


def test_a_full_disk_stops_blocks_and_keeps_what_is_there(tmp_path: Path, transfer) -> None:
    with Node.open(base_path=tmp_path) as node:
        node.advance(3)
        store = node._store
        assert isinstance(store, SqliteStore)
        (pages,) = store._db.execute("PRAGMA page_count").fetchone()
        store._db.execute(f"PRAGMA max_page_count = {pages}")
        node.submit(transfer())
        with pytest.raises(StoreError, match=r"cannot be used: .*full"):
            node.advance(1000)
        full_at, root = node.head, node.state().root()
        assert root == full_at.state_root
        assert node.block_at(full_at.number) is not None, "reading goes on"
        store._db.execute("PRAGMA max_page_count = 1000000")
        assert node.seal().number == full_at.number + 1
        head = node.head
    with Node.open(base_path=tmp_path) as node:
        assert node.head == head
        node.replay(head.number)
