"""Who acts on a `World`: honest validators, and every way of getting more than honest ones that we know.

An agent has three moments in an epoch: it `opens` right after the last one, it `closes` in the last block
before the next, and it `ends` when that has run. Chance is drawn by seed, uid and epoch, so that two worlds
that differ in one agent differ in nothing else.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from meritnet.consensus.simulate import Floats, Settled, World


@dataclass(frozen=True)
class Agent:
    """Somebody behind a uid who does nothing."""

    uid: int

    def opens(self, world: World) -> None:
        """Right after the last epoch."""

    def closes(self, world: World) -> None:
        """In the last block before the next epoch."""

    def ends(self, world: World) -> None:
        """Once the epoch has run."""


class Apathetic(Agent):
    """Holds stake and sets no weights: counted while active, then not."""


@dataclass(frozen=True)
class Honest(Agent):
    """Weights every other uid by what it is worth, utility ** power."""

    power: float = 1.0

    def opens(self, world: World) -> None:
        """Measures and submits."""
        world.submit(self.uid, worth(world, self.uid, self.power))


@dataclass(frozen=True)
class Noisy(Agent):
    """Honest, but measures utility × e**(noise × N(0, 1)), anew in every epoch."""

    noise: float
    power: float = 1.0
    seed: int = 0

    def opens(self, world: World) -> None:
        """Measures and submits."""
        world.submit(self.uid, measured(world, self))


@dataclass(frozen=True)
class Lazy(Agent):
    """Measures in every `period`-th epoch only and says the same again in between."""

    period: int
    power: float = 1.0

    def opens(self, world: World) -> None:
        """Measures, or submits what lies there again so as to count as active."""
        if world.epoch_index % self.period == 0:
            world.submit(self.uid, worth(world, self.uid, self.power))
        else:
            world.submit(self.uid, world.weights.values[self.uid].astype(np.float64))


@dataclass(frozen=True)
class Copier(Agent):
    """Measures nothing and submits the consensus of `delay` epochs ago; with delay 0 the one that the weights
    on the chain would form now, read in the last block."""

    delay: int = 1

    def opens(self, world: World) -> None:
        """Copies what an epoch has published."""
        if self.delay and len(world.past) >= self.delay:
            world.submit(self.uid, world.past[-self.delay].consensus.astype(np.float64))

    def closes(self, world: World) -> None:
        """Copies what the others have just said."""
        if not self.delay:
            world.submit(self.uid, world.steps().consensus.astype(np.float64))


@dataclass(frozen=True)
class Cabal(Noisy):
    """One validator of a cabal: `self_weight` of its weight on the cabal's own miners, the rest on the others
    as it measures them, but nothing on those from whom weight is withheld. Without miners of its own all
    goes to the others."""

    miners: tuple[int, ...] = ()
    self_weight: float = 1.0
    withheld: tuple[int, ...] = ()

    def opens(self, world: World) -> None:
        """Submits for its own good."""
        own = np.zeros(world.size)
        own[list(self.miners)] = 1
        others = measured(world, self)
        others[[*self.miners, *self.withheld]] = 0
        share = self.self_weight if self.miners else 0.0
        world.submit(self.uid, share * scaled(own) + (1 - share) * scaled(others))


@dataclass(frozen=True)
class SybilSplitter(Agent):
    """A miner that answers under further uids with what its one model is worth: `copies` newcomers before
    the epoch of index `at`, seated into `seats`."""

    copies: int
    at: int
    seats: list[int]

    def opens(self, world: World) -> None:
        """Registers, once."""
        if world.epoch_index == self.at:
            found = [world.register(float(world.utility[self.uid])) for _ in range(self.copies)]
            self.seats.extend(uid for uid in found if uid is not None)


@dataclass(frozen=True)
class StakeFlasher(Agent):
    """Weights its own miners only, with `extra` rao more stake than usual for the last `blocks` blocks
    before an epoch (one block if the moment at which it closes is the first)."""

    miners: tuple[int, ...]
    extra: int

    def closes(self, world: World) -> None:
        """Stakes and submits."""
        world.set_stake(self.uid, world.stake[self.uid] + self.extra)
        own = np.zeros(world.size)
        own[list(self.miners)] = 1
        world.submit(self.uid, own)

    def ends(self, world: World) -> None:
        """Takes the stake back."""
        world.set_stake(self.uid, world.stake[self.uid] - self.extra)


@dataclass(frozen=True)
class BondFrontRunner(Agent):
    """Knows that a miner will be good, puts `share` of its weight on it before anybody else does, and is
    honest about the rest."""

    target: int
    share: float = 0.5

    def opens(self, world: World) -> None:
        """Submits; an honest validator once the miner is worth what it puts on it."""
        others = scaled(worth(world, self.uid))
        early = np.zeros(world.size)
        early[self.target] = 1
        known = others[self.target] > 0
        world.submit(self.uid, others if known else (1 - self.share) * others + self.share * early)


@dataclass(frozen=True)
class HalfBlind(Noisy):
    """Measures every other uid only, the even ones in even epochs; of the rest it says nothing, or 0 where
    `zeros` is set."""

    zeros: bool = False

    def opens(self, world: World) -> None:
        """Measures one half and submits."""
        seen = np.arange(world.size) % 2 == world.epoch_index % 2
        world.submit(self.uid, np.where(seen, measured(world, self), 0), self.zeros)


@dataclass(frozen=True)
class Deregistrar(Agent):
    """Registers worthless newcomers after every epoch, so that others are thrown out: `count` of them;
    the uids that it took are in `seats`."""

    count: int
    seats: list[int]

    def opens(self, world: World) -> None:
        """Pays and takes whatever place it gets."""
        found = [world.register() for _ in range(self.count)]
        self.seats.extend(uid for uid in found if uid is not None)


@dataclass(frozen=True)
class UidSniper(Agent):
    """Takes one place in the last block before the epoch of index `at`, to inherit the weights that were
    meant for whoever had it; its uid is then in `seats`."""

    at: int
    seats: list[int]

    def closes(self, world: World) -> None:
        """Registers, once."""
        if world.epoch_index == self.at:
            uid = world.register()
            self.seats.extend([] if uid is None else [uid])


def worth(world: World, uid: int, power: float = 1.0) -> Floats:
    """What an honest validator says of all others, (n,): utility ** power, and nothing of itself."""
    weights: Floats = world.utility**power
    weights[uid] = 0
    return weights


def measured(world: World, agent: Noisy) -> Floats:
    """What a noisy validator says of all others, (n,)."""
    random = np.random.default_rng((agent.seed, agent.uid, world.epoch_index))
    error = np.exp(agent.noise * agent.power * random.standard_normal(world.size))
    weights: Floats = worth(world, agent.uid, agent.power) * error
    return weights


def scaled(weights: Floats) -> Floats:
    """Weights divided by their sum; zeroes stay."""
    total = float(weights.sum())
    return weights / total if total else weights


def play(
    world: World, agents: Sequence[Agent], epochs: int, utilities: Sequence[Floats] | None = None
) -> list[Settled]:
    """So many epochs with these agents; what each left. `utilities` has what the uids are worth in each."""
    found = []
    for number in range(epochs):
        if utilities is not None:
            world.utility = utilities[number].copy()
        for agent in agents:
            agent.opens(world)
        world.move(world.next_epoch - 1)
        for agent in agents:
            agent.closes(world)
        found.append(world.run_epoch())
        for agent in agents:
            agent.ends(world)
    return found
