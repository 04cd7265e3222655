"""The newer methods: following the chain's end, reading any block, sending without watching."""

from typing import Any

import pytest

from meritnet.chain.node.block import decode_header
from meritnet.chain.node.node import Node
from meritnet.chain.rpc import follow
from meritnet.chain.rpc.follow import MOST_FOLLOWERS

ACCOUNTS = "0x26aa394eea5630e07c48ae0c9558cef7b99d880ec681799c0cf30e8886371da9"


@pytest.fixture
def subscription(client) -> str:
    found: str = client.ask("chainHead_v1_follow", True)
    return found


def done(client, subscription: str, answer: dict[str, Any]) -> list[dict[str, Any]]:
    """The events of an operation, without its id."""
    assert answer["result"] == "started"
    events = [
        event for event in client.results(subscription) if event.get("operationId") == answer["operationId"]
    ]
    return [{name: value for name, value in event.items() if name != "operationId"} for event in events]


def test_a_follower_is_told_of_every_block(client, node: Node, subscription: str) -> None:
    first = node.seal()
    initialized, new, best, final = client.results(subscription)
    genesis, block = "0x" + node.genesis_hash.hex(), "0x" + first.hash.hex()
    assert initialized["event"] == "initialized"
    assert initialized["finalizedBlockHashes"] == [genesis]
    assert initialized["finalizedBlockRuntime"]["spec"]["specName"] == "meritnet"
    assert new == {"event": "newBlock", "blockHash": block, "parentBlockHash": genesis, "newRuntime": None}
    assert best == {"event": "bestBlockChanged", "bestBlockHash": block}
    assert final == {"event": "finalized", "finalizedBlockHashes": [block], "prunedBlockHashes": []}
    assert client.notifications() == {"chainHead_v1_followEvent"}
    assert client.ask("chainHead_v1_unfollow", subscription) is None
    node.seal()
    assert len(client.results(subscription)) == 4
    assert client.ask("chainHead_v1_header", subscription, block) is None
    assert client.ask("chainHead_v1_body", subscription, block) == {"result": "limitReached"}


def test_pinned_blocks_are_read(client, node: Node, subscription: str, transfer) -> None:
    node.submit(transfer())
    block = node.seal()
    at = "0x" + block.hash.hex()
    assert (
        decode_header(bytes.fromhex(client.ask("chainHead_v1_header", subscription, at)[2:])) == block.header
    )
    body = done(client, subscription, client.ask("chainHead_v1_body", subscription, at))
    assert body == [{"event": "operationBodyDone", "value": ["0x" + each.hex() for each in block.extrinsics]}]
    called = done(
        client, subscription, client.ask("chainHead_v1_call", subscription, at, "Core_version", "0x")
    )
    assert called == [
        {"event": "operationCallDone", "output": client.ask("state_call", "Core_version", "0x")}
    ]
    (failed,) = done(client, subscription, client.ask("chainHead_v1_call", subscription, at, "No_such", "0x"))
    assert failed == {"event": "operationError", "error": "Exported method No_such is not found"}


def test_storage_is_read_by_key_and_by_prefix(client, node: Node, subscription: str) -> None:
    genesis = "0x" + node.genesis_hash.hex()
    pairs = client.ask("state_getPairs", ACCOUNTS)
    items = [
        {"key": pairs[0][0], "type": "value"},
        {"key": pairs[0][0], "type": "hash"},
        {"key": "0x99", "type": "value"},
        {"key": ACCOUNTS, "type": "descendantsValues"},
        {"key": ACCOUNTS, "type": "descendantsHashes"},
    ]
    answer = client.ask("chainHead_v1_storage", subscription, genesis, items, None)
    assert answer["discardedItems"] == 0
    found, end = done(client, subscription, answer)
    assert end == {"event": "operationStorageDone"}
    hashes = [client.ask("state_getStorageHash", key) for key, _ in pairs]
    assert found["items"] == [
        {"key": pairs[0][0], "value": pairs[0][1]},
        {"key": pairs[0][0], "hash": hashes[0]},
        *({"key": key, "value": value} for key, value in pairs),
        *({"key": key, "hash": value} for (key, _), value in zip(pairs, hashes, strict=True)),
    ]
    merkle = [{"key": "0x99", "type": "closestDescendantMerkleValue"}]
    assert client.error("chainHead_v1_storage", subscription, genesis, merkle, None)["code"] == -32602


