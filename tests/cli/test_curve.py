"""The curve of losses in characters: labelled axes, both lines, no number that was not measured."""

from hypothesis import given
from hypothesis import strategies as st

from meritnet.cli.curve import lines

FALLING = [(float(step), 3.0 - step / 10) for step in range(1, 21)]


def test_it_falls_and_names_its_axes() -> None:
    drawn = lines(FALLING, [(10.0, 2.5), (20.0, 1.5)], width=20, height=5)
    assert drawn[0].startswith("2.900 |*")
    assert drawn[4].startswith("1.000 |")
    assert drawn[4].endswith("*")
    assert drawn[-2].split() == ["1", "20"]
    assert "nats a token" in drawn[-1]
    assert "held-out" in drawn[-1]
    assert sum(line.count("o") for line in drawn[:5]) == 2
    assert all(line.isascii() for line in drawn)


def test_without_held_out_text_none_is_named() -> None:
    assert "held-out" not in lines(FALLING, [])[-1]


def test_one_step_and_none() -> None:
    assert any("*" in line for line in lines([(1.0, 2.0)], []))
    assert lines([], []) == []


LOSSES = st.lists(st.floats(allow_nan=True, allow_infinity=True, width=32), max_size=200)


@given(LOSSES, LOSSES)
def test_any_losses_stay_in_the_frame(trained: list[float], held_out: list[float]) -> None:
    drawn = lines(list(enumerate(trained, 1)), list(enumerate(held_out, 1)), width=30, height=6)
    if drawn:
        margin = drawn[0].index("|") + 1
        assert len(drawn) == 6 + 3
        assert all(len(line) <= margin + 30 for line in drawn[:-1])
