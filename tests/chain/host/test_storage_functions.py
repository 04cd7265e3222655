"""Host functions on storage, called from WebAssembly as a runtime calls them."""

from typing import Any

import pytest

from meritnet.chain.errors import HostError
from meritnet.chain.host.overlay import Overlay
from meritnet.chain.host.scale import Decoder, encode_option
from meritnet.chain.host.trie import CHILD_STORAGE, Trie

SET, GET = "ext_storage_set_version_1", "ext_storage_get_version_1"
BEGIN = ("ext_storage_start_transaction_version_1",)
COMMIT = ("ext_storage_commit_transaction_version_1",)
ROLLBACK = ("ext_storage_rollback_transaction_version_1",)

NOTHING = encode_option(None)


def test_a_value_is_set_read_and_cleared(host: Any) -> None:
    assert host.call(GET, b"key") == NOTHING
    assert host.run((SET, b"key", b"value"), (GET, b"key")) == encode_option(b"value")
    assert host.call("ext_storage_exists_version_1", b"key") == b"\1\0\0\0"
    host.call("ext_storage_clear_version_1", b"key")
    assert host.call("ext_storage_exists_version_1", b"key") == b"\0\0\0\0"
    assert host.call(GET, b"key") == NOTHING
    assert host.overlay.changes() == {b"key": None}


def test_an_empty_key_and_an_empty_value_are_a_key_and_a_value(host: Any) -> None:
    host.call(SET, b"", b"")
    assert host.call(GET, b"") == encode_option(b"")
    assert host.call("ext_storage_exists_version_1", b"") == b"\1\0\0\0"


@pytest.mark.parametrize(
    ("offset", "left"), [(0, 20), (5, 15), (20, 0), (25, 0)], ids=["all", "part", "end", "past the end"]
)
def test_read_says_how_much_is_left_from_the_offset_on(host: Any, offset: int, left: int) -> None:
    host.overlay.put(b"key", bytes(range(20)))
    read = "ext_storage_read_version_1"
    assert host.call(read, b"key", None, offset) == b"\x01" + left.to_bytes(4, "little")
    assert host.call(read, b"other", None, offset) == b"\x00"


def test_read_fills_the_room_and_no_more(host: Any, executor_of: Any) -> None:
    """The room has 4 bytes; the fifth keeps what was there."""
    host.overlay.put(b"k", b"abcdefgh")
    executor = executor_of(
        '(data (i32.const 64) "k....!")'
        '(func (export "run") (param i32 i32) (result i64)'
        " (drop (call $read (i64.const 0x100000040) (i64.const 0x400000041) (i32.const 2)))"
        " (i64.const 0x600000040))",
        imports='(import "env" "ext_storage_read_version_1" (func $read (param i64 i64 i32) (result i64)))',
    )
    assert executor.call("run", b"", host.overlay).value == b"kcdef!"


def test_append_makes_a_list(host: Any) -> None:
    append = "ext_storage_append_version_1"
    got = host.run((append, b"list", b"\1\1"), (append, b"list", b"\2\2"), (GET, b"list"))
    assert got == encode_option(b"\x08\1\1\2\2")


def test_next_key_merges_the_state_and_the_changes(host: Any) -> None:
    host.overlay = Overlay(Trie.from_items({b"a": b"1", b"c": b"1", b"e": b"1"}))
    host.run((SET, b"b", b"1"), ("ext_storage_clear_version_1", b"c"))
    keys, key = [], b""
    while (found := host.call("ext_storage_next_key_version_1", key)) != NOTHING:
        key = Decoder(found[1:]).bytes()
        keys.append(key)
    assert keys == [b"a", b"b", b"e"]


def test_clear_prefix_in_its_three_versions(host: Any) -> None:
    def state() -> Overlay:
        overlay = Overlay(Trie.from_items({b"p1": b"", b"p2": b"", b"p3": b"", b"q": b""}))
        overlay.put(b"p0", b"")
        return overlay

    host.overlay = state()
    host.call("ext_storage_clear_prefix_version_1", b"p")
    assert list(host.overlay.applied().keys()) == [b"q"]

    host.overlay = state()
    two = "ext_storage_clear_prefix_version_2"
    assert host.call(two, b"p", 2) == b"\x01" + (2).to_bytes(4, "little")
    assert list(host.overlay.applied().keys()) == [b"p3", b"q"]
    assert host.call(two, b"p", None) == b"\x00" + (3).to_bytes(4, "little")
    assert list(host.overlay.applied().keys()) == [b"q"]

    host.overlay = state()
    three = "ext_storage_clear_prefix_version_3"
    counts = b"".join(count.to_bytes(4, "little") for count in (1, 2, 1))
    assert host.call(three, b"p", 1, None) == b"\x01\x08p2" + counts
    counts = b"".join(count.to_bytes(4, "little") for count in (2, 2, 2))
    assert host.call(three, b"p", None, b"p2") == b"\x00" + counts
    assert list(host.overlay.applied().keys()) == [b"q"]


