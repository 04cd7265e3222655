"""The overlay against plain dicts: reads, transactions, lists, prefixes."""

from collections.abc import Iterable

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from meritnet.chain.host.overlay import Overlay, Removal
from meritnet.chain.host.trie import Trie
from meritnet.chain.scale import compact

KEYS = st.text("ab", max_size=3).map(str.encode)
VALUES = st.binary(max_size=3) | st.just(b"v" * 40)


def removed(keys: Iterable[bytes], prefix: bytes) -> list[bytes]:
    return [key for key in keys if key.startswith(prefix)]


class OverlayMachine(RuleBasedStateMachine):
    """Does everything to an overlay and to a stack of dicts, and compares them after each step."""

    @initialize(items=st.dictionaries(KEYS, VALUES, max_size=8))
    def start(self, items: dict[bytes, bytes]) -> None:
        self.overlay = Overlay(Trie.from_items(items))
        self.below = items
        self.models = [dict(items)]

    @rule(key=KEYS, value=VALUES)
    def put(self, key: bytes, value: bytes) -> None:
        self.overlay.put(key, value)
        self.models[-1][key] = value

    @rule(key=KEYS)
    def delete(self, key: bytes) -> None:
        self.overlay.delete(key)
        self.models[-1].pop(key, None)

    @rule(key=KEYS, items=st.lists(st.binary(min_size=1, max_size=2), min_size=1, max_size=3))
    def rewrite_as_list(self, key: bytes, items: list[bytes]) -> None:
        self.overlay.delete(key)
        for item in items:
            self.overlay.append(key, item)
        self.models[-1][key] = compact(len(items)) + b"".join(items)

    @rule(prefix=KEYS)
    def clear_prefix(self, prefix: bytes) -> None:
        assert self.overlay.clear_prefix(prefix).cursor is None
        for key in removed(list(self.models[-1]), prefix):
            del self.models[-1][key]

    @rule(prefix=KEYS, limit=st.integers(0, 3))
    def clear_some(self, prefix: bytes, limit: int) -> None:
        """Everything written goes; of what is only in the state, the keys beyond the limit stay."""
        written = self.overlay.changes().keys()
        in_state = sorted(removed(self.below, prefix))
        removal = self.overlay.clear_prefix(prefix, limit)
        for key in removed(list(self.models[-1]), prefix):
            if key in written or key in in_state[:limit]:
                del self.models[-1][key]
        assert removal.cursor == (in_state[limit] if len(in_state) > limit else None)
        assert removal.loops == min(limit, len(in_state))

    @rule()
    def begin(self) -> None:
        self.overlay.begin()
        self.models.append(dict(self.models[-1]))

    @precondition(lambda self: len(self.models) > 1)
    @rule()
    def commit(self) -> None:
        self.overlay.commit()
        inner = self.models.pop()
        self.models[-1] = inner

    @precondition(lambda self: len(self.models) > 1)
    @rule()
    def rollback(self) -> None:
        self.overlay.rollback()
        self.models.pop()

    @rule(key=KEYS)
    def read(self, key: bytes) -> None:
        model = self.models[-1]
        assert self.overlay.get(key) == model.get(key)
        assert (key in self.overlay) == (key in model)
        assert self.overlay.next_key(key) == min((other for other in model if other > key), default=None)

    @invariant()
    def holds_what_the_model_holds(self) -> None:
        model = self.models[-1]
        assert self.overlay.depth == len(self.models) - 1
        merged = self.below | self.overlay.changes()
        assert {key: value for key, value in merged.items() if value is not None} == model
        assert self.overlay.root() == Trie.from_items(model).root()
        assert dict(self.overlay.state.items()) == self.below


OverlayMachine.TestCase.settings = settings(max_examples=30, stateful_step_count=25)
TestOverlayMachine = OverlayMachine.TestCase


def test_appending_makes_a_scale_list_across_every_width_of_its_length() -> None:
    overlay = Overlay(Trie())
    for count in range(1, 17_000):
        overlay.append(b"list", b"\x07")
        if count in (1, 63, 64, 65, 16_383, 16_384):
            assert overlay.get(b"list") == compact(count) + b"\x07" * count


@pytest.mark.parametrize("junk", [b"\x03", b"\x01", b"\x02\x00", b"\xff" * 9])
def test_appending_to_what_is_no_list_begins_a_new_one(junk: bytes) -> None:
    overlay = Overlay(Trie.from_items({b"list": junk}))
    overlay.append(b"list", b"item")
    assert overlay.get(b"list") == b"\x04item"


def test_appending_goes_on_with_a_list_of_the_state() -> None:
    overlay = Overlay(Trie.from_items({b"list": b"\x08ab"}))
    overlay.append(b"list", b"c")
    assert overlay.get(b"list") == b"\x0cabc"


def test_an_append_that_is_taken_back_leaves_the_list_as_it_was() -> None:
    overlay = Overlay(Trie())
    overlay.append(b"list", b"a")
    overlay.begin()
    overlay.append(b"list", b"b")
    assert overlay.get(b"list") == b"\x08ab"
    overlay.rollback()
    assert overlay.get(b"list") == b"\x04a"
    overlay.append(b"list", b"c")
    assert overlay.get(b"list") == b"\x08ac"


def test_closing_what_is_not_open_is_an_error() -> None:
    for close in (Overlay(Trie()).commit, Overlay(Trie()).rollback):
        with pytest.raises(IndexError):
            close()


def test_a_limited_removal_counts_as_substrate_does() -> None:
    """What was written goes at once, what the state holds up to the limit (sp-state-machine, ``Ext``)."""
    overlay = Overlay(Trie.from_items({b"a1": b"1", b"a2": b"2", b"a3": b"3", b"b": b"4"}))
    overlay.put(b"a0", b"new")
    overlay.put(b"a1", b"changed")
    first = overlay.clear_prefix(b"a", 2)
    assert first == Removal(cursor=b"a3", backend=1, unique=3, loops=2)
    assert overlay.clear_prefix(b"a", 2, first.cursor) == Removal(None, 1, 1, 1)
    assert overlay.next_key(b"") == b"b"


def test_child_storages_share_the_transactions() -> None:
    overlay = Overlay(Trie.from_items({}, children={b"one": {b"k": b"v"}}))
    overlay.begin()
    overlay.child(b"one").put(b"k", b"w")
    overlay.child(b"two").put(b"k", b"x")
    assert overlay.child_changes() == {b"one": {b"k": b"w"}, b"two": {b"k": b"x"}}
    overlay.rollback()
    assert overlay.child(b"one").get(b"k") == b"v"
    assert overlay.child_changes() == {}
    overlay.begin()
    overlay.child(b"two").put(b"k", b"y")
    overlay.commit()
    assert overlay.root() == Trie.from_items({}, children={b"one": {b"k": b"v"}, b"two": {b"k": b"y"}}).root()
    assert overlay.child_root(b"two") == Trie.from_items({b"k": b"y"}).root()


def test_the_state_with_changes_is_made_once() -> None:
    overlay = Overlay(Trie())
    overlay.put(b"k", b"v")
    applied = overlay.applied()
    assert overlay.applied() is applied
    overlay.child(b"c").put(b"k", b"v")
    assert overlay.applied() is not applied
