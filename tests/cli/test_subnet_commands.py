"""``meritnet subnet``, ``stake`` and ``weights``: from nothing to a subnet that pays, by commands alone."""

from typing import Any

import pytest

from meritnet.chain.client import Chain
from meritnet.chain.client.neurons import burned_register, serve_axon
from meritnet.chain.client.weights import set_weights
from meritnet.chain.keys import KeyPair

pytestmark = pytest.mark.usefixtures("local_chain")

BOB, BOB_HOT = KeyPair.from_uri("//Bob"), KeyPair.from_uri("//Bob//default")
ALICE_HOT = KeyPair.from_uri("//Alice//default")


@pytest.fixture
def subnet(meritnet: Any) -> int:
    """A started subnet of Alice's."""
    made = meritnet("subnet", "register", "--name", "first", "--wallet", "//Alice", "--yes", "--json").json
    meritnet("subnet", "start", "1", "--wallet", "//Alice")
    return int(made["netuid"])


def test_a_subnet_is_registered_for_its_price(meritnet: Any) -> None:
    asked = meritnet("subnet", "register", "--wallet", "//Alice")
    assert asked.code == 2
    assert "lock 100 τ for a new subnet" in asked.err
    made = meritnet("subnet", "register", "--wallet", "//Alice", "--yes", "--json").json
    assert (made["netuid"], made["locked_rao"], made["name"]) == (1, 100 * 10**9, "")
    assert made["free_rao"] == 999_900 * 10**9, "Alice seals the block, and gets the fee"
    shown = meritnet("subnet", "register", "--wallet", "//Alice", "--yes")
    assert "subnet 2" in shown.out
    assert "meritnet subnet start 2 --wallet //Alice" in shown.out


def test_a_kind_names_the_subnet_so_that_neurons_know_it(meritnet: Any) -> None:
    kind = "text_generation"
    made = meritnet("subnet", "register", "--kind", kind, "--wallet", "//Alice", "--yes", "--json").json
    assert made["name"] == kind
    listed = meritnet("subnet", "list", "--json").json
    assert (listed[1]["name"], listed[1]["description"]) == (kind, kind)
    wrong = meritnet("subnet", "register", "--kind", "poetry", "--wallet", "//Alice", "--yes")
    assert wrong.code == 2
    assert kind in f"{wrong.err}"


def test_a_subnet_is_started_once_and_by_its_owner(meritnet: Any) -> None:
    meritnet("subnet", "register", "--wallet", "//Alice", "--yes")
    assert meritnet("subnet", "start", "1", "--wallet", "//Bob", "--json").json["name"] == "NotSubnetOwner"
    assert meritnet("subnet", "start", "1", "--wallet", "//Alice").out.startswith("subnet 1 started · block")
    again = meritnet("subnet", "start", "1", "--wallet", "//Alice")
    assert again.code == 1
    assert "already" in again.err


def test_lists_and_facts_are_for_people_and_programs(meritnet: Any, subnet: int) -> None:
    listed = meritnet("subnets", "list")
    assert listed.out.splitlines()[0].split()[:2] == ["subnet", "name"]
    assert "first" in listed.out
    shown = meritnet("subnet", "show", str(subnet), "--json").json
    assert shown["is_started"] is True
    assert shown["hyperparameters"]["tempo"] == 20
    assert "kappa" in meritnet("subnet", "show", str(subnet)).out
    assert meritnet("subnet", "show", "9").code == 1


def test_a_hyperparameter_is_set_by_owner_or_root(meritnet: Any, subnet: int) -> None:
    set_ = ("subnet", "set", str(subnet))
    done = meritnet(*set_, "immunity_period", "55", "--wallet", "//Alice")
    assert "immunity_period = 55" in done.out
    assert meritnet(*set_, "yuma3_enabled", "false", "--wallet", "//Alice", "--sudo").code == 0
    refused = meritnet(*set_, "kappa", "30000", "--wallet", "//Alice")
    assert refused.code == 1
    assert "--sudo" in refused.err
    assert meritnet(*set_, "kappa", "30000", "--wallet", "//Alice", "--sudo").code == 0
    assert meritnet(*set_, "colour", "1", "--wallet", "//Alice").code == 2
    assert meritnet(*set_, "kappa", "blue", "--wallet", "//Alice").code == 2
    shown = meritnet("subnet", "show", str(subnet), "--json").json["hyperparameters"]
    assert (shown["immunity_period"], shown["yuma_version"], shown["kappa"]) == (55, 2, 30_000)


