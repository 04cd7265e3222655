"""What the client reads is what the chain stores."""

import time
from typing import Any

import numpy as np
import pytest

from meritnet.chain.client import neurons, stake, subnets
from meritnet.chain.client.codec import Call
from meritnet.chain.client.epoch_rules import EpochRules, epoch_rules
from meritnet.chain.client.metagraph import Axon, ip_text
from meritnet.chain.errors import ChainError, DispatchFailed, UsageError
from meritnet.consensus.commit import commit_hash

TAO = 10**9


def test_a_metagraph_is_the_subnet_as_frozen_arrays(world: Any) -> None:
    neurons.serve_axon(world.chain, 1, world.bob_hot, "127.0.0.1", 8091)
    graph = world.chain.metagraph(1)
    assert graph.block == world.chain.head()
    assert graph.hotkeys == (world.alice_hot.address, world.bob_hot.address)
    assert graph.coldkeys == (world.alice.address, world.bob.address)
    assert (graph.owner_hotkey, graph.owner_coldkey) == (world.alice_hot.address, world.alice.address)
    assert graph.uids.tolist() == [0, 1]
    assert graph.uid_of(world.bob_hot.address) == 1
    assert graph.uid_of(world.stranger.address) is None
    assert graph.validator_permit[1]
    assert graph.stake_rao[1] >= 1_000 * TAO
    assert [str(axon) for axon in graph.axons] == ["-", "127.0.0.1:8091"]
    assert graph.registered_at[1] > graph.registered_at[0] > 0
    for array in (graph.stake_rao, graph.incentive_u16, graph.validator_permit, graph.validator_trust_u16):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0


def test_after_weights_and_an_epoch_the_shares_are_there(world: Any) -> None:
    world.weigh(world.bob_hot, [0], [1])
    world.next_epoch()
    graph = world.chain.metagraph(1)
    assert graph.incentive_u16.tolist() == [65_535, 0]
    assert graph.incentive.tolist() == [1.0, 0.0]
    assert graph.dividends[1] == pytest.approx(1.0)
    assert graph.consensus[0] == 1.0
    assert graph.validator_trust[1] == 1.0
    assert graph.emission_rao.sum() > 0
    assert world.chain.weights(1) == {1: [(0, 65_535)]}
    assert world.chain.bonds(1)[1][0][0] == 0
    assert graph.last_epoch_block == world.chain.head()


def test_a_metagraph_of_the_past_is_read_at_its_block(world: Any) -> None:
    then = world.chain.block_hash()
    world.do(world.charlie, "burned_register", netuid=1, hotkey=world.charlie_hot)
    assert (len(world.chain.metagraph(1, then)), len(world.chain.metagraph(1))) == (2, 3)


@pytest.mark.parametrize("read", ["metagraph", "hyperparameters", "epoch_state"])
def test_a_subnet_that_is_not_there_is_an_error_with_a_hint(world: Any, read: str) -> None:
    with pytest.raises(ChainError, match="no subnet 99") as caught:
        getattr(world.chain, read)(99)
    assert "subnet list" in caught.value.hint


def test_subnets_are_listed_by_number(world: Any) -> None:
    subnets.set_identity(world.chain, world.alice, 2, "second", "a kind")
    root, first, second = world.chain.subnets()
    assert [found.netuid for found in (root, first, second)] == [0, 1, 2]
    assert (root.name, root.neurons, root.is_started) == ("root", 0, False)
    assert (first.is_started, first.neurons, first.tempo) == (True, 2, 20)
    assert first.emission_rao == 10**9
    assert first.staked_rao == world.chain.metagraph(1).stake_rao.sum()
    assert (second.name, second.description, second.is_started) == ("second", "a kind", False)
    assert second.locked_rao > first.locked_rao == 100 * TAO
    assert second.owner_coldkey == world.alice.address
    assert first.pending_rao > 0


def test_hyperparameters_are_the_chain_s_and_can_be_set(world: Any) -> None:
    before = world.chain.hyperparameters(1)
    assert (before.tempo, before.kappa, before.yuma_version) == (20, 32_767, 3)
    assert before.burn_increase_mult == pytest.approx(1.26)
    assert before.commit_reveal_weights_enabled is False
    subnets.set_hyperparameter(world.chain, world.alice, 1, "immunity_period", 77)
    subnets.set_hyperparameter(world.chain, world.alice, 1, "tempo", 7, as_root=True)
    subnets.set_hyperparameter(world.chain, world.alice, 1, "liquid_alpha_enabled", True)
    subnets.set_hyperparameter(world.chain, world.alice, 1, "alpha_low", 20_000)
    after = world.chain.hyperparameters(1)
    assert (after.immunity_period, after.tempo, after.alpha_low) == (77, 7, 20_000)
    assert after.alpha_high == before.alpha_high
    with pytest.raises(DispatchFailed, match="BadOrigin"):
        subnets.set_hyperparameter(world.chain, world.alice, 1, "kappa", 1)
    with pytest.raises(UsageError, match="no hyperparameter") as caught:
        subnets.set_hyperparameter(world.chain, world.alice, 1, "colour", 1)
    assert "kappa" in caught.value.hint


