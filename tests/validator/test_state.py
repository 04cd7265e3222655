"""What a validator keeps on disk, the view that it takes of the subnet, and its figures."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from prometheus_client import generate_latest

from meritnet.chain.client.metagraph import Axon, Metagraph
from meritnet.chain.errors import MeritnetError
from meritnet.chain.types import BlockNumber, NetUid, Ss58Address
from meritnet.validator import events
from meritnet.validator.durable import exclusive
from meritnet.validator.metrics import Metrics
from meritnet.validator.scores import ScoreBook
from meritnet.validator.state import Forecast, State
from meritnet.validator.view import targets


def test_a_state_comes_back_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "state.json"
    fresh = State.load(path)
    assert (fresh.epoch, fresh.steps_done, fresh.committed, fresh.forecast) == (-1, 0, False, None)
    scores = ScoreBook()
    scores.add(3, "hotkey", 0.5, 9, "half")
    kept = State(path, 7, 2, True, Forecast(7, 160, 12_345_678_901_234_567), scores)
    kept.save()
    again = State.load(path)
    assert replace(again, scores=scores) == kept
    assert again.scores.to_json() == scores.to_json()


def test_another_epoch_begins_with_nothing_done(tmp_path: Path) -> None:
    state = State(tmp_path / "state.json", 7, 2, True)
    state.enter(7)
    assert (state.steps_done, state.committed) == (2, True)
    state.enter(8)
    assert (state.epoch, state.steps_done, state.committed) == (8, 0, False)


@pytest.mark.parametrize("text", ["", "[]", "null", '{"epoch": 1}', '{"epoch": "x"', "\x00\x00"])
def test_a_damaged_state_is_named_with_what_to_do(tmp_path: Path, text: str) -> None:
    path = tmp_path / "state.json"
    path.write_text(text)
    if text == "null":
        assert State.load(path).epoch == -1
        return
    with pytest.raises(MeritnetError, match=r"state\.json") as error:
        State.load(path)
    assert "move the file away" in error.value.hint


def metagraph(hotkeys: str, serving: str, permits: str, weighing: str) -> Metagraph:
    """Neurons by letter; the other arguments name those for whom something holds."""
    count = len(hotkeys)
    zeros = np.zeros(count, np.int64)
    shares = np.zeros(count, np.uint16)
    axons = tuple(Axon("8.8.8.8", 80 * (key in serving), BlockNumber(1), 1, 4) for key in hotkeys)
    keys = tuple(Ss58Address(key) for key in hotkeys)
    first = BlockNumber(0)
    return Metagraph(
        netuid=NetUid(1),
        block=first,
        name="",
        symbol="",
        owner_hotkey=keys[0],
        owner_coldkey=keys[0],
        tempo=20,
        last_epoch_block=first,
        registered_at_block=first,
        max_uids=256,
        burn_rao=0,
        hotkeys=keys,
        coldkeys=keys,
        axons=axons,
        active=np.ones(count, np.bool_),
        validator_permit=np.array([key in permits for key in hotkeys]),
        last_update=np.array([5 + (key in weighing) for key in hotkeys]),
        registered_at=np.full(count, 5),
        emission_rao=zeros,
        stake_rao=zeros,
        alpha_stake_rao=zeros,
        tao_stake_rao=zeros,
        incentive_u16=shares,
        dividends_u16=shares,
        consensus_u16=shares,
        validator_trust_u16=shares,
    )


def test_miners_are_asked_validators_and_we_ourselves_are_not() -> None:
    subnet = metagraph("abcdef", serving="abcdf", permits="abf", weighing="bcf")
    assert [found.hotkey for found in targets(subnet, "a")] == ["c", "d"]
    # A permit alone makes no validator: while there are few stakers, every miner with stake holds one.
    assert [found.hotkey for found in targets(subnet, "d")] == ["a", "c"]
    assert targets(subnet, "a")[0].url == "http://8.8.8.8:80"


def test_figures_count_what_happened() -> None:
    metrics = Metrics()
    for event in (
        events.Scored(1, "v", 4, 1.0, "", 1.0, 0.7),
        events.Scored(1, "v", 5, 0.0, "", 0.0, None),
        events.Committed(1, "v", 3, {4: 1.0}),
        events.Paid(1, "v", 3, 80, 10, 10),
        events.Paid(1, "v", 4, 100, 10, 11),
        events.Trouble(1, "v", "commit", "no"),
    ):
        metrics.take(event)
    text = generate_latest(metrics.registry).decode()
    for line in (
        'meritnet_validator_answers_total{answered="yes",netuid="1",validator="v"} 1.0',
        'meritnet_validator_answers_total{answered="no",netuid="1",validator="v"} 1.0',
        'meritnet_validator_duties_total{kind="committed",netuid="1",validator="v"} 1.0',
        'meritnet_validator_wrong_predictions_total{netuid="1",validator="v"} 1.0',
        'meritnet_validator_epoch_emission_tao{netuid="1",validator="v"} 1.1e-08',
        'meritnet_validator_troubles_total{netuid="1",validator="v"} 1.0',
    ):
        assert line in text


def test_two_processes_never_share_a_state(tmp_path: Path) -> None:
    shared = tmp_path / "deep"
    with exclusive(shared), pytest.raises(MeritnetError, match="another process works in"), exclusive(shared):
        pass
    with exclusive(shared):
        pass
