"""The runtime's whole surface through the client: each call succeeds once, each error is produced once.

Both lists are taken from the metadata: a call or an error that the runtime gains and nobody tests fails here.
"""

from collections.abc import Callable
from typing import Any

import pytest

from meritnet.chain.client.subnets import ROOT_SETTERS, SETTERS
from meritnet.chain.errors import DispatchFailed
from meritnet.consensus.commit import commit_hash

TAO = 10**9
PLACE = {"netuid": 1, "version": 1, "ip": 0x08080808, "port": 8091, "ip_type": 4}
AXON = PLACE | {"protocol": 4, "placeholder1": 0, "placeholder2": 0}
ROW: dict[str, Any] = {"uids": [0], "values": [1], "salt": [7], "version_key": 0}
IDENTITY = dict.fromkeys(
    ("github_repo", "subnet_contact", "subnet_url", "discord", "description", "logo_url", "additional"), ""
)
SOME_HASH = bytes(32)

Deed = Callable[[Any], object]
"""What is done in a world."""


def hash_of(w: Any) -> bytes:
    """The hash of ``ROW`` as Bob's hotkey commits it."""
    return commit_hash(w.bob_hot.public, 1, ROW["uids"], ROW["values"], ROW["salt"], ROW["version_key"])


def committed(w: Any, epochs: int) -> None:
    """Bob has committed to ``ROW``, and so many epochs have passed."""
    w.commit_reveal(True)
    w.do(w.bob_hot, "commit_weights", netuid=1, commit_hash=hash_of(w))
    for _ in range(epochs):
        w.next_epoch()


def reveal(w: Any, **other: object) -> object:
    return w.do(w.bob_hot, "reveal_weights", **({"netuid": 1} | ROW | other))


def after(preparation: Deed, deed: Deed) -> Deed:
    """One deed after another."""

    def both(w: Any) -> object:
        preparation(w)
        return deed(w)

    return both


def admin(function: str, **arguments: object) -> Deed:
    return lambda w: w.admin(function, **arguments)


def twice(deed: Deed) -> Deed:
    return after(deed, deed)


def staked(function: str, **arguments: object) -> Deed:
    """A call of Bob's coldkey about his stake on his hotkey."""
    return lambda w: w.do(w.bob, function, **({"hotkey": w.bob_hot, "netuid": 1} | arguments))


def moved(function: str, **arguments: object) -> Deed:
    """A call that moves Bob's stake inside or between subnets."""
    where = {"origin_netuid": 1, "destination_netuid": 1, "alpha_amount": TAO}
    return lambda w: w.do(w.bob, function, **(where | {name: found(w) for name, found in arguments.items()}))  # type: ignore[operator]


start_second = lambda w: w.do(w.alice, "start_call", netuid=2)  # noqa: E731 - a deed like the others
register_charlie = lambda w: w.do(w.charlie, "burned_register", netuid=1, hotkey=w.charlie_hot)  # noqa: E731

