"""The public network's tests of its economy and schedule, replayed: chain/vectors/oracle/*.json."""

import json
from pathlib import Path
from typing import Any

import pytest

from meritnet.consensus import emission, mechanisms, registration, schedule
from meritnet.consensus.emission import Pots
from meritnet.consensus.registration import Candidate
from meritnet.consensus.share_pool import SharePool

FOLDER = Path(__file__).parents[2] / "chain" / "vectors" / "oracle"
ORACLE: dict[str, Any] = json.loads((FOLDER / "subtensor_economics.json").read_text())
SCHEDULE: dict[str, Any] = json.loads((FOLDER / "epoch_schedule.json").read_text())
REVEALS: list[dict[str, Any]] = SCHEDULE["cases"]
COINBASE = {case["test"]: case for case in ORACLE["coinbase"]["tests"]}
BURN = ORACLE["registration_burn"]
UNBOUNDED = {"min_rao": 0, "max_rao": 2**63}
ONE_Q64 = 1 << 64


def number(value: int | str) -> int:
    return 2**64 - 1 if value == "u64::MAX" else int(value)


@pytest.mark.parametrize(("issuance", "reward"), ORACLE["block_emission"]["cases"])
def test_block_emission(issuance: int, reward: int) -> None:
    assert emission.block_emission(issuance) == reward


@pytest.mark.parametrize("case", ORACLE["epoch_schedule"]["blocks_until_next_auto_epoch"]["cases"])
def test_blocks_until_the_next_epoch(case: list[Any]) -> None:
    last, tempo, block, left = case
    upcoming = schedule.next_epoch(last, tempo)
    assert number(left) == (2**64 - 1 if upcoming is None else max(upcoming - number(block), 0))
    assert schedule.epoch_is_due(last, tempo, 0, number(block)) == (left == 0)


@pytest.mark.parametrize("case", ORACLE["epoch_schedule"]["next_epoch_start_block"]["cases"])
def test_next_epoch(case: list[Any]) -> None:
    last, tempo, pending, upcoming = case
    assert schedule.next_epoch(last, tempo, pending) == upcoming


@pytest.mark.parametrize("case", REVEALS)
def test_when_a_commit_may_be_revealed(case: dict[str, Any]) -> None:
    last, pending, tempo = case.get("last", 0), case.get("pending", 0), case["tempo"]
    block = schedule.first_reveal_block(last, tempo, pending, case.get("reveal_period", 1))
    if "error" in case:
        assert block is None
    elif "reveal_block" in case:
        assert block == case["reveal_block"]
    else:
        due = schedule.epoch_is_due(last, tempo, pending, case["current"])
        assert schedule.epoch_with_lookahead(case["index"], due) == case["commit_epoch"]


@pytest.mark.parametrize("case", ORACLE["epoch_schedule"]["legacy_first_block_of_epoch"]["cases"])
def test_epochs_as_they_were_counted(case: list[int]) -> None:
    netuid, tempo, epoch, block = case
    assert schedule.legacy_first_block(netuid, tempo, epoch) == block


@pytest.mark.parametrize("case", SCHEDULE["drand"]["current_round"])
def test_the_newest_beacon_round(case: dict[str, int]) -> None:
    assert schedule.beacon_round(case["unix"]) == case["round"]


@pytest.mark.parametrize("case", SCHEDULE["drand"]["reveal_time"])
def test_when_a_beacon_round_comes(case: dict[str, int]) -> None:
    assert schedule.beacon_time(case["round"]) == case["unix"]


@pytest.mark.parametrize("case", ORACLE["mechanisms"]["split"])
def test_mechanisms_share_the_pay(case: dict[str, Any]) -> None:
    assert list(mechanisms.split_emission(case["amount"], case["count"], case.get("split"))) == case["out"]


@pytest.mark.parametrize("case", BURN["derived"])
def test_price_decay(case: dict[str, Any]) -> None:
    factor = registration.decay_factor(case["half_life"])
    assert factor == case["factor_q32"]
    price = case["initial"]
    for block in range(1, 1_001):
        price = registration.decay_price(price, factor, **UNBOUNDED)
        assert price == case["after_blocks"].get(str(block), price)


