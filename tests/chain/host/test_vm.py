"""What the machine refuses, and that calls do not see one another."""

import contextlib
import struct
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
import wasmtime
from hypothesis import given, settings
from hypothesis import strategies as st

from meritnet.chain.errors import HostError
from meritnet.chain.host.engine import MAX_RUNNING
from meritnet.chain.host.executor import Executor
from meritnet.chain.host.overlay import Overlay
from meritnet.chain.host.trie import Trie

ExecutorOf = Callable[..., Executor]

RUN = '(func (export "run") (param i32 i32) (result i64) {})'
SET = '(import "env" "ext_storage_set_version_1" (func $set (param i64 i64)))'


def call(
    executor: Executor, entry: str = "run", argument: bytes = b"", deadline_s: float | None = None
) -> bytes:
    return executor.call(entry, argument, Overlay(Trie()), deadline_s=deadline_s).value


def test_errors_that_are_kept_do_not_keep_their_instances(executor_of: ExecutorOf) -> None:
    executor = executor_of(RUN.format("(unreachable)"))
    errors = []
    for _ in range(3 * MAX_RUNNING):
        with pytest.raises(HostError, match="unreachable") as caught:
            call(executor)
        errors.append(caught.value)
    assert len(errors) == 3 * MAX_RUNNING


def test_every_call_has_fresh_statics(executor_of: ExecutorOf) -> None:
    """A global, a static in a data segment and memory past it: each call finds them as the first one did."""
    executor = executor_of(
        '(global $count (mut i32) (i32.const 5)) (data (i32.const 64) "\\07")'
        + RUN.format(
            "(global.set $count (i32.add (global.get $count) (i32.const 1)))"
            "(i32.store8 (i32.const 64) (i32.add (i32.load8_u (i32.const 64)) (i32.const 1)))"
            "(i32.store8 (i32.const 65) (i32.add (i32.load8_u (i32.const 65)) (i32.const 1)))"
            "(i32.store8 (i32.const 66) (global.get $count))"
            "(drop (memory.grow (i32.const 1)))"
            "(i32.store8 (i32.const 67) (memory.size))"
            "(i64.const 0x400000040)"
        )
    )
    assert [call(executor) for _ in range(3)] == [b"\x08\x01\x06\x03"] * 3


def test_a_trap_leaves_no_trace(executor_of: ExecutorOf) -> None:
    """A call changed everything it could and trapped: neither the overlay nor the next call shows it."""
    executor = executor_of(
        '(global $count (mut i32) (i32.const 0)) (data (i32.const 64) "key")'
        + RUN.format(
            "(global.set $count (i32.add (global.get $count) (i32.const 1)))"
            "(call $set (i64.const 0x300000040) (i64.const 0x100000040))"
            "(if (local.get 1) (then (unreachable)))"
            "(i32.store8 (i32.const 80) (global.get $count)) (i64.const 0x100000050)"
        ),
        imports=SET,
    )
    overlay = Overlay(Trie())
    overlay.put(b"key", b"before")
    with pytest.raises(HostError, match=r"run: .*unreachable"):
        executor.call("run", b"x", overlay)
    assert overlay.changes() == {b"key": b"before"}
    assert overlay.depth == 0
    assert executor.call("run", b"", overlay).value == b"\x01"
    assert overlay.changes() == {b"key": b"k"}


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="memory use is read from /proc")
def test_thousands_of_calls_take_no_more_memory_than_a_hundred(executor_of: ExecutorOf) -> None:
    executor = executor_of(RUN.format("(i64.const 0)"))

    def resident_pages() -> int:
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1])

    for _ in range(100):
        call(executor)
    before = resident_pages()
    for _ in range(2_000):
        call(executor)
    assert resident_pages() - before < 2_000  # 8 MB; a leaked instance has at least two pages


def test_nan_is_canonical(executor_of: ExecutorOf) -> None:
    executor = executor_of(
        RUN.format(
            "(f32.store (i32.const 0)"
            " (f32.div (f32.load (local.get 0)) (f32.load (i32.add (local.get 0) (i32.const 4)))))"
            "(f32.store (i32.const 4) (f32.add (f32.load (local.get 0)) (f32.const nan:0x200001)))"
            "(i64.const 0x800000000)"
        )
    )
    assert call(executor, argument=struct.pack("<ff", 0.0, 0.0)) == bytes.fromhex("0000c07f0000c07f")


