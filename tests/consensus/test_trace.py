"""Two traces of one epoch: what agrees is said once, what differs is found where it is."""

from random import Random

from meritnet.consensus import vectors
from meritnet.consensus.trace import side_by_side, trace

STATE, PARAMS = vectors.random_epoch(Random(3), 5), vectors.random_params(Random(4))


def test_a_trace_agrees_with_itself() -> None:
    ours = trace(STATE, PARAMS)
    told = side_by_side(ours, trace(STATE, PARAMS))
    assert told.count("both") == len(ours) == len(told.splitlines())
    assert ">" not in told


def test_the_first_step_that_differs_is_marked() -> None:
    ours, theirs = trace(STATE, PARAMS), trace(STATE, PARAMS)
    theirs["incentive"][3] += 1
    theirs["bonds"] = theirs["bonds"][:-1]
    told = side_by_side(ours, theirs)
    given = ours["incentive"][3]
    assert f"> incentive[3]: {given} by the specification, {given + 1} by the other" in told
    assert "  bonds: [" in told
    assert told.count(">") == 1


def test_matrices_are_rows_of_uids_and_bits() -> None:
    ours = trace(STATE, PARAMS)
    assert len(ours["weights"]) == 5
    assert all(0 <= uid < 5 and bits >= 0 for row in ours["weights"] for uid, bits in row)
    assert all(amount.isdigit() for amount in ours["stake_rao"])
