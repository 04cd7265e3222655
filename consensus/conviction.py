"""Conviction: alpha locked behind a hotkey, what its lock has matured to, and whose the subnet becomes.

A lock's mass m decays, its conviction c grows from the mass and decays too. With u the unlock rate and z the
maturity rate, in blocks:

    m' = m e**(-dt/u)
    c' = c e**(-dt/z) + m u / (z - u) × (e**(-dt/z) - e**(-dt/u))

Types and roundings are those of subtensor's `staking/lock.rs` at 14bc6f9f: I64F64 and U64F64.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from meritnet.consensus.fixed import I64F64, U64_MAX, U64F64
from meritnet.consensus.transcendental import exp_i64f64

UNLOCK_RATE = 934_866
"""Blocks in which a mass falls to 1/e: half of it in 90 days."""
MATURITY_RATE = 934_866
"""Blocks in which a conviction comes within 1/e of its mass, and falls to 1/e without."""
TAKEOVER_AGE = 2_629_800
"""Blocks after which a subnet may go to another owner: 365.25 days."""
DUST = 100
"""A lock of less than this, in rao of mass and of conviction alike, is none."""
_ONE = 1 << 64


@dataclass(frozen=True)
class Lock:
    """Alpha locked behind a hotkey, as of a block."""

    mass: int = 0
    """What is locked, in rao."""
    conviction: int = 0
    """What it has matured to, in rao, U64F64."""
    block: int = 0
    """When it was last rolled forward."""


def decay(blocks: int, rate: int) -> int:
    """e**(-blocks / rate) in U64F64, the exponent at least -40; 0 for a rate of 0, 1 for no blocks."""
    if blocks == 0:
        return _ONE
    if rate == 0:
        return 0
    return exp_i64f64(I64F64.div(I64F64.integer(-blocks), I64F64.integer(rate)))


def rolled(
    lock: Lock, block: int, unlock_rate: int, maturity_rate: int, owner: bool = False, perpetual: bool = False
) -> Lock:
    """The lock as of `block`. A perpetual lock's mass stays; a lock behind the subnet owner's hotkey
    (`owner`) is mature at once, c = m; dust is nothing."""
    blocks = block - lock.block
    if blocks > 0:
        mass = lock.mass if perpetual else U64F64.mul(decay(blocks, unlock_rate), lock.mass << 64) >> 64
        conviction = _matured(lock, blocks, unlock_rate, maturity_rate, perpetual)
        lock = Lock(mass, conviction, block)
    if owner:
        lock = replace(lock, conviction=U64F64.integer(lock.mass))
    is_dust = lock.mass < DUST and lock.conviction < U64F64.integer(DUST)
    return Lock(block=lock.block) if is_dust else lock


def _matured(lock: Lock, blocks: int, unlock_rate: int, maturity_rate: int, perpetual: bool) -> int:
    """c' of `blocks` later, U64F64."""
    kept = decay(blocks, maturity_rate)
    if perpetual:
        gained = _ONE - kept
    elif unlock_rate == maturity_rate:
        gained = U64F64.mul(U64F64.div(U64F64.integer(blocks), U64F64.integer(maturity_rate)), kept)
    elif unlock_rate == 0 or maturity_rate == 0:
        gained = 0
    else:
        gained = _gain(decay(blocks, unlock_rate), kept, unlock_rate, maturity_rate)
    new = U64F64.mul(U64F64.integer(lock.mass), gained)
    return U64F64.saturate(U64F64.mul(kept, lock.conviction) + new)


def _gain(unlocked: int, kept: int, unlock_rate: int, maturity_rate: int) -> int:
    """u (e**(-dt/u) - e**(-dt/z)) / (u - z), at least 0: what a unit of mass adds, U64F64."""
    spread = I64F64.mul(I64F64.integer(unlock_rate), unlocked - kept)
    return max(I64F64.div(spread, I64F64.integer(unlock_rate - maturity_rate)), 0)


def merged(first: Lock, second: Lock) -> Lock:
    """Both locks as one; they must be rolled to one block, and of one kind."""
    conviction = U64F64.saturate(first.conviction + second.conviction)
    return Lock(min(first.mass + second.mass, U64_MAX), conviction, max(first.block, second.block))


def reduced(lock: Lock, amount: int) -> Lock:
    """The lock without `amount` rao of its mass, and without that part of its conviction."""
    mass = max(lock.mass - amount, 0)
    if mass == 0:
        return Lock(block=lock.block)
    removed = U64F64.div(U64F64.integer(amount), U64F64.integer(lock.mass))
    return replace(lock, mass=mass, conviction=U64F64.mul(lock.conviction, _ONE - removed))


def new_owner(convictions: Sequence[int], age: int, outstanding_alpha: int) -> int | None:
    """Whose subnet it becomes: the place of the highest conviction, the last of several; None if nothing
    changes.

    `convictions` are those behind each hotkey (U64F64), ascending by hotkey, the present owner's among them.
    The subnet must be `TAKEOVER_AGE` blocks old, and all convictions together a tenth of the alpha that is
    outstanding: issued to stakers, neither burned nor held by the protocol.
    """
    total = U64F64.saturate(sum(convictions))
    enough = U64F64.mul(total, U64F64.integer(10)) >= U64F64.integer(outstanding_alpha)
    if age < TAKEOVER_AGE or outstanding_alpha == 0 or not enough or not convictions:
        return None
    return max(range(len(convictions)), key=lambda place: (convictions[place], place))
