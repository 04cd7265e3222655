"""The public network's tests of its epoch arithmetic, replayed: chain/vectors/oracle/subtensor_math.json."""

import json
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from meritnet.consensus import bonds, fixed, matrix, permits
from meritnet.consensus.fixed import I32F32, I64F64, ONE
from meritnet.consensus.matrix import Matrix
from meritnet.consensus.params import Params

ORACLE: dict[str, Any] = json.loads(
    (Path(__file__).parents[2] / "chain" / "vectors" / "oracle" / "subtensor_math.json").read_text()
)


def raw(value: float | str) -> int:
    """A decimal, or "max"/"min", as I32F32."""
    if isinstance(value, str):
        return I32F32.largest if value == "max" else I32F32.smallest
    return round(value * ONE)


def vector(values: list[float]) -> fixed.Fixed:
    return fixed.fixed([raw(value) for value in values])


def sparse(rows: list[list[float]]) -> Matrix:
    """Rows as upstream's sparse tests build them: entries that are not 0."""
    values = np.reshape(vector([value for row in rows for value in row]), (len(rows), -1))
    return Matrix(values, values != 0)


def columns(case: list[list[float]]) -> list[list[float]]:
    return [list(row) for row in zip(*case, strict=True)]


def close(got: fixed.Fixed, wanted: Any, epsilon: float = 1e-9) -> bool:
    return bool(np.allclose(got / ONE, np.array(wanted, float), rtol=0, atol=epsilon))


@pytest.mark.parametrize(("weights", "stored"), ORACLE["vec_u16_max_upscale_to_u16"])
def test_max_upscale(weights: list[int], stored: list[int]) -> None:
    assert list(fixed.max_upscale(weights)) == stored


@pytest.mark.parametrize(("values", "stored"), ORACLE["vec_max_upscale_to_u16"])
def test_upscale_of_any_numbers(values: list[float | str], stored: list[int]) -> None:
    assert list(fixed.upscale([raw(value) for value in values])) == stored


@pytest.mark.parametrize(("weights", "limit", "kept"), ORACLE["check_vec_max_limited"])
def test_weight_limit(weights: list[int], limit: int, kept: bool) -> None:
    assert fixed.within_limit(weights, limit) == kept


@pytest.mark.parametrize(("values", "total"), ORACLE["sum"])
def test_sum(values: list[float], total: float) -> None:
    assert close(vector(values).sum(), total)


@pytest.mark.parametrize(("values", "divisors", "wanted"), ORACLE["vecdiv"])
def test_quotients(values: list[float], divisors: list[float], wanted: list[float | str]) -> None:
    numbers = [float(Fraction(value)) for value in wanted]
    assert close(fixed.quotient(vector(values), vector(divisors)), numbers)


def test_conversions_saturate() -> None:
    case = ORACLE["fixed_to_integer"]
    assert fixed.to_u16(vector([-1.0]))[0] == I32F32.floor(-ONE) == case["negative_saturates_to"]
    assert "saturates" in case["I64F64(u32::MAX)->I32F32"]
    assert fixed.convert(I64F64.integer(2**32 - 1), I64F64, I32F32) == I32F32.largest


def test_exp_is_limited_to_twenty() -> None:
    low, lowest, at, beyond, largest, top = fixed.exp(
        fixed.fixed([-21 * ONE, I32F32.smallest, -20 * ONE, 21 * ONE, I32F32.largest, 20 * ONE])
    )
    assert low == lowest == at
    assert beyond == largest == top


@pytest.mark.parametrize("case", ORACLE["sigmoid_safe"])
def test_sigmoid_from_exp(case: dict[str, Any]) -> None:
    slope, offset = I32F32.mul(raw(case["rho"]), -ONE), raw(case["kappa"])
    for x, wanted in zip(case["x"], case["y"], strict=True):
        exponent = I32F32.mul(slope, I32F32.saturate(raw(x) - offset))
        got = I32F32.div(ONE, I32F32.saturate(int(fixed.exp(fixed.fixed([exponent]))[0]) + ONE))
        assert got / ONE == pytest.approx(wanted, abs=2e-8)  # upstream's inputs were 32-bit floats


