"""Kinds: built in, from third parties, and unknown."""

from importlib.metadata import EntryPoint
from types import SimpleNamespace

import pytest

from meritnet.chain.errors import UsageError
from meritnet.subnets import registry
from meritnet.subnets.base import Score

THIRD_PARTY = SimpleNamespace(kind="sums", summary="add numbers", hyperparameters={})


@pytest.mark.parametrize("kind", ["text_generation", "fine_tuning"])
def test_built_in_kinds_load(kind: str) -> None:
    loaded = registry.subnet(kind)
    assert loaded.kind == kind
    assert loaded.summary


def test_an_unknown_kind_lists_the_known_ones() -> None:
    with pytest.raises(UsageError, match="unknown subnet kind 'poetry'") as caught:
        registry.subnet("poetry")
    assert "text_generation, fine_tuning" in caught.value.hint


def test_third_parties_add_kinds_but_take_over_none(monkeypatch: pytest.MonkeyPatch) -> None:
    points = [
        EntryPoint("sums", f"{__name__}:THIRD_PARTY", registry.GROUP),
        EntryPoint("fine_tuning", f"{__name__}:THIRD_PARTY", registry.GROUP),
    ]
    monkeypatch.setattr(registry, "entry_points", lambda group: points)
    monkeypatch.setattr(EntryPoint, "load", lambda point: THIRD_PARTY)
    assert registry.kinds() == ["text_generation", "fine_tuning", "sums"]
    assert registry.subnet("sums") is THIRD_PARTY
    assert registry.subnet("fine_tuning") is not THIRD_PARTY


@pytest.mark.parametrize("value", [-0.1, 1.1, float("nan")])
def test_a_score_lies_in_the_unit_interval(value: float) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        Score(value, "why")
