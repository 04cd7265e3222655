"""bittensor 11.3.0, as pip installs it, against a Meritnet node: what it reads and what it does.

Every claim of the SDK is checked against our own client on the same chain.
"""

from typing import Any

import pytest

from meritnet.chain.client.stake import stake_on
from meritnet.chain.keys import KeyPair
from meritnet.chain.types import RAO_PER_TAO, NetUid
from meritnet.consensus.commit import commit_hash

TAO = RAO_PER_TAO
OWNER, OWNER_HOT = "//Alice", "//Alice//hot"
MINER, MINER_HOT = "//Bob", "//Bob//hot"


def address(uri: str) -> str:
    return KeyPair.from_uri(uri).address


def succeeded(outcome: dict[str, Any]) -> dict[str, Any]:
    assert outcome["success"], outcome
    assert outcome["fee_rao"] >= 0
    assert outcome["block_hash"].startswith("0x")
    return outcome


@pytest.fixture(scope="module")
def netuid(sdk) -> NetUid:
    """A subnet that the SDK registered, started and opened for plain weights."""
    signer = {"coldkey": OWNER, "hotkey": OWNER_HOT}
    made = succeeded(sdk("execute", op="register_subnet", args={}, **signer))
    netuid = NetUid(made["data"]["netuid"])
    succeeded(sdk("execute", op="start_call", args={"netuid": netuid}, **signer))
    plain = {"netuid": netuid, "name": "commit_reveal_weights_enabled", "value": False}
    succeeded(sdk("execute", op="set_hyperparameter", args=plain, **signer))
    return netuid


@pytest.fixture(scope="module")
def miner_uid(sdk, netuid: NetUid) -> int:
    """A neuron that the SDK registered for a burn."""
    args = {"netuid": netuid, "hotkey": address(MINER_HOT)}
    succeeded(
        sdk(
            "submit_call",
            pallet="SubtensorModule",
            call="burned_register",
            args=args,
            coldkey=MINER,
            hotkey=MINER_HOT,
        )
    )
    return int(sdk.read("uid", hotkey_ss58=address(MINER_HOT), netuid=netuid))


def test_connects_and_sees_the_same_head(sdk, node) -> None:
    about = sdk("about")
    assert about["version"] == "11.3.0"
    assert about["block_time_s"] == 12.0
    assert about["head"] == about["finalized"] == node.chain.head()


def test_reads_a_balance(sdk, node) -> None:
    assert (
        sdk.read("balance", coldkey_ss58=address("//Charlie"))
        == node.chain.balance(address("//Charlie"))
        == 1_000_000 * TAO
    )
    assert sdk.read("existential_deposit") == 500


def test_transfers_exactly_and_knows_its_fee(sdk, node) -> None:
    sender, receiver = address("//Dave"), address("//Interop//receiver")
    before = node.chain.balance(sender)
    args = {"dest_ss58": receiver, "amount_tao": "1.5"}
    done = succeeded(sdk("execute", op="transfer", args=args, coldkey="//Dave", hotkey="//Dave//hot"))
    assert node.chain.balance(receiver) == 1_500_000_000
    assert before - node.chain.balance(sender) == 1_500_000_000 + done["fee_rao"]
    assert done["fee_rao"] > 0


def test_a_transfer_beyond_the_balance_fails_by_name(sdk, node) -> None:
    before = node.chain.balance(address("//Interop//receiver"))
    args = {"dest_ss58": address("//Interop//receiver"), "amount_tao": "2000000"}
    done = sdk("execute", op="transfer", args=args, coldkey="//Eve", hotkey="//Eve//hot")
    assert not done["success"]
    assert done["error"] == "FundsUnavailable"
    assert node.chain.balance(address("//Interop//receiver")) == before


def test_registers_and_starts_a_subnet(sdk, node, netuid: NetUid) -> None:
    ours = {subnet.netuid: subnet for subnet in node.chain.subnets()}
    theirs = {subnet["netuid"]: subnet for subnet in sdk.read("subnets")}
    assert set(ours) == set(theirs)
    assert netuid in theirs
    assert theirs[netuid]["tempo"] == ours[netuid].tempo
    assert theirs[netuid]["neuron_count"] == len(node.chain.metagraph(netuid))
    assert sdk.read("hotkey_owner", hotkey_ss58=address(OWNER_HOT)) == address(OWNER)