@pytest.mark.parametrize("case", ORACLE["is_topk"])
def test_permits_go_to_the_highest_stakes(case: list[Any]) -> None:
    stakes, k, top = case
    granted = permits.next_permits(vector(stakes), None, Params(max_allowed_validators=k))
    assert list(granted) == [bool(is_top) and stake > 0 for stake, is_top in zip(stakes, top, strict=True)]


def test_normalize() -> None:
    (values, wanted), (signed, wanted_signed) = ORACLE["normalize"]["cases"]
    assert close(fixed.normalize(vector(values)), wanted, ORACLE["normalize"]["epsilon"])
    total = int(vector(signed).sum())  # the epoch has no negative numbers: single ones have
    shares = fixed.fixed([I32F32.div(raw(value), total) for value in signed])
    assert close(shares, wanted_signed, ORACLE["normalize"]["epsilon"])


@pytest.mark.parametrize("case", ORACLE["u64_normalization_I64F64"])
def test_stake_shares_keep_64_fraction_bits(case: dict[str, Any]) -> None:
    share = I64F64.div(I64F64.integer(case["num"]), I64F64.integer(case["den"]))
    assert share / 2**64 == pytest.approx(case["I64F64"], rel=1e-3)
    assert fixed.convert(share, I64F64, I32F32) / ONE == pytest.approx(case["I32F32"], abs=5e-11)


@pytest.mark.parametrize(("average", "alpha"), ORACLE["alpha_from_bonds_moving_average"])
def test_plain_alpha(average: int, alpha: float) -> None:
    assert bonds.plain_alpha(Params(bonds_moving_average=average)) / ONE == pytest.approx(alpha, abs=1e-9)


def test_row_normalize() -> None:
    case = ORACLE["row_normalize"]
    assert close(matrix.normalize_rows(sparse(case["in"])).values, case["out"], case["epsilon"])


@pytest.mark.parametrize(
    ("name", "word"),
    [("col_normalize", matrix.normalize_columns), ("col_max_upscale", matrix.upscale_columns)],
)
def test_column_words(name: str, word: Callable[[Matrix], Matrix]) -> None:
    case = ORACLE[name]
    got = word(sparse(columns(case["columns_in"])))
    assert close(got.values, columns(case["columns_out"]), case["epsilon"])


def test_masks() -> None:
    diagonal, rows = ORACLE["mask_diag"], ORACLE["mask_rows"]
    off_diagonal = ~np.eye(3, dtype=np.bool_)
    assert close(sparse(diagonal["in"]).keep(off_diagonal).values, diagonal["out"])
    kept = ~np.array(rows["mask"], np.bool_)[:, np.newaxis]
    assert close(sparse(rows["in"]).keep(kept).values, rows["out"])


@pytest.mark.parametrize("case", ORACLE["vec_mask_matrix"])
def test_masks_by_two_vectors(case: dict[str, Any]) -> None:
    a, b = np.array(case["a"])[:, np.newaxis], np.array(case["b"])[np.newaxis, :]
    dropped = a == b if "==" in case["drop_if"] else a < b
    assert close(sparse(case["in"]).keep(~dropped).values, case["out"])


def test_scale_rows() -> None:
    case = ORACLE["row_hadamard"]
    assert close(matrix.scale_rows(sparse(case["in"]), vector(case["v"])).values, case["out"])


@pytest.mark.parametrize(("rows", "sums"), ORACLE["row_sum"])
def test_row_sums(rows: list[list[float]], sums: list[float]) -> None:
    assert close(sparse(rows).values.sum(axis=1), sums)


@pytest.mark.parametrize(("rows", "factors", "wanted"), ORACLE["matmul"])
def test_column_products(rows: list[list[float]], factors: list[float], wanted: list[float]) -> None:
    assert close(matrix.column_products(sparse(rows), vector(factors)), wanted)


@pytest.mark.parametrize(("rows", "factors", "wanted"), ORACLE["matmul_transpose"])
def test_row_products(rows: list[list[float]], factors: list[float], wanted: list[float]) -> None:
    assert close(matrix.row_products(sparse(rows), vector(factors)), wanted)


def test_clip_columns_removes_entries_under_a_ceiling_of_zero() -> None:
    case = ORACLE["col_clip"]
    clipped = matrix.clip_columns(sparse(case["in"]), vector(case["threshold"]))
    assert close(clipped.values, case["out"])
    assert not clipped.present[:, 0].any()