CALLS: dict[str, Deed] = {
    "set_weights": lambda w: w.weigh(w.bob_hot, [0, 1], [1, 2]),
    "set_mechanism_weights": lambda w: w.do(
        w.bob_hot, "set_mechanism_weights", netuid=1, mecid=0, dests=[0], weights=[1], version_key=0
    ),
    "batch_set_weights": lambda w: w.do(
        w.bob_hot, "batch_set_weights", netuids=[1], weights=[[(0, 1)]], version_keys=[0]
    ),
    "commit_weights": lambda w: committed(w, 0),
    "commit_mechanism_weights": after(
        lambda w: w.commit_reveal(True),
        lambda w: w.do(w.bob_hot, "commit_mechanism_weights", netuid=1, mecid=0, commit_hash=SOME_HASH),
    ),
    "batch_commit_weights": after(
        lambda w: w.commit_reveal(True),
        lambda w: w.do(w.bob_hot, "batch_commit_weights", netuids=[1], commit_hashes=[SOME_HASH]),
    ),
    "reveal_weights": after(lambda w: committed(w, 1), reveal),
    "reveal_mechanism_weights": after(
        lambda w: committed(w, 1),
        lambda w: w.do(w.bob_hot, "reveal_mechanism_weights", netuid=1, mecid=0, **ROW),
    ),
    "batch_reveal_weights": after(
        lambda w: committed(w, 1),
        lambda w: w.do(
            w.bob_hot,
            "batch_reveal_weights",
            netuid=1,
            uids_list=[ROW["uids"]],
            values_list=[ROW["values"]],
            salts_list=[ROW["salt"]],
            version_keys=[0],
        ),
    ),
    "add_stake": staked("add_stake", amount_staked=TAO),
    "add_stake_limit": staked("add_stake_limit", amount_staked=TAO, limit_price=TAO, allow_partial=False),
    "remove_stake": staked("remove_stake", amount_unstaked=TAO),
    "remove_stake_limit": staked(
        "remove_stake_limit", amount_unstaked=TAO, limit_price=TAO, allow_partial=False
    ),
    "unstake_all": lambda w: w.do(w.bob, "unstake_all", hotkey=w.bob_hot),
    "move_stake": moved(
        "move_stake", origin_hotkey=lambda w: w.bob_hot, destination_hotkey=lambda w: w.alice_hot
    ),
    "transfer_stake": moved(
        "transfer_stake", destination_coldkey=lambda w: w.charlie, hotkey=lambda w: w.bob_hot
    ),
    "swap_stake": after(
        start_second,
        moved("swap_stake", hotkey=lambda w: w.bob_hot, destination_netuid=lambda w: 2),
    ),
    "serve_axon": lambda w: w.do(w.bob_hot, "serve_axon", **AXON),
    "serve_axon_tls": lambda w: w.do(w.bob_hot, "serve_axon_tls", **AXON, certificate=b"\x01key"),
    "serve_prometheus": lambda w: w.do(w.bob_hot, "serve_prometheus", **PLACE),
    "burned_register": register_charlie,
    "register_limit": lambda w: w.do(
        w.charlie, "register_limit", netuid=1, hotkey=w.charlie_hot, limit_price=10 * TAO
    ),
    "try_associate_hotkey": lambda w: w.do(w.bob, "try_associate_hotkey", hotkey=w.stranger),
    "decrease_take": lambda w: w.do(w.bob, "decrease_take", hotkey=w.bob_hot, take=1),
    "increase_take": after(
        lambda w: w.do(w.bob, "decrease_take", hotkey=w.bob_hot, take=1),
        lambda w: w.do(w.bob, "increase_take", hotkey=w.bob_hot, take=2),
    ),
    "register_network": lambda w: w.do(w.charlie, "register_network", hotkey=w.charlie_hot),
    "register_network_with_identity": lambda w: w.do(
        w.charlie,
        "register_network_with_identity",
        hotkey=w.charlie_hot,
        identity=IDENTITY | {"subnet_name": "third"},
    ),
    "set_subnet_identity": lambda w: w.do(
        w.alice, "set_subnet_identity", netuid=1, subnet_name="first", **IDENTITY
    ),
    "start_call": start_second,
    "set_tempo": lambda w: w.do(w.alice, "set_tempo", netuid=1, tempo=360),
    "set_activity_cutoff_factor": lambda w: w.do(
        w.alice, "set_activity_cutoff_factor", netuid=1, factor_milli=5_000
    ),
    "trigger_epoch": lambda w: w.do(w.alice, "trigger_epoch", netuid=1),
}
"""Call of ``SubtensorModule`` → a deed in which it succeeds."""

