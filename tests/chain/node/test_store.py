"""Both stores keep blocks and states alike; the one on disk opens where it stopped, or says why not."""

import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meritnet.chain.errors import StoreError
from meritnet.chain.host.trie import Trie, ordered_root
from meritnet.chain.node.block import Block, Header
from meritnet.chain.node.node import Node
from meritnet.chain.node.opening import packaged_runtime
from meritnet.chain.node.sqlite import FILE, TRIES_KEPT, SqliteStore
from meritnet.chain.node.store import MemoryStore, Store

Write = tuple[bool, dict[bytes, bytes | None]]
KEYS = st.binary(max_size=3)
WRITES = st.lists(
    st.tuples(st.booleans(), st.dictionaries(KEYS, st.none() | st.binary(max_size=40), max_size=5)),
    max_size=12,
)


@pytest.fixture(params=["memory", "sqlite"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    made: Store = MemoryStore() if request.param == "memory" else SqliteStore(tmp_path)
    yield made
    made.close()


def block_after(store: Store) -> Block:
    head = store.head()
    parent = store.block(head.number) if head else None
    number = parent.number + 1 if parent else 0
    body = (b"\x04a", b"\x04b")
    header = Header(parent.hash if parent else bytes(32), number, bytes(32), ordered_root(body), ())
    return Block(header, body)


def put(store: Store, writes: list[Write]) -> list[Trie]:
    """Genesis and the writes after it; every state."""
    states = [Trie()]
    store.put_block(block_after(store), {}, states[0])
    for is_block, changes in writes:
        states.append(states[-1].apply(changes))
        if is_block:
            store.put_block(block_after(store), changes, states[-1])
        else:
            store.put_edit(changes, states[-1])
    return states


def test_blocks_are_found_by_height_and_by_hash(store: Store) -> None:
    assert store.head() is None
    put(store, [(True, {b"a": b"1"}), (False, {b"a": b"2"}), (True, {b"b": b"3"})])
    for number in range(3):
        block = store.block(number)
        assert block is not None
        assert block.number == number == store.number_of(block.hash)
        assert block.extrinsics == (b"\x04a", b"\x04b")
    assert store.block(3) is store.block(-1) is store.number_of(bytes(32)) is None
    assert [store.version_at(number).index for number in range(3)] == [0, 2, 3]
    assert store.trie(store.version_at(1).index).get(b"a") == b"2"


def test_labels_are_kept(store: Store) -> None:
    store.put_labels({"preset": b"local"})
    store.put_labels({"preset": b"mainnet", "code": b"1"})
    assert (store.label("preset"), store.label("code"), store.label("other")) == (b"mainnet", b"1", None)


def test_old_states_are_made_again_when_they_are_no_longer_in_memory(store: Store) -> None:
    writes: list[Write] = [(True, {bytes([n % 5]): bytes([n]), b"gone": None}) for n in range(TRIES_KEPT * 2)]
    states = put(store, writes)
    for index in (3, 0, 40, TRIES_KEPT, 3, len(writes)):
        assert store.trie(index).root() == states[index].root(), index


@settings(max_examples=40, deadline=None)
@given(writes=WRITES, data=st.data())
def test_going_back_leaves_what_was_there(writes: list[Write], data: st.DataObject) -> None:
    store = MemoryStore()
    states = put(store, writes)
    index = data.draw(st.integers(0, len(writes)))
    store.truncate(index)
    head = store.head()
    assert head is not None
    assert (head.index, head.root) == (index, states[index].root())
    assert head.number == sum(is_block for is_block, _ in writes[:index])
    assert store.block(head.number + 1) is None


@settings(max_examples=10, deadline=None)
@given(writes=WRITES, cut=st.integers(0, 12), more=WRITES)
def test_the_store_on_disk_reopens_with_every_state(
    tmp_path_factory: pytest.TempPathFactory, writes: list[Write], cut: int, more: list[Write]
) -> None:
    directory = tmp_path_factory.mktemp("chain")
    store = SqliteStore(directory)
    states = put(store, writes)
    store.truncate(min(cut, len(writes)))
    states = states[: min(cut, len(writes)) + 1]
    for is_block, changes in more:
        states.append(states[-1].apply(changes))
        if is_block:
            store.put_block(block_after(store), changes, states[-1])
        else:
            store.put_edit(changes, states[-1])
    head = store.head()
    store.close()
    store = SqliteStore(directory)
    assert store.head() == head
    for index in reversed(range(len(states))):
        assert store.trie(index).root() == states[index].root()
    store.close()


def filled(directory: Path) -> Path:
    store = SqliteStore(directory)
    put(store, [(True, {bytes([n]): bytes(100)}) for n in range(20)])
    store.close()
    return directory / FILE


def test_two_nodes_cannot_share_a_directory(tmp_path: Path) -> None:
    first = SqliteStore(tmp_path)
    with pytest.raises(StoreError, match=r"in use by another node$") as refusal:
        SqliteStore(tmp_path)
    assert refusal.value.hint
    first.close()
    SqliteStore(tmp_path).close()


def test_a_value_changed_on_disk_is_never_served(tmp_path: Path) -> None:
    path = filled(tmp_path)
    with sqlite3.connect(path) as database:
        database.execute("UPDATE state SET value = ? WHERE key = ?", (bytes(99) + b"1", b"\x05"))
    database.close()
    with pytest.raises(StoreError, match="state of block 20 does not have its root"):
        SqliteStore(tmp_path)


@pytest.mark.parametrize("column", ["header", "body", "hash"])
def test_a_block_changed_on_disk_is_never_served(tmp_path: Path, column: str) -> None:
    path = filled(tmp_path)
    with sqlite3.connect(path) as database:
        (data,) = database.execute(f"SELECT {column} FROM blocks WHERE number = 7").fetchone()
        changed = data[:-1] + bytes([data[-1] ^ 1])
        database.execute(f"UPDATE blocks SET {column} = ? WHERE number = 7", (changed,))
    database.close()
    store = SqliteStore(tmp_path)
    with pytest.raises(StoreError, match="is damaged: block 7"):
        store.block(7)
    assert store.block(8) is not None
    store.close()


def test_an_old_state_changed_on_disk_is_never_served(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path)
    put(store, [(True, {b"key": bytes([n])}) for n in range(5)])
    store.close()
    with sqlite3.connect(tmp_path / FILE) as database:
        database.execute("UPDATE state SET value = ? WHERE version = 2", (b"wrong",))
    database.close()
    store = SqliteStore(tmp_path)
    assert store.trie(3).get(b"key") == bytes([2])
    with pytest.raises(StoreError, match="state of block 2 does not have its root"):
        store.trie(2)
    store.close()


@pytest.mark.parametrize("damage", ["cut", "zeros", "text"])
def test_a_damaged_file_is_named_or_opens_with_a_true_root(tmp_path: Path, damage: str) -> None:
    path = filled(tmp_path)
    data = path.read_bytes()
    broken = {
        "cut": data[: len(data) // 2],
        "zeros": data[:4096] + bytes(len(data) - 4096),
        "text": b"hello" * 1000,
    }
    path.write_bytes(broken[damage])
    with pytest.raises(StoreError, match=str(path)):
        SqliteStore(tmp_path)


def test_a_file_of_another_format_is_refused(tmp_path: Path) -> None:
    path = filled(tmp_path)
    with sqlite3.connect(path) as database:
        database.execute("PRAGMA user_version = 99")
    database.close()
    with pytest.raises(StoreError, match="has format 99, this version reads format 1"):
        SqliteStore(tmp_path)


def test_a_path_that_is_no_directory_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot hold a chain"):
        SqliteStore(tmp_path / "file")


def test_a_write_that_fails_leaves_nothing(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path)
    put(store, [(True, {b"a": b"1"})])
    head = store.head()
    with pytest.raises(StoreError):
        store.put_block(block_after(MemoryStore()), {b"b": b"2"}, Trie())  # a second block 0
    assert store.head() == head
    store.close()


def test_a_node_goes_on_where_it_stopped(tmp_path: Path, transfer) -> None:
    extrinsic = transfer()
    with Node.open(base_path=tmp_path) as node:
        node.advance(3)
        node.submit(extrinsic)
        node.seal()
        head, root = node.head, node.state().root()
    with Node.open(base_path=tmp_path) as node:
        assert node.head == head
        assert node.state().root() == root == head.state_root
        node.replay(4)
        assert node.storage(b":code", node.genesis_hash) == packaged_runtime()
        assert node.seal().header.slot == head.slot + 1
        with pytest.raises(StoreError, match="in use"):
            Node.open(base_path=tmp_path)


def test_both_stores_hold_the_same_chain(tmp_path: Path, node: Node, transfer) -> None:
    extrinsic = transfer()
    with Node.open(base_path=tmp_path) as kept:
        for each in (node, kept):
            each.advance(2)
            each.submit(extrinsic)
            each.advance(2)
        assert kept.head == node.head


def test_a_chain_of_another_runtime_or_preset_is_refused(tmp_path: Path) -> None:
    Node.open(base_path=tmp_path).close()
    with pytest.raises(StoreError, match=r"holds a chain of the preset 'local', not 'mainnet'"):
        Node.open("mainnet", base_path=tmp_path)
    shutil.copytree(tmp_path, tmp_path / "copy")
    with sqlite3.connect(tmp_path / "copy" / FILE) as database:
        database.execute("UPDATE labels SET value = ? WHERE name = 'spec'", (b"meritnet 0",))
        database.execute("UPDATE labels SET value = ? WHERE name = 'code'", (bytes(32),))
    database.close()
    with pytest.raises(
        StoreError, match=r"holds a chain of the runtime meritnet 0 \(code 0x00000000\), this is meritnet \d+"
    ):
        Node.open(base_path=tmp_path / "copy")
