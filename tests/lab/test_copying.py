"""What copying weights pays, and what each rule does to it."""

import pytest

from meritnet.consensus.simulate import UNCOMMITTED, Rules
from meritnet.lab import copier
from meritnet.lab.copier import YUMA2, Options, break_even, ratio

PUBLISHED = {
    0.0: (1.16, 1.09, 1.09, 1.09, 1.09, 1.09, 1.09),
    0.05: (1.16, 1.08, 1.07, 1.07, 1.05, 1.03, 1.00),
    0.1: (1.16, 1.06, 1.03, 1.01, 0.98, 0.92, 0.85),
    0.2: (1.15, 0.99, 0.93, 0.88, 0.82, 0.71, 0.59),
    0.4: (1.14, 0.87, 0.77, 0.71, 0.62, 0.48, 0.35),
}
"""An earlier study of the same network in floating point, by volatility and age of the copy."""
SHORT = Options(epochs=50, burn_in=30)


@pytest.mark.parametrize(("volatility", "age", "wanted"), [(0.0, 1, 1.09), (0.1, 3, 1.01), (0.4, 10, 0.48)])
def test_copies_pay_what_they_did_elsewhere(volatility: float, age: int, wanted: float) -> None:
    found, _, measured, trust = ratio(SHORT, Rules(YUMA2), volatility, age, 0)
    assert found == pytest.approx(wanted, abs=0.05)
    assert 0.05 < measured < 0.3
    assert 0.8 < trust < 0.9


def test_a_copy_under_commit_and_reveal_is_a_period_and_one_epoch_old() -> None:
    revealed, period, _, _ = ratio(SHORT, Rules(YUMA2, reveal_period=2), 0.2, 1, 0)
    old, _, _, _ = ratio(SHORT, Rules(YUMA2), 0.2, 3, 0)
    assert (revealed, period) == (pytest.approx(old, abs=0.05), 2)


def test_a_deviation_cost_rewards_the_copier_of_stable_miners() -> None:
    rules = copier.COUNTER_RULES
    plain, costly = (
        ratio(SHORT, rules[name], 0.0, 1, 0)[0] for name in ("Yuma 3", "Yuma 3, deviation_cost 1")
    )
    assert plain == pytest.approx(1.09, abs=0.03)
    assert costly - plain == pytest.approx(0.10, abs=0.04)


def test_a_period_chosen_from_volatility_beats_a_short_one_where_miners_change() -> None:
    chosen, period, _, _ = ratio(SHORT, copier.COUNTER_RULES["Yuma 3, period chosen"], 0.2, 1, 0)
    fixed, _, _, _ = ratio(SHORT, Rules(UNCOMMITTED, reveal_period=1), 0.2, 1, 0)
    assert 2 < period < 5
    assert fixed - chosen > 0.05


def test_the_study_has_both_tables_and_a_picture() -> None:
    options = Options(volatilities=(0.4,), ages=(0, 3), epochs=8, burn_in=10, miners=16, repeats=1)
    found = copier.run(options)
    by_age, by_rule = found.tables()
    assert by_age.columns == ("volatility>", "age 0>", "age 3>", "break-even>")
    assert [row[0] for row in by_rule.rows] == list(copier.COUNTER_RULES)
    assert found.picture().level == 1.0
    (point,) = found.points
    assert point.ratios[0] > 1 > point.ratios[1]
    assert 0 < (point.break_even or 0) < 3


def test_the_break_even_lies_between_the_ages_around_it() -> None:
    assert break_even((1, 2, 4), (1.1, 1.02, 0.98)) == pytest.approx(3)
    assert break_even((1, 2), (1.1, 1.05)) is None
    assert break_even((1, 2), (0.9, 0.8)) is None


@pytest.mark.slow
def test_the_whole_table_holds_within_a_few_hundredths() -> None:
    found = copier.run(Options(epochs=120, repeats=2, jobs=2))
    for point in found.points:
        assert point.ratios == pytest.approx(PUBLISHED[point.volatility], abs=0.03)
    ratios = {(one.rule, one.volatility): one.ratio for one in found.rules}
    for volatility in (0.0, 0.05, 0.1, 0.2, 0.4):
        assert ratios["Yuma 3", volatility] < ratios["Yuma 2", volatility]
        assert ratios["Yuma 3, period chosen", volatility] < ratios["Yuma 3", volatility] + 0.01
    assert ratios["Yuma 3, deviation_cost 1", 0.0] > ratios["Yuma 3", 0.0] + 0.08