SET: dict[str, dict[str, object]] = {
    "sudo_set_default_take": {"default_take": 10_000},
    "sudo_set_tx_rate_limit": {"tx_rate_limit": 5},
    "sudo_set_serving_rate_limit": {"netuid": 1, "serving_rate_limit": 5},
    "sudo_set_weights_version_key": {"netuid": 1, "weights_version_key": 5},
    "sudo_set_weights_set_rate_limit": {"netuid": 1, "weights_set_rate_limit": 5},
    "sudo_set_immunity_period": {"netuid": 1, "immunity_period": 5},
    "sudo_set_min_allowed_weights": {"netuid": 1, "min_allowed_weights": 2},
    "sudo_set_max_allowed_uids": {"netuid": 1, "max_allowed_uids": 100},
    "sudo_set_kappa": {"netuid": 1, "kappa": 30_000},
    "sudo_set_rho": {"netuid": 1, "rho": 5},
    "sudo_set_network_registration_allowed": {"netuid": 1, "registration_allowed": False},
    "sudo_set_min_burn": {"netuid": 1, "min_burn": 5},
    "sudo_set_max_burn": {"netuid": 1, "max_burn": 5 * TAO},
    "sudo_set_max_allowed_validators": {"netuid": 1, "max_allowed_validators": 5},
    "sudo_set_bonds_moving_average": {"netuid": 1, "bonds_moving_average": 990_000},
    "sudo_set_subnet_owner_cut": {"subnet_owner_cut": 5},
    "sudo_set_network_rate_limit": {"rate_limit": 5},
    "sudo_set_tempo": {"netuid": 1, "tempo": 5},
    "sudo_set_network_immunity_period": {"immunity_period": 5},
    "sudo_set_network_min_lock_cost": {"lock_cost": 5 * TAO},
    "sudo_set_subnet_limit": {"max_subnets": 5},
    "sudo_set_lock_reduction_interval": {"interval": 5},
    "sudo_set_stake_threshold": {"min_stake": 5},
    "sudo_set_tx_delegate_take_rate_limit": {"tx_rate_limit": 5},
    "sudo_set_min_delegate_take": {"take": 5},
    "sudo_set_commit_reveal_weights_enabled": {"netuid": 1, "enabled": True},
    "sudo_set_liquid_alpha_enabled": {"netuid": 1, "enabled": True},
    "sudo_set_liquid_alpha_consensus_mode": {"netuid": 1, "mode": "Previous"},
    "sudo_set_epoch_rules": {
        "netuid": 1,
        "rules": {
            "carry_dust": True,
            "absent_as_zero": True,
            "average_stake": True,
            "dated_weights": True,
            "deviation_cost": 5,
            "reveal_target": 5,
        },
    },
    "sudo_set_commit_reveal_weights_interval": {"netuid": 1, "interval": 2},
    "sudo_set_bonds_penalty": {"netuid": 1, "bonds_penalty": 5},
    "sudo_set_toggle_transfer": {"netuid": 1, "toggle": False},
    "sudo_set_subtoken_enabled": {"netuid": 1, "subtoken_enabled": False},
    "sudo_set_alpha_sigmoid_steepness": {"netuid": 1, "steepness": -5},
    "sudo_set_yuma3_enabled": {"netuid": 1, "enabled": False},
    "sudo_set_owner_immune_neuron_limit": {"netuid": 1, "immune_neurons": 2},
    "sudo_set_admin_freeze_window": {"window": 5},
    "sudo_set_owner_hparam_rate_limit": {"epochs": 5},
    "sudo_set_min_allowed_uids": {"netuid": 1, "min_allowed_uids": 1},
    "sudo_set_min_non_immune_uids": {"netuid": 1, "min": 5},
    "sudo_set_start_call_delay": {"delay": 5},
    "sudo_set_burn_half_life": {"netuid": 1, "burn_half_life": 5},
    "sudo_set_burn_increase_mult": {"netuid": 1, "burn_increase_mult": {"bits": 2 << 64}},
    "sudo_set_owner_cut_enabled": {"netuid": 1, "enabled": False},
    "sudo_set_subnet_emission_enabled": {"netuid": 1, "enabled": False},
    "sudo_set_max_epochs_per_block": {"max_epochs_per_block": 5},
}
"""Setter of ``AdminUtils`` → arguments with which root succeeds; two more need a deed."""

