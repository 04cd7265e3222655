"""The bytes of a runtime and its compiled form: hostile input, damaged files."""

import os
from pathlib import Path

import pytest
import wasmtime
import zstandard

from meritnet.chain.errors import HostError
from meritnet.chain.host import cache
from meritnet.chain.host import code as code_module
from meritnet.chain.host.code import COMPRESSED, wasm_of
from meritnet.chain.host.executor import Executor

SMALL = bytes(wasmtime.wat2wasm('(module (import "env" "memory" (memory 1)))'))


def test_code_is_taken_plain_or_compressed() -> None:
    frame = zstandard.compress(SMALL)
    assert wasm_of(SMALL) == SMALL
    assert wasm_of(frame) == SMALL
    assert wasm_of(COMPRESSED + frame) == SMALL


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (b"", "no WebAssembly module"),
        (b"\x7fELF" + bytes(60), "no WebAssembly module"),
        (COMPRESSED, "no WebAssembly module"),
        (COMPRESSED + b"\x28\xb5\x2f\xfd\xff\xff", "cannot be decompressed"),
        (COMPRESSED + zstandard.compress(SMALL)[:-4], "cannot be decompressed"),
        (zstandard.compress(b"not wasm"), "no WebAssembly module"),
        (SMALL[:-2], "not acceptable WebAssembly"),
        (SMALL + b"\xff\xff\xff", "not acceptable WebAssembly"),
        (b"\x00asm\x02\x00\x00\x00", "not acceptable WebAssembly"),
        (b"\x00asm\x0d\x00\x01\x00", "not acceptable WebAssembly"),
    ],
)
def test_what_is_no_runtime_is_refused(code: bytes, message: str, tmp_path: Path) -> None:
    with pytest.raises(HostError, match=message):
        Executor(code, cache_dir=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_small_file_cannot_become_a_huge_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(code_module, "MAX_CODE_BYTES", 1 << 20)
    bomb = zstandard.compress(code_module.WASM + bytes(1 << 22))
    assert len(bomb) < 1_000
    with pytest.raises(HostError, match="decompresses to more than"):
        wasm_of(COMPRESSED + bomb)
    unstated = zstandard.ZstdCompressor(write_content_size=False).compress(code_module.WASM + bytes(1 << 22))
    with pytest.raises(HostError, match="cannot be decompressed"):
        wasm_of(unstated)
    with pytest.raises(HostError, match="1048577 bytes, 1048576 are allowed"):
        wasm_of(code_module.WASM + bytes((1 << 20) - 3))


def test_a_start_function_is_refused() -> None:
    code = bytes(wasmtime.wat2wasm('(module (import "env" "memory" (memory 1)) (func $f) (start $f))'))
    with pytest.raises(HostError, match="has a start function"):
        wasm_of(code)


def test_a_compiled_module_is_kept_and_loaded(tmp_path: Path) -> None:
    directory = tmp_path / "modules"
    cache.module_of(SMALL, directory)
    (kept,) = directory.iterdir()
    before = kept.stat().st_ino
    assert len(cache.module_of(SMALL, directory).imports) == 1
    assert kept.stat().st_ino == before
    assert kept.stat().st_mode & 0o077 == 0
    assert directory.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("damage", ["truncated", "flipped", "emptied", "of another version"])
def test_a_damaged_file_is_compiled_anew_and_replaced(tmp_path: Path, damage: str) -> None:
    cache.module_of(SMALL, tmp_path)
    (kept,) = tmp_path.iterdir()
    good = kept.read_bytes()
    other = good[cache.CHECKSUM_BYTES :].replace(b"50.0.1", b"50.0.9")
    kept.write_bytes(
        {
            "truncated": good[:-100],
            "flipped": good[:5_000] + bytes((good[5_000] ^ 1,)) + good[5_001:],
            "emptied": b"",
            "of another version": cache.checksum(other) + other,
        }[damage]
    )
    assert len(cache.module_of(SMALL, tmp_path).imports) == 1
    assert kept.read_bytes() == good


def test_a_file_that_others_may_write_does_not_count(tmp_path: Path) -> None:
    cache.module_of(SMALL, tmp_path)
    (kept,) = tmp_path.iterdir()
    other = bytes(wasmtime.wat2wasm('(module (func (export "planted")))'))
    cache.module_of(other, tmp_path / "other")
    (planted,) = (tmp_path / "other").iterdir()
    kept.write_bytes(planted.read_bytes())
    kept.chmod(0o666)
    assert len(cache.module_of(SMALL, tmp_path).imports) == 1
    assert not kept.stat().st_mode & 0o022


def test_a_directory_that_cannot_be_written_costs_only_time(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("no directory")
    assert len(cache.module_of(SMALL, blocked / "modules").imports) == 1


def test_the_modules_used_least_recently_are_deleted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "MAX_FILES", 2)

    def module(number: int) -> bytes:
        text = f'(module (import "env" "memory" (memory 1)) (global i32 (i32.const {number})))'
        return bytes(wasmtime.wat2wasm(text))

    def names() -> set[str]:
        return {path.name for path in tmp_path.iterdir()}

    cache.module_of(module(1), tmp_path)
    (first,) = names()
    cache.module_of(module(2), tmp_path)
    cache.module_of(module(1), tmp_path)
    cache.module_of(module(3), tmp_path)
    assert len(names()) == 2
    assert first in names()


def test_the_directory_is_the_users(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    if os.name == "posix":
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert "meritnet" in cache.default_directory().parts


def test_the_packaged_runtime_fits_far_below_the_limits(runtime_code: bytes) -> None:
    assert len(wasm_of(runtime_code)) < code_module.MAX_CODE_BYTES // 10
