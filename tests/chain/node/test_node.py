"""A whole node in memory: blocks, transactions, reads at blocks, time and state under control."""

import threading
from concurrent.futures import ThreadPoolExecutor
from hashlib import blake2b

import pytest

from meritnet.chain.client.codec import Codec
from meritnet.chain.errors import ChainError, HostError, UsageError
from meritnet.chain.host.trie import Trie
from meritnet.chain.keys import KeyPair, verify
from meritnet.chain.node.author import BlockRejected, execute
from meritnet.chain.node.block import AURA, SEAL, Block, blake2_256
from meritnet.chain.node.events import Event, ExtrinsicStatus, Finalized, NewHead
from meritnet.chain.node.node import Node, UnknownApi, UnknownBlock
from meritnet.chain.node.seal import GENESIS_TIME_MS, Instant, Interval, Manual
from meritnet.chain.node.validity import PoolRefusal
from meritnet.chain.scale import Reader, sized

EVENTS_KEY = bytes.fromhex("26aa394eea5630e07c48ae0c9558cef780d41e5e16056765bc8461851072c9d7")


def free(node: Node, codec: Codec, key: KeyPair, at: bytes | None = None) -> int:
    """An account's free balance in rao."""
    prefix = bytes.fromhex("26aa394eea5630e07c48ae0c9558cef7b99d880ec681799c0cf30e8886371da9")
    account = node.storage(prefix + blake2b(key.public, digest_size=16).digest() + key.public, at)
    return int.from_bytes((account or bytes(24))[16:24], "little")


def watch(node: Node) -> list[Event]:
    events: list[Event] = []
    node.subscribe(events.append)
    return events


def test_genesis_is_the_same_each_time(node: Node) -> None:
    assert node.head.number == 0
    assert node.head.hash == node.genesis_hash == node.finalized.hash
    assert node.state().root() == node.head.state_root
    with Node.open() as other:
        assert other.genesis_hash == node.genesis_hash


def test_an_empty_block_follows_its_parent_and_carries_the_next_slot(node: Node) -> None:
    first, second = node.seal(), node.seal()
    assert second.header.parent_hash == first.hash
    assert (first.number, second.number, node.head.number) == (1, 2, 2)
    assert first.header.slot == GENESIS_TIME_MS // 12_000 + 1
    assert second.header.slot == first.header.slot + 1
    assert len(first.extrinsics) == 1, "the timestamp"
    assert node.state(first.hash).root() == first.header.state_root
    assert node.block(first.hash) == node.block_at(1) == first
    assert node.block(bytes(32)) is None
    assert node.block_hash(3) is None


def test_the_seal_is_the_authors_signature(node: Node, keys: dict[str, KeyPair]) -> None:
    header = node.seal().header
    seal = header.logs[-1]
    assert seal[:5] == bytes([SEAL]) + AURA
    assert verify(keys["Alice"].public, header.unsealed().hash, Reader(seal, 5).octets())


def test_the_same_transactions_give_the_same_chain(node: Node, transfer) -> None:
    extrinsics = [transfer(nonce=nonce) for nonce in range(3)]
    hashes = []
    for _ in range(2):
        with node.anchor():
            for extrinsic in extrinsics:
                node.submit(extrinsic)
                node.seal()
            hashes.append(node.advance(5).hash)
            assert node.head.number == 8
    assert hashes[0] == hashes[1]


def test_a_transfer_moves_money_and_says_so(
    node: Node, codec: Codec, transfer, keys: dict[str, KeyPair]
) -> None:
    events = watch(node)
    before = free(node, codec, keys["Bob"])
    extrinsic_hash = node.submit(transfer(rao=123))
    assert len(node.pending()) == 1
    block = node.seal()
    assert node.pending() == []
    assert free(node, codec, keys["Bob"]) == before + 123
    assert free(node, codec, keys["Bob"], node.genesis_hash) == before
    own = [(e.status, e.value) for e in events if isinstance(e, ExtrinsicStatus)]
    assert own == [("ready", None), ("broadcast", None), ("inBlock", block.hash), ("finalized", block.hash)]
    assert extrinsic_hash == blake2_256(block.extrinsics[1])
    kinds = [type(event) for event in events]
    assert kinds.index(NewHead) < kinds.index(Finalized)
    names = [(event.pallet, event.name) for event in codec.events(node.storage(EVENTS_KEY) or b"")]
    assert ("Balances", "Transfer") in names


