"""The kit that every subnet's scoring must pass: rules that subnets have broken, each one a function.

``meritnet.testing.check_subnet`` is what a subnet's own test calls; it gives the pipeline of a real validator
to `check` here. pytest is not needed.
"""

from __future__ import annotations

from collections.abc import Callable

from meritnet.subnets.testing.judging import (
    bad_requests_are_refused,
    better_answers_never_earn_less,
    factors_multiply_to_the_value,
    malformed_answers_are_refused,
    one_miner_does_not_move_another,
    penalties_never_help,
    scores_stay_in_range,
    tasks_are_drawn_from_the_seed,
    the_same_answer_scores_the_same,
)
from meritnet.subnets.testing.paying import (
    nothing_counts_twice,
    passing_never_costs,
    permuting_uids_permutes_rewards,
    refusing_never_helps,
    splitting_never_pays,
    unasked_miners_keep_their_average,
)
from meritnet.subnets.testing.trial import Cheat, Pipeline, Player, Reply, Standing, Trial, Unsound

Check = Callable[[Trial], None]

CHECKS: tuple[Check, ...] = (
    tasks_are_drawn_from_the_seed,
    scores_stay_in_range,
    the_same_answer_scores_the_same,
    malformed_answers_are_refused,
    bad_requests_are_refused,
    better_answers_never_earn_less,
    penalties_never_help,
    factors_multiply_to_the_value,
    one_miner_does_not_move_another,
    permuting_uids_permutes_rewards,
    refusing_never_helps,
    passing_never_costs,
    nothing_counts_twice,
    splitting_never_pays,
    unasked_miners_keep_their_average,
)
"""All rules, in the order in which they are checked."""


def check(trial: Trial) -> None:
    """Hold a kind to every rule. Raises `Unsound` with one line for each that it breaks."""
    broken = [f"{rule(one)}: {finding}" for one in CHECKS if (finding := finding_of(one, trial))]
    if broken:
        raise Unsound(f"{trial.kind.kind} breaks {len(broken)} of {len(CHECKS)} rules: " + "\n".join(broken))


def finding_of(one: Check, trial: Trial) -> str | None:
    """What a check has to say against a kind; None when the kind passes."""
    try:
        one(trial)
    except Unsound as found:
        return str(found)
    return None


def rule(one: Check) -> str:
    """A check's rule in words."""
    return getattr(one, "__name__", "").replace("_", " ")


__all__ = [
    "CHECKS",
    "Cheat",
    "Check",
    "Pipeline",
    "Player",
    "Reply",
    "Standing",
    "Trial",
    "Unsound",
    "check",
    "finding_of",
    "rule",
]