@pytest.fixture(scope="module")
def runtime_like() -> bytes:
    """A module with a bit of everything: a table, data, globals, imports, a loop, memory accesses."""
    text = """(module
      (import "env" "ext_storage_set_version_1" (func $set (param i64 i64)))
      (import "env" "ext_storage_get_version_1" (func $get (param i64) (result i64)))
      (import "env" "ext_allocator_malloc_version_1" (func $malloc (param i32) (result i32)))
      (import "env" "memory" (memory 2))
      (type $step (func (param i32) (result i32)))
      (table 2 funcref) (elem (i32.const 0) $double $next)
      (global $count (mut i32) (i32.const 3)) (global (export "__heap_base") i32 (i32.const 4096))
      (data (i32.const 64) "some key and some value")
      (func $double (param i32) (result i32) (i32.mul (local.get 0) (i32.const 2)))
      (func $next (param i32) (result i32) (i32.add (local.get 0) (i32.const 1)))
      (func (export "run") (param i32 i32) (result i64) (local $at i32)
        (local.set $at (call $malloc (i32.const 40)))
        (loop $again
          (i32.store (local.get $at) (call_indirect (type $step) (global.get $count) (i32.const 1)))
          (global.set $count (i32.sub (global.get $count) (i32.const 1)))
          (br_if $again (global.get $count)))
        (call $set (i64.const 0x800000040) (i64.const 0xa00000048))
        (call $get (i64.const 0x800000040))))"""
    return bytes(wasmtime.wat2wasm(text))


def recursion(executor_of: ExecutorOf) -> Executor:
    """Recurs as many times as the input is long, in units of 1,000."""
    return executor_of(
        "(func $down (param i32) (result i32) (if (result i32) (local.get 0)"
        " (then (i32.add (i32.const 1) (call $down (i32.sub (local.get 0) (i32.const 1)))))"
        " (else (i32.const 0))))"
        + RUN.format("(drop (call $down (i32.mul (local.get 1) (i32.const 1000)))) (i64.const 0)")
    )


def test_the_stack_is_deep_enough_and_ends(executor_of: ExecutorOf) -> None:
    executor = recursion(executor_of)
    assert call(executor, argument=bytes(8)) == b""
    with pytest.raises(HostError, match="call stack exhausted"):
        call(executor, argument=bytes(1_000))


def test_the_stack_is_as_deep_in_a_thread(executor_of: ExecutorOf) -> None:
    executor = recursion(executor_of)
    results: list[object] = []

    def run() -> None:
        results.append(call(executor, argument=bytes(8)))
        with pytest.raises(HostError, match="call stack exhausted"):
            call(executor, argument=bytes(1_000))
        results.append("trapped")

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(30)
    assert results == [b"", "trapped"]


def test_memory_does_not_grow_past_its_limit(executor_of: ExecutorOf) -> None:
    grow = "(i32.store (i32.const 0) (memory.grow (i32.const {}))) (i64.const 0x400000000)"
    assert call(executor_of(RUN.format(grow.format(4_094)))) == (2).to_bytes(4, "little")
    assert call(executor_of(RUN.format(grow.format(4_095)))) == b"\xff" * 4


def test_a_module_that_begins_with_too_much_memory_is_refused(executor_of: ExecutorOf) -> None:
    with pytest.raises(HostError, match="asks for 5000 pages"):
        executor_of(RUN.format("(i64.const 0)"), memory="(memory 5000)")


def test_a_module_may_begin_without_memory(executor_of: ExecutorOf) -> None:
    executor = executor_of(
        RUN.format("(i64.or (i64.extend_i32_u (local.get 0)) (i64.const 0x300000000))"), memory="(memory 0)"
    )
    assert call(executor, argument=b"abc") == b"abc"


@pytest.mark.parametrize(
    "imports",
    [
        '(import "env" "memory" (func $f))',
        '(import "other" "ext_allocator_malloc_version_1" (func $f (param i32) (result i32)))',
        '(import "env" "ext_allocator_malloc_version_1" (func $f (param i64)))',
        '(import "env" "number" (global i32))',
        '(import "env" "table" (table 1 funcref))',
    ],
)
def test_imports_that_nobody_has_are_refused(executor_of: ExecutorOf, imports: str) -> None:
    with pytest.raises(HostError, match="cannot be started"):
        call(executor_of(RUN.format("(i64.const 0)"), imports=imports))


def test_a_module_may_limit_its_own_memory(executor_of: ExecutorOf) -> None:
    grow = "(i32.store (i32.const 0) (memory.grow (i32.const 2))) (i64.const 0x400000000)"
    assert call(executor_of(RUN.format(grow), memory="(memory 2 3)")) == b"\xff" * 4


