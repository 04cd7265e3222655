"""@polkadot/api 16.5.6 against a Meritnet node: the client below the ecosystem's wallets and explorers."""

from typing import Any

import pytest

from meritnet.chain.keys import KeyPair
from meritnet.chain.types import RAO_PER_TAO

AMOUNT_RAO = 2_500_000_000


@pytest.fixture(scope="module")
def seen(node, polkadot_js) -> dict[str, Any]:
    return polkadot_js(node.endpoint)


def test_connects_with_the_chain_s_own_properties(seen: dict[str, Any]) -> None:
    assert (seen["ss58_prefix"], seen["decimals"]) == (42, 9)
    assert seen["existential_deposit_rao"] == "500"


def test_queries_storage_and_runtime_apis(node, seen: dict[str, Any]) -> None:
    assert seen["networks"] == [subnet.netuid for subnet in node.chain.subnets()]
    assert seen["price_rao"] == str(RAO_PER_TAO)
    assert seen["neurons"] == 0


def test_transfers_and_watches_to_finality(node, seen: dict[str, Any]) -> None:
    receiver = KeyPair.from_uri("//Interop//javascript").address
    assert int(seen["free_rao"]) == node.chain.balance(receiver) == AMOUNT_RAO
    assert seen["sent"]["statuses"][0] == "Ready"
    assert seen["sent"]["statuses"][-1] == "Finalized"
    assert int(seen["sent"]["fee_rao"]) > 0


def test_subscriptions_follow_the_chain(node, seen: dict[str, Any]) -> None:
    assert seen["heads"] == list(range(seen["heads"][0], node.chain.head() + 1))
    assert seen["balances"] == ["0", str(AMOUNT_RAO)]