def test_prices_are_one_to_one(sdk, netuid: NetUid) -> None:
    assert sdk.read("alpha_price", netuid=netuid)["price_rao"] == TAO
    quote = sdk.read("quote_stake", netuid=netuid, amount_tao=3)
    assert quote["alpha"] == quote["tao"] == 3 * TAO
    assert quote["tao_fee"] == quote["alpha_slippage"] == 0
    assert sdk.read("subnet_registration_cost") > 0


def test_reads_hyperparameters(sdk, node, netuid: NetUid) -> None:
    theirs = sdk.read("subnet_hyperparameters", netuid=netuid)
    ours = node.chain.hyperparameters(netuid)
    theirs["burn_increase_mult"] /= 2**64  # the SDK hands out the bits of the fixed-point number
    shared = [name for name in theirs if hasattr(ours, name)]
    assert len(shared) >= 15, sorted(theirs)
    assert {name: theirs[name] for name in shared} == {name: getattr(ours, name) for name in shared}
    assert theirs["commit_reveal_weights_enabled"] is False


def test_registers_a_neuron_for_a_burn(sdk, node, netuid: NetUid, miner_uid: int) -> None:
    graph = node.chain.metagraph(netuid)
    assert graph.hotkeys[miner_uid] == address(MINER_HOT)
    assert graph.coldkeys[miner_uid] == address(MINER)
    assert sdk.read("netuids_for_hotkey", hotkey_ss58=address(MINER_HOT)) == [netuid]


def test_the_shielded_registration_is_refused_before_anything_is_signed(sdk, node, netuid: NetUid) -> None:
    before = node.chain.head()
    with pytest.raises(AssertionError, match=r"MEV Shield NextKey not available|MevShield"):
        sdk("execute", op="burned_register", args={"netuid": netuid}, coldkey="//Eve", hotkey="//Eve//hot")
    assert node.chain.head() == before


def test_reads_neurons(sdk, node, netuid: NetUid, miner_uid: int) -> None:
    graph = node.chain.metagraph(netuid)
    for lite in (True, False):
        neurons = sdk.read("neurons", netuid=netuid, lite=lite)
        assert [neuron["uid"] for neuron in neurons] == list(graph.uids)
        assert [neuron["hotkey"] for neuron in neurons] == list(graph.hotkeys)
        assert [neuron["coldkey"] for neuron in neurons] == list(graph.coldkeys)
        assert [neuron["total_stake"] for neuron in neurons] == list(graph.stake_rao)


def test_serves_an_endpoint(sdk, node, netuid: NetUid, miner_uid: int) -> None:
    args = {"netuid": netuid, "ip": "203.0.113.7", "port": 8091}
    succeeded(sdk("execute", op="serve_axon", args=args, coldkey=MINER, hotkey=MINER_HOT))
    axon = node.chain.metagraph(netuid).axons[miner_uid]
    assert (axon.ip, axon.port) == ("203.0.113.7", 8091)
    assert sdk("metagraph", netuid=netuid)["neurons"][miner_uid]["axon"] == "203.0.113.7:8091"


def test_serving_without_a_registration_fails_by_name(sdk, netuid: NetUid) -> None:
    signer = {"coldkey": "//Eve", "hotkey": "//Eve//known"}
    call = {"pallet": "SubtensorModule", "call": "try_associate_hotkey"}
    succeeded(sdk("submit_call", **call, args={"hotkey": address("//Eve//known")}, **signer))
    args = {"netuid": netuid, "ip": "203.0.113.7", "port": 8091}
    done = sdk("execute", op="serve_axon", args=args, **signer)
    assert not done["success"]
    assert done["error"] == "HotKeyNotRegisteredInNetwork"


