"""Duels and the record of rounds, on plain arrays of losses: who wins, who is a copy, who has the crown."""

from collections.abc import Mapping, Sequence
from hashlib import sha256

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meritnet.subnets.fine_tuning import duel
from meritnet.subnets.fine_tuning.copies import PROBES, are_alike
from meritnet.subnets.fine_tuning.duel import advantage, fought, lower_bound
from meritnet.subnets.fine_tuning.messages import AdapterRequest
from meritnet.subnets.fine_tuning.record import REMEMBERED_ROUNDS, Found, Record, found_in

SEED = bytes(range(32))
EXAMPLES = 24
BASE = np.linspace(2.0, 5.0, EXAMPLES)


def losses(name: str, gain: float, spread: float = 0.05) -> np.ndarray:
    """What an adapter that gains so much on average loses on each example."""
    own = np.random.default_rng(int(content_id(name)[:8], 16)).standard_normal(EXAMPLES)
    return BASE - gain - spread * (own - own.mean())


def content_id(name: str) -> str:
    return sha256(name.encode()).hexdigest()


def test_the_sure_gain_lies_below_the_mean_and_is_repeatable() -> None:
    gains = np.array([0.1, 0.3, 0.2, 0.4, 0.1, 0.2, 0.3, 0.0])
    assert lower_bound(gains, SEED, 0.95) == lower_bound(gains, SEED, 0.95)
    assert 0.05 < lower_bound(gains, SEED, 0.99) < lower_bound(gains, SEED, 0.95) < gains.mean()
    assert lower_bound(np.full(8, 0.2), SEED, 0.95) == pytest.approx(0.2)
    assert lower_bound(np.array([2.0] + [-0.05] * 7), SEED, 0.95) < 0  # one lucky example is not enough


def test_differences_inside_the_dead_zone_decide_nothing() -> None:
    near = fought(BASE, BASE - 0.009, SEED)
    assert (near.won, near.lost, near.sure_rate, near.is_won) == (0, 0, 0.5, False)
    far = fought(BASE, BASE - 0.011, SEED)
    assert (far.won, far.lost, far.sure_rate, far.is_won) == (EXAMPLES, 0, 1.0, True)


def test_a_few_decided_examples_do_not_decide_a_duel() -> None:
    for few, is_won in ((1, False), (3, False), (8, True)):
        challenger = BASE.copy()
        challenger[:few] -= 1.0
        assert fought(BASE, challenger, SEED).is_won is is_won


def test_the_champion_s_advantage_fades() -> None:
    challenger = BASE - 0.015
    assert fought(BASE, challenger, SEED).is_won
    assert not fought(BASE, challenger, SEED, advantage(0)).is_won
    assert fought(BASE, challenger, SEED, advantage(2 * duel.HALF_LIFE_ROUNDS)).is_won
    assert advantage(duel.HALF_LIFE_ROUNDS) == advantage(0) / 2 == duel.ADVANTAGE_NATS / 2


@given(st.lists(st.floats(-1, 1), min_size=EXAMPLES, max_size=EXAMPLES), st.floats(0, 0.5))
def test_of_two_at_most_one_wins_and_an_advantage_never_helps_the_challenger(
    differences: list[float], given_away: float
) -> None:
    other = BASE - np.array(differences)
    one_way, other_way = fought(BASE, other, SEED), fought(other, BASE, SEED)
    assert not (one_way.is_won and other_way.is_won)
    assert (one_way.won, one_way.lost) == (other_way.lost, other_way.won)
    assert fought(BASE, other, SEED, given_away).sure_rate <= one_way.sure_rate


WORTH = {
    "good": losses("good", 0.3),
    "rival": losses("rival", 0.3),
    "better": losses("better", 0.45),
    "none": losses("none", 0.0),
    "scaled": losses("scaled", 0.2),
    "hidden": losses("good", 0.296),
}
"""Adapters by name; the last two are made of the first one, as its sketch shows or its losses do."""
SKETCHES = {"scaled": "good"}


def test_adapters_are_alike_by_what_they_lose_on_each_example() -> None:
    assert are_alike(WORTH["good"], WORTH["hidden"])
    assert not are_alike(WORTH["good"], WORTH["rival"])
    assert not are_alike([], [])


def direction(name: str) -> list[float]:
    """A sketch that is nobody else's: names are as good as orthogonal."""
    own = np.random.default_rng(int(content_id(name)[:8], 16)).standard_normal(PROBES)
    return [float(part) for part in own / np.linalg.norm(own)]


