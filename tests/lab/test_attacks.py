"""Attacks, and where protection begins and ends."""

import pytest

from meritnet.lab import apathy, bonds, cabal, dust, evict, flash, sybil


def test_a_cabal_below_kappa_gains_little_and_at_kappa_everything() -> None:
    options = cabal.Options(stakes=(0.3, 0.51), epochs=5, repeats=1)
    below, above = cabal.run(options).points
    assert below.honest_miners == pytest.approx(0.89, abs=0.02)
    assert below.profit < 0.06
    assert above.honest_miners == 0
    assert above.profit > 1
    assert below.honest_miners_plain == pytest.approx(0.635, abs=0.02)
    assert below.profit_plain == pytest.approx(0.41, abs=0.05)


def test_withheld_weight_ruins_the_rival_and_a_deviation_cost_charges_for_it() -> None:
    found = cabal.run(cabal.Options(stakes=(), epochs=6, repeats=1)).withheld
    by_case = {(one.stake, one.deviation_cost): one for one in found}
    for stake in (0.1, 0.3, 0.45):
        free, charged = by_case[stake, 0.0], by_case[stake, 1.0]
        assert charged.profit < free.profit
        assert charged.victim == pytest.approx(free.victim, abs=1e-6)
        assert free.victim < -0.1
        assert free.cabal_miners > 0
    assert by_case[0.45, 0.0].victim < -0.5


def test_flashed_stake_takes_an_epoch_unless_stake_is_averaged() -> None:
    found = {one.rule: one for one in flash.run(flash.Options(epochs=5, repeats=1)).points}
    assert found["Yuma"].captured > 0.99
    assert found["plain mean"].captured > 0.6
    averaged = found["Yuma, average_stake"]
    assert averaged.captured < averaged.honest
    moved = averaged.counted_stake - 0.05
    assert moved == pytest.approx(flash.extra_stake(flash.Options()) / 10**15 / 360, rel=0.1)
    assert flash.Flash((), 360, False, 0, 1).picture() is None


def test_a_silent_majority_is_paid_until_the_cutoff() -> None:
    found = apathy.run(apathy.Options(silent=(0, 4, 6, 10), epochs=2, repeats=1))
    early = {round(one.stake, 1): (one.miners_early, one.silent_early) for one in found.points}
    late = {round(one.stake, 1): (one.miners_late, one.silent_late) for one in found.points}
    assert early[0.4] == (pytest.approx(0.5, abs=1e-3), 0)
    assert early[0.6] == (0, pytest.approx(1, abs=1e-3))
    assert late[0.6] == (pytest.approx(0.5, abs=1e-3), 0)
    assert late[1.0] == early[1.0] == (0, pytest.approx(1))
    assert len(found.picture().lines) == 3


def test_copies_of_a_miner_are_paid_and_split_stake_is_not() -> None:
    options = sybil.Options(copies=(0, 1, 4), validators=(1, 4), epochs=4, repeats=1)
    found = sybil.run(options)
    alone, pair, five = found.points
    assert alone.captured == pytest.approx(1 / 24, abs=0.005)
    assert pair.captured == pytest.approx(2 / 24, abs=0.01)
    assert five.captured == pytest.approx(5 / 24, abs=0.02)
    assert five.cost == pytest.approx(sum(1.26**number for number in range(4)), rel=1e-6)
    assert (alone.cost, alone.cost_per_percent) == (0, 0)
    whole, split = found.splits
    assert whole.per_stake >= split.per_stake == pytest.approx(1, abs=0.03)
    assert split.dust > split.dust_carried == 0
    assert len(found.tables()) == 2
    assert len(found.picture().lines) == 2


def test_zeros_keep_bonds_that_no_entry_loses_unless_absent_is_zero() -> None:
    found = {one.rule: one for one in bonds.run(bonds.Options(epochs=20, repeats=1)).absences}
    plain, ours = found["liquid_alpha"], found["liquid_alpha, absent_as_zero"]
    assert plain.zeros - plain.absent > 0.1
    assert ours.zeros == ours.absent
    assert found["Yuma 3"].zeros == found["Yuma 3"].absent
    assert plain.whole == pytest.approx(1, abs=0.05)


def test_bonds_are_bought_ahead_under_yuma_2_below_a_full_penalty_only() -> None:
    found = bonds.run(bonds.Options(repeats=1))
    profits = {(one.rule, one.beta): one.profit for one in found.runs}
    assert profits["Yuma 2", 0.0] > 0.15
    assert profits["Yuma 2", 1.0] < 0
    assert max(profits["Yuma 3", beta] for beta in (0.0, 0.5, 1.0)) < 0
    assert found.picture() is None
    assert len(found.tables()) == 2


def test_eviction_takes_a_place_for_each_below_and_a_sniper_one_epochs_pay() -> None:
    options = evict.Options(ranks=(1, 4), paces=(1, 4), reveal_periods=(0, 1, 3), repeats=1)
    found = evict.run(options)
    slow, deeper, fast, _ = found.points
    assert (slow.registrations, slow.cost) == (1, 1)
    assert deeper.registrations == fast.registrations == 4
    assert deeper.cost < fast.cost == pytest.approx(5.85, abs=0.01)
    assert deeper.gain == pytest.approx(fast.gain, abs=0.01)
    by_period = {one.reveal_period: one for one in found.snipes if one.rule == "Yuma"}
    assert by_period[0].masked == by_period[0].unmasked == 0
    assert by_period[3].masked == pytest.approx(1, abs=0.1)
    assert by_period[3].unmasked == pytest.approx(3, abs=0.2)
    assert all(one.dated == 0 for one in found.snipes)
    assert [line.name for line in found.picture().lines] == ["1 an epoch", "4 an epoch"]


def test_dust_is_the_owners_or_paid_by_the_next_epoch() -> None:
    for found in dust.run(dust.Options(epochs=5, repeats=1)).points:
        assert found.to_owner > 0 == found.owner_when_carried
        assert found.waiting < 3 * found.to_owner
        assert found.of_pay < 1e-7