def test_time_is_moved_by_epochs(meritnet: Any, subnet: int) -> None:
    due = meritnet("subnet", "show", "1", "--json").json["next_epoch_block"]
    assert meritnet("chain", "advance", "--epochs", "1", "--json").json["block"] == due
    assert meritnet("chain", "advance", "--epochs", "2", "--json").json["block"] == due + 40
    shown = meritnet("subnet", "show", "1", "--json").json
    assert (shown["last_epoch_block"], shown["next_epoch_block"]) == (due + 40, due + 60)
    assert "no subnet 9" in meritnet("chain", "advance", "--epochs", "1", "--netuid", "9").err
    assert meritnet("chain", "advance", "--epochs", "1", "--netuid", "0").code == 2, "root has no epochs"
    assert meritnet("chain", "advance", "--epochs", "1", "--to", "9999").code == 2


def test_stake_moves_to_another_hotkey(meritnet: Any, subnet: int, local_chain: str) -> None:
    with Chain.connect(local_chain) as chain:
        burned_register(chain, subnet, BOB, BOB_HOT.address)
    meritnet("stake", "add", "100", "--netuid", "1", "--wallet", "//Bob", "-y")
    moved = meritnet(
        "stake", "move", "30", "--netuid", "1", "--to", ALICE_HOT.address, "--wallet", "//Bob", "-y"
    )
    assert "stake 30 τ" in moved.out
    listed = meritnet("stake", "list", "--wallet", "//Bob", "--json").json
    assert {item["hotkey"]: item["stake_rao"] // 10**9 for item in listed} == {
        BOB_HOT.address: 70,
        ALICE_HOT.address: 30,
    }


def test_stake_goes_there_and_back(meritnet: Any, subnet: int, local_chain: str) -> None:
    with Chain.connect(local_chain) as chain:
        burned_register(chain, subnet, BOB, BOB_HOT.address)
    add = ("stake", "add", "100", "--netuid", "1", "--wallet", "//Bob")
    assert meritnet(*add).code == 2
    added = meritnet(*add, "--yes", "--json").json
    assert (added["stake_rao"], added["hotkey"]) == (100 * 10**9, BOB_HOT.address)
    listed = meritnet("stake", "list", "--wallet", "//Bob", "--json").json
    assert [(item["netuid"], item["stake_rao"]) for item in listed] == [(1, 100 * 10**9)]
    assert "100 τ" in meritnet("stake", "list", "--wallet", "//Bob").out
    removed = meritnet("stake", "remove", "40", "--netuid", "1", "--wallet", "//Bob", "-y")
    assert "stake 60 τ" in removed.out
    balance = meritnet("wallet", "balance", "//Bob", "--json").json
    assert balance["staked_rao"] == 60 * 10**9
    assert balance["total_rao"] == balance["free_rao"] + balance["staked_rao"]
    assert "no stake" in meritnet("stake", "list", "--wallet", "//Dave").out


def test_weights_and_the_metagraph_are_shown(meritnet: Any, subnet: int, local_chain: str) -> None:
    assert meritnet("weights", "show", "1").out == "there are no weights in subnet 1 yet\n"
    meritnet("subnet", "set", "1", "commit_reveal_weights_enabled", "false", "--wallet", "//Alice")
    with Chain.connect(local_chain) as chain:
        burned_register(chain, subnet, BOB, BOB_HOT.address)
        serve_axon(chain, subnet, BOB_HOT, "127.0.0.1", 8091)
        set_weights(chain, subnet, ALICE_HOT, [0, 1], [1, 3])
    shown = meritnet("weights", "show", "1", "--json").json
    assert shown["rows"] == {"0": {"0": 21_845, "1": 65_535}}
    assert "0.250" in meritnet("weights", "show", "1").out
    graph = meritnet("subnet", "metagraph", "1", "--json").json
    assert graph["hotkeys"] == [ALICE_HOT.address, BOB_HOT.address]
    people = meritnet("subnet", "metagraph", "1").out
    assert "127.0.0.1:8091" in people
    assert BOB_HOT.address in people
