"""JSON-RPC without sockets: framing, every method of the table, subscriptions, what clients' quirks need."""

from typing import Any

import pytest

from meritnet.chain.host.proof import read
from meritnet.chain.keys import KeyPair
from meritnet.chain.node.block import blake2_256
from meritnet.chain.node.node import Node
from meritnet.chain.node.seal import GENESIS_TIME_MS, Instant, Manual
from meritnet.chain.rpc import methods
from meritnet.chain.rpc.session import MOST_IN_BATCH, MOST_PARTS, Session
from meritnet.chain.rpc.subscriptions import MOST

ALICE = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY"
CODE = "0x3a636f6465"
EVENTS = "0x26aa394eea5630e07c48ae0c9558cef780d41e5e16056765bc8461851072c9d7"


# What the clients of research call, in their order, must be there (names taken from recorded connections).
CALLED = set(
    """
system_chain rpc_methods chain_getHead chain_getHeader state_getRuntimeVersion state_getMetadata
state_getStorageAt state_getKeysPaged state_queryStorageAt state_call chain_getBlockHash account_nextIndex
author_submitAndWatchExtrinsic author_unwatchExtrinsic author_submitExtrinsic chain_getBlock
chain_subscribeNewHeads chain_unsubscribeNewHeads chain_subscribeFinalizedHeads state_subscribeStorage
state_unsubscribeStorage chain_getFinalizedHead system_properties state_subscribeRuntimeVersion system_health
system_accountNextIndex system_dryRun chain_subscribeNewHead state_getStorage system_chainType system_name
system_version system_peers author_pendingExtrinsics chain_subscribeAllHeads state_getStorageHash
state_getReadProof chainSpec_v1_chainName chainSpec_v1_genesisHash chainSpec_v1_properties payment_queryInfo
payment_queryFeeDetails system_syncState system_nodeRoles system_localPeerId system_localListenAddresses
childstate_getKeysPaged childstate_getStorage state_getStorageSize state_getPairs state_queryStorage
""".split()  # noqa: SIM905 - a list of so many names is easier to read so
)


@pytest.mark.parametrize(
    "message", [5, "x", None, {}, {"method": 5, "id": 1}, {"id": [1], "method": "system_name"}]
)
def test_what_is_no_request_is_answered_as_such(client, message: object) -> None:
    assert client.raw(message)["error"]["code"] == -32600


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000, "\0", '{"id": NaN'])
def test_what_is_no_json_is_answered_as_such(client, text: str) -> None:
    assert '"code":-32700' in client.session.receive(text)


def test_unknown_methods_and_wrong_parameters_say_so(client) -> None:
    assert client.error("nope") == {"code": -32601, "message": "Method not found"}
    for params in ([], [1, 2, 3], ["0x123"], ["zz"]):
        assert client.error("state_getStorage", *params)["code"] == -32602
    assert client.error("chain_getHeader", "0x1234")["data"] == "a block hash has 32 bytes, not 2"
    answer = client.raw({"jsonrpc": "2.0", "id": 1, "method": "system_name", "params": "x"})
    assert answer["error"]["code"] == -32602


def test_parameters_may_have_names(client) -> None:
    named = {
        "jsonrpc": "2.0",
        "id": None,
        "method": "state_getStorage",
        "params": {"key": EVENTS, "at": None},
    }
    assert client.raw(named) == {"jsonrpc": "2.0", "id": None, "result": None}


def test_batches_are_answered_in_order_and_bounded(client) -> None:
    one = {"jsonrpc": "2.0", "id": 1, "method": "system_name"}
    quiet = {"jsonrpc": "2.0", "method": "system_name"}
    assert [answer["id"] for answer in client.raw([one, quiet, one | {"id": "b"}])] == [1, "b"]
    assert client.raw([quiet]) is None
    assert client.raw(quiet) is None
    assert client.raw([])["error"]["code"] == -32600
    assert (
        client.raw([one] * (MOST_IN_BATCH + 1))["error"]["data"] == f"Exceeded max limit of {MOST_IN_BATCH}"
    )


@pytest.mark.parametrize("part", ["[", '{"a":', "1,"])
def test_a_message_of_too_many_parts_is_not_even_parsed(client, part: str) -> None:
    assert f"Exceeded max limit of {MOST_PARTS} parts" in client.session.receive(part * (MOST_PARTS + 1))


