"""Opening the chain of a directory, or a new one: the checks before a node starts."""

from functools import cache, lru_cache
from importlib.resources import files
from pathlib import Path

from meritnet.chain.errors import StoreError
from meritnet.chain.host.executor import Executor
from meritnet.chain.node.block import blake2_256
from meritnet.chain.node.genesis import build_genesis
from meritnet.chain.node.sqlite import SqliteStore
from meritnet.chain.node.store import MemoryStore, Store


@cache
def packaged_runtime() -> bytes:
    """The runtime that this package carries, compressed as it goes into the state."""
    return files("meritnet.chain.wasm").joinpath("runtime.wasm.zst").read_bytes()


@lru_cache(maxsize=8)
def executor_of(code: bytes) -> Executor:
    """The runtime ``code`` ready to be called; all nodes of the process share it."""
    return Executor(code)


def open_store(preset: str, base_path: Path | None, code: bytes) -> Store:
    """A store that holds at least genesis of ``code`` and ``preset``."""
    executor = executor_of(code)
    if base_path is None:
        store: Store = MemoryStore()
    else:
        store = SqliteStore(base_path, executor.version.state_version)
    try:
        _prepare(store, preset, base_path, code, executor)
    except BaseException:
        store.close()
        raise
    return store


def _prepare(store: Store, preset: str, base_path: Path | None, code: bytes, executor: Executor) -> None:
    spec = f"{executor.version.spec_name} {executor.version.spec_version}"
    labels = {"preset": preset.encode(), "spec": spec.encode(), "code": blake2_256(code)}
    if store.head() is None:
        genesis = build_genesis(executor, code, preset)
        store.put_labels(labels)
        store.put_block(genesis.block, genesis.changes, genesis.state)
        return
    choose = "start with a new --base-path, or use the installation that made this chain"
    found = {name: store.label(name) or b"" for name in labels}
    if found["code"] != labels["code"]:
        held = f"{found['spec'].decode()} (code 0x{found['code'].hex()[:8]})"
        ours = f"{spec} (code 0x{labels['code'].hex()[:8]})"
        raise StoreError(f"{base_path} holds a chain of the runtime {held}, this is {ours}", choose)
    if found["preset"] != labels["preset"]:
        held = found["preset"].decode()
        other = f"{base_path} holds a chain of the preset {held!r}, not {preset!r}"
        raise StoreError(other, "ask for that preset, or start with a new --base-path")
