"""What the host costs: starting, calling, host functions, blocks, the trie.

    python bench/host.py

CPU time, the best of several passes, because the machine is shared; the first line says what this machine
does in the same minutes. The rival for host functions is wasmtime's own way to call Python,
``Linker.define_func``.
"""

import random
import tempfile
import time
from collections.abc import Callable
from hashlib import blake2b
from importlib.resources import files
from pathlib import Path

import wasmtime

from meritnet.chain.host.engine import ENGINE
from meritnet.chain.host.executor import Executor
from meritnet.chain.host.overlay import Overlay
from meritnet.chain.host.trie import Trie
from meritnet.chain.node.author import Builder, execute
from meritnet.chain.node.block import Block
from meritnet.chain.node.genesis import build_genesis

SLOT_MS = 12_000
LOOPS = 10_000


def seconds(work: Callable[[], object], passes: int = 7) -> float:
    """CPU time of the fastest pass."""
    best = float("inf")
    for _ in range(passes):
        begun = time.process_time()
        work()
        best = min(best, time.process_time() - begun)
    return best


def loop(imports: str, body: str) -> bytes:
    """A runtime whose ``run`` does ``body`` 10,000 times."""
    return bytes(
        wasmtime.wat2wasm(
            f'(module {imports} (import "env" "memory" (memory 2))'
            ' (global (export "__heap_base") i32 (i32.const 4096))'
            ' (func (export "run") (param i32 i32) (result i64) (local $left i32)'
            f" (local.set $left (i32.const {LOOPS})) (loop $again {body}"
            " (local.set $left (i32.sub (local.get $left) (i32.const 1))) (br_if $again (local.get $left)))"
            " (i64.const 0)))"
        )
    )


GET = '(import "env" "ext_storage_get_version_1" (func $get (param i64) (result i64)))'
LEVEL = '(import "env" "ext_logging_max_level_version_1" (func $level (result i32)))'
MALLOC = (
    '(import "env" "ext_allocator_malloc_version_1" (func $malloc (param i32) (result i32)))'
    '(import "env" "ext_allocator_free_version_1" (func $free (param i32)))'
)


def host_functions(directory: Path) -> None:
    """Microseconds of a call from WebAssembly into the host and back."""
    rows = {
        "ext_storage_get, 40 bytes": loop(
            GET + MALLOC, "(call $free (i32.wrap_i64 (call $get (i64.const 0x2000000000))))"
        ),
        "ext_logging_max_level": loop(LEVEL, "(drop (call $level))"),
        "malloc and free": loop(MALLOC, "(call $free (call $malloc (i32.const 100)))"),
    }
    for name, code in rows.items():
        executor = Executor(code, cache_dir=directory)
        overlay = Overlay(Trie.from_items({bytes(32): bytes(40)}))
        taken = seconds(lambda: executor.call("run", b"", overlay))  # noqa: B023 - called at once
        print(f"{name:32} {taken / LOOPS * 1e6:9.2f} µs")
    linker = wasmtime.Linker(ENGINE)
    linker.define_func("env", "level", wasmtime.FuncType([], [wasmtime.ValType.i32()]), lambda: 3)
    text = (
        '(module (import "env" "level" (func $level (result i32))) (func (export "run") (local $left i32)'
        f" (local.set $left (i32.const {LOOPS})) (loop $again (drop (call $level))"
        " (local.set $left (i32.sub (local.get $left) (i32.const 1))) (br_if $again (local.get $left)))))"
    )
    store = wasmtime.Store(ENGINE)
    store.set_epoch_deadline(1 << 40)
    run = linker.instantiate(store, wasmtime.Module(ENGINE, text)).exports(store)["run"]
    assert isinstance(run, wasmtime.Func)
    print(f"{'the same by Linker.define_func':32} {seconds(lambda: run(store)) / LOOPS * 1e6:9.2f} µs")


def blocks(executor: Executor, code: bytes) -> None:
    """Milliseconds of an empty block in the host: made, and executed again."""
    genesis = build_genesis(executor, code, "local")
    block, state = genesis.block, genesis.state
    made: list[tuple[Trie, Block]] = []

    def make() -> None:
        nonlocal block, state
        slot = 100 + block.header.number + 1
        builder = Builder(executor, block.header, state, slot)
        builder.add_inherents(slot * SLOT_MS)
        made.append((state, builder.finish()))
        block, state = made[-1][1], builder.overlay.applied(executor.version.state_version)

    passes = 200
    for _ in range(10):
        make()
    total = seconds(lambda: [make() for _ in range(passes)], 3) / passes
    print(f"{'empty block, made':32} {total * 1e3:9.2f} ms")
    sample = made[-50:]
    total = seconds(lambda: [execute(executor, new, before) for before, new in sample], 3) / len(sample)
    print(f"{'empty block, executed':32} {total * 1e3:9.2f} ms")


def tries() -> None:
    """A state of 100,000 keys: made, changed as a block changes it, read."""
    chance = random.Random(1)
    items = {chance.randbytes(48): chance.randbytes(chance.choice((4, 40, 80))) for _ in range(100_000)}
    print(
        f"{'trie of 100,000 keys, with root':32} {seconds(lambda: Trie.from_items(items).root(), 2):9.2f} s"
    )
    trie = Trie.from_items(items)
    trie.root()
    keys = list(items)
    changes = dict.fromkeys(keys[:50], bytes(32))
    print(f"{'50 of them changed, with root':32} {seconds(lambda: trie.apply(changes).root()) * 1e3:9.2f} ms")
    read = seconds(lambda: [trie.get(key) for key in keys[:LOOPS]])
    print(f"{'one of them read':32} {read / LOOPS * 1e6:9.2f} µs")


def main() -> None:
    """Print the figures."""
    kilobyte = bytes(1024)
    speed = 20_000 / seconds(lambda: [blake2b(kilobyte).digest() for _ in range(20_000)])
    print(f"{'this machine, BLAKE2b of 1 KiB':32} {speed / 1e3:9.0f} thousand/s")
    code = files("meritnet.chain.wasm").joinpath("runtime.wasm.zst").read_bytes()
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder)
        cold = seconds(lambda: Executor(code, cache_dir=directory), 1)
        executor = Executor(code, cache_dir=directory)
        print(f"{'start, compiled':32} {cold:9.2f} s")
        print(f"{'start, cached':32} {seconds(lambda: Executor(code, cache_dir=directory)) * 1e3:9.1f} ms")
        version = seconds(lambda: [executor.call("Core_version", b"", Overlay(Trie())) for _ in range(100)])
        print(f"{'call of Core_version':32} {version * 1e4:9.0f} µs")
        host_functions(directory)
        blocks(executor, code)
    tries()


if __name__ == "__main__":
    main()
