"""A subnet's share of a block's TAO: moving price, burn, bar, gate, switch, and the exact split.

Shares are U64F64; a subnet's moving price is I96F32 and its burned part U96F32, as the chain stores them.
Every list has one entry a subnet, ascending by netuid. Price and burn are subtensor's
`coinbase/subnet_emissions.rs` at 14bc6f9f; bar and gate came with spec 440 and 441 (research notes, 3.5).
"""

from collections.abc import Sequence

from meritnet.consensus.fixed import I64F64, I96F32, U64F64, U96F32, convert
from meritnet.consensus.transcendental import power

ONE = 1 << 64
"""A whole block's TAO as a share."""
EMISSION_BAR_RANK = 32
"""The rank whose share is the bar, unless root sets it otherwise."""
EMISSION_BAR_QUANTILE = 3 * ONE // 4
"""The mass that reaches down to the bar where there are fewer subnets than the rank."""
EMISSION_GATE_EXPONENT = 3 * ONE
"""The steepness of the gate, unless root sets it otherwise, in U64F64."""
EMISSION_BAR_INTERVAL = 360
"""Blocks for which a bar is held."""
MOVING_ALPHA = 12_885
"""How fast a moving price follows at the most: the I96F32 nearest to 3e-6."""
MOVING_PRICE_HALVING = 201_600
"""Blocks since its start after which a subnet's moving price follows at half that speed."""
FLOW_SMOOTHING = 29_597_889_189_277
"""How fast the retired average of flows followed, of 2**63 - 1: half of it renewed in 30 days."""


def moving_price(price: int, spot: int, alpha: int, blocks: int, halving: int) -> int:
    """The moving price one block on: a × min(spot, 1) + (1 - a) × price, a = alpha × b / (b + halving).

    `price` and `alpha` are I96F32, `spot` U64F64, b the blocks since the subnet started. Formed in U64F64.
    """
    blocks, halving = U64F64.integer(blocks), U64F64.integer(halving)
    ramp = U64F64.div(blocks, U64F64.saturate(blocks + halving))
    speed = U64F64.mul(convert(alpha, I96F32, U64F64), ramp)
    kept = max(ONE - speed, 0)
    new, old = U64F64.mul(speed, min(spot, ONE)), U64F64.mul(kept, convert(price, I96F32, U64F64))
    return convert(U64F64.saturate(new + old), U64F64, I96F32)


def shares_by_price(prices: Sequence[int]) -> tuple[int, ...]:
    """p_i / Σ p of moving prices; all 0 where no subnet has a price."""
    converted = [convert(price, I96F32, U64F64) for price in prices]
    total = U64F64.saturate(sum(converted))
    return tuple(U64F64.div(price, total) for price in converted)


def less_burned(shares: Sequence[int], burned: Sequence[int]) -> tuple[int, ...]:
    """s_i (1 - burned_i) / Σ; the shares as they were if that leaves none.

    `burned` is the part of its miners' pay that a subnet burned at its last epoch: U96F32, read as at most 1.
    """
    kept = [max(ONE - convert(part, U96F32, U64F64), 0) for part in burned]
    weighted = [U64F64.mul(share, part) for share, part in zip(shares, kept, strict=True)]
    return _normalized(weighted, shares)


def emission_bar(shares: Sequence[int], rank: int, quantile: int) -> int:
    """The share at which the gate is half open: the `rank`-th largest.

    With fewer subnets above 0 than that, or rank 0, the share at which the sum from the largest down
    first reaches `quantile` (U64F64); the smallest if it never does, 0 if there is none.
    """
    ranked = sorted((share for share in shares if share > 0), reverse=True)
    if 0 < rank <= len(ranked):
        return ranked[rank - 1]
    mass = 0
    for share in ranked:
        mass += share
        if mass >= quantile:
            return share
    return ranked[-1] if ranked else 0


def gate(share: int, bar: int, exponent: int) -> int:
    """1 / (1 + (bar / share)**h), in U64F64; 0 for a share of 0, 1 where there is no bar."""
    if share == 0 or bar == 0:
        return ONE if share else 0
    return U64F64.div(ONE, U64F64.saturate(ONE + power(bar, share, exponent, ONE)))


