"""The shipped WebAssembly is what the Rust sources beside it make."""

import subprocess
import sys
from pathlib import Path

import pytest

from meritnet.chain.host.executor import Executor
from meritnet.chain.wasm import build


def test_the_shipped_code_is_made_from_these_sources() -> None:
    assert build.stale() == ""


def test_the_shipped_code_says_the_version_of_the_sources() -> None:
    version = Executor(build.CODE.read_bytes()).version
    assert version.spec_version == build.spec_version() == build.recorded().spec_version
    assert version.spec_name == "meritnet"
    assert len(build.shipped_code()) == build.recorded().wasm_bytes


def test_the_shipped_metadata_is_the_runtime_s() -> None:
    import zstandard

    shipped = zstandard.ZstdDecompressor().decompress(build.METADATA.read_bytes())
    assert shipped == build.metadata(build.CODE.read_bytes())
    assert shipped[:5] == b"meta\x0f"


def test_the_digest_covers_what_becomes_code_and_nothing_else() -> None:
    names = {path.relative_to(build.WORKSPACE).as_posix() for path in build.rust_files()}
    assert {"Cargo.toml", "Cargo.lock", "runtime/src/lib.rs", "primitives/yuma/src/epoch.rs"} <= names
    assert not [name for name in names if "/tests/" in name or "runner" in name]


def test_a_changed_source_makes_the_code_stale(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "rust_files", lambda: [Path(__file__)])
    monkeypatch.setattr(build, "WORKSPACE", Path(__file__).parent)
    assert "run make wasm" in build.stale()


def test_exchanged_code_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "shipped_code", lambda: b"\0asm")
    assert "is not the code" in build.stale()


@pytest.mark.rust
def test_building_again_makes_the_same_code() -> None:
    done = subprocess.run([sys.executable, "-m", "meritnet.chain.wasm.build", "--check"], check=False)
    assert done.returncode == 0
