"""The published retention map, on the specification."""

import pytest

from meritnet.lab import retention
from meritnet.lab.retention import PUBLISHED, Options, Sample, Setting


def test_a_small_network_needs_about_what_is_published() -> None:
    settings = (Setting(sigma=0.0), Setting(), Setting(beta=0.0))
    found = retention.run(
        Options(settings, uids=128, validators=32, self_weights=11, halvings=8, repeats=1, seed=1)
    )
    for setting, point in zip(settings, found.points, strict=True):
        assert point.needed_utility == pytest.approx(PUBLISHED[setting], abs=0.04)
        assert point.plain_mean == 1.0
        assert point.least == point.needed_utility == point.most
    (table,) = found.tables()
    assert [row[5] for row in table.rows] == ["0.60", "0.73", "0.78"]
    assert {line.name for line in found.picture().lines} >= {"sigma 0.4, beta 1, xi 0.5"}


def test_no_majority_of_kappa_no_retention() -> None:
    """At kappa 0.6 an honest majority of less has no protection, whatever it does."""
    options = Options((Setting(0.55),), 39_321, 64, 16, self_weights=3, halvings=5, repeats=1)
    (point,) = retention.run(options).points
    assert (point.needed_utility, point.published) == (1.0, None)


def test_quadrants_have_their_shares() -> None:
    sample = Sample(Options(uids=40, validators=10), 0.6, 0.4, 0)
    weights = sample.weights(utility=0.7, self_weight=0.9)
    assert weights[0, sample.honest_columns].sum() == pytest.approx(0.7)
    assert weights[9, sample.cabal_columns].sum() == pytest.approx(0.9)
    assert weights.sum(axis=1) == pytest.approx(1)
    assert (sample.honest_validators, sample.honest_miners) == (6, 18)
    tiny = Sample(Options(uids=5, validators=2), 0.99, 0.4, 0)
    assert (tiny.honest_validators, tiny.honest_miners) == (1, 2)


def test_seeds_are_samples_and_repeat() -> None:
    def needed(seed: int) -> float:
        options = Options((Setting(),), 32_767, 64, 16, 3, 8, 1, seed)
        return retention.run(options).points[0].needed_utility

    assert needed(3) == needed(3) != needed(4)


@pytest.mark.slow
def test_the_published_map_holds_within_two_hundredths() -> None:
    found = retention.run(Options(jobs=2))
    assert len(found.points) == len(PUBLISHED)
    for point in found.points:
        assert point.needed_utility == pytest.approx(point.published, abs=0.02)
        assert point.most - point.least < 0.01
        assert point.plain_mean == 1.0
