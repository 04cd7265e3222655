"""btcli of bittensor 11.3.0 against a Meritnet node, as a person would type it."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from meritnet.chain.client.stake import stake_on, transfer
from meritnet.chain.client.subnets import register_subnet, start_subnet
from meritnet.chain.keys import KeyPair
from meritnet.chain.types import RAO_PER_TAO, NetUid
from meritnet.chain.wallet import Wallet

TAO = RAO_PER_TAO
PASSWORD = "a password of the interop tests"
OWNER = KeyPair.from_uri("//Charlie")
OWNER_HOTKEY = KeyPair.from_uri("//Charlie//hot").address


@pytest.fixture(scope="module")
def netuid(node) -> NetUid:
    """A subnet that our own client registered and started."""
    netuid, _ = register_subnet(node.chain, OWNER, OWNER_HOTKEY)
    start_subnet(node.chain, OWNER, netuid)
    return netuid


@pytest.fixture(scope="module")
def ask(node, btcli: Callable[..., str]) -> Callable[..., Any]:
    """A btcli command on our chain, answered in its JSON."""
    return lambda *words: json.loads(btcli("-n", node.endpoint, "--json", *words))


@pytest.fixture(scope="module")
def as_user(node, btcli: Callable[..., str], tmp_path_factory: pytest.TempPathFactory) -> Callable[..., str]:
    """A btcli command signed with a wallet that Meritnet wrote, encrypted, and funded with 1,000 TAO."""
    home = tmp_path_factory.mktemp("wallets")
    wallet = Wallet(home, "ours", "first")
    wallet.create_coldkey(KeyPair.from_uri("//Interop//btcli"), PASSWORD)
    wallet.create_hotkey(KeyPair.from_uri("//Interop//btcli//hot"))
    transfer(node.chain, KeyPair.from_uri("//Dave"), wallet.coldkey_address, 1000 * TAO)
    secret = home / "password"
    secret.write_text(PASSWORD + "\n")
    signer = ("-w", "ours", "-H", "first", "--wallet-path", str(home), "--wallet-password-file", str(secret))
    return lambda *words: btcli(*words, "-n", node.endpoint, "--yes", *signer)


def test_lists_our_subnets(node, btcli: Callable[..., str], netuid: NetUid) -> None:
    shown = btcli("-n", node.endpoint, "subnets", "list")
    subnets = node.chain.subnets()
    assert f"{len(subnets)} subnets" in shown
    for subnet in subnets:
        assert any(line.split()[:1] == [str(subnet.netuid)] for line in shown.splitlines()), shown


def test_lists_our_subnets_as_json(node, ask: Callable[..., Any], netuid: NetUid) -> None:
    records = {record["netuid"]: record for record in ask("subnets", "list")}
    assert set(records) == {subnet.netuid for subnet in node.chain.subnets()}
    assert records[netuid]["price_tao_per_alpha"] == 1.0
    assert records[netuid]["tempo"] == node.chain.hyperparameters(netuid).tempo


def test_shows_a_subnet(ask: Callable[..., Any], netuid: NetUid) -> None:
    record = ask("subnets", "show", str(netuid))
    assert (record["owner_coldkey"], record["owner_hotkey"]) == (OWNER.address, OWNER_HOTKEY)
    assert record["neurons"] == 1


def test_shows_hyperparameters(node, ask: Callable[..., Any], netuid: NetUid) -> None:
    assert ask("subnets", "hyperparameters", str(netuid))["tempo"] == node.chain.hyperparameters(netuid).tempo


def test_shows_the_metagraph(node, ask: Callable[..., Any], netuid: NetUid) -> None:
    assert ask("subnets", "metagraph", str(netuid))["hotkeys"] == list(node.chain.metagraph(netuid).hotkeys)


def test_shows_a_balance(node, ask: Callable[..., Any]) -> None:
    eve = KeyPair.from_uri("//Eve").address
    assert json.dumps(node.chain.balance(eve) / TAO) in json.dumps(ask("wallet", "balance", eve))


def test_stakes_and_unstakes(node, as_user: Callable[..., str], netuid: NetUid) -> None:
    user = KeyPair.from_uri("//Interop//btcli").address
    place = ("--netuid", str(netuid), "--hotkey", OWNER_HOTKEY)
    as_user("stake", "add", *place, "--amount", "25")
    assert stake_on(node.chain, OWNER_HOTKEY, user, netuid) == 25 * TAO
    as_user("stake", "remove", *place, "--amount", "10")
    assert stake_on(node.chain, OWNER_HOTKEY, user, netuid) == 15 * TAO


def test_registers_a_neuron_by_the_raw_call_and_serves_it(
    node, as_user: Callable[..., str], netuid: NetUid
) -> None:
    hotkey = KeyPair.from_uri("//Interop//btcli//hot").address
    arguments = json.dumps({"netuid": netuid, "hotkey": hotkey, "limit_price": 2 * TAO})
    as_user("call", "SubtensorModule.register_limit", "--args", arguments)
    as_user("axon", "set", "--netuid", str(netuid), "--ip", "203.0.113.9", "--port", "8093")
    graph = node.chain.metagraph(netuid)
    uid = graph.uid_of(hotkey)
    assert uid is not None
    assert (graph.axons[uid].ip, graph.axons[uid].port) == ("203.0.113.9", 8093)


def test_transfers(node, as_user: Callable[..., str]) -> None:
    receiver = KeyPair.from_uri("//Interop//receiver of btcli").address
    as_user("wallet", "transfer", "--dest", receiver, "--amount", "1.25")
    assert node.chain.balance(receiver) == 1_250_000_000


def test_registers_and_starts_a_subnet(node, as_user: Callable[..., str]) -> None:
    before = {subnet.netuid for subnet in node.chain.subnets()}
    as_user("subnets", "create")
    [made] = [subnet for subnet in node.chain.subnets() if subnet.netuid not in before]
    assert made.owner_coldkey == KeyPair.from_uri("//Interop//btcli").address
    assert not made.is_started
    as_user("hparams", "start", "--netuid", str(made.netuid))
    [made] = [subnet for subnet in node.chain.subnets() if subnet.netuid == made.netuid]
    assert made.is_started
