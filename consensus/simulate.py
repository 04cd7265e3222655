"""A subnet that lives from epoch to epoch, for studies of its rules: what the chain keeps, moved by `epoch`.

A `World` has n uids. It keeps weights and bonds as the chain does, u16 each, reveals commits, averages stake,
pays out and lets uids change hands; agents (`agents`) act on it. Who runs an epoch is exchangeable: the
specification here, or a real runtime that is handed the same `Case`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from meritnet.consensus import commit, permits, registration
from meritnet.consensus.emission import MAX_TAKE, Distribution, Pots, distribute, split_block
from meritnet.consensus.epoch import Steps, emissions, epoch_steps
from meritnet.consensus.fixed import FRACTION, U16_MAX, Fixed, to_u16
from meritnet.consensus.matrix import Mask, Matrix
from meritnet.consensus.params import LOCAL, Params
from meritnet.consensus.registration import BURN_INCREASE, Candidate, bump_price, decay_price
from meritnet.consensus.stake_average import StakeHistory
from meritnet.consensus.state import EpochInput

Floats: TypeAlias = NDArray[np.float64]
"""Measures that are no chain's numbers: utilities, weights before they are stored."""


UNCOMMITTED = replace(LOCAL, commit_reveal=False)
"""The parameters of a local subnet whose weights count at once."""


@dataclass(frozen=True)
class Places:
    """What a place in a full subnet costs, and who makes room. Prices in rao, times in blocks."""

    min_price: int = 500_000
    max_price: int = 100 * 10**9
    half_life: int = 360
    multiplier: int = BURN_INCREASE
    """What a registration raises the price by, U64F64."""
    immunity: int = 4_096
    min_non_immune: int = 10


@dataclass(frozen=True)
class Rules:
    """The rules a world lives by: the epoch's parameters and what surrounds the epoch."""

    params: Params = UNCOMMITTED
    average_stake: bool = False
    """Ours: an epoch counts stake as averaged over the blocks since the last one."""
    dated_weights: bool = False
    """Ours: weights are as old as their commit, so they miss whoever took a uid since."""
    carry_dust: bool = False
    """Ours: what the floors leave waits for the next epoch instead of going to the owner."""
    reveal_period: int = 0
    """Epochs between weights and their effect; 0: they count at once."""
    reveal_target: int = 0
    """Ours: `commit.reveal_period` of the measured volatility and this target, of 65,535; 0: as fixed."""
    block_emission: int = 10**7
    """What a block brings to miners and validators, in rao; little, so that stake hardly grows."""
    places: Places = field(default_factory=Places)


@dataclass(frozen=True)
class Case:
    """All that one epoch is run on. The rows in `state` are empty: weights and bonds are the matrices,
    (n, n), of 65,535 as whole numbers."""

    state: EpochInput
    weights: Matrix
    bonds: Matrix
    pots: Pots
    takes: Sequence[int]
    rules: Rules
    stake: Sequence[int]
    """What lies behind each uid now, in rao; `state` has what the epoch counts of it."""
    histories: Sequence[StakeHistory]
    """How it changed since the last epoch."""


@dataclass(frozen=True)
class Settled:
    """What an epoch leaves. Proportions are u16, (n,); `earned` is rao by uid, its delegators' included."""

    block: int
    consensus: Fixed
    incentive: Fixed
    dividends: Fixed
    trust: Fixed
    permits: Mask
    earned: Fixed
    bonds: Matrix
    pending: Pots
    owner: int
    """What went to the subnet's owner, in rao."""


Settle: TypeAlias = Callable[[Case], Settled]


@dataclass(frozen=True)
class Commit:
    """Weights that wait: made in `block`, they count from the epoch `due` on."""

    block: int
    due: int
    values: Fixed
    present: Mask


def by_specification(case: Case) -> Settled:
    """The epoch and its payout as the specification has them."""
    state = case.state
    steps = epoch_steps(state, case.weights, case.bonds, case.rules.params)
    server, validator, _ = emissions(
        steps.incentive, steps.dividends, steps.active_stake, steps.stake, state.emission
    )
    paid = distribute(case.pots, server, validator, case.takes, case.rules.carry_dust)
    return Settled(
        block=state.block,
        consensus=to_u16(steps.consensus),
        incentive=to_u16(steps.incentive),
        dividends=to_u16(steps.dividends),
        trust=to_u16(steps.validator_trust),
        permits=steps.permits,
        earned=_earned(paid),
        bonds=stored_bonds(steps),
        pending=paid.pending,
        owner=paid.owner,
    )


