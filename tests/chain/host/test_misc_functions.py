"""Logging, versions, what is accepted in silence and what traps; and that the table is sound."""

from typing import Any

import pytest
import wasmtime

from meritnet.chain.errors import HostError
from meritnet.chain.host.executor import Executor
from meritnet.chain.host.functions import TABLE
from meritnet.chain.host.functions.misc import MAX_LOG_CHARACTERS, MAX_LOG_LINES
from meritnet.chain.host.functions.signature import reader, wasm_signature, words, writer
from meritnet.chain.host.overlay import Overlay
from meritnet.chain.host.scale import Decoder
from meritnet.chain.host.trie import Trie
from meritnet.chain.host.version import CORE_API, RuntimeVersion

LOG = "ext_logging_log_version_1"


def test_every_row_of_the_table_has_a_signature_that_can_be_bound() -> None:
    for name, (signature, function) in TABLE.items():
        assert name.startswith("ext_")
        assert name[-10:-1] == "_version_"
        parameters, result = words(signature)
        for word in parameters:
            assert callable(reader(word))
        if result:
            assert callable(writer(result))
        assert function is None or callable(function)
        assert "->" in wasm_signature(signature)


def test_the_packaged_runtime_asks_for_nothing_that_the_table_lacks(runtime: Executor) -> None:
    asked = {item.name for item in runtime.module.imports}
    given = {*TABLE, "memory"}
    assert asked <= given


def test_log_lines_come_out_with_level_and_target(host: Any) -> None:
    host.run((LOG, 0, "runtime", "bad"), (LOG, 2, "pallet", "good"), (LOG, 9, "x", "y"))
    assert host.logs == ("error runtime: bad", "info pallet: good", "trace x: y")
    assert host.call("ext_logging_max_level_version_1") == b"\x03\0\0\0"


def test_the_last_log_lines_are_told_with_a_trap(host: Any) -> None:
    lines = [(LOG, 0, "runtime", f"line {number}") for number in range(5)]
    with pytest.raises(HostError) as caught:
        host.run(*lines, ("ext_panic_handler_abort_on_panic_version_1", "it is over"))
    assert str(caught.value) == (
        "run: the runtime panicked: it is over"
        " | error runtime: line 2 | error runtime: line 3 | error runtime: line 4"
    )


def test_a_log_is_bounded(executor_of: Any) -> None:
    executor = executor_of(
        '(func (export "run") (param i32 i32) (result i64) (local $n i32) (local.set $n (i32.const 1500))'
        " (loop $l (call $log (i32.const 0) (i64.const 0) (i64.const 0x500000000000)) "
        "  (local.set $n (i32.sub (local.get $n) (i32.const 1))) (br_if $l (local.get $n))) (i64.const 0))",
        imports=f'(import "env" "{LOG}" (func $log (param i32 i64 i64)))',
    )
    logs = executor.call("run", b"", Overlay(Trie())).logs
    assert len(logs) == MAX_LOG_LINES
    assert len(logs[0]) <= MAX_LOG_CHARACTERS


def test_printing(host: Any) -> None:
    host.run(
        ("ext_misc_print_num_version_1", 2**64 - 1),
        ("ext_misc_print_utf8_version_1", "text"),
        ("ext_misc_print_hex_version_1", b"\xab"),
    )
    assert host.logs == (f"debug runtime: {2**64 - 1}", "debug runtime: text", "debug runtime: 0xab")


def test_the_version_of_other_code(host: Any, runtime: Executor, runtime_code: bytes) -> None:
    name = "ext_misc_runtime_version_version_1"
    found = host.call(name, runtime_code)
    assert RuntimeVersion.decode(Decoder(found[1:]).bytes()) == runtime.version
    assert host.call(name, b"no runtime") == b"\x00"
    no_runtime = bytes(wasmtime.wat2wasm('(module (import "env" "memory" (memory 1)))'))
    assert host.call(name, no_runtime) == b"\x00"


def test_spans_and_offchain_notices_are_accepted_in_silence(host: Any) -> None:
    assert host.call("ext_wasm_tracing_enabled_version_1", b"meta") == b"\0\0\0\0"
    assert host.call("ext_wasm_tracing_enter_span_version_1", b"span") == bytes(8)
    host.run(
        ("ext_wasm_tracing_event_version_1", b"e"),
        ("ext_wasm_tracing_exit_version_1", 0),
        ("ext_offchain_index_set_version_1", b"k", b"v"),
        ("ext_offchain_index_clear_version_1", b"k"),
        ("ext_transaction_index_index_version_1", 1, 2, bytes(32)),
        ("ext_transaction_index_renew_version_1", 1, bytes(32)),
    )
    assert host.overlay.changes() == {}
    assert host.logs == ()


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("ext_offchain_timestamp_version_1", ()),
        ("ext_offchain_random_seed_version_1", ()),
        ("ext_offchain_is_validator_version_1", ()),
        ("ext_offchain_submit_transaction_version_1", (b"xt",)),
        ("ext_offchain_local_storage_get_version_1", (1, b"k")),
    ],
)
def test_offchain_workers_are_refused_by_name(host: Any, name: str, arguments: tuple[object, ...]) -> None:
    with pytest.raises(HostError, match=f"called {name}; this host runs no offchain workers"):
        host.call(name, *arguments)


def test_a_version_is_decoded_and_a_bad_one_refused() -> None:
    head = b"\x10node\x10impl" + b"".join(number.to_bytes(4, "little") for number in (1, 2, 3))
    tail = (7).to_bytes(4, "little") + b"\x01"

    def encoded(core: int) -> bytes:
        return head + b"\x04" + CORE_API + core.to_bytes(4, "little") + tail

    assert RuntimeVersion.decode(encoded(5)) == RuntimeVersion("node", "impl", 1, 2, 3, {CORE_API: 5}, 7, 1)
    assert RuntimeVersion.decode(encoded(3)) == RuntimeVersion("node", "impl", 1, 2, 3, {CORE_API: 3}, 7, 0)
    assert RuntimeVersion.decode(encoded(2)) == RuntimeVersion("node", "impl", 1, 2, 3, {CORE_API: 2}, 1, 0)
    for bad in (b"", head, encoded(4)[:-1], encoded(4)[:-1] + b"\x02"):
        with pytest.raises(HostError):
            RuntimeVersion.decode(bad)