@pytest.mark.parametrize("protected", [True, False], ids=["with a limit price", "plain"])
def test_adds_and_removes_stake(sdk, node, netuid: NetUid, miner_uid: int, protected: bool) -> None:
    def stake() -> int:
        ours = stake_on(node.chain, address(MINER_HOT), address("//Ferdie"), netuid)
        place = {"coldkey_ss58": address("//Ferdie"), "hotkey_ss58": address(MINER_HOT), "netuid": netuid}
        assert sdk.read("stake", **place) == ours
        return ours

    common = {"hotkey_ss58": address(MINER_HOT), "netuid": netuid, "slippage_protection": protected}
    signer = {"coldkey": "//Ferdie", "hotkey": "//Ferdie//hot"}
    free, staked = node.chain.balance(address("//Ferdie")), stake()
    added = succeeded(sdk("execute", op="add_stake", args=common | {"amount_tao": "100"}, **signer))
    assert stake() == staked + 100 * TAO
    assert node.chain.balance(address("//Ferdie")) == free - 100 * TAO - added["fee_rao"]
    removed = succeeded(sdk("execute", op="remove_stake", args=common | {"amount_alpha": "40"}, **signer))
    assert stake() == staked + 60 * TAO
    assert node.chain.balance(address("//Ferdie")) == free - 60 * TAO - added["fee_rao"] - removed["fee_rao"]
    [position] = sdk.read("stake_for_coldkey", coldkey_ss58=address("//Ferdie"))
    assert (position["hotkey"], position["netuid"], position["stake"]) == (
        address(MINER_HOT),
        netuid,
        stake(),
    )


def test_moves_transfers_and_empties_stake(sdk, node, netuid: NetUid, miner_uid: int) -> None:
    hotkeys, signer = (address(MINER_HOT), address(OWNER_HOT)), {"coldkey": "//Dave", "hotkey": "//Dave//hot"}

    def stakes(coldkey: str) -> tuple[int, ...]:
        """In whole TAO: a share of a pool with other stakers in it is floored to a rao."""
        return tuple(
            round(stake_on(node.chain, hotkey, address(coldkey), netuid) / TAO) for hotkey in hotkeys
        )

    add = {"hotkey_ss58": hotkeys[0], "netuid": netuid, "amount_tao": "50"}
    succeeded(sdk("execute", op="add_stake", args=add, **signer))
    between = {"origin_netuid": netuid, "dest_netuid": netuid}
    move = {"origin_hotkey_ss58": hotkeys[0], "dest_hotkey_ss58": hotkeys[1], "amount_alpha": "20", **between}
    succeeded(sdk("execute", op="move_stake", args=move, **signer))
    assert stakes("//Dave") == (30, 20)
    places = {"origin_netuid": netuid, "destination_netuid": netuid, "alpha_amount": 5 * TAO}
    give = {"destination_coldkey": address("//Eve"), "hotkey": hotkeys[1], **places}
    succeeded(sdk("submit_call", pallet="SubtensorModule", call="transfer_stake", args=give, **signer))
    assert (stakes("//Dave"), stakes("//Eve")) == ((30, 15), (0, 5))
    succeeded(sdk("execute", op="unstake_all", args={"hotkey_ss58": hotkeys[0]}, **signer))
    assert stakes("//Dave") == (0, 15)


def test_names_a_subnet(sdk, node, netuid: NetUid) -> None:
    args = {
        "netuid": netuid,
        "subnet_name": "sums",
        "github_repo": "",
        "subnet_contact": "",
        "description": "adds",
    }
    succeeded(sdk("execute", op="set_subnet_identity", args=args, coldkey=OWNER, hotkey=OWNER_HOT))
    assert sdk.read("subnet_names") == {str(netuid): "sums"}
    assert {subnet.netuid: subnet.name for subnet in node.chain.subnets()}[netuid] == "sums"


