"""Roots published elsewhere, and the incremental trie against one built anew."""

import gc
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meritnet.chain.host.edit import Edit
from meritnet.chain.host.node import Node, Value, blake2_256
from meritnet.chain.host.trie import CHILD_STORAGE, Trie, ordered_root

EMPTY_ROOT = "03170a2e7597b7b7e3d84c05391d139a62b157e78786d8c082f29dcf4c111314"

# Keys and values: w3f/polkadot-tests fixtures/state-trie (cdc85c7), of the same names. That suite compares
# implementations and publishes no roots; these were computed apart from this code and agree with smoldot's.
PK_BRANCH = {"1357": "1", "13579": "234567890qwertyuiopasdfghjklzxcvbnm"}
PK_BRANCH2 = {
    "12345": "1",
    "abcd": "2",
    "zyxw": "3",
    "azyx": "1234567890asdfghjklmnbvcxzqertyuiop",
    "mnopqrst": "4",
    "ab123": "5",
    "ii1234": "6",
    "Oif4daiN": "7",
    "Ye": "8",
    "JJ": "9",
    "Qui": "Yei1Iesh",
    "Vo1": "Vo1Xavah",
}
PUBLISHED = {
    "1c1": ({"1": "1"}, 0, "43e6ad6c4f2c34989b14cbe107b2628072f7cda5ec948b899ca7cab9fe987f99"),
    "scv": ({"s": "v"}, 0, "82c9e039b7c772d68c6edede03bca0f49b4fa48da7bc0445b2ddc9b31768a331"),
    "pk_branch": (PK_BRANCH, 0, "6bbc07f9453b62275b516008bc4e44d53546afcd3c7c304379cd089fe7af271a"),
    "pk_branch2": (PK_BRANCH2, 0, "569b34932d8a72da29ee802f11b913761840eacbce935bb062fa5ad6c9dccbc2"),
    # smoldot lib/src/trie: trie_node and calculate_root tests
    "smoldot v0": (
        {"foo": "bar", "foobar": "baz"},
        0,
        "a61820b5fba9b01aee10b5bbd84aea80b8230318c5e8ca14b9a4940c76e09815",
    ),
    "smoldot v1": (
        {"bar": "foo", "barfoo": "hello", "anotheritem": "anothervalue"},
        1,
        "441807c345ca7adf88bd21ab1b3cbadb15616abb89167eb9fe285dd5cecd04c8",
    ),
    "smoldot one": (
        {"abcd": "hello world"},
        0,
        "7ab18659d3b2789ef2400d107104c7d4fb93d06d9ab6a8b641a5de7c3fecc851",
    ),
}

KEYS = st.binary(max_size=4) | st.binary(min_size=30, max_size=34)
VALUES = st.sampled_from([b"", b"x", b"y" * 31, b"y" * 32, b"z" * 33, b"z" * 200])
ITEMS = st.dictionaries(KEYS, VALUES, max_size=20)
CHANGES = st.dictionaries(KEYS, st.none() | VALUES, max_size=12)


def text_trie(items: Mapping[str, str], version: int) -> Trie:
    return Trie.from_items({key.encode(): value.encode() for key, value in items.items()}, version)


def test_the_empty_root() -> None:
    assert Trie().root().hex() == EMPTY_ROOT
    assert Trie().is_empty


@pytest.mark.parametrize(("items", "version", "root"), PUBLISHED.values(), ids=PUBLISHED.keys())
def test_published_roots(items: dict[str, str], version: int, root: str) -> None:
    assert text_trie(items, version).root().hex() == root


def test_a_long_value_has_another_root_in_layout_v1_and_a_short_one_has_not() -> None:
    assert Trie.from_items({b"k": b"v" * 32}, 0).root() == Trie.from_items({b"k": b"v" * 32}, 1).root()
    assert Trie.from_items({b"k": b"v" * 33}, 0).root() != Trie.from_items({b"k": b"v" * 33}, 1).root()


def test_the_encoding_of_one_leaf_is_substrates() -> None:
    # sp-trie's own test: {aa: bb} is encoded as 42 aa 04 bb
    assert Trie.from_items({b"\xaa": b"\xbb"}, 0).root() == blake2_256(bytes.fromhex("42aa04bb"))