def test_price_literals() -> None:
    bumped, halved, bounded, tripled, trebled = BURN["literal"]
    assert registration.bump_price(1_000, 2 * ONE_Q64, **UNBOUNDED) == bumped["after_registration"]
    decay = registration.decay_factor(bumped["half_life"])
    assert registration.decay_price(2_000, decay, **UNBOUNDED) == bumped["after_next_block"]

    factor, price = registration.decay_factor(halved["half_life"]), halved["burn"]
    for block in range(1, 5):
        price = registration.decay_price(price, factor, **UNBOUNDED)
        assert price == halved.get(f"after_{block}_blocks", price)

    bounds = {"min_rao": bounded["min"], "max_rao": bounded["max"]}
    factor = registration.decay_factor(bounded["half_life"])
    assert registration.decay_price(bounded["start"], factor, **bounds) == bounded["after_block"]
    assert (
        registration.bump_price(bounded["after_block"], 2 * ONE_Q64, **bounds)
        == bounded["after_registration"]
    )
    assert (
        registration.decay_price(bounded["after_registration"], factor, **bounds) == bounded["after_block_2"]
    )
    assert registration.decay_price(bounded["after_block_2"], factor, **bounds) == bounded["after_block_3"]

    assert registration.bump_price(tripled["burn"], 3 * ONE_Q64, **UNBOUNDED) == tripled["after_bump"]
    factor = registration.decay_factor(trebled["half_life"])
    assert registration.decay_price(trebled["burn"], factor, **UNBOUNDED) == trebled["after_next_block"]


@pytest.mark.parametrize("case", [case for case in ORACLE["prune"]["neuron"] if "emission" in case])
def test_who_is_pruned(case: dict[str, Any]) -> None:
    owned = case.get("owner_hotkeys_uids", range(3))[: case.get("immune_owner_limit", 0)]
    immune = case.get("immune", [case.get("all_immune", False)] * 3)
    candidates = [
        Candidate(uid, earned, 0, immune[uid], uid in owned) for uid, earned in enumerate(case["emission"])
    ]
    assert registration.neuron_to_prune(candidates, case.get("min_non_immune", 0)) == case["pruned"]


def test_nobody_is_pruned_where_all_are_immortal() -> None:
    assert registration.neuron_to_prune([Candidate(0, 0, 0, immortal=True)], 0) is None


def test_equal_subnets_share_alike() -> None:
    case = COINBASE["test_coinbase_tao_issuance_multiple"]
    assert emission.split_by_price(case["tao"], [1] * case["subnets"]) == (case["each"],) * case["subnets"]


def test_subnets_share_by_price() -> None:
    case = COINBASE["test_coinbase_tao_issuance_different_prices"]
    shares = emission.split_by_price(case["tao"], [round(price * 10) for price in case["moving_price"]])
    after = [held + share for held, share in zip(case["tao_reserve"], shares, strict=True)]
    assert after == pytest.approx(case["tao_after"], abs=case["epsilon"])


def test_owner_cut() -> None:
    case = COINBASE["test_owner_cut_base"]
    for cut, owner in case["owner_cut"]:
        assert emission.split_block(case["alpha_block_emission"], cut).owner == owner


def test_two_stakers_share_the_validators_pot() -> None:
    case = ORACLE["dividends"]["tests"][-1]
    paid = emission.distribute(Pots(0, 0, case["pending"]), (0, 0), (499_999_999, 499_999_999), (0, 0))
    after = [held + earned for held, earned in zip(case["stake"], paid.dividends, strict=True)]
    assert after == pytest.approx(case["stake_after"], abs=case["epsilon"])


def test_share_pool() -> None:
    unit, epsilon = ORACLE["share_pool"]["unit"], ORACLE["share_pool"]["eps"]
    pool, held = SharePool(), {"A": 0, "B": 0}
    for step, worth in ORACLE["share_pool"]["steps"]:
        if step.startswith("hotkey"):
            rewarded = pool.reward(unit)
            assert rewarded is not None
            pool = rewarded
        elif "+1" in step:
            pool, bought = pool.deposit(unit)
            held[step[0]] += bought
        else:
            paid = pool.withdraw(unit, held[step[0]])
            assert paid is not None
            pool, held[step[0]] = paid
        for name, units in worth.items():
            assert pool.worth(held[name]) == pytest.approx(units * unit, abs=epsilon)
        assert pool.shares == sum(held.values())
