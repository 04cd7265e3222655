"""A world is a chain of the specification's epochs, and agents do on it what they say."""

from dataclasses import replace
from random import Random

import numpy as np
import pytest

from meritnet.consensus import vectors
from meritnet.consensus.agents import (
    Agent,
    Apathetic,
    BondFrontRunner,
    Cabal,
    Copier,
    Deregistrar,
    HalfBlind,
    Honest,
    Lazy,
    Noisy,
    StakeFlasher,
    SybilSplitter,
    UidSniper,
    play,
    scaled,
)
from meritnet.consensus.emission import distribute
from meritnet.consensus.epoch import epoch
from meritnet.consensus.fixed import FRACTION, max_upscale
from meritnet.consensus.matrix import Matrix
from meritnet.consensus.simulate import (
    UNCOMMITTED,
    Case,
    Places,
    Rules,
    Settled,
    World,
    by_specification,
    shares,
    upscaled,
)
from meritnet.consensus.state import Row

STAKE = 10**15


def rows(matrix: Matrix) -> list[Row]:
    return [
        tuple((int(uid), int(values[uid]) >> FRACTION) for uid in np.flatnonzero(present))
        for values, present in zip(matrix.values, matrix.present, strict=True)
    ]


def checked(case: Case) -> Settled:
    """Settles, and holds the result against `epoch` on rows."""
    settled = by_specification(case)
    state = replace(case.state, weights=rows(case.weights), bonds=rows(case.bonds))
    output = epoch(state, case.rules.params)
    paid = distribute(
        case.pots, output.server_emission, output.validator_emission, case.takes, case.rules.carry_dust
    )
    for name in ("consensus", "incentive", "dividends", "permits"):
        assert tuple(getattr(settled, name).tolist()) == getattr(output, name), name
    assert tuple(settled.trust.tolist()) == output.validator_trust
    assert tuple(rows(settled.bonds)) == output.bonds
    assert tuple(settled.earned.tolist()) == paid.neurons
    assert (settled.pending, settled.owner) == (paid.pending, paid.owner)
    return settled


