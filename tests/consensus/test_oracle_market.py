"""The public network's tests of its market, replayed: chain/vectors/oracle/subtensor_economics.json.

Where a case names an epsilon it holds to that one; a tighter one is stated beside the case.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from meritnet.consensus import shares
from meritnet.consensus.fixed import I64F64
from meritnet.consensus.shares import ONE

FOLDER = Path(__file__).parents[2] / "chain" / "vectors" / "oracle"
ORACLE: dict[str, Any] = json.loads((FOLDER / "subtensor_economics.json").read_text())
COINBASE = {case["test"]: case for case in ORACLE["coinbase"]["tests"]}
EMISSION = ORACLE["emission_shares"]
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