def test_blocks_are_let_go_one_by_one(client, node: Node, subscription: str) -> None:
    hashes = ["0x" + node.genesis_hash.hex(), *("0x" + node.seal().hash.hex() for _ in range(3))]
    assert client.ask("chainHead_v1_unpin", subscription, hashes[0]) is None
    assert client.ask("chainHead_v1_unpin", subscription, hashes[1:3]) is None
    assert client.error("chainHead_v1_header", subscription, hashes[0])["code"] == -32801
    assert client.error("chainHead_v1_unpin", subscription, hashes[0])["code"] == -32801
    assert client.error("chainHead_v1_unpin", subscription, [hashes[3]] * 2)["code"] == -32804
    assert client.ask("chainHead_v1_header", subscription, hashes[3])
    assert client.ask("chainHead_v1_unpin", "sub-99", hashes[3]) is None


def test_a_follower_is_stopped_when_the_chain_goes_back_or_it_keeps_too_much(
    client, node: Node, subscription: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    node.advance(2)
    node.set_head(1)
    assert client.results(subscription)[-1] == {"event": "stop"}
    monkeypatch.setattr(follow, "MOST_PINNED", 3)
    again = client.ask("chainHead_v1_follow", False)
    node.advance(3)
    assert client.results(again)[-1] == {"event": "stop"}
    assert len(client.session.subscriptions) == 0


def test_followers_are_counted(client) -> None:
    for _ in range(MOST_FOLLOWERS):
        client.ask("chainHead_v1_follow", False)
    assert client.error("chainHead_v1_follow", False)["code"] == -32800
    assert client.error("chainHead_v1_follow", "yes")["code"] == -32602


def test_operations_never_wait_and_are_over_before_they_can_be_stopped(client, subscription: str) -> None:
    assert client.error("chainHead_v1_continue", subscription, "operation-1")["code"] == -32803
    assert client.ask("chainHead_v1_stopOperation", subscription, "operation-1") is None


def test_a_broadcast_ends_up_in_a_block_if_it_is_valid(client, node: Node, transfer) -> None:
    operation = client.ask("transaction_v1_broadcast", transfer().hex())
    assert isinstance(operation, str)
    assert client.ask("transaction_v1_broadcast", "0x00") != operation
    assert len(node.seal().extrinsics) == 2
    assert client.ask("transaction_v1_stop", operation) is None


def test_the_archive_has_every_block(client, node: Node) -> None:
    node.advance(2)
    first = node.block_at(1)
    assert first is not None
    at = "0x" + first.hash.hex()
    assert client.ask("archive_v1_genesisHash") == "0x" + node.genesis_hash.hex()
    assert client.ask("archive_v1_finalizedHeight") == 2
    assert client.ask("archive_v1_hashByHeight", 1) == [at]
    assert client.ask("archive_v1_hashByHeight", 3) == []
    assert client.ask("archive_v1_header", at) == "0x" + first.header.encoded.hex()
    assert client.ask("archive_v1_body", at) == ["0x" + each.hex() for each in first.extrinsics]
    assert client.ask("archive_v1_call", at, "Core_version", "0x")["success"] is True
    assert client.ask("archive_v1_call", at, "No_such", "0x")["success"] is False
    nowhere = "0x" + "00" * 32
    for method, *more in (("header",), ("body",), ("call", "Core_version", "0x")):
        assert client.ask(f"archive_v1_{method}", nowhere, *more) is None
    items = [{"key": ACCOUNTS, "type": "descendantsValues"}]
    subscription = client.ask("archive_v1_storage", at, items)
    events = client.results(subscription)
    assert events[-1] == {"event": "storageDone"}
    assert [[event["key"], event["value"]] for event in events[:-1]] == client.ask(
        "state_getPairs", ACCOUNTS, at
    )
    assert client.error("archive_v1_storage", nowhere, items)["code"] == -32602