SET_BY_DEED: dict[str, Deed] = {
    "sudo_set_sn_owner_hotkey": lambda w: w.admin("sudo_set_sn_owner_hotkey", netuid=1, hotkey=w.alice_hot),
    "sudo_set_alpha_values": after(
        admin("sudo_set_liquid_alpha_enabled", netuid=1, enabled=True),
        admin("sudo_set_alpha_values", netuid=1, alpha_low=2_000, alpha_high=60_000),
    ),
}


def register_where_only_the_owner_is(w: Any) -> object:
    """The one neuron of subnet 2 is the owner's, who is never pruned, and there is room for one only."""
    w.admin("sudo_set_min_allowed_uids", netuid=2, min_allowed_uids=0)
    w.admin("sudo_set_max_allowed_uids", netuid=2, max_allowed_uids=1)
    return w.do(w.charlie, "burned_register", netuid=2, hotkey=w.charlie_hot)


def eleven_commits(w: Any) -> None:
    w.commit_reveal(True)
    for _ in range(11):
        w.do(w.bob_hot, "commit_weights", netuid=1, commit_hash=SOME_HASH)


ERRORS: dict[str, Deed] = {
    "InvalidIpType": lambda w: w.do(w.bob_hot, "serve_axon", **(AXON | {"ip_type": 5})),
    "InvalidIpAddress": lambda w: w.do(w.bob_hot, "serve_axon", **(AXON | {"ip": 2**32 - 1})),
    "InvalidPort": lambda w: w.do(w.bob_hot, "serve_axon", **(AXON | {"port": 0})),
    "HotKeyNotRegisteredInSubNet": lambda w: w.weigh(w.charlie_hot, [0]),
    "HotKeyAccountNotExists": lambda w: w.do(
        w.bob, "add_stake", hotkey=w.stranger, netuid=1, amount_staked=TAO
    ),
    "HotKeyNotRegisteredInNetwork": lambda w: w.do(w.charlie_hot, "serve_axon", **AXON),
    "NonAssociatedColdKey": lambda w: w.do(w.charlie, "decrease_take", hotkey=w.bob_hot, take=1),
    "NotEnoughStakeToWithdraw": staked("remove_stake", amount_unstaked=10**6 * TAO),
    "NotEnoughStakeToSetWeights": after(
        admin("sudo_set_stake_threshold", min_stake=10**6 * TAO), lambda w: w.weigh(w.bob_hot, [0])
    ),
    "NotEnoughBalanceToStake": staked("add_stake", amount_staked=10**7 * TAO),
    "NeuronNoValidatorPermit": after(register_charlie, lambda w: w.weigh(w.charlie_hot, [0])),
    "WeightVecNotEqualSize": lambda w: w.weigh(w.bob_hot, [0, 1], [1]),
    "DuplicateUids": lambda w: w.weigh(w.bob_hot, [0, 0]),
    "UidVecContainInvalidOne": lambda w: w.weigh(w.bob_hot, [99]),
    "WeightVecLengthIsLow": after(
        admin("sudo_set_min_allowed_weights", netuid=1, min_allowed_weights=2),
        lambda w: w.weigh(w.bob_hot, [0]),
    ),
    "HotKeyAlreadyRegisteredInSubNet": lambda w: w.do(w.bob, "burned_register", netuid=1, hotkey=w.bob_hot),
    "SettingWeightsTooFast": after(
        admin("sudo_set_weights_set_rate_limit", netuid=1, weights_set_rate_limit=1_000),
        twice(lambda w: w.weigh(w.alice_hot, [0])),
    ),
    "IncorrectWeightVersionKey": after(
        admin("sudo_set_weights_version_key", netuid=1, weights_version_key=5),
        lambda w: w.weigh(w.bob_hot, [0], version_key=4),
    ),
    "ServingRateLimitExceeded": after(
        admin("sudo_set_serving_rate_limit", netuid=1, serving_rate_limit=100),
        twice(lambda w: w.do(w.bob_hot, "serve_axon", **AXON)),
    ),
    "UidsLengthExceedUidsInSubNet": lambda w: w.weigh(w.bob_hot, list(range(300))),
    "NetworkTxRateLimitExceeded": after(
        admin("sudo_set_network_rate_limit", rate_limit=1_000),
        lambda w: w.do(w.charlie, "register_network", hotkey=w.charlie_hot),
    ),
    "DelegateTxRateLimitExceeded": after(
        CALLS["increase_take"], lambda w: w.do(w.bob, "increase_take", hotkey=w.bob_hot, take=3)
    ),
    "SubNetRegistrationDisabled": after(
        admin("sudo_set_network_registration_allowed", netuid=1, registration_allowed=False), register_charlie
    ),
    "NotSubnetOwner": lambda w: w.do(w.charlie, "start_call", netuid=2),
    "RegistrationNotPermittedOnRootSubnet": lambda w: w.do(
        w.charlie, "burned_register", netuid=0, hotkey=w.charlie_hot
    ),
    "CanNotSetRootNetworkWeights": after(
        admin("sudo_set_commit_reveal_weights_enabled", netuid=0, enabled=False),
        lambda w: w.weigh(w.bob_hot, [0], netuid=0),
    ),
    "NoNeuronIdAvailable": register_where_only_the_owner_is,
    "DelegateTakeTooLow": lambda w: w.do(w.bob, "decrease_take", hotkey=w.bob_hot, take=20_000),
    "DelegateTakeTooHigh": lambda w: w.do(w.bob, "increase_take", hotkey=w.bob_hot, take=20_000),
    "NoWeightsCommitFound": after(lambda w: w.commit_reveal(True), reveal),
    "InvalidRevealCommitHashNotMatch": after(lambda w: committed(w, 1), lambda w: reveal(w, salt=[8])),
    "CommitRevealEnabled": after(lambda w: w.commit_reveal(True), lambda w: w.weigh(w.bob_hot, [0])),
    "CommitRevealDisabled": lambda w: w.do(w.bob_hot, "commit_weights", netuid=1, commit_hash=SOME_HASH),
    "LiquidAlphaDisabled": admin("sudo_set_alpha_values", netuid=1, alpha_low=2_000, alpha_high=60_000),
    "AlphaHighTooLow": after(
        admin("sudo_set_liquid_alpha_enabled", netuid=1, enabled=True),
        admin("sudo_set_alpha_values", netuid=1, alpha_low=1, alpha_high=1),
    ),
    "AlphaLowOutOfRange": after(
        admin("sudo_set_liquid_alpha_enabled", netuid=1, enabled=True),
        admin("sudo_set_alpha_values", netuid=1, alpha_low=60_000, alpha_high=50_000),
    ),
    "TxRateLimitExceeded": after(
        admin("sudo_set_owner_hparam_rate_limit", epochs=2),
        twice(lambda w: w.do(w.alice, "sudo_set_rho", "AdminUtils", netuid=1, rho=5)),
    ),
    "InvalidIdentity": lambda w: w.do(
        w.alice, "set_subnet_identity", netuid=1, subnet_name="x" * 300, **IDENTITY
    ),
    "MechanismDoesNotExist": lambda w: w.do(
        w.bob_hot, "set_mechanism_weights", netuid=1, mecid=1, dests=[0], weights=[1], version_key=0
    ),
    "SubnetNotExists": staked("add_stake", netuid=99, amount_staked=TAO),
    "TooManyUnrevealedCommits": eleven_commits,
    "ExpiredWeightCommit": after(lambda w: committed(w, 2), reveal),
    "RevealTooEarly": after(lambda w: committed(w, 0), reveal),
    "InputLengthsUnequal": lambda w: w.do(
        w.bob_hot, "batch_commit_weights", netuids=[1], commit_hashes=[SOME_HASH, SOME_HASH]
    ),
    "CommittingWeightsTooFast": after(
        admin("sudo_set_weights_set_rate_limit", netuid=1, weights_set_rate_limit=1_000),
        lambda w: (committed(w, 0), committed(w, 0)),
    ),
    "AmountTooLow": staked("add_stake", amount_staked=1),
    "SlippageTooHigh": staked("add_stake_limit", amount_staked=TAO, limit_price=1, allow_partial=True),
    "TransferDisallowed": after(
        admin("sudo_set_toggle_transfer", netuid=1, toggle=False), CALLS["transfer_stake"]
    ),
    "FirstEmissionBlockNumberAlreadySet": lambda w: w.do(w.alice, "start_call", netuid=1),
    "NeedWaitingMoreBlocksToStarCall": after(admin("sudo_set_start_call_delay", delay=1_000), start_second),
    "SubtokenDisabled": staked("add_stake", netuid=2, amount_staked=TAO),
    "SameNetuid": moved("swap_stake", hotkey=lambda w: w.bob_hot),
    "AdminActionProhibitedDuringWeightsWindow": after(
        admin("sudo_set_admin_freeze_window", window=1_000),
        lambda w: w.do(w.alice, "sudo_set_rho", "AdminUtils", netuid=1, rho=5),
    ),
    "RevealPeriodTooLarge": admin("sudo_set_commit_reveal_weights_interval", netuid=1, interval=101),
    "RevealPeriodTooSmall": admin("sudo_set_commit_reveal_weights_interval", netuid=1, interval=0),
    "SubnetLimitReached": after(admin("sudo_set_subnet_limit", max_subnets=2), CALLS["register_network"]),
    "CannotAffordLockCost": after(
        admin("sudo_set_network_min_lock_cost", lock_cost=10**7 * TAO), CALLS["register_network"]
    ),
    "RegistrationPriceLimitExceeded": lambda w: w.do(
        w.charlie, "register_limit", netuid=1, hotkey=w.charlie_hot, limit_price=1
    ),
    "TempoOutOfBounds": lambda w: w.do(w.alice, "set_tempo", netuid=1, tempo=10),
    "ActivityCutoffFactorMilliOutOfBounds": lambda w: w.do(
        w.alice, "set_activity_cutoff_factor", netuid=1, factor_milli=1
    ),
    "EpochTriggerAlreadyPending": after(
        admin("sudo_set_admin_freeze_window", window=4), twice(CALLS["trigger_epoch"])
    ),
    "AutoEpochAlreadyImminent": after(
        admin("sudo_set_admin_freeze_window", window=1_000), CALLS["trigger_epoch"]
    ),
    "DynamicTempoBlockedByCommitReveal": after(lambda w: w.commit_reveal(True), CALLS["trigger_epoch"]),
}
"""Error of ``SubtensorModule`` → a deed that ends in it."""

