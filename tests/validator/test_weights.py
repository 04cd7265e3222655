"""Scores into rows that the chain accepts."""

from hypothesis import given
from hypothesis import strategies as st

from meritnet.validator.weights import WeightVector, weight_vector


def test_the_best_gets_all_of_u16_and_the_others_their_proportion() -> None:
    vector = weight_vector({0: 0.5, 2: 0.25, 3: 0.0}, own_uid=1, neurons=4, min_allowed_weights=1)
    assert vector == WeightVector((0, 2), (65_535, 32_768))
    assert vector.shares[0] == 65_535 / 98_303


def test_nobody_earned_anything_then_nothing_is_set() -> None:
    assert weight_vector({}, own_uid=0, neurons=3, min_allowed_weights=1) is None
    assert weight_vector({1: 0.0}, own_uid=0, neurons=3, min_allowed_weights=1) is None
    assert weight_vector({0: 1.0, 7: 1.0}, own_uid=0, neurons=3, min_allowed_weights=1) is None


def test_a_short_row_is_filled_with_zeros_the_own_uid_last() -> None:
    vector = weight_vector({2: 1.0}, own_uid=0, neurons=4, min_allowed_weights=3)
    assert vector == WeightVector((1, 2, 3), (0, 65_535, 0))
    vector = weight_vector({2: 1.0}, own_uid=0, neurons=4, min_allowed_weights=1024)
    assert vector == WeightVector((0, 1, 2, 3), (0, 0, 65_535, 0))


@given(
    scores=st.dictionaries(st.integers(0, 20), st.floats(0, 1), max_size=20),
    own=st.integers(0, 11),
    least=st.integers(0, 20),
)
def test_a_row_is_always_one_that_the_chain_accepts(scores: dict[int, float], own: int, least: int) -> None:
    vector = weight_vector(scores, own_uid=own, neurons=12, min_allowed_weights=least)
    if vector is None:
        assert not [uid for uid, score in scores.items() if score > 0 and uid != own and uid < 12]
        return
    assert list(vector.uids) == sorted(set(vector.uids))
    assert len(vector.uids) == len(vector.values) >= min(least, 12)
    assert all(0 <= uid < 12 for uid in vector.uids)
    assert max(vector.values) == 65_535
    assert dict(zip(vector.uids, vector.values, strict=True)).get(own, 0) == 0
    positive = [(scores[uid], value) for uid, value in zip(vector.uids, vector.values, strict=True) if value]
    assert sorted(positive) == sorted(positive, key=lambda pair: pair[::-1])
