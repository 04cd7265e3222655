"""Moving averages: fair to newcomers and to those who were not drawn."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meritnet.validator.scores import ScoreBook


def test_the_first_scores_weigh_equally_then_older_ones_fade() -> None:
    book = ScoreBook(alpha=0.25)
    values = [book.add(3, "h", score, 1, "").value for score in (1.0, 0.0, 0.5, 0.5, 1.0)]
    assert values == pytest.approx([1.0, 0.5, 0.5, 0.5, 0.625])


def test_who_is_not_asked_does_not_move() -> None:
    book = ScoreBook()
    book.add(1, "one", 0.8, 1, "")
    for block in range(50):
        book.add(2, "two", 0.1, block, "")
    assert book.values()[1] == 0.8
    assert book[1].block == 1


def test_a_new_hotkey_under_a_uid_starts_from_nothing() -> None:
    book = ScoreBook()
    book.add(0, "old", 1.0, 1, "")
    book.add(1, "stays", 1.0, 1, "")
    book.add(2, "gone", 1.0, 1, "")
    assert book.follow(["new", "stays"]) == [0, 2]
    assert book.values() == {1: 1.0}
    book.add(1, "another", 0.0, 2, "")
    assert (book[1].value, book[1].scores) == (0.0, 1)


@pytest.mark.parametrize("score", [-0.1, 1.1, float("nan"), float("inf")])
def test_only_scores_are_taken(score: float) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        ScoreBook().add(0, "h", score, 1, "")


@given(st.lists(st.tuples(st.integers(0, 5), st.floats(0, 1)), max_size=60))
def test_an_average_stays_among_its_scores_and_survives_the_file(scores: list[tuple[int, float]]) -> None:
    book = ScoreBook()
    for uid, score in scores:
        book.add(uid, f"hotkey {uid}", score, 7, "why")
    for uid, value in book.values().items():
        own = [score for other, score in scores if other == uid]
        assert min(own) - 1e-12 <= value <= max(own) + 1e-12
    again = ScoreBook.from_json(json.loads(json.dumps(book.to_json())))
    assert again.to_json() == book.to_json()