def test_every_method_that_clients_call_is_listed_and_dev_ones_are_not(client, developer) -> None:
    listed = client.ask("rpc_methods")["methods"]
    assert set(listed) >= CALLED
    assert not [name for name in listed if name.startswith("dev_")]
    assert client.error("dev_newBlock")["code"] == -32601
    assert "dev_newBlock" in developer.ask("rpc_methods")["methods"]
    assert len(methods.BY_NAME) == sum(1 + len(method.aliases) for method in methods.TABLE), "a name twice"


def test_the_node_says_what_it_is(client, node: Node) -> None:
    assert client.ask("system_chain") == client.ask("chainSpec_v1_chainName") == "Meritnet local"
    assert client.ask("system_properties")["ss58Format"] == 42
    assert client.ask("system_health") == {"peers": 0, "isSyncing": False, "shouldHavePeers": False}
    assert client.ask("chainSpec_v1_genesisHash") == "0x" + node.genesis_hash.hex()
    version = client.ask("state_getRuntimeVersion", None)
    assert version["specName"] == "meritnet"
    assert version["transactionVersion"] >= 1
    assert ["0xdf6acb689907609b", 5] in version["apis"]
    for method in (
        "chainType",
        "name",
        "version",
        "peers",
        "nodeRoles",
        "localPeerId",
        "localListenAddresses",
    ):
        client.ask(f"system_{method}")
    node.advance(2)
    assert client.ask("system_syncState") == {"startingBlock": 0, "currentBlock": 2, "highestBlock": 2}


def test_blocks_are_found_however_clients_write_numbers(client, node: Node) -> None:
    node.advance(5)
    hashes = ["0x" + (node.block_hash(number) or b"").hex() for number in range(6)]
    assert client.ask("chain_getHead") == client.ask("chain_getBlockHash") == hashes[5]
    assert client.ask("chain_getBlockHash", None) == client.ask("chain_getFinalizedHead") == hashes[5]
    for written in (5, "5", "0x5", "0x00000005"):
        assert client.ask("chain_getBlockHash", written) == hashes[5]
    assert client.ask("chain_getBlockHash", [0, "0x1", 9]) == [hashes[0], hashes[1], None]
    header = client.ask("chain_getHeader", hashes[2])
    assert (header["number"], header["parentHash"]) == ("0x2", hashes[1])
    assert client.ask("chain_getHeader")["number"] == "0x5"
    block = client.ask("chain_getBlock", hashes[2][2:])
    assert block["block"]["header"] == header
    assert block["justifications"] is None
    assert client.ask("chain_getBlock", "0x" + "00" * 32) is None
    assert client.error("chain_getBlockHash", -1)["code"] == -32602


def test_state_is_read_at_any_block(client, node: Node) -> None:
    genesis = client.ask("chain_getBlockHash", 0)
    node.advance(2)
    value = client.ask("state_getStorage", EVENTS)
    assert client.ask("state_getStorageAt", EVENTS[2:], None) == value
    assert client.ask("state_getStorage", EVENTS, genesis) is None
    size = len(bytes.fromhex(value[2:]))
    assert client.ask("state_getStorageSize", EVENTS) == size
    assert client.ask("state_getStorageHash", EVENTS) == "0x" + blake2_256(bytes.fromhex(value[2:])).hex()
    assert client.ask("state_getStorageHash", "0x99") is client.ask("state_getStorageSize", "0x99") is None
    (found,) = client.ask("state_queryStorageAt", [EVENTS, "0x99"], genesis)
    assert found == {"block": genesis, "changes": [[EVENTS, None], ["0x99", None]]}
    sets = client.ask("state_queryStorage", [EVENTS], genesis)
    assert [each["changes"][0][1] is None for each in sets] == [True, False]
    unknown = client.error("state_getStorage", EVENTS, "0x" + "11" * 32)
    assert unknown["code"] == 4003
    assert unknown["message"].startswith(
        "Client error: UnknownBlock: Header was not found in the database: 0x11"
    )