class Rounds:
    """Rounds of a record in which uids offer adapters by name; None is no answer."""

    def __init__(self) -> None:
        self.record = Record()
        self.past: list[list[tuple[AdapterRequest, Found | None]]] = []

    def round(self, offered: Mapping[int, str | None]) -> None:
        requests = {uid: self.asked(uid) for uid in offered}
        self.past.append([(requests[uid], self._found(requests[uid], name)) for uid, name in offered.items()])
        self.record = self.record.after(self.past[-1])

    def asked(self, uid: int) -> AdapterRequest:
        return self.record.request("tiny", "0" * 64, uid)

    def champion(self) -> int | None:
        return None if self.record.champion is None else self.record.champion.uid

    def copy_of(self, uid: int) -> int | None:
        return self.asked(uid).entered[-1].copy_of

    def _found(self, request: AdapterRequest, name: str | None) -> Found | None:
        if name is None:
            return None
        evidence: dict[str, object] = {
            "content_id": content_id(name),
            "sketch": direction(SKETCHES.get(name, name)),
        }
        if any(one.content_id == content_id(name) and one.copy_of is None for one in request.entered):
            worth = WORTH[name]
            sure = lower_bound(BASE - worth, SEED, 0.95)
            evidence |= {"losses": worth.tolist(), "base_losses": BASE.tolist(), "earns": sure > 0.05}
        return found_in(evidence)


def test_the_best_sure_challenger_takes_the_crown_and_a_better_one_takes_it_from_it() -> None:
    rounds = Rounds()
    rounds.round({1: "good", 2: "none", 3: "rival"})
    assert rounds.champion() is None
    rounds.round({1: "good", 2: "none", 3: "rival"})
    first = rounds.champion()
    assert first in (1, 3)
    rounds.round({1: "good", 2: "none", 3: "rival", 4: "better"})
    assert rounds.champion() == first
    rounds.round({1: "good", 2: "none", 3: "rival", 4: "better"})
    assert rounds.champion() == 4


def test_nobody_is_crowned_whose_gain_is_not_sure() -> None:
    rounds = Rounds()
    for _ in range(3):
        rounds.round({1: "none"})
        assert rounds.champion() is None


def test_a_champion_that_was_not_asked_keeps_the_crown_and_one_that_offers_another_loses_it() -> None:
    rounds = Rounds()
    for _ in range(2):
        rounds.round({1: "good", 2: "none"})
    rounds.round({2: "none"})
    assert rounds.champion() == 1
    rounds.round({1: "rival", 2: "none"})
    assert rounds.champion() is None


@settings(max_examples=20)
@given(st.permutations(list(enumerate(WORTH))))
def test_the_order_within_a_round_is_no_matter(order: Sequence[tuple[int, str]]) -> None:
    found = []
    for taken in (order, list(enumerate(WORTH))):
        rounds = Rounds()
        for _ in range(3):
            rounds.round(dict(taken))
        found.append([rounds.asked(uid) for uid, _ in enumerate(WORTH)])
    assert found[0] == found[1]


def test_a_copy_is_whoever_came_later_by_sketch_or_by_losses() -> None:
    rounds = Rounds()
    rounds.round({5: "good"})
    rounds.round({5: "good", 1: "scaled", 2: "hidden", 3: "rival"})
    assert (rounds.copy_of(1), rounds.copy_of(2), rounds.copy_of(3)) == (5, None, None)
    rounds.round({5: "good", 1: "scaled", 2: "hidden", 3: "rival"})
    assert [rounds.copy_of(uid) for uid in (1, 2, 3, 5)] == [5, 5, None, None]


def test_an_adapter_is_forgotten_when_it_was_not_offered_for_long() -> None:
    rounds = Rounds()
    rounds.round({1: "good"})
    for _ in range(REMEMBERED_ROUNDS - 1):
        rounds.round({2: "none"})
    assert 1 in rounds.record.offers
    rounds.round({2: "none"})
    assert 1 not in rounds.record.offers


PLAYS = st.lists(
    st.dictionaries(st.integers(0, 3), st.sampled_from([*WORTH, None]), max_size=4),
    min_size=1,
    max_size=3 * REMEMBERED_ROUNDS,
)


@given(PLAYS)
def test_the_last_rounds_are_enough_to_have_the_same_record(
    plays: Sequence[Mapping[int, str | None]],
) -> None:
    rounds = Rounds()
    for offered in plays:
        rounds.round(offered)
    again = Record()
    for past in rounds.past[-2 * REMEMBERED_ROUNDS :]:
        again = again.after(past)
    for uid in range(4):
        assert again.request("tiny", "0" * 64, uid) == rounds.asked(uid)
