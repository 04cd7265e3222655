"""Builds the runtime from chain/runtime into the WebAssembly that this package ships.

    python -m meritnet.chain.wasm.build            build, then write the three files below
    python -m meritnet.chain.wasm.build --check    are they what the sources make?

`runtime.wasm.zst` is the code behind Substrate's mark for compressed blobs, `metadata.scale.zst` its metadata
(V15), `SOURCE.json` says what both were made from. The same sources and the same compiler give the same bytes
on any machine: paths are cut off, one codegen unit, locked versions. `--check` compares the digest of the
sources, which needs no Rust, and where the recorded compiler is there it builds again and compares the code.
"""

import argparse
import hashlib
import json
import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import zstandard
from platformdirs import user_cache_path

from meritnet.chain.host.executor import Executor
from meritnet.chain.host.overlay import Overlay
from meritnet.chain.host.trie import Trie
from meritnet.chain.scale import Reader

HERE = Path(__file__).resolve().parent
WORKSPACE = HERE.parent
CODE = HERE / "runtime.wasm.zst"
METADATA = HERE / "metadata.scale.zst"
SOURCE = HERE / "SOURCE.json"

TARGET = "wasm32v1-none"
COMPRESSED_BLOB_MARK = bytes.fromhex("52bc537646db8e05")
METADATA_VERSION = 15


@dataclass(frozen=True)
class Source:
    """What the shipped code was made from."""

    spec_version: int
    sources_sha256: str
    toolchain: str
    wasm_sha256: str
    wasm_bytes: int


@dataclass(frozen=True)
class Toolchain:
    """A compiler for `TARGET`: how it is called, and its name as `SOURCE.json` records it."""

    name: str
    arguments: tuple[str, ...]
    environment: Mapping[str, str]
    rustflags: tuple[str, ...]


def rust_files() -> list[Path]:
    """Every file that the code is made from: manifests, the lock file, Rust that is not for tests only."""
    found = [WORKSPACE / "Cargo.toml", WORKSPACE / "Cargo.lock"]
    for folder in ("runtime", "pallets", "primitives"):
        found += (
            path
            for path in (WORKSPACE / folder).rglob("*")
            if path.suffix == ".rs" or path.name == "Cargo.toml"
        )
    return sorted(path for path in found if not {"tests", "runner"} & set(path.relative_to(WORKSPACE).parts))


def sources_digest() -> str:
    """SHA-256 over names and contents of `rust_files`."""
    digest = hashlib.sha256()
    for path in rust_files():
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        digest.update(f"{path.relative_to(WORKSPACE).as_posix()} {content}\n".encode())
    return digest.hexdigest()


def spec_version() -> int:
    """The version that the runtime's source declares."""
    text = (WORKSPACE / "runtime/src/lib.rs").read_text()
    found = re.search(r"spec_version: (\d+)", text)
    if found is None:
        raise SystemExit("runtime/src/lib.rs declares no spec_version")
    return int(found[1])


def toolchain() -> Toolchain:
    """rustup's where it has the target; else a distribution's, which builds `core` and `alloc` along.

    Exits if there is neither.
    """
    if shutil.which("rustup") and TARGET in _output("rustup", "target", "list", "--installed").split():
        return Toolchain(f"rustup {_output('rustc', '--version')}", (), {}, ())
    rustc = "/usr/bin/rustc"
    library = Path("/usr/lib/rustlib/src/rust/library")
    linker = next(Path.home().glob(".rustup/toolchains/*/lib/rustlib/*/bin/rust-lld"), None) or shutil.which(
        "rust-lld"
    )
    if not (Path(rustc).exists() and library.exists() and linker):
        raise SystemExit(
            f"no compiler for {TARGET}: rustup target add {TARGET}, or rustc, its sources and rust-lld"
        )
    environment = {"RUSTC_BOOTSTRAP": "1", "RUSTC": rustc, "PATH": f"/usr/bin:{os.environ['PATH']}"}
    flags = (f"-Clinker={linker}", f"--remap-path-prefix={library}=/rust")
    return Toolchain(f"system {_output(rustc, '--version')}", ("-Zbuild-std=core,alloc",), environment, flags)


