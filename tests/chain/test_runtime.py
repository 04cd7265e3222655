"""What the runtime is as a whole: presets, fees, what it refuses, and the vocabulary that clients know."""

from collections.abc import Iterator

import pytest

from meritnet.chain.client import Chain, subnets
from meritnet.chain.client.codec import Call
from meritnet.chain.errors import DispatchFailed
from meritnet.chain.keys import KeyPair
from meritnet.chain.node.node import Node
from meritnet.chain.node.seal import Instant
from meritnet.chain.rpc.session import Session
from meritnet.chain.scale import Reader
from meritnet.chain.testing import check

TAO = 10**9
ALICE, BOB = KeyPair.from_uri("//Alice"), KeyPair.from_uri("//Bob")
HOTKEY = KeyPair.from_uri("//Bob//hot").address


def client(node: Node) -> Chain:
    node.set_seal(Instant())
    return Chain.in_process(lambda send: Session(node, send))


@pytest.fixture
def chain(node: Node) -> Iterator[Chain]:
    with client(node) as chain:
        yield chain


@pytest.fixture
def mainnet() -> Iterator[Chain]:
    with Node.open("mainnet") as node, client(node) as chain:
        yield chain
        check(node)


def set_as_root(chain: Chain, function: str, **arguments: object) -> None:
    chain.submit(Call("Sudo", "sudo", {"call": Call("AdminUtils", function, arguments)}), ALICE)


def issuance(chain: Chain) -> int:
    from meritnet.chain.client.storage_key import item_prefix

    return int.from_bytes(chain.storage(item_prefix("SubtensorModule", "TotalIssuance")) or b"", "little")


def test_the_presets_are_named(node: Node) -> None:
    reader = Reader(node.call("GenesisBuilder_preset_names", b""))
    assert set(reader.vector(reader.text)) == {"local", "mainnet", "development"}


def test_both_presets_fund_the_development_keys(chain: Chain, mainnet: Chain) -> None:
    for some in (chain, mainnet):
        assert some.balance(ALICE.address) == some.balance(BOB.address) == 1_000_000 * TAO
        assert issuance(some) == 6_000_000 * TAO


def test_mainnet_has_bittensors_parameters(mainnet: Chain) -> None:
    before = mainnet.balance(BOB.address)
    netuid, receipt = subnets.register_subnet(mainnet, BOB, HOTKEY)
    assert before - mainnet.balance(BOB.address) - receipt.fee_rao == 1_000 * TAO
    found = mainnet.hyperparameters(netuid)
    assert (found.tempo, found.immunity_period, found.weights_rate_limit) == (360, 5_000, 100)
    assert (found.serving_rate_limit, found.activity_cutoff, found.max_validators) == (50, 5_000, 64)


def test_on_mainnet_root_enables_a_subnet_s_emission(mainnet: Chain) -> None:
    netuid, _ = subnets.register_subnet(mainnet, BOB, HOTKEY)
    subnets.start_subnet(mainnet, BOB, netuid)
    set_as_root(mainnet, "sudo_set_serving_rate_limit", netuid=netuid, serving_rate_limit=1)
    assert issuance(mainnet) == 6_000_000 * TAO
    set_as_root(mainnet, "sudo_set_subnet_emission_enabled", netuid=netuid, enabled=True)
    set_as_root(mainnet, "sudo_set_serving_rate_limit", netuid=netuid, serving_rate_limit=2)
    assert issuance(mainnet) == 6_000_001 * TAO


def test_fees_go_to_the_author_of_the_block(chain: Chain) -> None:
    author, sender = chain.balance(ALICE.address), chain.balance(BOB.address)
    receipt = chain.submit(Call("System", "remark", {"remark": b"hello"}), BOB)
    assert 0 < receipt.fee_rao < TAO // 100
    assert chain.balance(ALICE.address) - author == receipt.fee_rao
    assert sender - chain.balance(BOB.address) == receipt.fee_rao
    assert issuance(chain) == 6_000_000 * TAO


def test_nobody_burns_tao_behind_the_issuance(chain: Chain) -> None:
    with pytest.raises(DispatchFailed, match="CallFiltered"):
        chain.submit(Call("Balances", "burn", {"value": TAO, "keep_alive": True}), BOB)


def test_the_pallets_have_bittensors_names_and_places(chain: Chain) -> None:
    pallets = chain.codec._metadata.pallets
    assert {pallet["name"].value: pallet["index"].value for pallet in pallets} == {
        "System": 0,
        "Timestamp": 2,
        "Aura": 3,
        "Grandpa": 4,
        "Balances": 5,
        "TransactionPayment": 6,
        "SubtensorModule": 7,
        "Utility": 11,
        "Sudo": 12,
        "AdminUtils": 19,
        "MevShield": 30,
    }


def test_transactions_carry_what_bittensors_carry(chain: Chain) -> None:
    assert list(chain.codec._metadata.get_signed_extensions()) == [
        "CheckNonZeroSender",
        "CheckSpecVersion",
        "CheckTxVersion",
        "CheckGenesis",
        "CheckMortality",
        "CheckNonce",
        "CheckWeight",
        "ChargeTransactionPayment",
        "SubtensorTransactionExtension",
        "CheckMetadataHash",
    ]