@pytest.mark.parametrize("case", ORACLE["weighted_median"]["cases"])
def test_weighted_median(case: dict[str, Any]) -> None:
    scores = sparse([[score] for score in case["score"]] or [[]])
    majority = raw(ORACLE["weighted_median"]["majority"])
    medians = matrix.weighted_medians(vector(case["stake"] or [0]), scores, majority)
    assert close(medians, [case["out"]] if case["score"] else [])


@pytest.mark.parametrize("case", ORACLE["weighted_median_col"])
def test_weighted_medians(case: dict[str, Any]) -> None:
    medians = matrix.weighted_medians(vector(case["stake"]), sparse(case["w"]), raw(case["majority"]))
    assert close(medians, case["out"])


@pytest.mark.parametrize("case", [case for case in ORACLE["interpolate"] if isinstance(case["a"], list)])
def test_interpolate(case: dict[str, Any]) -> None:
    small = 1e-5  # our product is exact below 128, upstream's numbers go to a million
    start, end = (np.array(case[name]) * small for name in ("a", "b"))
    got = matrix.interpolate(sparse(start.tolist()), sparse(end.tolist()), raw(case["ratio"]))
    assert close(got.values, np.array(case["out"]) * small, case["epsilon"] * small)


@pytest.mark.parametrize("case", [case for case in ORACLE["interpolate"] if not isinstance(case["a"], list)])
def test_interpolate_one_number(case: dict[str, Any]) -> None:
    everywhere = np.ones((1, 1), np.bool_)
    start, end = (Matrix(np.array([[raw(case[name])]]), everywhere) for name in ("a", "b"))
    assert close(matrix.interpolate(start, end, raw(case["ratio"])).values, [[case["out"]]])


def average(old: Matrix, new: Matrix, alphas: Any, params: Params) -> list[list[float]]:
    """The liquid average, one pair at a time where each has a speed of its own."""
    speeds = np.broadcast_to(np.array(alphas, float), new.values.shape)
    result = np.zeros(new.values.shape)
    for speed in np.unique(speeds):
        of_65535 = int(float(speed) * 65_535)
        flat = replace(params, alpha_low=of_65535, alpha_high=of_65535)
        consensus = np.zeros(new.values.shape[1], np.int64)
        values = bonds.liquid_average(new, old, consensus, flat).values / ONE
        result = np.where(speeds == speed, values, result)
    return result.tolist()


@pytest.mark.parametrize("case", [case for case in ORACLE["mat_ema_alpha_sparse"] if "old" in case])
def test_liquid_average(case: dict[str, Any]) -> None:
    got = average(sparse(case["old"]), sparse(case["new"]), case["alpha"], Params())
    assert np.allclose(got, case["out"], rtol=0, atol=max(case["epsilon"], 1e-5))  # speeds are u16


@pytest.mark.parametrize("case", ORACLE["mat_ema_alpha_dense"])
def test_liquid_average_of_dense_rows(case: dict[str, Any]) -> None:
    """Upstream's dense path lets absent bonds decay, as `absent_as_zero` does."""
    speeds = case.get("alpha", case.get("alpha_row"))
    got = average(sparse(case["old"]), sparse(case["new"]), speeds, Params(absent_as_zero=True))
    assert np.allclose(got, case["out"], rtol=0, atol=max(case["epsilon"], 1e-4))


def test_a_bond_without_a_weight_vanishes_at_once() -> None:
    case = next(case for case in ORACLE["mat_ema_alpha_sparse"] if "old_sparse" in case)
    old, new = (
        sparse([[dict(row).get(j, 0) for j in range(2)] for row in case[name]])
        for name in ("old_sparse", "new_sparse")
    )
    params = Params(alpha_low=6_554, alpha_high=6_554)
    averaged = bonds.liquid_average(new, old, np.zeros(2, np.int64), params)
    wanted = [[dict(row).get(j, 0) for j in range(2)] for row in case["out_sparse"]]
    assert close(averaged.values, wanted, 1e-4)
    assert averaged.present.tolist() == [[value != 0 for value in row] for row in wanted]
