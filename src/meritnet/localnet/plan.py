"""Who takes part in a local network, and with which keys.

Every key is a public development key or derived from one: a local network holds no real money and needs no
secret.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

from meritnet.chain.errors import UsageError
from meritnet.chain.keys import KeyPair
from meritnet.subnets.models.loading import Loading

Role = Literal["owner", "validator", "miner"]

OWNER = "Alice"
VALIDATORS = ("Bob", "Charlie")
MINERS = ("Dave", "Eve", "Ferdie")
MAX_NEURONS = 60


@dataclass(frozen=True)
class Plan:
    """What ``meritnet up`` was asked for.

    `epochs` counts epochs of every subnet after the first one, which only hands out validator permits; None
    runs until stopped. `block_time_s` is the pause between two blocks; chain time advances by one slot a
    block whatever it is.
    """

    kinds: tuple[str, ...]
    miners: int = 3
    validators: int = 2
    epochs: int | None = None
    block_time_s: float = 0.25
    isolate: bool = False
    loading: Loading = field(default_factory=Loading)
    rpc_port: int = 9944

    def __post_init__(self) -> None:
        if not self.kinds:
            raise UsageError("no subnet to run", hint="name one with --subnet")
        if len(set(self.kinds)) != len(self.kinds):
            raise UsageError("a subnet kind was named twice", hint="name each kind once")
        if self.miners < 1 or self.validators < 1:
            raise UsageError("a network needs at least one miner and one validator")
        if self.miners + self.validators > MAX_NEURONS:
            raise UsageError(f"a local network holds at most {MAX_NEURONS} neurons")
        if self.epochs is not None and self.epochs < 1:
            raise UsageError("--epochs takes a number from 1")

    @property
    def loads(self) -> int:
        """Processes that load the model."""
        return len(self.kinds) * (self.miners + self.validators) if self.isolate else 1


@dataclass(frozen=True)
class Neuron:
    """One participant of the local network; it takes part in every subnet with the same hotkey."""

    name: str
    role: Role
    lazy: bool
    coldkey_uri: str
    hotkey_uri: str

    @cached_property
    def coldkey(self) -> KeyPair:
        return KeyPair.from_uri(self.coldkey_uri)

    @cached_property
    def hotkey(self) -> KeyPair:
        return KeyPair.from_uri(self.hotkey_uri)

    @property
    def hotkey_address(self) -> str:
        return self.hotkey.address


def cast(plan: Plan) -> list[Neuron]:
    """Return the owner, then the validators, then the miners; the last of two or more miners is the lazy
    one."""
    neurons = [_neuron(OWNER, "owner")]
    neurons += [_neuron(name, "validator") for name in _names(VALIDATORS, "Validator", plan.validators)]
    names = _names(MINERS, "Miner", plan.miners)
    lazy = names[-1] if plan.miners > 1 else None
    return neurons + [_neuron(name, "miner", lazy=name == lazy) for name in names]


def _names(first: Sequence[str], further: str, count: int) -> list[str]:
    return [*first[:count], *(f"{further}{number}" for number in range(len(first) + 1, count + 1))]


def _neuron(name: str, role: Role, *, lazy: bool = False) -> Neuron:
    return Neuron(name, role, lazy, f"//{name}", f"//{name}//default")
