"""What another process prints becomes the event that it was, as far as it may be told."""

from meritnet.localnet.isolate import event_of
from meritnet.validator.events import Committed


def test_a_commit_is_read_without_its_weights() -> None:
    found = event_of({"event": "Committed", "netuid": 1, "validator": "5Bob", "epoch": 3, "bundle": "ab"})
    assert found == Committed(1, "5Bob", 3, {}, "ab")


def test_what_is_no_event_is_nothing() -> None:
    assert event_of({"event": "Announced"}) is None
