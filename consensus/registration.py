"""What a place costs, and who makes room: registration price, lock cost, pruning, a new subnet's pool."""

from collections.abc import Sequence
from dataclasses import dataclass

from meritnet.consensus.fixed import U64_MAX, U64F64
from meritnet.consensus.pool import Pool

ONE_Q32 = 1 << 32
"""One in Q32: unsigned integers in units of 2**-32."""
BURN_INCREASE = 23_242_897_532_874_035_200
"""What a registration multiplies the price by unless the owner sets it otherwise: the double nearest to 1.26,
in U64F64."""


def decay_factor(half_life: int) -> int:
    """What a price keeps in one block, in Q32: the largest f with f**half_life <= 1/2, the power taken
    by truncating square-and-multiply. A half-life of 0 blocks means no decay."""
    if half_life == 0:
        return ONE_Q32
    low, high = 0, ONE_Q32
    while low + 1 < high:
        middle = (low + high) // 2
        low, high = (low, middle) if _power(middle, half_life) > ONE_Q32 // 2 else (middle, high)
    return low


def decay_price(price: int, factor_q32: int, min_rao: int, max_rao: int) -> int:
    """The registration price one block on: price × factor, kept within [min, max], in rao."""
    return min(max(_multiply(price, factor_q32), min_rao), max_rao)


def bump_price(price: int, multiplier: int, min_rao: int, max_rao: int) -> int:
    """The registration price right after a registration: price × multiplier, kept within [min, max], in
    rao. The multiplier is U64F64 as an integer, read as at least 1."""
    bumped = min(price * max(multiplier, 1 << 64) >> 64, U64_MAX)
    return min(max(bumped, min_rao), max_rao)


def lock_cost(last_lock: int, last_block: int, min_rao: int, interval: int, block: int) -> int:
    """What the next subnet must lock, in rao: twice the last lock (once, if there was none), less
    floor(last / interval) for every block since, at least the minimum."""
    doubled = min(last_lock * (2 if last_block else 1), U64_MAX)
    step = last_lock // interval if interval else 0
    decay = min(step * max(block - last_block, 0), U64_MAX)
    return max(doubled - decay, min_rao)


@dataclass(frozen=True)
class Candidate:
    """A uid that could make room for a new one."""

    uid: int
    emission: int
    """What it earned in the last epoch, in rao."""
    registered_at: int
    """When its holder registered."""
    immune: bool = False
    """Still within its immunity period."""
    immortal: bool = False
    """Held by the subnet's owner; never pruned."""


def neuron_to_prune(candidates: Sequence[Candidate], min_non_immune: int) -> int | None:
    """Who is replaced when a full subnet takes a new uid, if anybody can be.

    Lowest emission, then earliest registration, then lowest uid; among those past their immunity as long
    as more than `min_non_immune` of them exist, else among the immune.
    """
    mortal = [candidate for candidate in candidates if not candidate.immortal]
    open_to_all = [candidate for candidate in mortal if not candidate.immune]
    immune = [candidate for candidate in mortal if candidate.immune]
    among = open_to_all if len(open_to_all) > min_non_immune else immune
    return min(((c.emission, c.registered_at, c.uid) for c in among), default=(0, 0, None))[2]


@dataclass(frozen=True)
class SubnetCandidate:
    """A subnet that could make room for a new one."""

    netuid: int
    price: int
    """Its moving price, I96F32."""
    registered_at: int
    """When it was registered."""
    immune: bool = False
    """Still within its immunity period."""


def subnet_to_prune(candidates: Sequence[SubnetCandidate]) -> int | None:
    """Which subnet is dissolved when the network is full and takes a new one, if any can be.

    Lowest moving price, then earliest registration, then lowest netuid; never an immune one.
    """
    mortal = [(c.price, c.registered_at, c.netuid) for c in candidates if not c.immune]
    return min(mortal, default=(0, 0, None))[2]


def median_price(prices: Sequence[int]) -> int:
    """The median of all prices above 0, U64F64; of an even count the middle two's mean, of none 1 TAO."""
    ranked = sorted(price for price in prices if price > 0)
    if not ranked:
        return U64F64.integer(1)
    low, high = ranked[(len(ranked) - 1) // 2], ranked[len(ranked) // 2]
    return high if len(ranked) % 2 else U64F64.saturate(low + high) // 2


def initial_pool(lock: int, price: int) -> Pool:
    """The pool a new subnet starts with: the whole lock, and as much alpha as it is worth at the price
    (U64F64), floored, with equal weights."""
    return Pool(lock, U64F64.floor(U64F64.div(U64F64.integer(lock), price)))


def _multiply(value: int, factor_q32: int) -> int:
    return min(value * factor_q32 >> 32, U64_MAX)


def _power(base_q32: int, exponent: int) -> int:
    result, factor = ONE_Q32, base_q32
    while exponent:
        if exponent & 1:
            result = _multiply(result, factor)
        factor = _multiply(factor, factor)
        exponent >>= 1
    return result