def test_keys_are_listed_by_pages_and_pairs(client) -> None:
    prefix = "0x26aa394eea5630e07c48ae0c9558cef7"
    first = client.ask("state_getKeysPaged", prefix, 3)
    second = client.ask("state_getKeysPaged", prefix, 1000, first[-1], None)
    pairs = client.ask("state_getPairs", prefix)
    assert first + second == [key for key, _ in pairs]
    too_many = client.error("state_getKeysPaged", prefix, 1001)
    assert too_many == {"code": 4002, "message": "count exceeds maximum value. value: 1001, max: 1000"}
    child = "0x" + b":child_storage:default:x".hex()
    assert client.ask("childstate_getKeysPaged", child, "0x", 5) == []
    assert client.ask("childstate_getStorage", child, "0x01") is None
    assert client.error("childstate_getStorage", "0x01", "0x01")["code"] == 4001


def test_a_read_proof_shows_the_value_under_the_root(client, node: Node) -> None:
    node.seal()
    proof = client.ask("state_getReadProof", [EVENTS])
    assert proof["at"] == client.ask("chain_getHead")
    nodes = [bytes.fromhex(part[2:]) for part in proof["proof"]]
    key = bytes.fromhex(EVENTS[2:])
    assert read(node.head.state_root, nodes, key) == node.storage(key)


def test_runtime_calls_take_hex_with_and_without_prefix(client) -> None:
    version = client.ask("state_call", "Core_version", "0x")
    assert version == client.ask("state_call", "Core_version", "", None)
    at15 = client.ask("state_call", "Metadata_metadata_at_version", "0f000000")
    assert at15 == client.ask("state_call", "Metadata_metadata_at_version", "0x0f000000")
    assert client.ask("state_getMetadata")[2:10] == b"meta".hex()
    missing = client.error("state_call", "Metadata_nope", "0x")
    # async-substrate-interface and bittensor 11 compare this text letter by letter
    assert missing == {
        "code": 4003,
        "message": "Client error: Execution failed: Other: Exported method Metadata_nope is not found",
    }


def test_fees_are_told_before_signing_is_paid(client, transfer) -> None:
    extrinsic = "0x" + transfer().hex()
    info = client.ask("payment_queryInfo", extrinsic)
    assert info["class"] == "normal"
    assert info["weight"]["ref_time"] > 0
    details = client.ask("payment_queryFeeDetails", extrinsic, None)
    parts = details["inclusionFee"]
    assert sum(int(part, 16) for part in parts.values()) == int(info["partialFee"])


def test_a_transaction_is_dry_run_without_a_trace(client, transfer, node: Node) -> None:
    root = node.state().root()
    assert client.ask("system_dryRun", transfer().hex()) == "0x0000"
    assert client.ask("system_dryRun", transfer(rao=10**18).hex())[:6] == "0x0001"
    assert client.ask("system_dryRun", transfer(sender="Nobody").hex()) == "0x010001"
    assert node.state().root() == root


def test_a_watched_transaction_tells_its_way(client, node: Node, transfer) -> None:
    subscription = client.ask("author_submitAndWatchExtrinsic", "0x" + transfer().hex())
    assert isinstance(subscription, str)
    assert client.ask("system_accountNextIndex", ALICE) == client.ask("account_nextIndex", ALICE) == 1
    assert len(client.ask("author_pendingExtrinsics")) == 1
    block = "0x" + node.seal().hash.hex()
    expected: list[Any] = ["ready", {"broadcast": []}, {"inBlock": block}, {"finalized": block}]
    assert client.results(subscription) == expected
    assert client.notifications() == {"author_extrinsicUpdate"}
    assert client.ask("author_unwatchExtrinsic", subscription) is False, "it ended by itself"
    assert len(client.session.subscriptions) == 0


def test_a_transaction_that_gives_way_hears_of_it(client, transfer) -> None:
    loser = client.ask("author_submitAndWatchExtrinsic", transfer(nonce=0).hex())
    winner = client.ask("author_submitExtrinsic", transfer(nonce=0, tip=10**9).hex())
    assert client.results(loser)[-1] == {"usurped": winner}
    waiting = client.ask("author_submitAndWatchExtrinsic", transfer(nonce=5).hex())
    assert client.results(waiting) == ["future"]


def test_refusals_carry_the_codes_of_the_pool(client, node: Node, transfer) -> None:
    extrinsic = transfer().hex()
    extrinsic_hash = client.ask("author_submitExtrinsic", extrinsic)
    again = client.error("author_submitExtrinsic", extrinsic)
    assert again == {"code": 1013, "message": "Transaction Already Imported", "data": extrinsic_hash}
    node.seal()
    stale = client.error("author_submitAndWatchExtrinsic", extrinsic)
    assert stale == {"code": 1010, "message": "Invalid Transaction", "data": "Transaction is outdated"}
    assert client.error("author_submitExtrinsic", extrinsic)["code"] == 1012
    assert len(client.session.subscriptions) == 0
    assert client.error("author_submitExtrinsic", "0x04")["code"] == 1001
    assert client.error("author_submitExtrinsic", "0x0402")["code"] == 1002
    assert client.error("author_submitExtrinsic", 5)["code"] == -32602