@pytest.mark.parametrize("result", ["(i64.const 0x8000000020000)", "(i64.const 0x1ffff)", "(i64.const -1)"])
def test_a_result_outside_the_memory_is_refused(executor_of: ExecutorOf, result: str) -> None:
    executor = executor_of(RUN.format(result))
    if "1ffff" in result:
        assert call(executor) == b""
        return
    with pytest.raises(HostError, match=r"outside the memory|are allowed"):
        call(executor)


@pytest.mark.parametrize(
    ("key", "value"),
    [("0x100020000", "0"), ("0", "0x200000001ffff"), ("0x1ffffffff", "0"), ("-1", "-1")],
)
def test_pointers_outside_the_memory_trap(executor_of: ExecutorOf, key: str, value: str) -> None:
    executor = executor_of(
        RUN.format(f"(call $set (i64.const {key}) (i64.const {value})) (i64.const 0)"), imports=SET
    )
    with pytest.raises(HostError, match="outside the memory"):
        call(executor)


def test_a_pointer_into_memory_that_has_just_grown_is_good(executor_of: ExecutorOf) -> None:
    executor = executor_of(
        RUN.format(
            "(drop (memory.grow (i32.const 1)))"
            "(call $set (i64.const 0x100020000) (i64.const 0x100020001)) (i64.const 0)"
        ),
        imports=SET,
    )
    overlay = Overlay(Trie())
    executor.call("run", b"", overlay)
    assert overlay.changes() == {b"\0": b"\0"}


def test_an_infinite_loop_ends_with_its_deadline(executor_of: ExecutorOf) -> None:
    executor = executor_of(RUN.format("(loop $again (br $again)) (unreachable)"))
    with pytest.raises(HostError, match="longer than its deadline"):
        call(executor, deadline_s=0.05)
    assert threading.active_count() < 20


def test_a_deadline_that_is_kept_changes_nothing(executor_of: ExecutorOf) -> None:
    executor = executor_of(RUN.format("(i64.const 0)"))
    assert call(executor, deadline_s=10) == b""


def test_calls_from_many_threads_do_not_meet(executor_of: ExecutorOf) -> None:
    executor = executor_of(
        RUN.format(
            "(call $set (i64.or (i64.extend_i32_u (local.get 0)) (i64.const 0x100000000))"
            " (i64.or (i64.extend_i32_u (local.get 0)) (i64.const 0x100000000))) (i64.const 0)"
        ),
        imports=SET,
    )
    overlays = [Overlay(Trie()) for _ in range(8)]

    def run(number: int) -> None:
        for _ in range(50):
            executor.call("run", bytes([number]), overlays[number])

    threads = [threading.Thread(target=run, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert [overlay.changes() for overlay in overlays] == [{bytes([n]): bytes([n])} for n in range(8)]


def test_a_missing_import_traps_only_when_it_is_called(executor_of: ExecutorOf) -> None:
    executor = executor_of(
        RUN.format("(if (local.get 1) (then (call $later))) (i64.const 0)"),
        imports='(import "env" "ext_from_the_future_version_9" (func $later))',
    )
    assert call(executor) == b""
    with pytest.raises(HostError, match="ext_from_the_future_version_9, which this host does not offer"):
        call(executor, argument=b"x")


def test_an_import_with_another_signature_is_refused(executor_of: ExecutorOf) -> None:
    with pytest.raises(HostError, match="imports 'ext_storage_set_version_1' as i32 ->, it is i64 i64 ->"):
        executor_of(
            RUN.format("(i64.const 0)"),
            imports='(import "env" "ext_storage_set_version_1" (func (param i32)))',
        )


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ('(func (export "walk"))', "exports no function as run"),
        ('(func (export "run") (param i32))', "exports i32 -> as run"),
        ('(global (export "run") i32 (i32.const 0))', "exports no function as run"),
    ],
)
def test_an_entry_that_is_not_there_or_of_another_type(
    executor_of: ExecutorOf, fields: str, message: str
) -> None:
    with pytest.raises(HostError, match=message):
        call(executor_of(fields))


def test_a_runtime_without_a_heap_base_is_refused(executor_of: ExecutorOf) -> None:
    for heap_base in ("", '(global (export "__heap_base") i64 (i64.const 9))'):
        with pytest.raises(HostError, match="exports no __heap_base"):
            call(executor_of(RUN.format("(i64.const 0)"), heap_base=heap_base))


def test_a_heap_base_outside_any_memory_is_refused(executor_of: ExecutorOf) -> None:
    heap_base = '(global (export "__heap_base") i32 (i32.const -256))'
    with pytest.raises(HostError, match="memory is exhausted"):
        call(executor_of(RUN.format("(i64.const 0)"), heap_base=heap_base))


