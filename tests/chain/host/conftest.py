"""Runtimes for the host to run: modules written in WAT by the tests, and the packaged one."""

from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

import pytest
import wasmtime

from meritnet.chain.host.executor import Executor
from meritnet.chain.host.functions import TABLE
from meritnet.chain.host.functions.crypto import KeyStore
from meritnet.chain.host.functions.signature import wasm_signature, words
from meritnet.chain.host.overlay import Overlay
from meritnet.chain.host.scale import encode_option
from meritnet.chain.host.trie import Trie
from meritnet.chain.scale import compact

ROOM_BYTES = 16


@pytest.fixture(scope="session")
def cache_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("modules")


@pytest.fixture(scope="session")
def runtime_code() -> bytes:
    """The packaged runtime, compressed."""
    return files("meritnet.chain.wasm").joinpath("runtime.wasm.zst").read_bytes()


@pytest.fixture(scope="session")
def runtime(runtime_code: bytes, cache_dir: Path) -> Executor:
    """The packaged runtime."""
    return Executor(runtime_code, cache_dir=cache_dir)


@pytest.fixture(scope="session")
def executor_of(cache_dir: Path) -> Callable[..., Executor]:
    """Makes an executor of WAT: the fields of a module that has a memory and a heap already."""

    def make(
        fields: str,
        *,
        imports: str = "",
        memory: str = "(memory 2)",
        heap_base: str | None = None,
        keys: KeyStore | None = None,
    ) -> Executor:
        heap = '(global (export "__heap_base") i32 (i32.const 4096))' if heap_base is None else heap_base
        text = f'(module {imports} (import "env" "memory" {memory}) {heap} {fields})'
        return Executor(wasmtime.wat2wasm(text), cache_dir=cache_dir, keys=keys)

    return make


def _argument(word: str, value: object, at: int) -> tuple[str, bytes]:
    """WAT that pushes an argument, and the bytes it points to, which will be ``at`` bytes into the input."""
    if word == "room":
        return _span(at, ROOM_BYTES), bytes(ROOM_BYTES)
    if word[0] == "[":
        assert isinstance(value, bytes)
        assert len(value) == int(word[1:-1])
        return f"(i32.add (local.get 0) (i32.const {at}))", value
    if isinstance(value, int) and word in ("u8", "u16", "u32", "bool"):
        return f"(i32.const {int(value)})", b""
    if word == "u64":
        return f"(i64.const {value})", b""
    data = _encoded(word, value)
    return _span(at, len(data)), data


def _encoded(word: str, value: object) -> bytes:
    match word, value:
        case "bytes", bytes():
            return value
        case "text", str():
            return value.encode()
        case "bytes?", bytes() | None:
            return encode_option(value)
        case "u32?", int() | None:
            return b"\x00" if value is None else b"\x01" + value.to_bytes(4, "little")
        case "list", list():
            return compact(len(value)) + b"".join(compact(len(item)) + item for item in value)
        case "pairs", list():
            flat = (part for pair in value for part in pair)
            return compact(len(value)) + b"".join(compact(len(part)) + part for part in flat)
    raise TypeError(f"{value!r} is no {word}")


def _span(at: int, length: int) -> str:
    pointer = f"(i64.extend_i32_u (i32.add (local.get 0) (i32.const {at})))"
    return f"(i64.or {pointer} (i64.shl (i64.const {length}) (i64.const 32)))"


def _result(word: str, call: str) -> str:
    """WAT that returns the result of a call: what it points to, or its bytes, stored at address 0."""
    if not word:
        return f"{call} (i64.const 0)"
    if word[0] == "[":
        return f"(i64.or (i64.extend_i32_u {call}) (i64.const {int(word[1:-1]) << 32}))"
    if word in ("bytes", "bytes?", "u32?"):
        return call
    kind, size = ("i64", 8) if word == "u64" else ("i32", 4)
    return f"({kind}.store (i32.const 0) {call}) (i64.const {size << 32})"


class Host:
    """Calls host functions from WebAssembly, as a runtime does, on one overlay."""

    def __init__(self, executor_of: Callable[..., Executor]) -> None:
        self._executor_of = executor_of
        self.overlay = Overlay(Trie())
        self.logs: tuple[str, ...] = ()
        self.keys: KeyStore = {}

    def call(self, name: str, *arguments: object) -> bytes:
        """The bytes that one function returned; an integer as its little-endian bytes."""
        return self.run((name, *arguments))

    def run(self, *steps: tuple[object, ...]) -> bytes:
        """Several calls inside one call of the runtime; what the last one returned."""
        data = b""
        bodies, imports = [], {}
        for name, *arguments in steps:
            assert isinstance(name, str)
            signature = TABLE[name][0]
            parameters, result = words(signature)
            pushes = []
            for word, value in zip(parameters, arguments, strict=True):
                push, more = _argument(word, value, len(data))
                pushes.append(push)
                data += more
            types, _, gives = wasm_signature(signature).partition("->")
            result_type = f"(result {gives})" if gives else ""
            imports[name] = f'(import "env" "{name}" (func ${name} (param {types}) {result_type}))'
            bodies.append(_result(result, f"(call ${name} {' '.join(pushes)})"))
        code = " (drop) ".join(bodies)
        executor = self._executor_of(
            f'(func (export "run") (param i32 i32) (result i64) {code})',
            imports=" ".join(imports.values()),
            keys=self.keys,
        )
        outcome = executor.call("run", data, self.overlay)
        self.logs = outcome.logs
        return outcome.value


@pytest.fixture
def host(executor_of: Callable[..., Executor]) -> Host:
    return Host(executor_of)