@pytest.mark.parametrize(
    ("method", "end", "notification"),
    [
        ("chain_subscribeNewHeads", "chain_unsubscribeNewHeads", "chain_newHead"),
        ("chain_subscribeNewHead", "chain_unsubscribeNewHead", "chain_newHead"),
        ("chain_subscribeAllHeads", "chain_unsubscribeAllHeads", "chain_allHead"),
        ("chain_subscribeFinalizedHeads", "chain_unsubscribeFinalizedHeads", "chain_finalizedHead"),
    ],
)
def test_heads_are_told_until_unsubscribed(
    client, node: Node, method: str, end: str, notification: str
) -> None:
    subscription = client.ask(method)
    node.advance(2)
    assert [header["number"] for header in client.results(subscription)] == ["0x0", "0x1", "0x2"]
    assert client.notifications() == {notification}
    assert client.ask(end, subscription) is True
    assert client.ask(end, subscription) is False
    node.seal()
    assert len(client.results(subscription)) == 3


def test_storage_is_told_now_and_when_it_changes(client, node: Node, transfer) -> None:
    account = client.ask(
        "state_getKeysPaged", "0x26aa394eea5630e07c48ae0c9558cef7b99d880ec681799c0cf30e8886371da9", 100
    )
    subscription = client.ask("state_subscribeStorage", [*account, "0x99"])
    assert len(client.results(subscription)[0]["changes"]) == len(account) + 1
    node.seal()
    assert len(client.results(subscription)) == 1, "nothing of it changed"
    node.submit(transfer())
    node.seal()
    assert len(client.results(subscription)[1]["changes"]) == 2, "the sender and the receiver"
    node.set_storage({b"\x99": b"x"})
    assert client.results(subscription)[2]["changes"] == [["0x99", "0x78"]]
    node.set_head(0)
    assert ["0x99", None] in client.results(subscription)[3]["changes"]
    assert client.notifications() == {"state_storage"}
    everything = client.ask("state_subscribeStorage")
    node.seal()
    assert len(client.results(everything)) == 1


def test_runtime_versions_are_told_now_and_after_an_upgrade(client, node: Node) -> None:
    subscription = client.ask("state_subscribeRuntimeVersion")
    node.advance(2)
    assert len(client.results(subscription)) == 1
    assert client.results(subscription)[0] == client.ask("chain_getRuntimeVersion")
    assert client.ask("state_unsubscribeRuntimeVersion", subscription) is True


def test_subscriptions_are_bounded_and_need_a_way_back(client, node: Node) -> None:
    for _ in range(MOST):
        client.ask("chain_subscribeNewHeads")
    assert client.error("chain_subscribeNewHeads")["message"] == "Too many subscriptions on the connection"
    client.session.close()
    heard = len(client.heard)
    node.seal()
    assert len(client.heard) == heard
    silent = Session(node)
    request = '{"jsonrpc":"2.0","id":1,"method":"chain_subscribeNewHeads","params":[]}'
    assert "need a WebSocket" in str(silent.receive(request))