def compile_code(tool: Toolchain) -> bytes:
    """The runtime's code, uncompressed."""
    cargo_home = os.environ.get("CARGO_HOME", str(Path.home() / ".cargo"))
    # Outside the checkout, so that it survives it and is in nobody's way.
    target_dir = Path(os.environ.get("CARGO_TARGET_DIR", user_cache_path("meritnet") / "target"))
    rustflags = (
        *tool.rustflags,
        f"--remap-path-prefix={WORKSPACE}=/meritnet",
        f"--remap-path-prefix={cargo_home}=/cargo",
        *(
            "-C",
            "link-arg=--export-table",
            "-C",
            "link-arg=--export=__heap_base",
            "-C",
            "link-arg=--import-memory",
        ),
        *("--cfg", "substrate_runtime"),
    )
    environment = {
        **os.environ,
        **tool.environment,
        "CARGO_ENCODED_RUSTFLAGS": "\x1f".join(rustflags),
        "CARGO_TARGET_DIR": str(target_dir),
        "LC_ALL": "C",
        "SOURCE_DATE_EPOCH": "0",
    }
    command = ["cargo", "build", "--locked", "--release", "--target", TARGET, "--no-default-features"]
    command += ["--package", "meritnet-runtime", *tool.arguments]
    done = subprocess.run(command, cwd=WORKSPACE, env=environment, check=False)
    if done.returncode:
        raise SystemExit(done.returncode)
    return (target_dir / TARGET / "release" / "meritnet_runtime.wasm").read_bytes()


def metadata(code: bytes) -> bytes:
    """The metadata that `code` describes itself by, as a runtime on an empty state answers it."""
    empty = Overlay(Trie.from_items({}, version=1))
    version = METADATA_VERSION.to_bytes(4, "little")
    answer = Reader(Executor(code).call("Metadata_metadata_at_version", version, empty).value)
    found = answer.option(answer.octets)
    if found is None:
        raise SystemExit(f"the runtime has no metadata V{METADATA_VERSION}")
    return found


def build() -> None:
    """Builds and writes the three files."""
    tool = toolchain()
    code = compile_code(tool)
    compress = zstandard.ZstdCompressor(level=19).compress
    CODE.write_bytes(COMPRESSED_BLOB_MARK + compress(code))
    METADATA.write_bytes(compress(metadata(code)))
    source = Source(spec_version(), sources_digest(), tool.name, hashlib.sha256(code).hexdigest(), len(code))
    SOURCE.write_text(json.dumps(asdict(source), indent=2) + "\n")
    sizes = ", ".join(f"{path.name} {path.stat().st_size:,}" for path in (CODE, METADATA))
    print(f"{len(code):,} bytes of code; {sizes}")


def recorded() -> Source:
    """What `SOURCE.json` says."""
    return Source(**json.loads(SOURCE.read_text()))


def shipped_code() -> bytes:
    """The shipped code, uncompressed."""
    return zstandard.ZstdDecompressor().decompress(CODE.read_bytes().removeprefix(COMPRESSED_BLOB_MARK))


def stale() -> str:
    """Why the shipped code is not what the sources make, or nothing. Needs no Rust."""
    source = recorded()
    if hashlib.sha256(shipped_code()).hexdigest() != source.wasm_sha256:
        return f"{CODE.name} is not the code that {SOURCE.name} names"
    if sources_digest() != source.sources_sha256:
        return f"the Rust sources changed after {CODE.name} was built: run make wasm"
    return ""


def check() -> None:
    """Exits with a line if the shipped code is not what the sources make."""
    if reason := stale():
        raise SystemExit(reason)
    try:
        tool = toolchain()
    except SystemExit as missing:
        print(f"not rebuilt: {missing}")
        return
    if tool.name != recorded().toolchain:
        print(f"not rebuilt: recorded with {recorded().toolchain}, here is {tool.name}")
        return
    if compile_code(tool) != shipped_code():
        raise SystemExit(f"the same sources and compiler make other code than {CODE.name}")


def _output(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="build the runtime's WebAssembly")
    parser.add_argument("--check", action="store_true", help="compare instead of writing")
    run = check if parser.parse_args().check else build
    run()
