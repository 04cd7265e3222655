"""What is left when a subnet is dissolved, and whose it is.

Subtensor's `staking/remove_stake.rs` at 14bc6f9f.
"""

from collections.abc import Sequence

from meritnet.consensus.fixed import U16_MAX, U64F64, U96F32, convert


def pay_holders(pot: int, holdings: Sequence[int]) -> tuple[int, ...]:
    """The pot of TAO to all who hold alpha, in proportion, in rao.

    Largest remainder: floors first, then one rao each to those whose floor cut the most, the earlier first.
    What the protocol holds is an entry like any other. Without holders nothing is paid.
    """
    total = sum(holdings)
    if total == 0:
        return (0,) * len(holdings)
    parts = [divmod(pot * held, total) for held in holdings]
    left = pot - sum(floor for floor, _ in parts)
    ranked = sorted(range(len(parts)), key=lambda place: -parts[place][1])
    lucky = set(ranked[:left])
    return tuple(floor + (place in lucky) for place, (floor, _) in enumerate(parts))


def owner_refund(lock: int, issued_alpha: int, owner_cut: int, price: int) -> int:
    """What the owner of a subnet from before locks went into pools gets back of the lock, in rao.

    lock - price × (owner_cut / 65,535 × all alpha issued), at least 0; the price is U64F64. Formed in U96F32,
    each product floored. Later subnets' owners get nothing: their lock is in the pot.
    """
    cut = U96F32.div(U96F32.integer(owner_cut), U96F32.integer(U16_MAX))
    alpha = U96F32.floor(U96F32.mul(U96F32.integer(issued_alpha), cut))
    earned = U96F32.floor(U96F32.mul(U96F32.integer(alpha), convert(price, U64F64, U96F32)))
    return max(lock - earned, 0)