@pytest.mark.parametrize("digits", [61, 62, 63, 64, 317, 318, 319, 573, 574])
def test_long_partial_keys_take_more_length_bytes(digits: int) -> None:
    """The header of a leaf holds up to 62 digits; then come bytes that each add up to 255."""
    key = bytes.fromhex("11" * (digits // 2))
    count = len(key) * 2
    if count < 63:
        header = bytes((0x40 | count,))
    else:
        full, last = divmod(count - 63, 255)
        header = b"\x7f" + b"\xff" * full + bytes((last,))
    assert Trie.from_items({key: b"v"}, 0).root() == blake2_256(header + key + b"\x04v")


def test_the_genesis_of_bittensors_test_network() -> None:
    """A whole state of a public chain comes to the hash by which that chain is known."""
    known = json.loads((Path(__file__).parent / "testnet_genesis.json").read_text())
    code = Value(b"", 1)
    code.is_hashed, code.encoded = True, bytes.fromhex(known["code_hash"])
    edit = Edit(None)
    edit.put(b":code".hex(), code)
    for key, value in known["state"].items():
        edit.put(key, Value(bytes.fromhex(value), 1))
    trie = Trie()
    trie._root = edit.root
    header = bytes(32) + b"\x00" + trie.root() + Trie().root() + b"\x00"
    assert blake2_256(header).hex() == known["genesis_hash"]


def test_inserting_and_deleting_walks_through_the_published_roots() -> None:
    """The walk of w3f's tester: insert all, then delete the key that the last root points at, to the end."""
    expected = "7291405ad250f151ec4d392959f84e22b61cde2e7fdd9efdad145087685cb13d"
    trie, left, roots = Trie(), [], []
    for key, value in PK_BRANCH2.items():
        trie = trie.apply({key.encode(): value.encode()}, 0)
        left.append(key.encode())
        roots.append(trie.root())
    while left:
        trie = trie.apply({left.pop(roots[-1][0] % len(left)): None}, 0)
        roots.append(trie.root())
    assert roots[-1].hex() == EMPTY_ROOT
    assert len(roots) == 24
    assert hashlib.sha256("\n".join(root.hex() for root in roots).encode()).hexdigest() == expected


@given(ITEMS, st.lists(CHANGES, max_size=4))
@settings(max_examples=60)
def test_changes_give_the_trie_that_is_built_anew(
    items: dict[bytes, bytes], series: list[dict[bytes, bytes | None]]
) -> None:
    trie = Trie.from_items(items, 1)
    snapshots = [(trie, trie.root(), dict(items))]
    model: dict[bytes, bytes] = dict(items)
    for changes in series:
        trie = trie.apply(changes, 1)
        for key, value in changes.items():
            if value is None:
                model.pop(key, None)
            else:
                model[key] = value
        assert trie.root() == Trie.from_items(model, 1).root()
        snapshots.append((trie, trie.root(), dict(model)))
    for snapshot, root, content in snapshots:
        assert dict(snapshot.items()) == content
        assert snapshot.root() == root


@given(ITEMS, KEYS)
def test_reading_is_that_of_a_sorted_dict(items: dict[bytes, bytes], key: bytes) -> None:
    trie = Trie.from_items(items)
    assert trie.get(key) == items.get(key)
    assert all(trie.get(known) == value for known, value in items.items())
    assert trie.next_key(key) == min((other for other in items if other > key), default=None)
    assert list(trie.items()) == sorted(items.items())
    prefix = key[:1]
    assert list(trie.keys(prefix)) == sorted(other for other in items if other.startswith(prefix))


@given(ITEMS, ITEMS)
@settings(max_examples=30)
def test_the_order_of_changes_does_not_matter(first: dict[bytes, bytes], second: dict[bytes, bytes]) -> None:
    both = first | second
    assert Trie.from_items(both).root() == Trie.from_items(dict(reversed(both.items()))).root()


def test_values_keep_the_layout_in_which_they_were_written() -> None:
    old = Trie.from_items({b"old": b"o" * 40, b"other": b"x"}, 0)
    moved = old.apply({b"new": b"n" * 40}, 1)
    assert moved.root() not in (
        Trie.from_items(dict(moved.items()), 0).root(),
        Trie.from_items(dict(moved.items()), 1).root(),
    )
    migrated = moved.apply(dict(moved.items()), 1)
    assert migrated.root() == Trie.from_items(dict(moved.items()), 1).root()


def test_an_ordered_root_has_compact_indices_as_keys() -> None:
    values = [bytes([number % 251]) * (number % 50) for number in range(70)]
    keys = [bytes([index << 2]) for index in range(64)]
    keys += [(index << 2 | 1).to_bytes(2, "little") for index in range(64, 70)]
    assert ordered_root(values) == Trie.from_items(zip(keys, values, strict=True)).root()
    assert ordered_root([]).hex() == EMPTY_ROOT


def test_the_root_of_a_child_trie_is_a_value_of_the_trie() -> None:
    trie = Trie.from_items({b"top": b"1"}, children={b"child": {b"a": b"b"}})
    assert trie.child(b"child").get(b"a") == b"b"
    assert trie.get(CHILD_STORAGE + b"child") == Trie.from_items({b"a": b"b"}).root()
    assert trie.child_names() == [b"child"]
    emptied = trie.apply({}, 1, {b"child": {b"a": None}})
    assert emptied.root() == Trie.from_items({b"top": b"1"}).root()
    assert emptied.child_names() == []
    assert trie.child(b"child").get(b"a") == b"b"


def test_a_chain_of_keys_that_begin_with_one_another_needs_no_recursion() -> None:
    keys = [b"a" * length for length in range(1_100)]
    trie = Trie.from_items(dict.fromkeys(keys, b"v"))
    assert trie.apply({keys[-1]: None}).root() != trie.root()
    assert trie.next_key(keys[-2]) == keys[-1]


def nodes(of: Trie) -> set[int]:
    """The identities of the nodes of a trie."""
    pending, seen = [of._root], set()
    while pending:
        node = pending.pop()
        assert node is not None
        seen.add(id(node))
        pending.extend((node.children or {}).values())
    return seen


def test_a_version_that_nobody_holds_is_gone() -> None:
    """After many changes, no node is alive but those of the last version."""

    def alive() -> int:
        gc.collect()
        return sum(type(thing) is Node for thing in gc.get_objects())

    before = alive()
    trie = Trie.from_items({blake2_256(number.to_bytes(4)): b"v" for number in range(50)})
    for number in range(200):
        trie = trie.apply({b"hot": number.to_bytes(4), blake2_256(number.to_bytes(8)): b"stays"})
        trie.root()
    assert alive() - before == len(nodes(trie))


def test_a_change_costs_what_it_changes_and_not_what_there_is() -> None:
    """Of a trie with thousands of keys, a change of one copies only the nodes on the way to it."""
    items = {blake2_256(number.to_bytes(4)): b"v" for number in range(5_000)}
    trie = Trie.from_items(items)
    trie.root()
    changed = trie.apply({next(iter(items)): b"w"})

    assert len(nodes(changed) - nodes(trie)) <= 6