def test_a_failed_call_is_in_the_block_and_pays(
    node: Node, codec: Codec, transfer, keys: dict[str, KeyPair]
) -> None:
    before = free(node, codec, keys["Alice"])
    node.submit(transfer(rao=10**18))
    assert len(node.seal().extrinsics) == 2
    names = [event.name for event in codec.events(node.storage(EVENTS_KEY) or b"")]
    assert "ExtrinsicFailed" in names
    assert free(node, codec, keys["Alice"]) <= before


def test_nonces_are_counted_through_the_pool(node: Node, transfer, keys: dict[str, KeyPair]) -> None:
    alice = keys["Alice"].public
    later = node.submit(transfer(nonce=1))
    assert node.next_nonce(alice) == 0, "what waits for a gap does not count"
    node.submit(transfer(nonce=0))
    assert node.next_nonce(alice) == 2
    block = node.seal()
    assert [blake2_256(extrinsic) for extrinsic in block.extrinsics][-1] == later
    assert node.next_nonce(alice) == 2


@pytest.mark.parametrize(
    ("options", "code", "reason"),
    [
        ({"sender": "Nobody"}, 1010, "Inability to pay some fees (e.g. account balance too low)"),
        ({"nonce": 0}, 1010, "Transaction is outdated"),
    ],
)
def test_the_runtimes_objections_reach_the_sender(
    node: Node, transfer, options: dict[str, object], code: int, reason: str
) -> None:
    node.submit(transfer())
    node.seal()
    root = node.head.state_root
    with pytest.raises(PoolRefusal) as refusal:
        node.submit(transfer(**options))
    assert (refusal.value.code, refusal.value.data) == (code, reason)
    assert node.pending() == []
    assert node.head.state_root == root


def test_a_forged_signature_is_refused_and_banned(node: Node, transfer) -> None:
    extrinsic = bytearray(transfer())
    extrinsic[60] ^= 1
    for code in (1010, 1012):
        with pytest.raises(PoolRefusal) as refusal:
            node.submit(bytes(extrinsic))
        assert refusal.value.code == code


@pytest.mark.parametrize(
    "data", [b"", b"\x00", b"\x04", b"\x04\x02", b"\xff" * 40, sized(b"\x84\x00"), sized(bytes(70))]
)
def test_malformed_extrinsics_are_refused_without_damage(node: Node, data: bytes) -> None:
    with pytest.raises(PoolRefusal) as refusal:
        node.submit(data)
    assert refusal.value.code in (1001, 1002)
    assert node.pending() == []
    assert node.seal().number == 1


def test_the_dearer_of_two_with_one_nonce_stays(node: Node, transfer) -> None:
    cheap = node.submit(transfer(nonce=0, rao=1))
    dear = node.submit(transfer(nonce=0, rao=2, tip=10**9))
    assert [blake2_256(extrinsic) for extrinsic in node.pending()] == [dear]
    with pytest.raises(PoolRefusal, match="Priority is too low"):
        node.submit(transfer(nonce=0, rao=3))
    assert cheap != dear


def test_a_mortal_transaction_dies(node: Node, transfer) -> None:
    events = watch(node)
    node.submit(transfer(period=4, nonce=1))  # it waits for nonce 0
    node.advance(4)
    statuses = [event.status for event in events if isinstance(event, ExtrinsicStatus)]
    assert statuses == ["future", "invalid"]


