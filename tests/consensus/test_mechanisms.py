"""Several mechanisms share a subnet's pay: nothing is lost, and one alone is the epoch itself."""

from dataclasses import replace
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from meritnet.consensus import vectors
from meritnet.consensus.epoch import epoch
from meritnet.consensus.mechanisms import combine, epoch_with_mechanisms, split_emission

SPLITS = st.one_of(st.none(), st.lists(st.integers(0, 65_535), max_size=6))


@given(st.integers(0, 2**63), st.integers(1, 8), SPLITS)
def test_the_parts_are_the_whole(amount: int, count: int, split: list[int] | None) -> None:
    parts = split_emission(amount, count, split)
    assert len(parts) == count
    assert sum(parts) == amount or (split is not None and sum(split[:count]) > 65_535)


def test_one_mechanism_is_the_epoch() -> None:
    state, params = vectors.random_epoch(Random(1), 5), vectors.random_params(Random(2))
    combined, (alone,) = epoch_with_mechanisms([state], params, state.emission, None)
    assert alone == epoch(state, params)
    assert replace(combined, bonds=alone.bonds) == alone


def test_two_mechanisms_are_paid_and_averaged_by_their_parts() -> None:
    params = vectors.random_params(Random(2))
    first = vectors.random_epoch(Random(1), 4)
    second = replace(first, weights=vectors.random_epoch(Random(9), 4).weights)
    combined, (one, two) = epoch_with_mechanisms([first, second], params, 10**12, [49_151, 16_384])
    assert combined.server_emission == tuple(
        map(sum, zip(one.server_emission, two.server_emission, strict=True))
    )
    for got, a, b in zip(combined.consensus, one.consensus, two.consensus, strict=True):
        assert abs(got - (0.75 * a + 0.25 * b)) < 3
    assert combined.permits == tuple(map(any, zip(one.permits, two.permits, strict=True)))
    assert combined.bonds == ((),) * 4


def test_without_pay_the_first_mechanism_counts_alone() -> None:
    params = vectors.random_params(Random(2))
    outputs = [epoch(replace(vectors.random_epoch(Random(seed), 3), emission=0), params) for seed in (1, 5)]
    assert combine(outputs, (0, 0)).consensus == outputs[0].consensus
