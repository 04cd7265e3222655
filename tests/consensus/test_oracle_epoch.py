"""The public network's own epoch tests, replayed: chain/vectors/oracle/subtensor_epoch.json.

`asserted` numbers stand in upstream's assertions, `trace` numbers in the output of an upstream run.
"""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from meritnet.consensus import bonds, fixed
from meritnet.consensus.epoch import epoch
from meritnet.consensus.matrix import Matrix
from meritnet.consensus.params import Params
from meritnet.consensus.state import EpochInput, EpochOutput

ORACLE = Path(__file__).parents[2] / "chain" / "vectors" / "oracle" / "subtensor_epoch.json"
CASES: dict[str, dict[str, Any]] = {case["test"]: case for case in json.loads(ORACLE.read_text())["cases"]}
UPSTREAM = Params(tempo=1, yuma3=False, commit_reveal=False, max_allowed_validators=128)
"""What upstream's test network starts from; 1e9 rao are paid an epoch."""
VECTORS = ("consensus", "incentive", "dividends")


class Subnet:
    """A subnet between epochs: what the chain would keep of one epoch's output for the next."""

    def __init__(self, stakes: list[int], params: Params, **state: Any) -> None:
        n = len(stakes)
        given = {"permits": [False] * n, "registered_at": [0] * n, "owner_uid": None} | state
        self.params = params
        self.state = EpochInput(
            block=0,
            last_step=0,
            alpha_stake=stakes,
            tao_stake=[0] * n,
            last_update=[0] * n,
            oldest_commit_block=[None] * n,
            weights=[()] * n,
            bonds=[()] * n,
            emission=10**9,
            **given,
        )

    def set_weights(self, weights: dict[str, list[list[int]]], block: int) -> None:
        """Stores rows of [uid, weight] as `set_weights` does."""
        rows, updated = list(self.state.weights), list(self.state.last_update)
        for uid, row in weights.items():
            values = fixed.max_upscale([weight for _, weight in row])
            rows[int(uid)] = tuple(zip((miner for miner, _ in row), values, strict=True))
            updated[int(uid)] = block
        self.state = replace(self.state, weights=rows, last_update=updated)

    def replace_uid(self, uid: int, block: int) -> None:
        """A new holder takes the uid: no stake, no permit, no weights."""
        changes = {"registered_at": block, "alpha_stake": 0, "permits": False, "weights": ()}
        for field, value in changes.items():
            vector = list(getattr(self.state, field))
            vector[uid] = value
            self.state = replace(self.state, **{field: vector})

    def epoch(self, block: int) -> EpochOutput:
        """Runs the epoch at this block and stores what it issued."""
        output = epoch(replace(self.state, block=block), self.params)
        self.state = replace(self.state, permits=output.permits, bonds=output.bonds)
        return output


def column(output: EpochOutput, miner: int, validators: int) -> list[int]:
    return [dict(row).get(miner, 0) for row in output.bonds[:validators]]


def assert_asserted(output: EpochOutput, asserted: dict[str, Any]) -> None:
    """Exact equality with every number that upstream asserts of one epoch."""
    names = dict.fromkeys(VECTORS) | {"emission": None}
    for name in names:
        actual = output.combined_emission if name == "emission" else getattr(output, name)
        for got, wanted in zip(actual, asserted.get(name, []), strict=False):
            assert wanted is None or got == wanted, name
    if "bonds_column" in asserted:
        assert column(output, asserted["bonds_column"], 4) == asserted["bonds"]
    elif "bonds" in asserted:
        for validator, row in enumerate(asserted["bonds"]):
            for miner, wanted in enumerate(row):
                assert wanted is None or dict(output.bonds[validator]).get(miner, 0) == wanted


def assert_traced(output: EpochOutput, trace: dict[str, Any]) -> None:
    """Traced proportions to the u16, traced emissions to the rao."""
    if "emission" in trace:
        assert list(output.combined_emission) == trace["emission"]
    for name in (*VECTORS, "validator_trust"):
        for got, wanted in zip(getattr(output, name), trace.get(name, []), strict=False):
            assert got == pytest.approx(wanted * 65_535, abs=1)


def test_one_uid_alone() -> None:
    case = CASES["test_1_graph"]
    subnet = Subnet(case["stakes"], UPSTREAM)
    subnet.set_weights(case["weights"], block=1)
    assert_asserted(subnet.epoch(1), case["asserted"])


def test_only_self_weights_pay_by_stake_and_drop_dust() -> None:
    case = CASES["test_10_graph"]
    subnet = Subnet(case["stakes"], UPSTREAM)
    subnet.set_weights(case["weights"], block=1)
    assert_asserted(subnet.epoch(1), case["asserted"])