def test_a_block_takes_what_fits_and_leaves_the_rest(node: Node, codec: Codec, keys, transfer) -> None:
    for nonce in range(30):
        node.submit(transfer(nonce=nonce))
    assert len(node.seal().extrinsics) == 31


def test_every_block_executes_again_and_a_changed_one_does_not(node: Node, transfer) -> None:
    parent = node.seal()
    state = node.state()
    node.submit(transfer())
    block = node.seal()
    node.replay(2)
    for broken in (
        Block(block.header, block.extrinsics[:1]),
        Block(block.header, (block.extrinsics[0], transfer(nonce=1))),
        Block(parent.header, block.extrinsics),
    ):
        with pytest.raises(BlockRejected, match="does not execute again"):
            execute(node.runtime, broken, state)
    with pytest.raises(BlockRejected):
        execute(node.runtime, block, Trie())


def test_runtime_calls_read_any_block_and_change_none(node: Node) -> None:
    genesis = node.head.hash
    node.advance(2)
    assert node.call("Core_version", b"") == node.call("Core_version", b"", genesis)
    with pytest.raises(UnknownApi, match=r"^Exported method Nope_at_all is not found$"):
        node.call("Nope_at_all", b"")
    with pytest.raises(HostError, match="validate_transaction"):
        node.call("TaggedTransactionQueue_validate_transaction", b"\xff")
    with pytest.raises(UnknownBlock):
        node.call("Core_version", b"", bytes(32))
    assert node.state().root() == node.head.state_root


def test_keys_are_paged_in_order(node: Node) -> None:
    every = [key for key, _ in node.state().items()]
    paged: list[bytes] = []
    while page := node.keys_paged(b"", 7, paged[-1] if paged else None):
        paged += page
    assert paged == every
    prefix = every[-1][:16]
    assert node.keys_paged(prefix, 1_000) == [key for key in every if key.startswith(prefix)]
    assert node.keys_paged(every[3], 5) == [every[3]]
    assert node.keys_paged(b"", 0) == []


def test_an_anchor_undoes_everything(node: Node, transfer) -> None:
    node.submit(transfer(nonce=1))
    node.advance(2)
    before = (node.head.hash, node.pending(), node.state().root())
    with node.anchor():
        node.submit(transfer(nonce=0))
        node.advance(3)
        node.set_storage({b"key": b"value"})
        node.travel(GENESIS_TIME_MS + 10**9)
        node.advance(2)
        assert node.storage(b"key") == b"value"
    assert (node.head.hash, node.pending(), node.state().root()) == before
    assert node.seal().header.slot == GENESIS_TIME_MS // 12_000 + 3
    assert node.storage(b"key") is None


def test_a_snapshot_works_again_and_again_but_not_after_going_below_it(node: Node) -> None:
    node.advance(2)
    name = node.mark()
    for _ in range(2):
        node.advance(3)
        node.revert_to(name)
        assert node.head.number == 2
    node.set_head(1)
    node.advance(4)
    assert node.head.number == 5
    node.revert_to(name)  # the same blocks were made again, so that the snapshot is true again
    assert node.head.number == 2
    with pytest.raises(UsageError, match="no snapshot"):
        node.revert_to("snapshot-9")


def test_a_snapshot_of_another_line_is_refused(node: Node) -> None:
    node.advance(2)
    name = node.mark()
    node.set_head(1)
    node.travel(GENESIS_TIME_MS + 10**9)
    node.advance(4)
    with pytest.raises(UsageError, match="gone back"):
        node.revert_to(name)


def test_going_back_keeps_transactions_that_still_fit(node: Node, transfer) -> None:
    node.submit(transfer(nonce=0))
    node.seal()
    node.submit(transfer(nonce=1))
    events = watch(node)
    assert node.set_head(0).number == 0
    assert [type(event) for event in events[:1]] == [NewHead]
    assert node.pending() == [], "nonce 1 waits for nonce 0 again"
    node.submit(transfer(nonce=0))
    assert len(node.pending()) == 2
    with pytest.raises(UsageError, match="no block 1"):
        node.set_head(1)


