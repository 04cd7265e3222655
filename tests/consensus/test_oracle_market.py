"""The public network's tests of its market, replayed: chain/vectors/oracle/subtensor_economics.json.

Where a case names an epsilon it holds to that one; a tighter one is stated beside the case.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from meritnet.consensus import conviction, delegation, dissolve, emission, pool, registration, shares
from meritnet.consensus.conviction import Lock
from meritnet.consensus.delegation import Earner, Parent
from meritnet.consensus.fixed import I64F64
from meritnet.consensus.pool import WEIGHT, Pool
from meritnet.consensus.registration import SubnetCandidate
from meritnet.consensus.shares import ONE

FOLDER = Path(__file__).parents[2] / "chain" / "vectors" / "oracle"
ORACLE: dict[str, Any] = json.loads((FOLDER / "subtensor_economics.json").read_text())
COINBASE = {case["test"]: case for case in ORACLE["coinbase"]["tests"]}
EMISSION = ORACLE["emission_shares"]
BALANCER = ORACLE["balancer"]
DIVIDENDS = {case["test"]: case for case in ORACLE["dividends"]["tests"]}
LOCKS = ORACLE["locks"]
WHOLE = 2**64 - 1
SHARE = 2**-60  # what a share may be off after a handful of roundings in U64F64


def number(raw: int) -> float:
    return raw / ONE


def price(value: float) -> int:
    """A moving price: I96F32."""
    return round(value * 2**32)


def flow(value: float) -> int:
    return round(value * 1_000) * I64F64.integer(1) // 1_000


def test_moving_price_after_fourteen_updates() -> None:
    case = COINBASE["test_coinbase_moving_prices"]
    moved, alpha, blocks = 0, price(case["moving_alpha"]), case["blocks_since_start"]
    for _ in range(case["updates"]):
        moved = shares.moving_price(moved, ONE, alpha, blocks, shares.MOVING_PRICE_HALVING)
    assert moved / 2**32 == pytest.approx(case["expected"], abs=1e-6)


def test_moving_price_right_after_the_start() -> None:
    case = COINBASE["test_update_moving_price_initial"]
    arguments = price(case["moving_alpha"]), case["blocks_since_start"], shares.MOVING_PRICE_HALVING
    assert 0 < shares.moving_price(0, ONE, *arguments) < price(0.001)


def test_moving_price_long_after_the_start() -> None:
    case = COINBASE["test_update_moving_price_after_time"]
    arguments = price(case["moving_alpha"]), case["blocks_since_start"], shares.MOVING_PRICE_HALVING
    moved = shares.moving_price(0, ONE, *arguments)
    assert moved / 2**32 == pytest.approx(case["expected"], abs=case["epsilon"])


def test_subnets_share_by_moving_price() -> None:
    case = COINBASE["test_coinbase_tao_issuance_different_prices"]
    by_price = shares.shares_by_price([price(value) for value in case["moving_price"]])
    split = shares.split_by_shares(case["tao"], by_price)
    after = [held + given for held, given in zip(case["tao_reserve"], split, strict=True)]
    assert after == pytest.approx(case["tao_after"], abs=case["epsilon"])


def test_equal_prices_share_to_the_rao() -> None:
    case = COINBASE["test_coinbase_tao_issuance_multiple"]
    by_price = shares.shares_by_price([price(1)] * case["subnets"])
    assert shares.split_by_shares(case["tao"], by_price) == (case["each"],) * case["subnets"]


def test_without_prices_nothing_is_shared() -> None:
    case = COINBASE["test_zero_shares_zero_emission"]
    split = shares.split_by_shares(10**9, shares.shares_by_price(case["moving_price"]))
    assert split == tuple(case["alpha_in_change"])


def test_equal_price_and_burn_share_alike() -> None:
    case = EMISSION["equal_price_equal_burn"]
    by_price = shares.shares_by_price([price(value) for value in case["price"]])
    final = shares.less_burned(by_price, [0, 0])
    assert [number(share) for share in final] == pytest.approx(case["shares"], abs=SHARE)


EXPONENTS = [1 + tenth / 10 for tenth in range(11)]


@pytest.mark.parametrize("exponent", EXPONENTS)
def test_powers_of_flows_normalised(exponent: float) -> None:
    plain, nothing, fractional, large = EMISSION["inplace_pow_normalize"]
    raised = [value**exponent for value in fractional["in"]]
    split = shares.shares_by_flow([flow(value) for value in fractional["in"]], 0, round(exponent * ONE))
    assert [number(share) for share in split] == pytest.approx([z / sum(raised) for z in raised], rel=1e-12)
    if exponent == plain["p"]:
        assert [number(share) for share in split] == pytest.approx(plain["out"], abs=1e-12)
    empty = shares.shares_by_flow([flow(value) for value in nothing["in"]], 0, round(exponent * ONE))
    assert empty == tuple(nothing["out"])
    if exponent == large["p"]:
        split = shares.shares_by_flow([flow(value) for value in large["in"]], 0, round(exponent * ONE))
        assert number(sum(split)) == pytest.approx(large["sum"], abs=SHARE)


@pytest.mark.parametrize("case", EMISSION["flow_2025_11"]["cases"])
def test_shares_by_flow(case: dict[str, Any]) -> None:
    flows = [flow(value) for value in case["flow"]]
    split = shares.shares_by_flow(flows, flow(case["cutoff"]), round(case["p"] * ONE))
    if "shares" in case:
        assert [number(share) for share in split] == pytest.approx(case["shares"], abs=SHARE)
    else:
        assert list(split) == sorted(split)
        assert len(set(split)) == len(split)
        assert number(sum(split)) == pytest.approx(case["sum"], abs=SHARE)


def test_the_gate_is_half_open_at_the_bar() -> None:
    assert number(shares.gate(ONE // 7, ONE // 7, 3 * ONE)) == EMISSION["gate_v475"]["half_at_bar"]["g"]


def test_shares_are_ungated_where_all_underflow() -> None:
    case = EMISSION["gate_v475"]["case"]
    demand = [ONE // case["subnets"]] * case["subnets"]
    gated = shares.gated(demand, case["theta"] * ONE, case["h"] * ONE)
    assert [number(share) for share in gated] == [case["result_each"]] * case["subnets"]
    assert number(sum(gated)) == case["sum"]


def weight(value: float | str) -> int:
    return WEIGHT // 3 if value == "1/3" else round(value * 10**6) * WEIGHT // 10**6


@pytest.mark.parametrize("case", BALANCER["price"])
def test_price_of_a_pool(case: dict[str, Any]) -> None:
    now = pool.price(Pool(case["y"], case["x"], weight(case["w2"])))
    assert number(now) == pytest.approx(case["p"], abs=case.get("eps", 0))


def test_weights_of_a_pool_are_bounded() -> None:
    assert BALANCER["weight_bounds"] == [pool.MIN_WEIGHT / WEIGHT, 1 - pool.MIN_WEIGHT / WEIGHT]


@pytest.mark.parametrize("row", BALANCER["exp_scaled"]["rows"])
def test_what_a_trade_leaves_of_a_reserve(row: list[Any]) -> None:
    # Read from the payout of a reserve of 10**18; holds to 1e-14 where the table asks for 1e-9.
    quote, reserve, delta, base_quote, expected = row
    weights = WEIGHT - weight(quote), weight(quote)
    paid = pool.payout(reserve, WEIGHT, *(weights if base_quote else weights[::-1]), delta)
    assert 1 - paid / WEIGHT == pytest.approx(expected, abs=1e-14)
    exponent = weights[0] / weights[1] if base_quote else weights[1] / weights[0]
    assert 1 - paid / WEIGHT == pytest.approx((reserve / (reserve + delta)) ** exponent, abs=1e-15)


def at_price(value: float, **reserves: int) -> Pool:
    """A pool whose TAO weighs a quarter: p = 3 y / x, the other reserve so that this is the price."""
    tao = reserves.get("tao", round(reserves.get("alpha", 0) * value / 3))
    return Pool(tao, reserves.get("alpha", round(3 * tao / value)), WEIGHT // 4)


def test_tao_up_to_a_price() -> None:
    # Reserves are whole rao, so the price they make is up to 1e-9 off.
    case = BALANCER["quote_delta_in"]
    market = at_price(case["p"], tao=case["tao"])
    assert pool.tao_to_price(market, round(case["p2"] * ONE)) == case["dy"]
    assert pool.tao_to_price(market, round(case["impossible"]["p2"] * ONE)) == case["impossible"]["dy"]


def test_alpha_down_to_a_price() -> None:
    case = BALANCER["base_delta_in"]
    market = at_price(case["p"], alpha=case["alpha"])
    assert pool.alpha_to_price(market, round(case["p2"] * ONE)) == pytest.approx(case["dx"], abs=1)
    market = at_price(case["impossible"]["p"], alpha=case["alpha"])
    assert pool.alpha_to_price(market, round(case["impossible"]["p2"] * ONE)) == case["impossible"]["dx"]


def test_alpha_needed() -> None:
    case = BALANCER["base_needed_for_quote"]
    market = Pool(case["tao"], case["alpha"], weight(case["w2"]))
    assert pool.alpha_needed(market, case["tao_delta"]) == case["dx"]


def test_a_power_to_eighteen_digits() -> None:
    case = BALANCER["pow_ratio"]
    paid = pool.payout(case["x"], WEIGHT, weight(case["w1"]), weight(case["w2"]), case["dx"])
    assert WEIGHT - paid == case["result_1e18"] + 1  # what stays is rounded up, there down


def test_products_with_a_weight_are_rounded_half_up() -> None:
    case = BALANCER["perquintill_round"]
    for parts, pairs in ((weight(case["p"]), case["pairs"]), (weight("1/3"), case["p_third"])):
        assert [pool.weighed(parts, value) for value, _ in pairs] == [rounded for _, rounded in pairs]


def test_root_proportion() -> None:
    case = COINBASE["test_root_proportion"]
    weighted = case["tao_weight_u64"] / (2**64 - 1) * case["root_tao"]
    proportion = pool.root_proportion(case["root_tao"], case["tao_weight_u64"], case["alpha_in"])
    assert proportion / 2**32 == pytest.approx(weighted / (weighted + case["alpha_in"]), abs=2**-31)


FULL = (1 << 32) - 1
"""The root proportion of a network whose root stake outweighs everything."""


def test_injection_at_a_price_of_one() -> None:
    case = COINBASE["test_coinbase_alpha_issuance_base"]
    brought = pool.block_injection(case["tao"] // 2, 10**9, ONE, FULL)
    after = pool.inject(Pool(case["reserves"], case["reserves"]), brought.tao, brought.alpha)
    assert after is not None
    assert after.alpha == case["alpha_in_after_each"]


def test_injection_is_capped_by_the_root_proportion() -> None:
    case = COINBASE["test_get_subnet_terms_alpha_emissions_cap"]
    few, many = (pool.block_injection(tao, 10**9, case["price"] * ONE, FULL) for tao in case["tao"])
    assert few == pool.Injection(case["alpha_in"][0], case["alpha_in"][0], 0)
    assert (many.alpha, many.tao + many.excess_tao) == (10**9 * FULL >> 32, case["tao"][1])


def test_tao_beyond_the_cap_is_excess() -> None:
    case = COINBASE["test_coinbase_subnet_terms_with_alpha_in_gt_alpha_emission"]
    tao = 20_000_000
    brought = pool.block_injection(tao, 10**9, round(case["price"] * ONE), FULL)
    assert brought.alpha == 10**9 * FULL >> 32
    assert brought.tao == pytest.approx(brought.alpha * case["price"], abs=1)
    assert brought.excess_tao == tao - brought.tao


def test_a_capped_injection_leaves_the_issuance_alone() -> None:
    case = COINBASE["test_coinbase_alpha_issuance_with_cap_trigger"]
    issued = emission.block_emission(1_000_000_000)
    assert issued == case["alpha_out_emission_each"]
    brought = pool.block_injection(333_333, issued, ONE // 10**6, FULL)
    assert brought.alpha < issued < 333_333 * 10**6


def test_a_quarter_of_the_validators_half_goes_to_root() -> None:
    # 1 TAO on root against 3 alpha issued.
    case = COINBASE["test_pending_emission"]
    root = pool.root_proportion(case["root_tao"], 2**64 - 1, 3 * case["root_tao"])
    split = pool.split_alpha(10**9, 0, root)
    names = {"server": "server", "validator": "validator", "root": "root_alpha_divs"}
    for ours, theirs in names.items():
        assert getattr(split, ours) == pytest.approx(case[theirs], abs=case["epsilon"])
    assert pool.root_is_paid([2 << 32])


def test_owner_cut_of_alpha() -> None:
    case = COINBASE["test_owner_cut_base"]
    for cut, owner in case["owner_cut"]:
        assert pool.split_alpha(case["alpha_block_emission"], cut, 0).owner == owner


STAKED = DIVIDENDS["test_calculate_dividend_distribution_totals"]


@pytest.mark.parametrize(
    "name",
    ["test_calculate_dividend_distribution_totals", "..._total_only_tao", "..._total_no_tao_weight"],
)
def test_the_validators_pots_are_paid_out(name: str) -> None:
    case = DIVIDENDS[name]
    stakes = zip(STAKED["dividends"], STAKED["stakes"], strict=True)
    earners = [Earner(earned, alpha, tao, 0) for earned, (alpha, tao) in stakes]
    weight = round(case["tao_weight"] * WHOLE)
    alpha, root = delegation.pay_validators(case["validator_alpha"], case["root_alpha"], earners, weight)
    assert sum(alpha.dividends) == pytest.approx(case["sum_alpha"], abs=case["epsilon"])
    assert sum(root.dividends) == pytest.approx(case["sum_root"], abs=case["epsilon"])


def test_a_hotkey_without_parents_keeps_its_dividends() -> None:
    case = DIVIDENDS["test_calculate_dividends_and_incentives"]
    split = delegation.child_dividends(case["dividend"], 10**9, [], 11_796, 0, WHOLE)
    assert split.own + split.burned + case["incentive"] == case["sum"]


def test_a_validator_alone_gets_the_whole_pot() -> None:
    case = DIVIDENDS["test_calculate_dividend_and_incentive_distribution"]
    for take in (0, 11_796):
        alpha, _ = delegation.pay_validators(case["pending"], 0, [Earner(123, 10**9, 0, take)], WHOLE)
        assert alpha.take[0] + alpha.dividends[0] == pytest.approx(case["sum"], abs=1)


def test_a_parent_leaves_the_child_its_take() -> None:
    case = DIVIDENDS["test_drain_alpha_childkey_parentkey"]
    parent = Parent(case["parent_stake"], 0, WHOLE)
    split = delegation.child_dividends(case["pending"], 0, [parent], case["childkey_take_u16"], 0, WHOLE)
    assert case["parent_stake"] + split.parents[0] == pytest.approx(case["parent_after"], abs=case["epsilon"])
    assert split.own == pytest.approx(case["child_after"], abs=case["epsilon"])


def test_a_child_inherits_alpha_and_tao() -> None:
    case = DIVIDENDS["test_get_root_children"]
    alice, bob = {}, {}
    for kind in ("root_stake", "alpha_stake"):
        held_by_alice, held_by_bob = case[kind]
        alice[kind] = delegation.inherited_stake(held_by_alice, [WHOLE], [])
        bob[kind] = delegation.inherited_stake(held_by_bob, [], [(WHOLE, held_by_alice)])
    assert sum(alice.values()) == case["stake_weight"]["alice"]
    assert sum(bob.values()) == case["stake_weight"]["bob"]


def test_parent_and_child_share_by_their_stakes() -> None:
    stakes, case = DIVIDENDS["test_get_root_children"], DIVIDENDS["test_get_root_children_drain"]
    (alice_tao, bob_tao), (alice_alpha, bob_alpha) = stakes["root_stake"], stakes["alpha_stake"]
    alice = Parent(alice_alpha, alice_tao, WHOLE)
    own = delegation.own_contribution(bob_alpha, bob_tao, [], WHOLE)
    plain = delegation.child_dividends(case["pending"], own, [alice], case["childkey_take"], 0, WHOLE)
    assert (plain.own, *plain.parents) == (case["each_gets"],) * 2
    taken = delegation.child_dividends(case["pending"], own, [alice], 65_535, 0, WHOLE)
    assert (taken.own, *taken.parents) == tuple(case["with_take_65535"][who] for who in ("bob", "alice"))


@pytest.mark.parametrize("case", ORACLE["prune"]["subnet"])
def test_which_subnet_is_pruned(case: dict[str, Any]) -> None:
    count = len(case["immune"])
    prices, registered = case.get("moving_price", [1] * count), case.get("registered", [0] * count)
    fields = zip(range(count), map(price, prices), registered, case["immune"], strict=True)
    candidates = [SubnetCandidate(*each) for each in fields]
    assert registration.subnet_to_prune(candidates) == case["pruned_index"]


@pytest.mark.parametrize(("prices", "median"), ORACLE["subnet_registration"]["median_price"])
def test_median_price(prices: list[int], median: int) -> None:
    assert registration.median_price([each * ONE for each in prices]) == median * ONE


def test_the_first_subnet_starts_with_its_lock_on_both_sides() -> None:
    first = registration.initial_pool(10**12, registration.median_price([]))
    assert first == Pool(10**12, 10**12)


@pytest.mark.parametrize("case", [case for case in ORACLE["subnet_dissolve"]["cases"] if "alpha" in case])
def test_the_pot_of_a_dissolved_subnet(case: dict[str, Any]) -> None:
    assert dissolve.pay_holders(case["pot"], case["alpha"]) == tuple(case["paid"])


@pytest.mark.parametrize(
    "case", [case for case in ORACLE["subnet_dissolve"]["cases"] if "owner_refund" in case]
)
def test_what_a_legacy_owner_gets_back(case: dict[str, Any]) -> None:
    lock, cut = case.get("lock", case.get("owner_lock")), case.get("owner_cut", emission.OWNER_CUT)
    assert dissolve.owner_refund(lock, case.get("emission", 0), cut, ONE) == case["owner_refund"]


@pytest.mark.parametrize("case", LOCKS["exp_decay"])
def test_decay(case: dict[str, Any]) -> None:
    if case["dt"] == "100 tau":
        assert conviction.decay(100 * 216_000, 216_000) == conviction.decay(40 * 216_000, 216_000) > 0
    else:
        decayed = number(conviction.decay(case["dt"], case["tau"]))
        assert decayed == pytest.approx(case["r"], abs=1e-8 if "eps" in case else 0)


def test_conviction_matures_by_the_closed_form() -> None:
    case = LOCKS["conviction"]["case"]
    lock = conviction.rolled(Lock(case["m"]), case["dt"], case["u"], case["z"])
    assert number(lock.conviction) == pytest.approx(case["c"], abs=case["eps"])


def test_conviction_of_the_whole_supply_at_rates_one_block_apart() -> None:
    case = LOCKS["conviction"]["large"]
    lock = conviction.rolled(Lock(case["m"]), case["dt"], case["u"], case["z"])
    assert lock.mass == pytest.approx(case["m_after"], abs=case["m_eps"])
    matured = 7725464882491937  # m u / (z - u) (e**(-dt/z) - e**(-dt/u)) in 50 digits
    assert number(lock.conviction) == pytest.approx(matured, abs=case["c_eps"])


def test_conviction_in_two_steps_is_that_of_one() -> None:
    case = LOCKS["conviction"]["chunked_equals_single"]
    rates = conviction.UNLOCK_RATE, conviction.MATURITY_RATE
    once = conviction.rolled(Lock(case["m"]), case["end"], *rates)
    twice = conviction.rolled(conviction.rolled(Lock(case["m"]), case["mid"], *rates), case["end"], *rates)
    assert twice.mass == pytest.approx(once.mass, abs=case["m_eps"])
    assert number(twice.conviction) == pytest.approx(number(once.conviction), abs=case["c_eps"])
