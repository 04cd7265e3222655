"""Amounts are exact in both directions."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meritnet.chain.types import rao_to_tao, tao_to_rao


@pytest.mark.parametrize(
    ("text", "rao"),
    [
        ("1", 10**9),
        ("1.5", 1_500_000_000),
        ("0.000000001", 1),
        (".5", 5 * 10**8),
        ("1_000", 10**12),
        ("0", 0),
    ],
)
def test_a_decimal_amount_is_read_exactly(text: str, rao: int) -> None:
    assert tao_to_rao(text) == rao


@pytest.mark.parametrize("text", ["", ".", "1.", "-1", "1e3", "1.0000000001", "one", "1.2.3", "١", "1 000"])
def test_anything_else_is_refused_and_never_rounded(text: str) -> None:
    with pytest.raises(ValueError, match="amount"):
        tao_to_rao(text)


@given(st.integers(0, 21 * 10**15))
def test_an_amount_survives_being_shown_and_read(rao: int) -> None:
    assert tao_to_rao(rao_to_tao(rao).replace(",", "")) == rao


def test_amounts_are_shown_without_trailing_zeros() -> None:
    assert rao_to_tao(1_234_500_000_000) == "1,234.5"
    assert rao_to_tao(-1) == "-0.000000001"
