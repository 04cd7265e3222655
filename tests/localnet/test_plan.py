"""Who takes part in a local network."""

import pytest

from meritnet.chain.errors import UsageError
from meritnet.localnet.plan import MAX_NEURONS, Plan, cast

KINDS = ("text_generation",)


def test_one_of_several_miners_is_lazy_and_every_key_is_its_own() -> None:
    neurons = cast(Plan(KINDS, miners=5, validators=3))
    assert [neuron.role for neuron in neurons] == ["owner"] + ["validator"] * 3 + ["miner"] * 5
    assert [neuron.name for neuron in neurons if neuron.lazy] == ["Miner5"]
    addresses = {neuron.hotkey_address for neuron in neurons} | {neuron.coldkey.address for neuron in neurons}
    assert len(addresses) == 18


def test_a_single_miner_is_honest() -> None:
    assert not any(neuron.lazy for neuron in cast(Plan(KINDS, miners=1)))


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"kinds": ()}, "no subnet"),
        ({"kinds": ("a", "a")}, "twice"),
        ({"miners": 0}, "at least one miner"),
        ({"miners": MAX_NEURONS}, "at most"),
        ({"epochs": 0}, "from 1"),
    ],
)
def test_a_plan_that_makes_no_sense_is_refused(changes: dict[str, object], says: str) -> None:
    with pytest.raises(UsageError, match=says):
        Plan(**({"kinds": KINDS} | changes))  # type: ignore[arg-type]