ADMIN_ERRORS: dict[str, Deed] = {
    "SubnetDoesNotExist": admin("sudo_set_kappa", netuid=99, kappa=1),
    "MaxValidatorsLargerThanMaxUIds": admin(
        "sudo_set_max_allowed_validators", netuid=1, max_allowed_validators=300
    ),
    "MaxAllowedUIdsLessThanCurrentUIds": after(
        admin("sudo_set_min_allowed_uids", netuid=1, min_allowed_uids=1),
        admin("sudo_set_max_allowed_uids", netuid=1, max_allowed_uids=1),
    ),
    "BondsMovingAverageMaxReached": lambda w: w.do(
        w.alice, "sudo_set_bonds_moving_average", "AdminUtils", netuid=1, bonds_moving_average=976_000
    ),
    "NegativeSigmoidSteepness": lambda w: w.do(
        w.alice, "sudo_set_alpha_sigmoid_steepness", "AdminUtils", netuid=1, steepness=-1
    ),
    "ValueNotInBounds": admin("sudo_set_min_burn", netuid=1, min_burn=2 * TAO),
    "MinAllowedUidsGreaterThanCurrentUids": admin("sudo_set_min_allowed_uids", netuid=1, min_allowed_uids=50),
    "MinAllowedUidsGreaterThanMaxAllowedUids": admin(
        "sudo_set_min_allowed_uids", netuid=1, min_allowed_uids=300
    ),
    "MaxAllowedUidsLessThanMinAllowedUids": admin("sudo_set_max_allowed_uids", netuid=1, max_allowed_uids=10),
    "MaxAllowedUidsGreaterThanDefaultMaxAllowedUids": admin(
        "sudo_set_max_allowed_uids", netuid=1, max_allowed_uids=257
    ),
    "InvalidValue": admin("sudo_set_burn_half_life", netuid=1, burn_half_life=0),
    "NotPermittedOnRootSubnet": admin("sudo_set_burn_half_life", netuid=0, burn_half_life=5),
}
"""Error of ``AdminUtils`` → a deed that ends in it."""


