"""The small subnet on which most experiments are run: honest validators and miners, attackers and theirs."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from meritnet.consensus.agents import Agent, Noisy
from meritnet.consensus.simulate import UNCOMMITTED, Floats, Rules, Settle, World, by_specification

STAKE_RAO = 10**15
PLAIN_MEAN = Rules(params=replace(UNCOMMITTED, kappa=0))
"""Nothing is clipped: incentive is the plain stake-weighted mean of the weights."""
YUMA = Rules()


@dataclass(frozen=True)
class Arena:
    """Uids in this order: honest validators, attacking validators, honest miners, the attackers' miners.

    Stake is even within a side; the miners of a side are worth the same, give or take nothing.
    """

    honest: int = 8
    attackers: int = 4
    miners: int = 24
    attackers_miners: int = 6
    attackers_stake: float = 0.4
    utility: float = 0.9
    """The honest miners' part of all useful work."""
    noise: float = 0.4
    """Standard deviation of what an honest validator measures of a miner, as a part of its worth."""

    @property
    def validators(self) -> int:
        """How many there are on both sides."""
        return self.honest + self.attackers

    @property
    def size(self) -> int:
        """n."""
        return self.validators + self.miners + self.attackers_miners

    @property
    def attacking(self) -> range:
        """The attackers' validators."""
        return range(self.honest, self.validators)

    @property
    def honest_miners(self) -> tuple[int, ...]:
        """The honest miners' uids."""
        return tuple(range(self.validators, self.validators + self.miners))

    @property
    def bad_miners(self) -> tuple[int, ...]:
        """The attackers' miners."""
        return tuple(range(self.validators + self.miners, self.size))

    @property
    def stake(self) -> list[int]:
        """Each uid's stake, in rao."""
        honest = int(STAKE_RAO * (1 - self.attackers_stake)) // self.honest
        bad = int(STAKE_RAO * self.attackers_stake) // self.attackers if self.attackers else 0
        miners = self.miners + self.attackers_miners
        return [honest] * self.honest + [bad] * self.attackers + [0] * miners

    @property
    def worth(self) -> Floats:
        """What each uid is worth, (n,), all together 1."""
        found: Floats = np.zeros(self.size)
        found[list(self.honest_miners)] = self.utility / self.miners
        if self.attackers_miners:
            found[list(self.bad_miners)] = (1 - self.utility) / self.attackers_miners
        return found

    def world(self, rules: Rules, settle: Settle = by_specification) -> World:
        """The subnet before its first epoch."""
        return World(self.stake, rules, self.worth, settle=settle)

    def crew(self, seed: int) -> list[Agent]:
        """The honest validators."""
        return [Noisy(uid, self.noise, seed=seed) for uid in range(self.honest)]