def small(validators: int = 3, miners: int = 4, rules: Rules | None = None, **more: object) -> World:
    """Equal validators, and miners worth 1, 2, 3 and so on."""
    utility = np.array([0] * validators + list(range(1, miners + 1)), np.float64)
    return World([STAKE] * validators + [0] * miners, rules, utility, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize("seed", range(12))
def test_a_world_is_a_chain_of_epochs_on_rows(seed: int) -> None:
    random = Random(f"world {seed}")
    params = replace(vectors.random_params(random), tempo=20, activity_cutoff=100, stake_threshold=0)
    rules = Rules(
        params,
        average_stake=random.random() < 0.5,
        carry_dust=random.random() < 0.5,
        reveal_period=random.randrange(3),
        reveal_target=random.choice([0, 30_000]),
    )
    world = small(4, 5, rules, owner_uid=random.choice([None, 0, 8]), settle=checked)
    seats: list[int] = []
    crew = [
        Noisy(0, 0.4),
        Honest(1),
        HalfBlind(2, 0.2, zeros=True),
        Cabal(3, 0.1, miners=(7, 8), self_weight=0.5),
        UidSniper(3, 2, seats),
    ]
    found = play(world, crew, 6)
    assert [settled.block for settled in found] == [20, 40, 60, 80, 100, 120]
    assert world.epoch_index == 6


def test_what_is_paid_is_stake_and_dust_waits_or_is_the_owners() -> None:
    plain, carried = small(), small(rules=Rules(carry_dust=True))
    for world in (plain, carried):
        (settled,) = play(world, [Noisy(uid, 0.3) for uid in range(3)], 1)
        before = np.array([STAKE] * 3 + [0] * 4)
        assert world.stake == (before + settled.earned).tolist()
        assert settled.earned.sum() + settled.owner + settled.pending.total == 20 * 10**7
    assert plain.past[0].owner > 0
    assert plain.pots.total == carried.past[0].owner == 0
    assert carried.pots.validator == plain.past[0].owner


def test_weights_are_stored_as_the_chain_scales_them() -> None:
    random = np.random.default_rng(0)
    stored = upscaled(random.random((5, 9)))
    assert all(max_upscale(row.tolist()) == tuple(row.tolist()) for row in stored)
    assert upscaled(np.zeros(3)).tolist() == [0, 0, 0]
    assert upscaled(np.array([1.0, 2.0])).tolist() == [32_768, 65_535]


def test_zeros_are_entries_only_where_wanted() -> None:
    world = small()
    world.submit(0, world.utility)
    world.submit(1, world.utility, zeros=True)
    assert world.weights.present[0].tolist() == [False] * 3 + [True] * 4
    assert world.weights.present[1].all()


def test_committed_weights_count_a_period_later() -> None:
    world = small(rules=Rules(reveal_period=2))
    found = play(world, [Honest(uid) for uid in range(3)], 4)
    assert [bool(settled.consensus.any()) for settled in found] == [False, False, True, True]
    assert world.last_update[0] == 60
    assert world.state().oldest_commit_block[:4] == [40, 40, 40, None]


def test_the_newest_due_commit_is_revealed_and_drops_the_older() -> None:
    world = small(rules=Rules(reveal_period=2))
    world.submit(0, world.utility)
    world.run_epoch()
    world.rules = replace(world.rules, reveal_period=1)
    newer = world.utility[::-1].copy()
    world.submit(0, newer)
    world.run_epoch()
    assert not world.weights.present[0].any()
    world.run_epoch()
    assert (world.weights.values[0] >> FRACTION).tolist() == upscaled(newer).tolist()
    assert world.state().oldest_commit_block[0] is None


def test_the_period_follows_the_measured_volatility() -> None:
    world = small(rules=Rules(reveal_target=20_000))
    assert world.reveal_period == 9  # nothing was measured yet
    play(world, [Honest(uid) for uid in range(3)], 40)
    assert world.volatility_q32 < 2**32 // 40
    assert world.reveal_period == 9
    calm, shaken = world.volatility_q32, small(rules=Rules(reveal_target=20_000))
    shaken.volatility_q32 = 2**31
    assert (shaken.reveal_period, calm > 0) == (1, True)


def test_stake_that_comes_for_a_block_counts_for_a_block() -> None:
    world = small(rules=Rules(average_stake=True))
    world.run_epoch()
    stake = world.stake[0]
    world.move(39)
    world.set_stake(0, stake + 20_000)
    world.move(40)
    assert world.state().alpha_stake[0] == stake + 1_000
    assert replace(world.rules, average_stake=False).average_stake is False
    world.rules = Rules()
    assert world.state().alpha_stake[0] == stake + 20_000


def test_the_lowest_paid_makes_room_and_the_price_rises_and_decays() -> None:
    world = small(rules=Rules(places=Places(min_price=10**9, max_price=10**12, min_non_immune=0)))
    play(world, [Honest(uid) for uid in range(3)], 1)
    assert world.register(5.0) == 3
    assert (world.burned, world.price) == (10**9, 1_260_000_000)
    assert (world.utility[3], world.registered_at[3], world.stake[3]) == (5.0, 20, 0)
    assert not world.weights.values[:, 3].any()
    assert world.register() == 4  # uid 3 is immune now
    world.move(21)
    assert 1_580_000_000 < world.price < 1_587_600_000
    world.move(10_000)
    assert world.price == 10**9


def test_nobody_makes_room_for_another_than_the_owner() -> None:
    world = World([STAKE], owner_uid=0)
    assert world.register() is None
    assert world.burned == 0
    seats: list[int] = []
    crew: list[Agent] = [UidSniper(0, 0, seats), SybilSplitter(0, 1, 0, seats), Deregistrar(0, 1, seats)]
    play(world, crew, 1)
    assert seats == []


def test_who_holds_a_uid_anew_has_nothing_and_is_given_nothing() -> None:
    params, places = replace(UNCOMMITTED, commit_reveal=True), Places(min_non_immune=0)
    world = small(rules=Rules(params, reveal_period=1, places=places))
    crew = [Honest(uid) for uid in range(3)]
    play(world, crew, 3)
    seats: list[int] = []
    found = play(world, [*crew, UidSniper(6, 3, seats)], 1)
    assert seats == [3]
    assert found[0].earned[3] == 0
    assert (world.stake[3], bool(world.permits[3])) == (0, False)


def test_shares_are_parts_of_what_was_earned() -> None:
    found = play(small(), [Honest(uid) for uid in range(3)], 2)
    assert shares(found, range(7)) == 1
    assert shares(found, [3, 4, 5, 6]) == pytest.approx(0.5, abs=1e-6)
    assert shares([], [0]) == 0


def test_the_honest_say_what_others_are_worth() -> None:
    world = small()
    world.utility[0] = 4.0
    Honest(0, power=2).opens(world)
    assert (world.weights.values[0] >> FRACTION).tolist() == upscaled(
        np.array([0, 0, 0, 1, 4, 9, 16.0])
    ).tolist()


def test_noise_depends_on_seed_uid_and_epoch_only() -> None:
    first, second = small(), small()
    Noisy(0, 0.3, seed=5).opens(first)
    Noisy(0, 0.3, seed=5).opens(second)
    assert (first.weights.values[0] == second.weights.values[0]).all()
    Noisy(0, 0.3, seed=6).opens(second)
    assert (first.weights.values[0] != second.weights.values[0]).any()


def test_the_lazy_repeat_themselves_and_stay_active() -> None:
    world = small()
    play(world, [Lazy(0, 2)], 1)
    said = world.weights.values[0].copy()
    world.utility = world.utility[::-1].copy()
    play(world, [Lazy(0, 2)], 1)
    assert (world.weights.values[0] == said).all()
    assert world.last_update[0] == 20
    play(world, [Lazy(0, 2)], 1)
    assert (world.weights.values[0] != said).any()


def test_the_apathetic_say_nothing_and_drop_out() -> None:
    world = small()
    crew: list[Agent] = [Honest(0), Apathetic(1), Apathetic(2)]
    early = play(world, crew, 13)
    late = play(world, crew, 2)
    assert shares(early, [1, 2]) == pytest.approx(2 / 3)  # no consensus: stake is paid
    assert shares(late[1:], [1, 2]) == 0


def test_a_copier_submits_an_old_consensus_or_the_one_about_to_be() -> None:
    world = small()
    crew: list[Agent] = [Honest(0), Honest(1), Copier(2, 2)]
    play(world, crew, 2)
    assert not world.weights.present[2].any()
    world.utility[3] = 9.0
    play(world, crew, 2)
    wanted = upscaled(world.past[1].consensus.astype(np.float64))
    assert (world.weights.values[2] >> FRACTION).tolist() == wanted.tolist()
    now = small()
    play(now, [Honest(0), Honest(1), Copier(2, 0)], 1)
    copied, said = (now.weights.values[uid] / now.weights.values[uid].sum() for uid in (2, 0))
    assert copied == pytest.approx(said, abs=1e-4)


def test_a_cabal_weights_itself_and_withholds() -> None:
    world = small()
    Cabal(0, 0.0, miners=(3,), self_weight=0.75).opens(world)
    weights = world.weights.values[0] / world.weights.values[0].sum()
    assert weights[3:] == pytest.approx([0.75, 0.25 * 2 / 9, 0.25 * 3 / 9, 0.25 * 4 / 9], abs=1e-4)
    Cabal(0, 0.0, withheld=(6,)).opens(world)
    weights = world.weights.values[0] / world.weights.values[0].sum()
    assert weights[3:] == pytest.approx([1 / 6, 2 / 6, 3 / 6, 0], abs=1e-4)


def test_a_splitter_takes_more_places_once() -> None:
    world = small(rules=Rules(places=Places(min_non_immune=0)))
    seats: list[int] = []
    crew: list[Agent] = [Honest(0), Honest(1), Honest(2), SybilSplitter(6, 2, 1, seats)]
    play(world, crew, 3)
    assert seats == [3, 4]
    assert world.utility[seats].tolist() == [4.0, 4.0]


def test_a_flasher_has_its_stake_for_the_epoch_only() -> None:
    world = small()
    play(world, [Honest(0), Honest(1), Honest(2)], 1)
    seen: list[int] = []
    held = world.stake[2]

    def watched(case: Case) -> Settled:
        seen.append(case.state.alpha_stake[2])
        return by_specification(case)

    world._settle = watched
    (settled,) = play(world, [Honest(0), Honest(1), StakeFlasher(2, (3,), 5 * STAKE)], 1)
    assert seen == [held + 5 * STAKE]
    assert world.stake[2] == held + settled.earned[2]
    assert settled.incentive[3] == 65_535


def test_a_front_runner_bonds_before_the_others_know() -> None:
    world = small()
    world.utility[6] = 0
    BondFrontRunner(0, 6).opens(world)
    early = world.weights.values[0] / world.weights.values[0].sum()
    assert early[6] == pytest.approx(0.5, abs=1e-4)
    world.utility[6] = 4
    BondFrontRunner(0, 6).opens(world)
    known = world.weights.values[0] / world.weights.values[0].sum()
    assert known[6] == pytest.approx(0.4, abs=1e-4)


def test_the_half_blind_say_nothing_or_zero_of_the_rest() -> None:
    world = small()
    HalfBlind(0, 0.0).opens(world)
    assert world.weights.present[0].tolist() == [False, False, False, False, True, False, True]
    HalfBlind(0, 0.0, zeros=True).opens(world)
    assert world.weights.present[0].all()


def test_a_deregistrar_throws_out_one_after_the_other() -> None:
    world = small(rules=Rules(places=Places(min_non_immune=0)))
    crew = [Honest(uid) for uid in range(3)]
    play(world, crew, 1)
    seats: list[int] = []
    play(world, [Deregistrar(6, 1, seats), *crew], 2)
    assert seats == [3, 4]


def test_utilities_may_change_from_epoch_to_epoch() -> None:
    world = small()
    path = [world.utility, world.utility[::-1].copy()]
    play(world, [Honest(0)], 2, path)
    assert world.utility.tolist() == path[1].tolist()
    assert scaled(np.zeros(2)).tolist() == [0, 0]