def test_sets_weights(sdk, node, netuid: NetUid, miner_uid: int) -> None:
    stake = {"hotkey_ss58": address(OWNER_HOT), "netuid": netuid, "amount_tao": "1000"}
    succeeded(sdk("execute", op="add_stake", args=stake, coldkey=OWNER, hotkey=OWNER_HOT))
    node.chain.advance(node.chain.hyperparameters(netuid).tempo + 1)  # an epoch grants the validator permit
    args = {"netuid": netuid, "weights": {"0": 1, str(miner_uid): 3}}
    succeeded(sdk("execute", op="set_weights", args=args, coldkey=OWNER, hotkey=OWNER_HOT))
    assert dict(node.chain.weights(netuid)[0]) == {0: 21_845, miner_uid: 65_535}
    assert sdk.read("weights", netuid=netuid)["0"] == {"0": 0.25, str(miner_uid): 0.75}


def test_weights_of_a_stranger_are_refused_before_signing(sdk, netuid: NetUid) -> None:
    args = {"netuid": netuid, "weights": {"0": 1}}
    with pytest.raises(AssertionError, match="is not registered on netuid"):
        sdk("execute", op="set_weights", args=args, coldkey="//Eve", hotkey="//Eve//hot")


def test_reads_the_metagraph_after_an_epoch(sdk, node, netuid: NetUid, miner_uid: int) -> None:
    node.chain.advance(2 * node.chain.hyperparameters(netuid).tempo + 2)
    theirs, ours = sdk("metagraph", netuid=netuid), node.chain.metagraph(netuid)
    neurons = theirs["neurons"]
    assert [neuron["hotkey"] for neuron in neurons] == list(ours.hotkeys)
    assert [neuron["incentive"] for neuron in neurons] == pytest.approx(list(ours.incentive))
    assert [neuron["dividends"] for neuron in neurons] == pytest.approx(list(ours.dividends))
    assert [neuron["emission"] for neuron in neurons] == list(ours.emission_rao)
    assert [neuron["total_stake"] for neuron in neurons] == list(ours.stake_rao)
    assert [neuron["validator_permit"] for neuron in neurons] == list(ours.validator_permit)
    assert neurons[miner_uid]["incentive"] > neurons[0]["incentive"]
    assert neurons[miner_uid]["emission"] > 0
    assert theirs["owner_coldkey"] == address(OWNER)


def test_knows_the_epochs(sdk, node, netuid: NetUid) -> None:
    status = sdk.read("epoch_status", netuid=netuid)
    assert status["tempo"] == node.chain.hyperparameters(netuid).tempo
    assert status["block"] == node.chain.head()
    assert status["next_epoch_start_block"] > status["last_epoch_block"]


def test_commits_and_reveals_weights_in_the_hash_form(sdk, node, netuid: NetUid, miner_uid: int) -> None:
    """The SDK has an intent for the reveal only; the commit goes as a call of its own."""
    signer = {"coldkey": OWNER, "hotkey": OWNER_HOT}
    hidden = {"netuid": netuid, "name": "commit_reveal_weights_enabled", "value": True}
    succeeded(sdk("execute", op="set_hyperparameter", args=hidden, **signer))
    values, salt = [65_535, 13_107], [11, 12, 13]  # of the weights 5 and 1, scaled to the largest
    digest = commit_hash(KeyPair.from_uri(OWNER_HOT).public, netuid, [0, miner_uid], values, salt, 0)
    args = {"netuid": netuid, "commit_hash": "0x" + digest.hex()}
    call = {"pallet": "SubtensorModule", "call": "commit_weights", "signer": "hotkey"}
    succeeded(sdk("submit_call", **call, args=args, **signer))
    [commit] = node.chain.weight_commits(netuid, address(OWNER_HOT))
    assert commit.commit_hash == digest
    next_epoch = sdk.read("next_epoch_start_block", netuid=netuid)
    node.chain.advance(next_epoch + 1 - node.chain.head())
    args = {"netuid": netuid, "uids": [0, miner_uid], "weights": [5, 1], "salt": salt}
    succeeded(sdk("execute", op="reveal_weights", args=args, **signer))
    assert dict(node.chain.weights(netuid)[0]) == {0: values[0], miner_uid: values[1]}
    assert node.chain.weight_commits(netuid, address(OWNER_HOT)) == []