def test_every_call_and_every_error_of_the_runtime_is_in_the_tables(world: Any) -> None:
    codec = world.chain.codec
    assert set(CALLS) == set(codec.calls("SubtensorModule"))
    assert set(SET) | set(SET_BY_DEED) == set(codec.calls("AdminUtils"))
    assert set(ERRORS) == set(codec.errors("SubtensorModule"))
    assert set(ADMIN_ERRORS) == set(codec.errors("AdminUtils"))


@pytest.mark.parametrize("function", CALLS)
def test_a_call_succeeds(world: Any, function: str) -> None:
    CALLS[function](world)


@pytest.mark.parametrize("function", [*SET, *SET_BY_DEED])
def test_root_sets_a_parameter(world: Any, function: str) -> None:
    (SET_BY_DEED.get(function) or admin(function, **SET[function]))(world)


@pytest.mark.parametrize(
    ("pallet", "name", "deed"),
    [("SubtensorModule", *pair) for pair in ERRORS.items()]
    + [("AdminUtils", *pair) for pair in ADMIN_ERRORS.items()],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_an_error_arrives_with_the_runtime_s_words(world: Any, pallet: str, name: str, deed: Deed) -> None:
    with pytest.raises(DispatchFailed) as caught:
        deed(world)
    assert (caught.value.pallet, caught.value.name) == (pallet, name)
    assert caught.value.docs == world.chain.codec.errors(pallet)[name]
    assert len(caught.value.docs) > 15, "an error says what was wrong"


@pytest.mark.parametrize("function", ["set_weights", "commit_weights", "serve_axon"])
def test_a_stranger_s_free_call_is_refused_in_the_pool(world: Any, function: str) -> None:
    from meritnet.chain.errors import TransactionRejected

    arguments = {
        "set_weights": {"netuid": 1, "dests": [0], "weights": [1], "version_key": 0},
        "commit_weights": {"netuid": 1, "commit_hash": SOME_HASH},
        "serve_axon": AXON,
    }
    with pytest.raises(TransactionRejected, match="no hotkey that anybody has registered"):
        world.do(world.charlie, function, **arguments[function])


def test_every_setter_of_the_command_line_is_a_call_with_one_value(world: Any) -> None:
    for setter in [*SETTERS.values(), *ROOT_SETTERS.values()]:
        assert world.chain.codec.arguments(*setter.split("."))[0] == "netuid"
        assert len(world.chain.codec.arguments(*setter.split("."))) == 2