def stored_bonds(steps: Steps) -> Matrix:
    """Bonds as the chain keeps them: u16, and only of those with a permit for the next epoch, (n, n)."""
    n = len(steps.stake)
    kept = steps.bonds.keep(steps.permits[steps.rows, np.newaxis])
    values, present = np.zeros((n, n), np.int64), np.zeros((n, n), np.bool_)
    values[steps.rows], present[steps.rows] = to_u16(kept.values) << FRACTION, kept.present
    return Matrix(values, present)


def upscaled(weights: Floats) -> Fixed:
    """Weights as a validator stores them, u16: floor(65,535 w / max + 1/2) by row, zeroes where all are 0.
    `fixed.max_upscale` leaves such a row as it is."""
    largest = weights.max(axis=-1, keepdims=True)
    scaled = np.floor(weights / np.where(largest > 0, largest, 1) * U16_MAX + 0.5)
    return np.asarray(scaled, np.int64)


class World:
    """One subnet of n uids: whoever holds a uid when it begins has been there since block 0.

    `utility` (n,) is what an honest validator would measure of each uid now; no chain knows it.
    """

    def __init__(
        self,
        stake: Sequence[int],
        rules: Rules | None = None,
        utility: Floats | None = None,
        owner_uid: int | None = None,
        settle: Settle = by_specification,
    ) -> None:
        n = len(stake)
        self.rules = rules or Rules()
        self.owner_uid = owner_uid
        self.block, self.epoch_index, self.last_step = 1, 0, 0
        self.stake = list(stake)
        self.takes = [MAX_TAKE] * n
        self.utility: Floats = np.zeros(n) if utility is None else utility.astype(np.float64)
        self.last_update, self.registered_at = [0] * n, [0] * n
        self.weights, self.bonds = _nothing(n), _nothing(n)
        shares = permits.normalized_stake([amount << 64 for amount in stake], owner_uid, 0)
        self.permits: Mask = permits.next_permits(shares, owner_uid, self.rules.params)
        self.pots = Pots()
        self.price, self.burned = self.rules.places.min_price, 0
        self.past: list[Settled] = []
        self.volatility_q32 = 0
        self._commits: list[list[Commit]] = [[] for _ in range(n)]
        self._histories = [StakeHistory() for _ in range(n)]
        self._made_at = [0] * n
        self._settle = settle

    @property
    def size(self) -> int:
        """n."""
        return len(self.stake)

    @property
    def next_epoch(self) -> int:
        """The block of the next epoch."""
        return (self.epoch_index + 1) * self.rules.params.tempo

    @property
    def reveal_period(self) -> int:
        """Epochs after which weights that are committed now will count."""
        if self.rules.reveal_target:
            return commit.reveal_period(self.volatility_q32, self.rules.reveal_target)
        return self.rules.reveal_period

    def move(self, block: int) -> None:
        """Lets blocks pass until this one."""
        places = self.rules.places
        if self.price > places.min_price:
            factor = _decay_factor(places.half_life)
            for _ in range(self.block, block):
                self.price = decay_price(self.price, factor, places.min_price, places.max_price)
        self.block = block

    def set_stake(self, uid: int, amount: int) -> None:
        """From this block on the stake behind a uid is another, in rao."""
        self._histories[uid] = self._histories[uid].changed(self.stake[uid], self.block)
        self.stake[uid] = amount

    def submit(self, uid: int, weights: Floats, zeros: bool = False) -> None:
        """A validator's weights on all uids, (n,), any scale. A weight of 0 is no entry, or with `zeros` an
        entry of 0. They count at once or are committed, as the rules say."""
        values = upscaled(weights)
        present: Mask = np.ones(self.size, np.bool_) if zeros else values > 0
        self.last_update[uid] = self.block
        made = Commit(self.block, self.epoch_index + self.reveal_period, values << FRACTION, present)
        if made.due > self.epoch_index:
            self._commits[uid].append(made)
        else:
            self._reveal(uid, made)

    def register(self, utility: float = 0.0) -> int | None:
        """A newcomer takes the place of whoever must make room, if anybody must; its uid."""
        places, earned = self.rules.places, self._last_earned()
        candidates = [
            Candidate(
                uid,
                earned[uid],
                self.registered_at[uid],
                immune=bool(self.registered_at[uid])
                and self.block - self.registered_at[uid] < places.immunity,
                immortal=uid == self.owner_uid,
            )
            for uid in range(self.size)
        ]
        uid = registration.neuron_to_prune(candidates, places.min_non_immune)
        if uid is not None:
            self.burned += self.price
            self.price = bump_price(self.price, places.multiplier, places.min_price, places.max_price)
            self._seat(uid, utility)
        return uid

    def state(self) -> EpochInput:
        """What an epoch in this block would read, but for the rows."""
        rows = [()] * self.size
        return EpochInput(
            block=self.block,
            last_step=self.last_step,
            alpha_stake=self._counted_stake(),
            tao_stake=[0] * self.size,
            last_update=self.last_update,
            registered_at=self.registered_at,
            permits=self.permits.tolist(),
            owner_uid=self.owner_uid,
            oldest_commit_block=[queue[0].block if queue else None for queue in self._commits],
            weights=rows,
            bonds=rows,
            emission=self.pots.epoch_emission,
            consensus=self.past[-1].consensus.tolist() if self.past else (),
            weights_at=list(self._made_at) if self.rules.dated_weights else (),
        )

    def steps(self) -> Steps:
        """What an epoch in this block would work out; nothing changes."""
        return epoch_steps(self.state(), self.weights, self.bonds, self.rules.params)

    def run_epoch(self) -> Settled:
        """Lets blocks pass until the next epoch, reveals what is due, and runs it."""
        self.move(self.next_epoch)
        for uid, queue in enumerate(self._commits):
            due = [place for place, made in enumerate(queue) if made.due <= self.epoch_index]
            if due:  # the newest of them; revealing drops what is older
                self._reveal(uid, queue[due[-1]])
                del queue[: due[-1] + 1]
        self.pots += split_block(self.rules.block_emission * self.rules.params.tempo, owner_cut=0)
        case = Case(
            self.state(),
            self.weights,
            self.bonds,
            self.pots,
            self.takes,
            self.rules,
            list(self.stake),
            list(self._histories),
        )
        settled = self._settle(case)
        self._close(settled)
        return settled

    def _close(self, settled: Settled) -> None:
        before = self.past[-1].consensus.tolist() if self.past else []
        moved = commit.volatility(before, settled.consensus.tolist())
        self.volatility_q32 = commit.average_volatility(self.volatility_q32, moved)
        self.bonds, self.permits, self.pots = settled.bonds, settled.permits, settled.pending
        self.last_step, self.epoch_index = self.block, self.epoch_index + 1
        self.past.append(settled)
        self.stake = [held + earned for held, earned in zip(self.stake, settled.earned.tolist(), strict=True)]
        self._histories = [StakeHistory(0, self.block)] * self.size

    def _reveal(self, uid: int, made: Commit) -> None:
        self.weights.values[uid], self.weights.present[uid] = made.values, made.present
        self._made_at[uid] = made.block

    def _seat(self, uid: int, utility: float) -> None:
        """A new holder: without stake, weights or bonds, and nobody's weights are for it."""
        self.stake[uid], self._histories[uid] = 0, StakeHistory(0, self.block)
        self.utility[uid] = utility
        self.last_update[uid] = self.registered_at[uid] = self.block
        self.permits = self.permits & (np.arange(self.size) != uid)
        self._commits[uid].clear()
        self.weights.values[:, uid] = 0
        for matrix in (self.weights, self.bonds):
            matrix.values[uid], matrix.present[uid] = 0, False

    def _counted_stake(self) -> list[int]:
        if not self.rules.average_stake:
            return list(self.stake)
        return [
            history.average(stake, self.last_step, self.block)
            for history, stake in zip(self._histories, self.stake, strict=True)
        ]

    def _last_earned(self) -> list[int]:
        return self.past[-1].earned.tolist() if self.past else [0] * self.size


def shares(settled: Sequence[Settled], uids: Sequence[int]) -> float:
    """What these uids earned of all that was earned in these epochs, 0 to 1."""
    total = sum(int(found.earned.sum()) for found in settled)
    return sum(int(found.earned[list(uids)].sum()) for found in settled) / total if total else 0.0


def _earned(paid: Distribution) -> Fixed:
    return np.array(paid.neurons, np.int64)


def _nothing(n: int) -> Matrix:
    return Matrix(np.zeros((n, n), np.int64), np.zeros((n, n), np.bool_))


@cache
def _decay_factor(half_life: int) -> int:
    return registration.decay_factor(half_life)