def test_dev_methods_move_time_and_state(developer, node: Node, transfer) -> None:
    ask = developer.ask
    assert ask("dev_newBlock", {"count": 3}) == ask("chain_getHead")
    assert developer.raw({"id": 1, "method": "dev_newBlock", "params": {"count": 2}})["result"]
    assert ask("dev_newBlock", {"to": 8, "transactions": ["0x" + transfer().hex()]}) == ask("chain_getHead")
    assert len((node.block_at(6) or node.seal()).extrinsics) == 2
    name = ask("dev_snapshot")
    assert ask("dev_setHead", -2) == ask("chain_getBlockHash", 6)
    assert node.head.number == 6
    assert ask("dev_setHead", 4) == ask("chain_getHead")
    assert ask("dev_setHead", ask("chain_getBlockHash", 2)) == ask("chain_getHead")
    assert developer.error("dev_revert", name)["code"] == -32602
    name = ask("dev_snapshot")
    ask("dev_newBlock")
    assert ask("dev_revert", name) == ask("chain_getHead")
    assert node.head.number == 2
    ask("dev_setStorage", [["0x01", "0x02"], ["0x03", None]])
    assert ask("state_getStorage", "0x01") == "0x02"
    assert ask("dev_timeTravel", "2025-02-01T00:00:00Z") == 1_738_368_000_000
    ask("dev_newBlock")
    assert node.head.slot == 1_738_368_000_000 // 12_000
    assert ask("dev_timeTravel", GENESIS_TIME_MS + 10**10) >= GENESIS_TIME_MS + 10**10
    ask("dev_setBlockBuildMode", "Instant")
    assert node.sealing == Instant()
    ask("dev_setBlockBuildMode", "Manual")
    assert node.sealing == Manual()


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("dev_newBlock", [{"count": 0}]),
        ("dev_newBlock", [{"count": "many"}]),
        ("dev_newBlock", [{"blocks": 2}]),
        ("dev_newBlock", [{"to": 0}]),
        ("dev_setStorage", [{"Nobody": {"Item": 1}}]),
        ("dev_setStorage", [{"System": {"Item": 1}}]),
        ("dev_setStorage", [{"System": 1}]),
        ("dev_setStorage", [{"System": {"Account": 1}}]),
        ("dev_setStorage", [{"System": {"Account": [[["5F"], None]]}}]),
        ("dev_setStorage", [{"System": {"Account": [[[ALICE, ALICE], None]]}}]),
        ("dev_setStorage", [{"System": {"Account": [[[ALICE], {"free": 1}]]}}]),
        ("dev_setStorage", [[["0x01"]]]),
        ("dev_setStorage", [[], "0x" + "00" * 32]),
        ("dev_timeTravel", ["tomorrow"]),
        ("dev_timeTravel", [0]),
        ("dev_setHead", [5]),
        ("dev_setHead", [-5]),
        ("dev_setHead", ["0x" + "00" * 32]),
        ("dev_setBlockBuildMode", ["Often"]),
        ("dev_revert", ["x"]),
    ],
)
def test_dev_methods_refuse_what_makes_no_sense(
    developer, node: Node, method: str, params: list[object]
) -> None:
    error = developer.error(method, *params)
    assert error["code"] == -32602
    assert error["data"]
    assert node.head.number == 0
    assert node.state().root() == node.head.state_root


def test_state_is_changed_by_names(developer, node: Node, keys: dict[str, KeyPair]) -> None:
    nobody = keys["Nobody"].address
    data = {"free": 10**12, "reserved": 0, "frozen": 0, "flags": 0}
    account = {"nonce": 5, "consumers": 0, "providers": 1, "sufficients": 0, "data": data}
    values = {
        "System": {"Account": [[[nobody], account]]},
        "Sudo": {"Key": nobody},
        "SubtensorModule": {"NetworksAdded": [[[7], True]], "TotalNetworks": 3},
    }
    assert developer.ask("dev_setStorage", values) == developer.ask("chain_getHead")
    assert developer.ask("account_nextIndex", nobody) == 5
    sudo = "0x5c0d1176a568c1f92944340dbfed9e9c530ebca703c85910e7164cb7d1c9e47b"
    assert developer.ask("state_getStorage", sudo) == "0x" + keys["Nobody"].public.hex()
    removal = {
        "System": {"Account": [[[nobody], None]]},
        "SubtensorModule": {"$removePrefix": ["NetworksAdded"]},
    }
    developer.ask("dev_setStorage", removal)
    assert developer.ask("account_nextIndex", nobody) == 0
    node.set_head(0)


def test_a_failing_method_is_an_internal_error_and_the_session_goes_on(
    client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(_session: object) -> object:
        raise ZeroDivisionError

    monkeypatch.setitem(methods.BY_NAME, "broken", methods.Method("broken", broken))
    assert client.error("broken") == {"code": -32603, "message": "Internal error"}
    assert "broken failed" in caplog.text
    assert client.ask("system_name") == "Meritnet"


def test_an_account_is_written_as_an_address(client, keys: dict[str, KeyPair]) -> None:
    assert client.ask("account_nextIndex", keys["Bob"].address) == 0
    assert client.error("account_nextIndex", "nobody")["code"] == -32602
