"""The packaged runtime in the host: genesis, blocks made and executed again, and what goes wrong."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from meritnet.chain.errors import HostError
from meritnet.chain.host import functions
from meritnet.chain.host.executor import Executor
from meritnet.chain.host.node import blake2_256
from meritnet.chain.host.overlay import Overlay
from meritnet.chain.host.scale import Decoder
from meritnet.chain.host.trie import Trie, ordered_root
from meritnet.chain.scale import compact

SLOT_MS = 12_000
FIRST_SLOT = 100


def call(runtime: Executor, entry: str, argument: bytes = b"") -> bytes:
    return runtime.call(entry, argument, Overlay(Trie())).value


def sized(data: bytes) -> bytes:
    return compact(len(data)) + data


def merged(base: Any, patch: Any) -> Any:
    if isinstance(base, dict) and isinstance(patch, dict):
        return base | {key: merged(base.get(key), value) for key, value in patch.items()}
    return patch


def preset(runtime: Executor, name: bytes | None) -> Any:
    argument = b"\x00" if name is None else b"\x01" + sized(name)
    return json.loads(Decoder(call(runtime, "GenesisBuilder_get_preset", argument)[1:]).bytes())


@dataclass(frozen=True)
class Block:
    state: Trie
    header: bytes
    extrinsics: tuple[bytes, ...] = ()

    @property
    def hash(self) -> bytes:
        return blake2_256(self.header)

    def encoded(self) -> bytes:
        return self.header + compact(len(self.extrinsics)) + b"".join(self.extrinsics)


def genesis(runtime: Executor) -> Block:
    config = merged(preset(runtime, None), preset(runtime, b"local"))
    overlay = Overlay(Trie())
    argument = sized(json.dumps(config).encode())
    assert runtime.call("GenesisBuilder_build_state", argument, overlay).value == b"\x00"
    state = overlay.applied(runtime.version.state_version)
    return Block(state, bytes(32) + b"\x00" + state.root() + ordered_root([], 0) + b"\x00")


def empty_block(runtime: Executor, parent: Block, number: int) -> Block:
    slot = FIRST_SLOT + number
    digest = b"\x04\x06aura" + sized(slot.to_bytes(8, "little"))
    overlay = Overlay(parent.state)
    runtime.call("Core_initialize_block", parent.hash + compact(number) + bytes(64) + digest, overlay)
    timestamp = sized(b"\x05\x02\x00" + compact(slot * SLOT_MS))
    assert runtime.call("BlockBuilder_apply_extrinsic", timestamp, overlay).value == b"\x00\x00"
    header = runtime.call("BlockBuilder_finalize_block", b"", overlay).value
    return Block(overlay.applied(runtime.version.state_version), header, (timestamp,))


@pytest.fixture(scope="module")
def first(runtime: Executor) -> Block:
    return genesis(runtime)


def test_the_version_is_the_packaged_runtimes(runtime: Executor) -> None:
    assert (runtime.version.spec_name, runtime.version.state_version) == ("meritnet", 1)
    assert hashlib.blake2b(b"Core", digest_size=8).digest() in runtime.version.apis


def test_metadata_comes_out_whole(runtime: Executor) -> None:
    metadata = Decoder(call(runtime, "Metadata_metadata")).bytes()
    assert metadata[:4] == b"meta"
    assert len(metadata) > 20_000


def test_there_are_presets(runtime: Executor) -> None:
    data = Decoder(call(runtime, "GenesisBuilder_preset_names"))
    assert {b"local", b"mainnet"} <= set(data.many(data.bytes))


def test_a_genesis_that_is_no_configuration_is_refused_and_leaves_nothing(runtime: Executor) -> None:
    overlay = Overlay(Trie())
    answer = runtime.call("GenesisBuilder_build_state", sized(b"{}"), overlay).value
    assert b"missing field" in answer
    assert overlay.changes() == {}


def test_blocks_are_made_and_executed_again_to_the_same_root(runtime: Executor, first: Block) -> None:
    parent = first
    for number in range(1, 6):
        block = empty_block(runtime, parent, number)
        stated_root = block.header[33:65]
        assert block.state.root() == stated_root
        overlay = Overlay(parent.state)
        runtime.call("Core_execute_block", block.encoded(), overlay)
        assert overlay.root(1) == stated_root
        parent = block


def test_another_executor_comes_to_the_same_block(
    runtime: Executor, first: Block, runtime_code: bytes, cache_dir: Path
) -> None:
    other = Executor(runtime_code, cache_dir=cache_dir)
    assert empty_block(other, first, 1).encoded() == empty_block(runtime, first, 1).encoded()


@pytest.mark.parametrize("at", [33, 65], ids=["state root", "extrinsics root"])
def test_a_block_with_a_forged_root_is_refused(runtime: Executor, first: Block, at: int) -> None:
    block = empty_block(runtime, first, 1)
    forged = block.encoded()[:at] + bytes((block.encoded()[at] ^ 1,)) + block.encoded()[at + 1 :]
    overlay = Overlay(first.state)
    with pytest.raises(HostError, match="Core_execute_block: "):
        runtime.call("Core_execute_block", forged, overlay)
    assert overlay.changes() == {}


def test_a_panic_is_told_in_the_runtimes_own_words(runtime: Executor, first: Block) -> None:
    """The parent's timestamp again: the inherent panics, and its words come out."""
    with pytest.raises(
        HostError, match=r"^BlockBuilder_apply_extrinsic: .*unreachable.*\| error runtime: panicked at"
    ):
        runtime.call("BlockBuilder_apply_extrinsic", b"\x08\x05\x02", Overlay(first.state))


@pytest.mark.parametrize("argument", [b"", b"\xff" * 200, bytes(3)])
def test_arguments_that_do_not_decode_trap(runtime: Executor, first: Block, argument: bytes) -> None:
    overlay = Overlay(first.state)
    with pytest.raises(HostError, match="Core_initialize_block: "):
        runtime.call("Core_initialize_block", argument, overlay)
    assert overlay.changes() == {}


def test_a_call_that_the_runtime_does_not_have(runtime: Executor) -> None:
    with pytest.raises(HostError, match="Core_dance: the module exports no function as Core_dance"):
        call(runtime, "Core_dance")


def test_a_call_inside_a_transaction_is_taken_back_with_it(runtime: Executor, first: Block) -> None:
    overlay = Overlay(first.state)
    overlay.begin()
    digest = b"\x04\x06aura" + sized((FIRST_SLOT + 1).to_bytes(8, "little"))
    runtime.call("Core_initialize_block", first.hash + compact(1) + bytes(64) + digest, overlay)
    assert overlay.changes()
    overlay.rollback()
    assert overlay.changes() == {}
    assert overlay.root() == first.state.root()


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    """Counts the calls from the runtime into the host."""
    count = 0
    bind = functions._bind

    def counting(*arguments: Any) -> Any:
        row = bind(*arguments)

        def enter(values: Any) -> None:
            nonlocal count
            count += 1
            row.enter(values)

        return type(row)(row.signature, enter)

    monkeypatch.setattr(functions, "_bind", counting)
    return lambda: count


def test_allocating_does_not_leave_webassembly(
    counted: Callable[[], int], runtime_code: bytes, cache_dir: Path
) -> None:
    """An empty block calls the host some hundred times; with the heap in Python it would be three hundred."""
    other = Executor(runtime_code, cache_dir=cache_dir)
    start = genesis(other)
    parent = empty_block(other, start, 1)
    before = counted()
    empty_block(other, parent, 2)
    assert 0 < counted() - before < 200