def test_state_edited_from_outside_is_what_the_next_block_builds_on(node: Node) -> None:
    node.seal()
    node.set_storage({b"one": b"1", b"two": b"2"})
    node.set_storage({b"two": None})
    assert node.storage(b"one") == b"1"
    block = node.seal()
    assert block.header.state_root == node.state().root()
    assert node.storage(b"one", block.hash) == b"1"
    assert node.storage(b"two") is None


def test_time_moves_only_forward(node: Node) -> None:
    wanted = GENESIS_TIME_MS + 10 * 86_400_000 + 1
    carried = node.travel(wanted)
    assert wanted <= carried < wanted + 12_000
    assert node.seal().header.slot == carried // 12_000
    assert node.seal().header.slot == carried // 12_000 + 1
    with pytest.raises(UsageError, match="past"):
        node.travel(GENESIS_TIME_MS)


def test_instant_sealing_makes_a_block_for_each_transaction(node: Node, transfer) -> None:
    node.set_seal(Instant())
    try:
        for _ in range(3):
            node.submit(transfer())
        assert node.head.number == 3
    finally:
        node.set_seal(Manual())


def test_many_threads_read_and_submit_while_blocks_are_made(node: Node, transfer) -> None:
    extrinsics = [transfer(nonce=nonce) for nonce in range(24)]

    def work(mine: list[bytes]) -> None:
        for extrinsic in mine:
            node.submit(extrinsic)
            head = node.head
            assert node.state(head.hash).root() == head.state_root
            assert node.call("Core_version", b"", head.hash)
            assert node.block(head.hash) is not None

    with ThreadPoolExecutor(4) as workers:
        running = [workers.submit(work, extrinsics[first::4]) for first in range(4)]
        while not all(each.done() for each in running):
            node.seal()
    for each in running:
        each.result()
    node.seal()
    assert node.pending() == []
    blocks = filter(None, map(node.block_at, range(1, node.head.number + 1)))
    assert sum(len(block.extrinsics) - 1 for block in blocks) == 24


def test_a_subscriber_that_fails_stops_nothing(node: Node, caplog: pytest.LogCaptureFixture) -> None:
    def broken(_event: Event) -> None:
        raise ZeroDivisionError

    end = node.subscribe(broken)
    events = watch(node)
    assert node.seal().number == 1
    assert len(events) == 2
    assert "a subscriber failed on NewHead" in caplog.text
    end()
    caplog.clear()
    node.seal()
    assert not caplog.records


@pytest.mark.parametrize("error", [HostError("a trap"), ZeroDivisionError("a bug")])
def test_a_block_that_cannot_be_made_stops_the_chain_and_is_told(
    error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise error

    with Node.open() as node:
        node.seal()
        monkeypatch.setattr("meritnet.chain.node.node.author", broken)
        node.set_seal(Interval(0.01))
        sealer = node._sealer
        assert sealer is not None
        sealer._thread.join(10)
        assert not sealer._thread.is_alive(), "it does not spin"
        assert str(error) in str(node.failure)
        with pytest.raises(ChainError):
            node.seal()
        assert node.state().root() == node.head.state_root
        assert node.head.number == 1


def test_interval_sealing_goes_on_by_itself_and_ends(transfer) -> None:
    seen = threading.Event()
    with Node.open(seal=Interval(0.01)) as node:
        node.subscribe(lambda event: seen.set() if isinstance(event, NewHead) else None)
        assert seen.wait(10)
        first = node.block_at(1)
        assert first is not None
        assert first.header.slot == GENESIS_TIME_MS // 12_000 + 1, "a fast chain's time is its own"
    height = node.head.number
    with pytest.raises(UsageError, match="closed"):
        node.seal()
    assert node.head.number == height
