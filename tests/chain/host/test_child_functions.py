"""Host functions on child storages, called from WebAssembly."""

from typing import Any

from meritnet.chain.host.overlay import Overlay
from meritnet.chain.host.scale import encode_option
from meritnet.chain.host.trie import CHILD_STORAGE, Trie

CHILD = "ext_default_child_storage_"
NOTHING = encode_option(None)


def state() -> Overlay:
    return Overlay(Trie.from_items({b"k": b"top"}, children={b"c": {b"p1": b"1", b"p2": b"2", b"q": b"3"}}))


def test_a_value_is_set_read_and_cleared(host: Any) -> None:
    host.call(f"{CHILD}set_version_1", b"c", b"k", b"v")
    assert host.call(f"{CHILD}get_version_1", b"c", b"k") == encode_option(b"v")
    assert host.call(f"{CHILD}get_version_1", b"d", b"k") == NOTHING
    assert host.call(f"{CHILD}exists_version_1", b"c", b"k") == b"\1\0\0\0"
    assert host.call(f"{CHILD}read_version_1", b"c", b"k", None, 0) == b"\x01\x01\0\0\0"
    assert host.call(f"{CHILD}next_key_version_1", b"c", b"") == encode_option(b"k")
    host.call(f"{CHILD}clear_version_1", b"c", b"k")
    assert host.call(f"{CHILD}exists_version_1", b"c", b"k") == b"\0\0\0\0"
    assert host.overlay.changes() == {}


def test_the_root_of_a_child_is_seen_in_the_root_of_the_state(host: Any) -> None:
    host.call(f"{CHILD}set_version_1", b"c", b"k", b"v" * 40)
    assert host.call(f"{CHILD}root_version_1", b"c") == Trie.from_items({b"k": b"v" * 40}, 0).root()
    child_root = host.call(f"{CHILD}root_version_2", b"c", 1)
    assert child_root == Trie.from_items({b"k": b"v" * 40}, 1).root()
    assert host.call("ext_storage_get_version_1", CHILD_STORAGE + b"c") == encode_option(child_root)
    assert (
        host.call("ext_storage_root_version_2", 1)
        == Trie.from_items({CHILD_STORAGE + b"c": child_root}).root()
    )


def test_clear_prefix_in_its_three_versions(host: Any) -> None:
    host.overlay = state()
    host.call(f"{CHILD}clear_prefix_version_1", b"c", b"p")
    assert list(host.overlay.applied().child(b"c").keys()) == [b"q"]
    host.overlay = state()
    assert host.call(f"{CHILD}clear_prefix_version_2", b"c", b"p", 1) == b"\x01\x01\0\0\0"
    assert host.call(f"{CHILD}clear_prefix_version_2", b"c", b"p", None) == b"\x00\x02\0\0\0"
    host.overlay = state()
    assert host.call(f"{CHILD}clear_prefix_version_3", b"c", b"p", 1, None)[:4] == b"\x01\x08p2"
    assert host.call(f"{CHILD}clear_prefix_version_3", b"c", b"p", 1, b"p2")[:1] == b"\x00"
    assert list(host.overlay.applied().child(b"c").keys()) == [b"q"]


def test_storage_kill_in_its_four_versions(host: Any) -> None:
    empty = Trie.from_items({b"k": b"top"}).root()
    host.overlay = state()
    host.call(f"{CHILD}storage_kill_version_1", b"c")
    assert host.overlay.root() == empty
    host.overlay = state()
    assert host.call(f"{CHILD}storage_kill_version_2", b"c", 2) == b"\0\0\0\0"
    assert host.call(f"{CHILD}storage_kill_version_2", b"c", None) == b"\1\0\0\0"
    assert host.overlay.root() == empty
    host.overlay = state()
    assert host.call(f"{CHILD}storage_kill_version_3", b"c", 2) == b"\x01\x02\0\0\0"
    assert host.call(f"{CHILD}storage_kill_version_3", b"c", 3) == b"\x00\x03\0\0\0"
    host.overlay = state()
    assert host.call(f"{CHILD}storage_kill_version_4", b"c", 1, None)[:4] == b"\x01\x08p2"
    assert host.call(f"{CHILD}storage_kill_version_4", b"c", None, b"p2")[:1] == b"\x00"
    assert host.overlay.root() == empty


def test_transactions_hold_child_storages_too(host: Any) -> None:
    begin, rollback = (
        ("ext_storage_start_transaction_version_1",),
        ("ext_storage_rollback_transaction_version_1",),
    )
    steps = (begin, (f"{CHILD}set_version_1", b"c", b"k", b"v"), rollback)
    assert host.run(*steps, (f"{CHILD}get_version_1", b"c", b"k")) == NOTHING


def test_the_root_of_an_emptied_child_is_gone_from_the_top_storage(host: Any) -> None:
    host.overlay = state()
    host.call(f"{CHILD}storage_kill_version_1", b"c")
    assert host.call(f"{CHILD}root_version_2", b"c", 1) == Trie().root()
    assert host.call("ext_storage_exists_version_1", CHILD_STORAGE + b"c") == b"\0\0\0\0"
    assert host.overlay.root() == Trie.from_items({b"k": b"top"}).root()
