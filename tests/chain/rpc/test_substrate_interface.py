"""The ecosystem's Python client, as it is installed with the product, against a node on a socket."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from meritnet.chain.node.node import Node
from meritnet.chain.node.seal import Instant, Manual
from meritnet.chain.rpc.server import serving

pytestmark = [
    pytest.mark.slow,  # its codec takes seconds over the metadata
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # of the client's own imports
]

TAO = 10**9


@pytest.fixture(scope="module")
def instant(meritnet_template: Node) -> Iterator[tuple[Node, Any]]:
    from substrateinterface import SubstrateInterface

    # The client guesses 128 bits for balances in fees; on Bittensor's chain, as here, they have 64.
    narrow = {"types": {"Balance": "u64"}}
    with meritnet_template.anchor() as node, serving(node) as endpoint:
        node.set_seal(Instant())
        with SubstrateInterface(url=endpoint, type_registry=narrow) as substrate:
            yield node, substrate
        node.set_seal(Manual())


@pytest.fixture(scope="module")
def people() -> dict[str, Any]:
    from substrateinterface import Keypair

    return {name: Keypair.create_from_uri(f"//{name}") for name in ("Alice", "Bob")}


def test_it_reads_lists_maps_and_calls_the_runtime(instant: tuple[Node, Any], people: dict[str, Any]) -> None:
    _, substrate = instant
    assert (substrate.chain, substrate.ss58_format, substrate.token_decimals) == ("Meritnet local", 42, 9)
    bob = people["Bob"].ss58_address
    assert substrate.query("System", "Account", [bob]).value["data"]["free"] == 1_000_000 * TAO
    found = {key.value for key, _ in substrate.query_map("System", "Account", page_size=2)}
    assert bob in found
    assert len(found) >= 6
    added = [netuid.value for netuid, _ in substrate.query_map("SubtensorModule", "NetworksAdded")]
    assert added == [0]
    assert substrate.get_constant("Balances", "ExistentialDeposit").value == 500
    assert substrate.runtime_call("Core", "version").value["spec_name"] == "meritnet"
    assert substrate.get_block_header(block_number=0)["header"]["number"] == 0


def test_it_submits_and_watches(instant: tuple[Node, Any], people: dict[str, Any]) -> None:
    from substrateinterface.exceptions import SubstrateRequestException

    node, substrate = instant
    alice, bob = people["Alice"], people["Bob"].ss58_address
    before = substrate.query("System", "Account", [bob]).value["data"]["free"]
    call = substrate.compose_call("Balances", "transfer_keep_alive", {"dest": bob, "value": TAO})
    fee = substrate.get_payment_info(call, alice)["partialFee"]
    for wait in ({"wait_for_inclusion": True}, {"wait_for_finalization": True}):
        extrinsic = substrate.create_signed_extrinsic(call, alice, era={"period": 16})
        receipt = substrate.submit_extrinsic(extrinsic, **wait)
        assert receipt.is_success, receipt.error_message
        assert receipt.block_hash == "0x" + node.head.hash.hex()
        assert receipt.total_fee_amount == pytest.approx(fee, rel=0.01)
        assert "Transfer" in [event.value["event_id"] for event in receipt.triggered_events]
    assert substrate.query("System", "Account", [bob]).value["data"]["free"] == before + 2 * TAO
    with pytest.raises(SubstrateRequestException, match="Transaction is outdated"):
        substrate.submit_extrinsic(extrinsic, wait_for_inclusion=True)


def test_it_follows_heads(instant: tuple[Node, Any]) -> None:
    node, substrate = instant
    seen: list[int] = []

    def on_head(header: Any, count: int, subscription: str) -> list[int] | None:
        seen.append(header["header"]["number"])
        if count == 0:
            threading.Thread(target=node.seal).start()
        return seen if len(seen) == 2 else None

    assert substrate.subscribe_block_headers(on_head) == [node.head.number - 1, node.head.number]