def test_a_runtime_with_a_memory_of_its_own_is_refused(cache_dir: object) -> None:
    code = wasmtime.wat2wasm('(module (memory (export "memory") 1))')
    with pytest.raises(HostError, match=r"does not import its memory as env\.memory"):
        Executor(code, cache_dir=cache_dir)  # type: ignore[arg-type]


POST_MVP = {
    "simd": "(func (result v128) (v128.const i32x4 0 0 0 0))",
    "relaxed simd": "(func (param v128) (result v128) (i8x16.relaxed_swizzle (local.get 0) (local.get 0)))",
    "threads": "(func (drop (i32.atomic.load (i32.const 0))))",
    "bulk memory": "(func (memory.fill (i32.const 0) (i32.const 0) (i32.const 0)))",
    "multi-value": "(func (result i32 i32) (i32.const 0) (i32.const 0))",
    "reference types": "(func (result externref) (ref.null extern))",
    "tail calls": "(func $f (return_call $f))",
    "multi-memory": "(memory 1)",
    "exceptions": "(tag $t)",
    "gc": "(type (struct (field i32)))",
}


@pytest.mark.parametrize("fields", POST_MVP.values(), ids=POST_MVP.keys())
def test_what_came_after_the_first_webassembly_is_refused(executor_of: ExecutorOf, fields: str) -> None:
    with pytest.raises(HostError, match="not acceptable WebAssembly"):
        executor_of(fields)


def test_a_64_bit_memory_is_refused(executor_of: ExecutorOf) -> None:
    with pytest.raises(HostError, match="not acceptable WebAssembly"):
        executor_of("", memory="(memory i64 1)")


def test_a_table_beyond_the_limit_is_refused(executor_of: ExecutorOf) -> None:
    with pytest.raises(HostError, match=r"exceeds the limit of 100000|cannot be started"):
        call(executor_of("(table 100001 funcref)" + RUN.format("(i64.const 0)")))


def test_a_python_error_in_a_host_function_is_not_swallowed(executor_of: ExecutorOf) -> None:
    """A mistake in the host is no fault of the runtime: it comes out as it is, and the overlay is clean."""

    class Broken(Overlay):
        def put(self, key: bytes, value: bytes) -> None:
            raise ZeroDivisionError

    executor = executor_of(RUN.format("(call $set (i64.const 0) (i64.const 0)) (i64.const 0)"), imports=SET)
    overlay = Broken(Trie())
    with pytest.raises(ZeroDivisionError):
        executor.call("run", b"", overlay)
    assert overlay.depth == 0
    assert executor.call("run", b"", Overlay(Trie())).value == b""


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_a_mutilated_module_is_refused_or_traps_or_answers(
    runtime_like: bytes, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """Whatever bytes of a module are changed, there is an answer or a ``HostError``, never anything else."""
    code = bytearray(runtime_like)
    for _ in range(data.draw(st.integers(1, 4))):
        code[data.draw(st.integers(8, len(code) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(HostError):
        executor = Executor(bytes(code), cache_dir=tmp_path_factory.getbasetemp() / "mutilated")
        executor.call("run", b"input", Overlay(Trie()), deadline_s=0.2)


@pytest.mark.slow
def test_traps_do_not_depend_on_signal_handlers() -> None:
    """A program that takes over SIGSEGV and SIGILL after the host is loaded gets an error, not a crash."""
    program = """
import faulthandler, wasmtime
from pathlib import Path
from tempfile import TemporaryDirectory
from meritnet.chain.errors import HostError
from meritnet.chain.host.executor import Executor
from meritnet.chain.host.overlay import Overlay
from meritnet.chain.host.trie import Trie
faulthandler.enable()
heap = '(global (export "__heap_base") i32 (i32.const 64))'
for body in ("(unreachable)", "(i64.load (i32.const -8))", "(i64.div_u (i64.const 1) (i64.const 0))"):
    run = f'(func (export "run") (param i32 i32) (result i64) {body})'
    code = wasmtime.wat2wasm(f'(module (import "env" "memory" (memory 1)) {heap} {run})')
    with TemporaryDirectory() as directory:
        executor = Executor(bytes(code), cache_dir=Path(directory))
    try:
        executor.call("run", b"", Overlay(Trie()))
    except HostError as error:
        print(error)
"""
    command = [sys.executable, "-c", program]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert ran.stdout.splitlines() == [
        "run: wasm `unreachable` instruction executed",
        "run: out of bounds memory access",
        "run: integer divide by zero",
    ]