def test_the_roots_of_child_storages_cannot_be_written_or_cleared(host: Any) -> None:
    key = CHILD_STORAGE + b"child"
    host.overlay = Overlay(Trie.from_items({}, children={b"child": {b"k": b"v"}}))
    before = host.overlay.root()
    host.run((SET, key, b"forged"), ("ext_storage_clear_version_1", key))
    for prefix in (b"", b":child", CHILD_STORAGE, key):
        host.call("ext_storage_clear_prefix_version_1", prefix)
        assert host.call("ext_storage_clear_prefix_version_2", prefix, None) == bytes(5)
    assert host.overlay.root() == before
    host.run((SET, b":code", b"x"), (SET, b":", b"y"), ("ext_storage_clear_prefix_version_1", b":c0"))
    assert host.overlay.changes() == {b":code": b"x", b":": b"y"}


def test_the_root_is_that_of_the_state_with_the_changes(host: Any) -> None:
    host.call(SET, b"key", b"v" * 40)
    items = {b"key": b"v" * 40}
    assert host.call("ext_storage_root_version_1") == Trie.from_items(items, 0).root()
    assert host.call("ext_storage_root_version_2", 0) == Trie.from_items(items, 0).root()
    assert host.call("ext_storage_root_version_2", 1) == Trie.from_items(items, 1).root()
    with pytest.raises(HostError, match="state version 2"):
        host.call("ext_storage_root_version_2", 2)


def test_there_is_no_changes_trie(host: Any) -> None:
    assert host.call("ext_storage_changes_root_version_1", bytes(32)) == NOTHING


def test_transactions_nest(host: Any) -> None:
    get = (GET, b"k")
    assert host.run(BEGIN, (SET, b"k", b"1"), ROLLBACK, get) == NOTHING
    assert host.run(BEGIN, (SET, b"k", b"1"), COMMIT, get) == encode_option(b"1")
    steps = (BEGIN, (SET, b"k", b"2"), BEGIN, (SET, b"k", b"3"), COMMIT, ROLLBACK)
    assert host.run(*steps, get) == encode_option(b"1")
    steps = (BEGIN, (SET, b"k", b"2"), BEGIN, (SET, b"k", b"3"), ROLLBACK, COMMIT)
    assert host.run(*steps, get) == encode_option(b"2")


def test_a_transaction_left_open_is_taken_back(host: Any) -> None:
    host.run((SET, b"a", b"1"), BEGIN, (SET, b"b", b"1"))
    assert host.overlay.depth == 0
    assert host.overlay.changes() == {b"a": b"1"}


@pytest.mark.parametrize("close", [COMMIT, ROLLBACK])
def test_a_runtime_cannot_close_the_transactions_around_its_call(host: Any, close: tuple[str]) -> None:
    host.overlay.begin()
    with pytest.raises(HostError, match="had not opened"):
        host.run(close)
    with pytest.raises(HostError, match="had not opened"):
        host.run(BEGIN, close, close)
    assert host.overlay.depth == 1


def test_transactions_do_not_nest_without_end(host: Any) -> None:
    host.run(*[BEGIN] * 255)
    with pytest.raises(HostError, match="more than 255 storage transactions"):
        host.run(*[BEGIN] * 256)


def test_a_call_cannot_write_without_end(executor_of: Any) -> None:
    """An endless loop of writes of a mebibyte each stops at the limit, and nothing of it stays."""
    executor = executor_of(
        '(func (export "run") (param i32 i32) (result i64)'
        " (loop $l (call $set (i64.const 0x100000000) (i64.const 0x10000000000000)) (br $l)) (i64.const 0))",
        imports='(import "env" "ext_storage_set_version_1" (func $set (param i64 i64)))',
        memory="(memory 17)",
    )
    overlay = Overlay(Trie())
    with pytest.raises(HostError, match="wrote more than 536870912 bytes"):
        executor.call("run", b"", overlay)
    assert overlay.changes() == {}
