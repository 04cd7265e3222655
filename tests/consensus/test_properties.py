"""What holds for every subnet, whoever is in it."""

from dataclasses import fields, replace
from random import Random

import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from meritnet.consensus import matrix, permits, vectors
from meritnet.consensus.epoch import Steps, epoch, epoch_steps
from meritnet.consensus.fixed import ONE, proportion
from meritnet.consensus.params import Params
from meritnet.consensus.state import EpochInput, EpochOutput, Row

RANDOM = st.integers(0, 2**32).map(Random)  # far faster than drawing every number from Hypothesis
SIZES = st.integers(1, 6)


def permuted(values: list, order: list[int]) -> list:
    return [values[old] for old in order]


def renamed(rows: list[Row], order: list[int]) -> list[Row]:
    new = {old: place for place, old in enumerate(order)}
    return [tuple(sorted((new[uid], value) for uid, value in row)) for row in permuted(rows, order)]


def reordered(state: EpochInput, order: list[int]) -> EpochInput:
    """The same subnet with its uids dealt out anew."""
    changed = {
        field.name: permuted(getattr(state, field.name), order)
        for field in fields(state)
        if isinstance(getattr(state, field.name), list) and getattr(state, field.name)
    }
    changed |= {name: renamed(getattr(state, name), order) for name in ("weights", "bonds")}
    owner = None if state.owner_uid is None else order.index(state.owner_uid)
    return replace(state, **changed, owner_uid=owner)


@settings(max_examples=60)
@given(RANDOM, SIZES)
def test_uids_are_only_names(random: Random, n: int) -> None:
    state, params = vectors.random_epoch(random, n), vectors.random_params(random)
    stake = permits.stake_weights(state, params)
    assume(
        len(set(permits.normalized_stake(stake, state.owner_uid, params.stake_threshold))) == n
    )  # ties go by uid
    order = random.sample(range(n), n)
    plain, shuffled = epoch(state, params), epoch(reordered(state, order), params)
    for field in fields(EpochOutput):
        expected = getattr(plain, field.name)
        expected = renamed(expected, order) if field.name == "bonds" else permuted(expected, order)
        assert list(getattr(shuffled, field.name)) == expected, field.name