def gated(shares: Sequence[int], bar: int, exponent: int) -> tuple[int, ...]:
    """s_i g_i / Σ s g; the shares as they were if every product underflows (upstream commit 7e20eb76)."""
    return _normalized([U64F64.mul(share, gate(share, bar, exponent)) for share in shares], shares)


def among_enabled(shares: Sequence[int], enabled: Sequence[bool]) -> tuple[int, ...]:
    """Disabled subnets' shares handed to the enabled ones, s_i / Σ enabled s; none where all are disabled."""
    if all(enabled):
        return tuple(shares)
    kept = [share if on else 0 for share, on in zip(shares, enabled, strict=True)]
    return _normalized(kept, kept)


def emission_shares(
    prices: Sequence[int], burned: Sequence[int], enabled: Sequence[bool], bar: int, exponent: int
) -> tuple[int, ...]:
    """The shares of this block: by price, less burned, gated at the bar, among the enabled.

    The bar is `emission_bar` of `less_burned` shares as it was when last computed.
    """
    demand = less_burned(shares_by_price(prices), burned)
    return among_enabled(gated(demand, bar, exponent), enabled)


def split_by_shares(amount: int, shares: Sequence[int]) -> tuple[int, ...]:
    """What each subnet gets of `amount` rao: floor(amount × s_i / Σ s); what the floors leave goes to the
    largest share (the first of several). If all shares are 0 nothing is split."""
    total = sum(shares)
    if total == 0:
        return (0,) * len(shares)
    split = [amount * share // total for share in shares]
    split[shares.index(max(shares))] += amount - sum(split)
    return tuple(split)


def moving_flow(average: int, flow: int, smoothing: int) -> int:
    """The average of a subnet's flow of TAO one block on: (1 - a) × average + a × flow, I64F64.

    `flow` is in whole rao, in minus out; a = smoothing / (2**63 - 1). Retired in June 2026.
    """
    speed = I64F64.div(I64F64.integer(smoothing), I64F64.integer(2**63 - 1))
    old = I64F64.mul(I64F64.saturate(ONE - speed), average)
    return I64F64.saturate(old + I64F64.mul(speed, I64F64.integer(flow)))


def net_flows(user: Sequence[int], protocol: Sequence[int]) -> tuple[int, ...]:
    """Users' average flows less the protocol's, I64F64.

    A protocol flow above 0 counts n-fold, n = min(1, Σ max(user, 0) / Σ max(protocol, 0)); one below 0 is
    taken whole. Retired in June 2026.
    """
    gains = [I64F64.saturate(sum(max(flow, 0) for flow in flows)) for flows in (user, protocol)]
    norm = min(I64F64.div(*gains), ONE)
    costs = [I64F64.mul(norm, flow) if flow > 0 else flow for flow in protocol]
    return tuple(I64F64.saturate(gain - cost) for gain, cost in zip(user, costs, strict=True))


def shares_by_flow(flows: Sequence[int], cutoff: int, exponent: int) -> tuple[int, ...]:
    """max(f_i - L, 0)**p / Σ, L = max(cutoff, min(0, min f)): the shares from November 2025 to June 2026.

    Flows and cutoff are I64F64, the exponent p is U64F64. Powers are taken of z_i / max z in U64F64; the
    public network went through I32F32, which is coarser and answers its maximum below 5e-10.
    """
    lower = max(cutoff, min([0, *flows]))
    offsets = [I64F64.saturate(flow - lower) if flow > lower else 0 for flow in flows]
    largest = max(offsets, default=0)
    powers = [power(offset, largest, exponent, ONE) if offset else 0 for offset in offsets]
    return _normalized(powers, powers)


def _normalized(values: Sequence[int], otherwise: Sequence[int]) -> tuple[int, ...]:
    """values / Σ values, or other shares if that sum is 0."""
    total = U64F64.saturate(sum(values))
    return tuple(U64F64.div(value, total) for value in values) if total else tuple(otherwise)