@pytest.mark.slow
@pytest.mark.parametrize("server_self_weight", [False, True])
@pytest.mark.parametrize("interleave", [1, 8])
def test_sixty_four_validators_of_448_miners(server_self_weight: bool, interleave: int) -> None:
    case = CASES["test_512_graph"]
    n, stake = case["n"], case["stake_per_validator"]
    validators = [uid for uid in range(n) if (uid < 64 if interleave == 1 else uid % 8 == 0)]
    servers = [uid for uid in range(n) if uid not in set(validators)]
    params = replace(UPSTREAM, tempo=65_534, max_allowed_validators=64)
    subnet = Subnet([stake if uid in set(validators) else 0 for uid in range(n)], params)
    subnet.epoch(0)
    weights = {str(uid): [[server, 65_535 // n] for server in servers] for uid in validators}
    if server_self_weight:
        weights |= {str(uid): [[uid, 65_535]] for uid in servers}
    subnet.set_weights(weights, block=1)
    outputs = [subnet.epoch(block) for block in range(1, 1 + case["epochs"])]
    for role, uids in (("validator", validators), ("server", servers)):
        asserted = case["asserted"][role]
        for uid in uids:
            for name in VECTORS:
                assert getattr(outputs[-1], name)[uid] == asserted[name]
            assert outputs[-1].combined_emission[uid] == asserted["emission"]
    bond = case["asserted"]["validator"]
    expected = tuple((server, bond["bond_to_server"]) for server in servers)
    assert all(outputs[-1].bonds[uid] == expected for uid in validators)


def test_bonds_over_eight_epochs() -> None:
    case = CASES["test_bonds"]
    subnet = Subnet(case["stakes"], replace(UPSTREAM, max_allowed_validators=case["max_allowed_validators"]))
    subnet.epoch(0)
    for step in case["epochs"]:
        # the oracle names the block of the epoch; weights are set in the same block
        subnet.set_weights(step["set_weights_before_epoch"], block=step["block"])
        output = subnet.epoch(step["block"])
        assert_asserted(output, step["asserted"])
        assert_traced(output, step["trace"])


def test_active_stake() -> None:
    case = CASES["test_active_stake"]
    subnet = Subnet(case["stakes"], replace(UPSTREAM, max_allowed_validators=4))
    subnet.epoch(0)
    for step in case["epochs"]:
        subnet.set_weights(step["set_weights_before_epoch"], block=step["set_at_block"])
        output = subnet.epoch(step["block"])
        assert_asserted(output, step["asserted"])
        assert_traced(output, step.get("trace", {}))


def test_outdated_weights() -> None:
    case = CASES["test_outdated_weights"]
    subnet = Subnet(case["stakes"], replace(UPSTREAM, tempo=0, max_allowed_validators=4))
    subnet.epoch(0)
    first, second = case["epochs"]
    subnet.set_weights(first["set_weights_before_epoch"], block=1)
    assert [list(entry) for entry in subnet.state.weights[0]] == first["trace"]["weights_stored_row0"]
    assert_traced(subnet.epoch(1), first["trace"])
    subnet.replace_uid(3, block=1)
    subnet.set_weights(second["set_weights_before_epoch"], block=2)
    output = subnet.epoch(2)
    assert_asserted(output, second["asserted"])
    assert_traced(output, second["trace"])


def test_zero_weights() -> None:
    case = CASES["test_zero_weights"]
    subnet = Subnet(case["stakes"], replace(UPSTREAM, tempo=65_534))
    for step in case["steps"]:
        if "registered" in step:
            subnet.state = replace(subnet.state, registered_at=step["registered"])
        subnet.set_weights(step["weights"], block=step["block"])
        assert_asserted(subnet.epoch(step["block"]), step["asserted"])


@pytest.mark.parametrize(("n", "validators"), CASES["test_validator_permits"]["grid"])
@pytest.mark.parametrize("first_half", [True, False])
def test_validator_permits(n: int, validators: int, first_half: bool) -> None:
    holders = range(validators) if first_half else range(n - validators, n)
    stakes = [uid + n if uid in holders else uid for uid in range(n)]
    params = replace(UPSTREAM, stake_threshold=validators, max_allowed_validators=validators)
    subnet = Subnet(stakes, params)
    assert subnet.epoch(0).permits == tuple(uid in holders for uid in range(n))
    moved = [stake if uid in holders else stake + 2 * n for uid, stake in enumerate(stakes)]
    subnet.state = replace(subnet.state, alpha_stake=moved)
    assert subnet.epoch(1).permits == tuple(uid not in holders for uid in range(n))


def test_the_owner_may_weight_itself() -> None:
    case = CASES["test_can_set_self_weight_as_subnet_owner"]
    subnet = Subnet(case["stakes"], UPSTREAM, owner_uid=case["owner_uid"], permits=case["permits_before"])
    subnet.set_weights(case["weights_stored"], block=1)
    first, second = subnet.epoch(1).incentive
    assert first == second > 0


def test_a_single_staker_without_weights_is_paid() -> None:
    case = CASES["test_epoch_outputs_single_staker_registered_no_weights"]
    output = Subnet(case["stakes"], UPSTREAM).epoch(1)
    paid = sum(output.server_emission) + sum(output.validator_emission)
    assert paid == pytest.approx(
        case["asserted"]["sum_incentive_plus_dividends"], abs=case["asserted"]["epsilon"]
    )


def committed(commit_block: int, registered_at: list[int], commit_reveal: bool) -> EpochOutput:
    """Validator 0 weights uids 1, 2, … alike, with a commit open since `commit_block`."""
    n = len(registered_at)
    params = replace(UPSTREAM, commit_reveal=commit_reveal)
    subnet = Subnet(
        [10_000] + [0] * (n - 1), params, permits=[True] + [False] * (n - 1), registered_at=registered_at
    )
    subnet.set_weights({"0": [[uid, 65_535] for uid in range(1, n)]}, block=30)
    subnet.state = replace(subnet.state, oldest_commit_block=[commit_block] + [None] * (n - 1))
    return subnet.epoch(31)


def test_a_sniped_uid_inherits_nothing() -> None:
    wanted = CASES["test_epoch_masks_incoming_to_sniped_uid_prevents_inheritance"]["asserted"]
    assert committed(21, [0, 22], True).incentive[1] == wanted["incentive_of_sniped_uid"]


def test_no_mask_without_commit_reveal() -> None:
    assert "test_epoch_no_mask_when_commit_reveal_disabled" in CASES
    assert committed(21, [0, 22], False).incentive[1] == 65_535


def test_the_mask_covers_only_uids_registered_after_the_commit() -> None:
    wanted = CASES["test_epoch_does_not_mask_outside_window_but_masks_inside"]["asserted"]
    incentive = committed(20, [0, 8, 21, 21], True).incentive
    assert incentive[1] > 0
    assert set(incentive[2:]) == {wanted["uids_registered_after_commit"]}


def scheduled(schedule: dict[str, list[list[int]]], step: int) -> list[list[int]]:
    """The weights of one epoch: keys are "2", "2-20" or "3+"."""
    for key, weights in schedule.items():
        low, _, high = key.rstrip("+").partition("-")
        last = 10**6 if key.endswith("+") else int(high or low)
        if int(low) <= step <= last:
            return weights
    raise AssertionError(f"no weights for epoch {step}")


@pytest.mark.parametrize("name", [name for name in CASES if name.startswith("test_yuma_3_")])
def test_yuma_3_sequences(name: str) -> None:
    case = CASES[name]
    params = replace(
        UPSTREAM,
        yuma3=True,
        kappa=case["kappa"],
        bonds_penalty=case["bonds_penalty"],
        bonds_moving_average=case["bonds_moving_average"],
        liquid_alpha=case["liquid_alpha"],
        alpha_low=int(case["alpha_low"] * 65_535),
        alpha_high=int(case["alpha_high"] * 65_535),
        alpha_sigmoid_steepness=case["alpha_sigmoid_steepness"],
        max_allowed_validators=case["max_allowed_validators"],
    )
    dividends, target_bonds = case["asserted"]["dividends"], case["target_not_enforced_upstream"]["bonds"]
    if isinstance(dividends, list):
        dividends = {str(step): row for step, row in enumerate(dividends)}
        target_bonds = {str(step): rows for step, rows in enumerate(target_bonds)}
    subnet = Subnet(case["stakes"], params)
    subnet.epoch(1)
    for step in range(max(map(int, dividends)) + 1):
        rows = scheduled(case["schedule"], step)
        weights = {
            str(uid): list(zip(case["weight_dests"], row, strict=True)) for uid, row in enumerate(rows)
        }
        subnet.set_weights(weights, block=step + 1)
        if "event" in case and step == 20:
            reset = [tuple(entry for entry in row if entry[0] != 3) for row in subnet.state.bonds]
            subnet.state = replace(subnet.state, bonds=reset)
        output = subnet.epoch(step + 2)
        if str(step) not in dividends:
            continue
        got = [value / 65_535 for value in output.dividends]
        assert got == pytest.approx(dividends[str(step)], abs=case["epsilon"])
        for validator, wanted in enumerate(target_bonds[str(step)]):
            held = dict(output.bonds[validator])
            stored = [held.get(miner, 0) / 65_535 for miner in case["weight_dests"]]
            assert stored == pytest.approx(wanted, abs=case["epsilon"])


def test_liquid_alpha_with_equal_bounds_is_a_plain_average() -> None:
    case = CASES["test_liquid_alpha_equal_values_against_itself"]
    n = len(case["weights"])

    def matrix(rows: list[list[float]]) -> Matrix:
        values = np.zeros((n, n), np.int64)
        values[:, : len(rows[0])] = np.array(rows) * fixed.ONE
        return Matrix(values, np.ones((n, n), np.bool_))

    consensus = fixed.fixed(np.array(case["consensus"]) * fixed.ONE)
    alpha = case["alpha_low=alpha_high"]
    params = Params(bonds_moving_average=case["bonds_moving_average"], alpha_low=alpha, alpha_high=alpha)
    weights, old = matrix(case["weights"]), matrix(case["bonds"])
    liquid = bonds.liquid_average(weights, old, consensus, params)
    plain = bonds.moving_average(weights, old, bonds.plain_alpha(params))
    assert np.abs(liquid.values - plain.values).max() <= case["epsilon"] * fixed.ONE