@settings(max_examples=60)
@given(RANDOM, SIZES, st.integers(2, 5))
def test_only_shares_of_stake_and_of_weights_count(random: Random, n: int, factor: int) -> None:
    state, params = vectors.random_epoch(random, n), replace(vectors.random_params(random), stake_threshold=0)
    state = replace(
        state, tao_stake=[0] * n, weights=[vectors.random_row(random, n, 65_535 // factor) for _ in range(n)]
    )
    scaled = replace(
        state,
        alpha_stake=[factor * stake for stake in state.alpha_stake],
        weights=[tuple((uid, factor * weight) for uid, weight in row) for row in state.weights],
    )
    plain = epoch(state, params)
    assert replace(epoch(scaled, params), stake=plain.stake) == plain


@settings(max_examples=60)
@given(RANDOM, SIZES)
def test_an_epoch_pays_no_more_than_it_has(random: Random, n: int) -> None:
    state, params = vectors.random_epoch(random, n), vectors.random_params(random)
    output = epoch(state, params)
    assert sum(output.server_emission) + sum(output.validator_emission) <= state.emission
    earners = [
        server or validator
        for server, validator in zip(output.server_emission, output.validator_emission, strict=True)
    ]
    if any(earners):
        dust = state.emission - sum(output.server_emission) - sum(output.validator_emission)
        assert dust <= 2 * n + state.emission * 2 * n / ONE


def stepped(state: EpochInput, params: Params) -> Steps:
    n = len(state.alpha_stake)
    return epoch_steps(state, matrix.from_rows(state.weights, n), matrix.from_rows(state.bonds, n), params)


@settings(max_examples=60)
@given(RANDOM, SIZES)
def test_clipping_never_raises_a_rank_and_trust_is_a_share(random: Random, n: int) -> None:
    state, params = vectors.random_epoch(random, n), vectors.random_params(random)
    steps = stepped(state, params)
    say = steps.active_stake[steps.rows]
    assert (steps.clipped.values <= steps.weights.values).all()
    clipped, raw = (matrix.column_products(one, say) for one in (steps.clipped, steps.weights))
    assert (clipped <= raw).all()
    assert (steps.validator_trust <= ONE).all()


@settings(max_examples=60)
@given(RANDOM, SIZES)
def test_nobody_but_the_owner_is_paid_for_its_own_weights(random: Random, n: int) -> None:
    """Whatever a validator says of itself, its incentive is the same."""
    state, params = vectors.random_epoch(random, n), vectors.random_params(random)
    uid = random.randrange(n)
    assume(uid != state.owner_uid)
    row = dict(state.weights[uid]) | {uid: random.randrange(65_536)}
    changed = [tuple(row.items()) if other == uid else old for other, old in enumerate(state.weights)]
    before, after = epoch(state, params), epoch(replace(state, weights=changed), params)
    assert after == before


@settings(max_examples=60)
@given(RANDOM, SIZES)
def test_a_newcomer_who_is_idle_changes_nothing(random: Random, n: int) -> None:
    """A uid without stake, permit and weights, which nobody weights: the others earn what they did."""
    state, params = vectors.random_epoch(random, n), vectors.random_params(random)
    newcomer = {
        **dict.fromkeys(("alpha_stake", "tao_stake", "last_update", "registered_at"), 0),
        "permits": False,
        "oldest_commit_block": None,
        "weights": (),
        "bonds": (),
    }
    longer = {name: [*getattr(state, name), value] for name, value in newcomer.items()}
    for name in ("consensus", "weights_at"):
        longer[name] = [*getattr(state, name), 0] if getattr(state, name) else []
    before, after = epoch(state, params), epoch(replace(state, **longer), params)
    for field in fields(EpochOutput):
        assert getattr(after, field.name)[:n] == getattr(before, field.name), field.name
        assert not getattr(after, field.name)[n] or field.name == "active"


@settings(max_examples=60)
@given(RANDOM, SIZES)
def test_supporting_the_consensus_costs_nothing(random: Random, n: int) -> None:
    """A deviation cost leaves consensus and incentive alone, and bonds of validators who agree in full."""
    state = vectors.random_epoch(random, n)
    params = replace(vectors.random_params(random), deviation_cost=0)
    costly = replace(params, deviation_cost=random.randrange(1, 65_536))
    free, charged = stepped(state, params), stepped(state, costly)
    assert (free.incentive == charged.incentive).all()
    assert (charged.bond_weights.values <= free.bond_weights.values).all()
    agrees = free.validator_trust[free.rows] == free.consensus.sum()
    assert (charged.bond_weights.values[agrees] == free.bond_weights.values[agrees]).all()


@settings(max_examples=60)
@given(RANDOM, SIZES)
def test_consensus_is_a_weight_that_a_majority_supports(random: Random, n: int) -> None:
    state, params = vectors.random_epoch(random, n), vectors.random_params(random)
    stake = np.array([random.randrange(ONE) for _ in range(n)], np.int64) // n
    assume(stake.any())
    weights = matrix.normalize_rows(matrix.from_rows(state.weights, n))
    consensus = matrix.weighted_medians(stake, weights, proportion(params.kappa))
    share = stake / stake.sum()
    for miner in range(n):
        given = weights.values[:, miner]
        assert share[given >= consensus[miner]].sum() >= proportion(params.kappa) / ONE - 1e-6
        assert consensus[miner] in {0, *given.tolist()}


@settings(max_examples=60)
@given(RANDOM, SIZES)
def test_bonds_stay_within_zero_and_one_and_with_permits(random: Random, n: int) -> None:
    state, params = vectors.random_epoch(random, n), vectors.random_params(random)
    output = epoch(state, params)
    for row, permit in zip(output.bonds, output.permits, strict=True):
        assert permit or row == ()
        assert all(0 <= bond <= 65_535 and 0 <= uid < n for uid, bond in row)
        assert list(row) == sorted(row)


@settings(max_examples=60)
@given(RANDOM, SIZES)
def test_strangers_have_no_say(random: Random, n: int) -> None:
    """The weights of a uid without a permit change nothing."""
    state, params = vectors.random_epoch(random, n), vectors.random_params(random)
    stranger = random.randrange(n)
    assume(stranger != state.owner_uid)
    flags = [permit and uid != stranger for uid, permit in enumerate(state.permits)]
    state = replace(state, permits=flags)
    rows = [
        vectors.random_row(random, n) if uid == stranger else row for uid, row in enumerate(state.weights)
    ]
    assert epoch(replace(state, weights=rows), params) == epoch(state, params)


def test_a_subnet_without_uids() -> None:
    state = vectors.random_epoch(Random(0), 1)
    empty = {field.name: [] for field in fields(state) if isinstance(getattr(state, field.name), list)}
    output = epoch(replace(state, **empty, owner_uid=None), vectors.random_params(Random(0)))
    assert output == EpochOutput(*((),) * len(fields(EpochOutput)))
