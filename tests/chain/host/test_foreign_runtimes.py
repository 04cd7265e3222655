"""Runtimes that others compiled: their genesis, and blocks made and executed again, on this host.

Name raw chain specifications of Aura chains, with their runtime in ``:code``, in ``MERITNET_RAW_SPECS``,
separated as in ``PATH``. opentensor/subtensor has two: ``chainspecs/raw_spec_testfinney.json``, whose genesis
hash is checked, and ``scripts/specs/raonet.json``, Bittensor's runtime of 2025.
"""

import json
import os
from pathlib import Path

import pytest

from meritnet.chain.host.executor import Executor
from meritnet.chain.host.node import blake2_256
from meritnet.chain.host.overlay import Overlay
from meritnet.chain.host.scale import Decoder
from meritnet.chain.host.trie import Trie, ordered_root
from meritnet.chain.scale import compact

SPECS = [Path(path) for path in os.environ.get("MERITNET_RAW_SPECS", "").split(os.pathsep) if path]
TESTNET = json.loads((Path(__file__).parent / "testnet_genesis.json").read_text())
FIRST_SLOT = 10**9

pytestmark = [pytest.mark.interop, pytest.mark.skipif(not SPECS, reason="MERITNET_RAW_SPECS names no files")]


def sized(data: bytes) -> bytes:
    return compact(len(data)) + data


def raw_state(spec: Path) -> dict[bytes, bytes]:
    top = json.loads(spec.read_text())["genesis"]["raw"]["top"]
    return {bytes.fromhex(key[2:]): bytes.fromhex(value[2:]) for key, value in top.items()}


@pytest.mark.parametrize("spec", SPECS, ids=lambda path: path.stem)
def test_a_foreign_runtime_makes_blocks(spec: Path, cache_dir: Path) -> None:
    top = raw_state(spec)
    runtime = Executor(top[b":code"], cache_dir=cache_dir)
    layout = runtime.version.state_version
    state = Trie.from_items(top, layout)
    parent = blake2_256(bytes(32) + b"\x00" + state.root() + ordered_root([], layout) + b"\x00")
    if blake2_256(top[b":code"]).hex() == TESTNET["code_hash"]:
        assert parent.hex() == TESTNET["genesis_hash"]
    slot_ms = int.from_bytes(runtime.call("AuraApi_slot_duration", b"", Overlay(state)).value, "little")
    for number in range(1, 4):
        slot = FIRST_SLOT + number
        overlay = Overlay(state)
        digest = b"\x04\x06aura" + sized(slot.to_bytes(8, "little"))
        runtime.call("Core_initialize_block", parent + compact(number) + bytes(64) + digest, overlay)
        inherent = b"\x04timstap0" + sized((slot * slot_ms).to_bytes(8, "little"))
        overlay.begin()
        wanted = Decoder(runtime.call("BlockBuilder_inherent_extrinsics", inherent, overlay).value)
        overlay.rollback()
        extrinsics = [sized(extrinsic) for extrinsic in wanted.many(wanted.bytes)]
        for extrinsic in extrinsics:
            assert runtime.call("BlockBuilder_apply_extrinsic", extrinsic, overlay).value == b"\x00\x00"
        header = runtime.call("BlockBuilder_finalize_block", b"", overlay).value
        again = Overlay(state)
        runtime.call("Core_execute_block", header + compact(len(extrinsics)) + b"".join(extrinsics), again)
        assert again.root(layout) == overlay.root(layout)
        state, parent = overlay.applied(layout), blake2_256(header)