def test_rules_beyond_bittensor_s_are_off_until_they_are_set_one_by_one(world: Any) -> None:
    assert epoch_rules(world.chain, 1) == EpochRules()
    subnets.set_hyperparameter(world.chain, world.alice, 1, "average_stake", True)
    subnets.set_hyperparameter(world.chain, world.alice, 1, "deviation_cost", 7, as_root=True)
    assert epoch_rules(world.chain, 1) == EpochRules(average_stake=True, deviation_cost=7)
    assert world.chain.epoch_state(1).parameters.deviation_cost == 7
    subnets.set_hyperparameter(world.chain, world.alice, 1, "average_stake", False)
    assert epoch_rules(world.chain, 1) == EpochRules(deviation_cost=7)


def test_liquid_alpha_goes_by_a_mode(world: Any) -> None:
    assert subnets.liquid_alpha_mode(world.chain, 1) == "auto"
    subnets.set_hyperparameter(world.chain, world.alice, 1, "liquid_alpha_mode", "previous")
    assert subnets.liquid_alpha_mode(world.chain, 1) == "previous"
    assert world.chain.epoch_state(1).parameters.liquid_alpha_mode == "previous"
    with pytest.raises(UsageError, match="'later' is no mode of liquid alpha"):
        subnets.set_hyperparameter(world.chain, world.alice, 1, "liquid_alpha_mode", "later")
    with pytest.raises(UsageError, match="'previous' is no value"):
        subnets.set_hyperparameter(world.chain, world.alice, 1, "kappa", "previous")


def test_stake_is_added_listed_and_removed(world: Any) -> None:
    bob, hot = world.bob, world.bob_hot.address
    before, free = stake.stake_on(world.chain, hot, bob.address, 1), world.chain.balance(bob.address)
    receipt = stake.add_stake(world.chain, bob, hot, 1, 5 * TAO)
    assert stake.stake_on(world.chain, hot, bob.address, 1) == before + 5 * TAO
    assert world.chain.balance(bob.address) == free - 5 * TAO - receipt.fee_rao
    (found,) = world.chain.stake(bob.address)
    assert (found.hotkey, found.netuid, found.stake_rao) == (hot, 1, before + 5 * TAO)
    assert found.is_registered
    stake.remove_stake(world.chain, bob, hot, 1, 5 * TAO)
    assert stake.stake_on(world.chain, hot, bob.address, 1) == before
    assert stake.stake_on(world.chain, hot, world.charlie.address, 1) == 0
    assert world.chain.stake(world.stranger.address) == []


def test_prices_are_what_is_paid(world: Any) -> None:
    price = subnets.lock_cost(world.chain)
    free = world.chain.balance(world.charlie.address)
    netuid, receipt = subnets.register_subnet(world.chain, world.charlie, world.charlie_hot.address)
    assert netuid == 3
    assert free - world.chain.balance(world.charlie.address) == pytest.approx(
        price + receipt.fee_rao, rel=1e-3
    )
    assert neurons.registration_price(world.chain, 3) == pytest.approx(TAO, rel=0.05)
    assert neurons.uid_of(world.chain, 3, world.charlie_hot.address) == 0
    assert neurons.uid_of(world.chain, 1, world.charlie_hot.address) is None


@pytest.mark.parametrize(
    ("ip", "port"), [("localhost", 80), ("1.2.3", 80), ("1.2.3.4", 0), ("1.2.3.4", 65_536)]
)
def test_an_address_that_is_none_is_refused_here(world: Any, ip: str, port: int) -> None:
    with pytest.raises(UsageError):
        neurons.serve_axon(world.chain, 1, world.bob_hot, ip, port)


def test_addresses_of_both_families_are_shown_as_written(world: Any) -> None:
    neurons.serve_axon(world.chain, 1, world.bob_hot, "2001:db8::1", 8091)
    assert str(world.chain.metagraph(1).axons[1]) == "[2001:db8::1]:8091"
    assert ip_text(0x7F000001, 4) == "127.0.0.1"
    assert not Axon("0.0.0.0", 0, 0, 0, 0).is_serving  # type: ignore[arg-type]


def test_commits_wait_in_order_until_they_are_revealed(world: Any) -> None:
    hashes = [commit_hash(world.bob_hot.public, 1, [0], [value], [1], 0) for value in (1, 2)]
    world.commit_reveal(True)
    for digest in hashes:
        world.do(world.bob_hot, "commit_weights", netuid=1, commit_hash=digest)
    found = world.chain.weight_commits(1, world.bob_hot.address)
    assert [commit.commit_hash for commit in found] == hashes
    assert [commit.block for commit in found] == [world.chain.head() - 1, world.chain.head()]
    world.next_epoch()
    world.do(world.bob_hot, "reveal_weights", netuid=1, uids=[0], values=[1], salt=[1], version_key=0)
    assert [commit.commit_hash for commit in world.chain.weight_commits(1, world.bob_hot.address)] == hashes[
        1:
    ]
    assert world.chain.weight_commits(1, world.alice_hot.address) == []


def test_the_state_before_an_epoch_agrees_with_the_other_reads(world: Any) -> None:
    world.weigh(world.bob_hot, [0, 1], [1, 3])
    world.commit_reveal(True)
    world.do(world.bob_hot, "commit_weights", netuid=1, commit_hash=bytes(32))
    at = world.chain.block_hash()
    state, graph = world.chain.epoch_state(1, at), world.chain.metagraph(1, at)
    hyper, info = world.chain.hyperparameters(1, at), world.chain.subnets(at)[1]
    assert (state.block, state.last_step) == (graph.block, graph.last_epoch_block)
    assert state.last_epoch_block == info.last_epoch_block
    assert state.hotkeys == graph.hotkeys
    assert state.owner_uid == 0
    assert list(state.alpha_stake) == graph.alpha_stake_rao.tolist()
    assert list(state.last_update) == graph.last_update.tolist()
    assert list(state.registered_at) == graph.registered_at.tolist()
    assert list(state.permits) == graph.validator_permit.tolist()
    assert dict(enumerate(state.weights)) == {0: [], 1: world.chain.weights(1, at)[1]}
    assert [len(queue) for queue in state.commits] == [0, 1]
    pending = state.pending_server_rao + state.pending_validator_rao + state.pending_owner_cut_rao
    assert pending == info.pending_rao
    wanted = (hyper.tempo, hyper.kappa, hyper.activity_cutoff, hyper.max_validators, hyper.bonds_moving_avg)
    found = state.parameters
    assert wanted == (
        found.tempo,
        found.kappa,
        found.activity_cutoff,
        found.max_allowed_validators,
        found.bonds_moving_average,
    )
    assert (found.alpha_low, found.alpha_high) == (hyper.alpha_low, hyper.alpha_high)
    assert (found.yuma3, found.commit_reveal) == (True, True)


def test_defaults_of_what_was_never_stored_are_the_runtime_s(world: Any) -> None:
    from meritnet.chain.client import epoch_state
    from meritnet.chain.client import subnets as listed

    codec = world.chain.codec
    pallet = codec._metadata.get_metadata_pallet("SubtensorModule")
    for item, known in (epoch_state._DEFAULTS | listed._DEFAULTS).items():
        shown = pallet.get_storage_function(item).value["default"]  # as text where the bytes are some
        default = bytes.fromhex(shown[2:]) if shown.startswith("0x") else shown.encode()
        assert int.from_bytes(default, "little") == known, item


@pytest.mark.slow
def test_a_full_subnet_is_read_in_a_tenth_of_a_second(world: Any) -> None:
    world.admin("sudo_set_burn_increase_mult", netuid=1, burn_increase_mult={"bits": 1 << 64})
    for first in range(2, 256, 32):
        hotkeys = [bytes([1, uid]) + bytes(30) for uid in range(first, min(first + 32, 256))]
        calls = [Call("SubtensorModule", "burned_register", {"netuid": 1, "hotkey": hot}) for hot in hotkeys]
        world.chain.submit(Call("Utility", "batch_all", {"calls": calls}), world.charlie)
    times = []
    for _ in range(5):
        started = time.perf_counter()
        graph = world.chain.metagraph(1)
        times.append(time.perf_counter() - started)
    assert len(graph) == 256
    assert np.unique(graph.registered_at).size > 5
    print(f"metagraph of 256 uids: {min(times) * 1000:.0f} ms")
    assert min(times) < 0.5, "the aim is 0.1 s on an idle machine"
