"""A subnet's pool of TAO and alpha: price, trades, what a block injects, and how its alpha is split.

A weighted pool ("balancer"): x alpha and y TAO of weights w1 + w2 = 1 trade along x**w1 × y**w2 = constant at
the price p = w1 y / (w2 x). Amounts are rao, prices U64F64 (TAO an alpha), weights parts of 10**18.
Formulas and types of subtensor's `pallets/swap` and `coinbase/run_coinbase.rs` at 14bc6f9f; powers are ours.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum

from meritnet.consensus.fixed import U16_MAX, U64_MAX, U64F64, U96F32, convert
from meritnet.consensus.transcendental import ONE_Q120, exp_down, ln, power, scaled

WEIGHT = 10**18
"""The sum of a pool's weights."""
MIN_WEIGHT = WEIGHT // 100
"""The least that either may weigh."""
MIN_RESERVE_RAO = 1_000_000
"""What must lie in a pool of what a trade takes out."""
MAX_INPUT_RESERVES = 1_000
"""The most that a trade may put in, in multiples of what lies there."""
FEE_RATE = 33
"""The part of what a trade puts in that goes to the block's author, of 65,535: 0.05 %."""
_MARGIN = 1 << 16  # 2**-104: more than ln and exp_down can be off together, at an exponent of 99
_ONE = 1 << 64
_U128_MAX = (1 << 128) - 1


class Refusal(Enum):
    """Why a trade cannot be made."""

    INPUT_TOO_LARGE = "input_too_large"
    RESERVES_TOO_LOW = "reserves_too_low"
    PRICE_LIMIT = "price_limit"


@dataclass(frozen=True)
class Pool:
    """The reserves of a pool in rao. Raises ValueError if a weight is below 1 %."""

    tao: int
    """y (`SubnetTAO`)."""
    alpha: int
    """x (`SubnetAlphaIn`)."""
    quote_weight: int = WEIGHT // 2
    """w2, the weight of the TAO, of 10**18 (`SwapBalancer`)."""

    def __post_init__(self) -> None:
        if not MIN_WEIGHT <= self.quote_weight <= WEIGHT - MIN_WEIGHT:
            raise ValueError(f"both weights of a pool are 1 % at least, not {self.quote_weight} of {WEIGHT}")

    @property
    def base_weight(self) -> int:
        """w1, the weight of the alpha, of 10**18."""
        return WEIGHT - self.quote_weight


@dataclass(frozen=True)
class Trade:
    """A trade that was made. What is left of the amount offered, less paid and fee, is not touched."""

    pool: Pool
    """The pool afterwards."""
    paid: int
    """What went into the pool."""
    fee: int
    """What went to the block's author, in what was paid with."""
    received: int
    """What came out of the pool."""


def price(pool: Pool) -> int:
    """p = (w1 / w2) × (y / x), each quotient truncated in U64F64; 0 if there is no alpha."""
    weights = U64F64.div(U64F64.integer(pool.base_weight), U64F64.integer(pool.quote_weight))
    return U64F64.mul(weights, U64F64.div(U64F64.integer(pool.tao), U64F64.integer(pool.alpha)))


def payout(reserve_in: int, reserve_out: int, weight_in: int, weight_out: int, amount: int) -> int:
    """What the pool pays for `amount`: out × (1 - (in / (in + amount))**(w_in / w_out)), floored.

    Exact at equal weights; else one rao less where the true value is within 2**-40 above a whole number.
    Never more than the true value, so that no sequence of trades gains by rounding.
    """
    if reserve_in == 0:
        return 0
    if weight_in == weight_out:
        return reserve_out * amount // (reserve_in + amount)
    exponent = scaled(ln(reserve_in + amount, reserve_in), weight_in, weight_out)
    kept = min(exp_down(exponent) + _MARGIN, ONE_Q120)
    return reserve_out * (ONE_Q120 - kept) >> 120


def alpha_for(pool: Pool, tao: int) -> int:
    """The alpha that `tao`, its fee taken off, buys."""
    return payout(pool.tao, pool.alpha, pool.quote_weight, pool.base_weight, tao)


def tao_for(pool: Pool, alpha: int) -> int:
    """The TAO that `alpha`, its fee taken off, sells for."""
    return payout(pool.alpha, pool.tao, pool.base_weight, pool.quote_weight, alpha)


def alpha_needed(pool: Pool, tao: int) -> int | None:
    """The alpha that sells for `tao` before any fee: x × ((y / (y - dy))**(w2 / w1) - 1), floored.

    None if the pool does not hold more than that.
    """
    if tao >= pool.tao:
        return None
    growth = power(pool.tao, pool.tao - tao, pool.quote_weight, pool.base_weight)
    return _grown(pool.alpha, growth)


def tao_to_price(pool: Pool, target: int) -> int:
    """The TAO that raises the price to `target`: y × ((p' / p)**w1 - 1), floored; 0 unless it is higher."""
    return _grown(pool.tao, power(target, price(pool), pool.base_weight, WEIGHT))


def alpha_to_price(pool: Pool, target: int) -> int:
    """The alpha that lowers the price to `target`: x × ((p / p')**w2 - 1), floored; 0 unless it is lower."""
    return _grown(pool.alpha, power(price(pool), target, pool.quote_weight, WEIGHT))


def _grown(reserve: int, growth: int) -> int:
    return min(reserve * max(growth - _ONE, 0) >> 64, U64_MAX)


def trade_fee(amount: int, rate: int) -> int:
    """The fee that is a part of `amount`: amount × rate / 65,535, the quotient in U64F64, floored."""
    return amount * U64F64.div(U64F64.integer(rate), U64F64.integer(U16_MAX)) >> 64


def fee_on_top(paid: int, rate: int) -> int:
    """The fee that belongs to `paid` net of it: paid × rate / (65,535 - rate), likewise; saturates."""
    part = U64F64.div(U64F64.integer(rate), U64F64.integer(U16_MAX - rate))
    return min(paid * part >> 64, U64_MAX)


def buy(pool: Pool, tao: int, limit_price: int, fee_rate: int = FEE_RATE) -> Trade | Refusal:
    """Alpha for as much of `tao` as the price allows to stay at or below `limit_price`."""
    fee = trade_fee(tao, fee_rate)
    paid = tao - fee
    if refusal := _refusal(paid, pool.tao, pool.alpha, price(pool) < limit_price):
        return refusal
    after = replace(pool, tao=pool.tao + paid, alpha=pool.alpha - alpha_for(pool, paid))
    if price(after) > limit_price:
        paid = min(tao_to_price(pool, limit_price), paid)
        fee = min(fee_on_top(paid, fee_rate), tao - paid)
    received = alpha_for(pool, paid)
    if paid and not received:
        return Refusal.RESERVES_TOO_LOW
    return Trade(replace(pool, tao=pool.tao + paid, alpha=pool.alpha - received), paid, fee, received)


def sell(pool: Pool, alpha: int, limit_price: int, fee_rate: int = FEE_RATE) -> Trade | Refusal:
    """TAO for as much of `alpha` as the price allows to stay at or above `limit_price`."""
    fee = trade_fee(alpha, fee_rate)
    paid = alpha - fee
    if refusal := _refusal(paid, pool.alpha, pool.tao, price(pool) > limit_price):
        return refusal
    after = replace(pool, tao=pool.tao - tao_for(pool, paid), alpha=pool.alpha + paid)
    if price(after) < limit_price:
        paid = min(alpha_to_price(pool, limit_price), paid)
        fee = min(fee_on_top(paid, fee_rate), alpha - paid)
    received = tao_for(pool, paid)
    if paid and not received:
        return Refusal.RESERVES_TOO_LOW
    return Trade(replace(pool, tao=pool.tao - received, alpha=pool.alpha + paid), paid, fee, received)


def _refusal(paid: int, reserve_in: int, reserve_out: int, within_limit: bool) -> Refusal | None:
    """Why a trade may not even start. Reserves stay within 64 bits."""
    if paid > reserve_in * MAX_INPUT_RESERVES or reserve_in + paid > U64_MAX:
        return Refusal.INPUT_TOO_LARGE
    if reserve_out < MIN_RESERVE_RAO:
        return Refusal.RESERVES_TOO_LOW
    return None if within_limit else Refusal.PRICE_LIMIT


def inject(pool: Pool, tao: int, alpha: int) -> Pool | None:
    """The pool with more of both at the price it had; None if a weight would fall below 1 %, as it would
    where only one side is empty, or if a reserve would exceed 64 bits.

    w2' = w2 x (y + dy) / (w1 y (x + dx) + w2 x (y + dy)), floored in 10**18ths; the products are rounded to
    whole numbers. An empty pool starts with equal weights.
    """
    new_tao, new_alpha = pool.tao + tao, pool.alpha + alpha
    base = weighed(pool.base_weight, pool.tao * new_alpha)
    quote = weighed(pool.quote_weight, pool.alpha * new_tao)
    total = min(base + quote, _U128_MAX)
    weight = min(WEIGHT * quote // total, WEIGHT) if total else WEIGHT // 2
    fits = max(new_tao, new_alpha) <= U64_MAX and MIN_WEIGHT <= weight <= WEIGHT - MIN_WEIGHT
    return Pool(new_tao, new_alpha, weight) if fits else None


def weighed(weight: int, value: int) -> int:
    """weight × value, rounded to the nearest whole number, halves up."""
    return (weight * min(value, _U128_MAX) + WEIGHT // 2) // WEIGHT


def root_proportion(root_tao: int, tao_weight: int, alpha_issuance: int) -> int:
    """The root network's part of a subnet's stake: R w / (R w + alpha issued), in U96F32.

    `tao_weight` is w of 2**64 - 1. 0 if there is neither.
    """
    weight = U96F32.div(U96F32.integer(tao_weight), U96F32.integer(U64_MAX))
    weighted = U96F32.mul(U96F32.integer(root_tao), weight)
    return U96F32.div(weighted, U96F32.saturate(weighted + U96F32.integer(alpha_issuance)))


@dataclass(frozen=True)
class Injection:
    """What a block brings to a pool, in rao; tao + excess_tao is the subnet's share of the block."""

    tao: int
    """TAO put into the pool."""
    alpha: int
    """Newly issued alpha put into the pool."""
    excess_tao: int
    """TAO that buys alpha for the protocol."""


def block_injection(tao: int, alpha_block: int, price: int, root_proportion: int) -> Injection:
    """What a block brings to a pool for a subnet's share `tao` of it.

    tao / price alpha, at most root_proportion (U96F32) × alpha_block; as much TAO as that alpha is worth; the
    rest of the TAO is excess. Formed in U96F32, amounts floored. Without a price there is no alpha.
    """
    price = convert(price, U64F64, U96F32)
    alpha = U96F32.div(U96F32.integer(tao), price)
    cap = U96F32.mul(root_proportion, U96F32.integer(alpha_block))
    if alpha <= cap:
        return Injection(tao, U96F32.floor(alpha), 0)
    put_in = U96F32.floor(U96F32.mul(cap, price))
    return Injection(put_in, U96F32.floor(cap), tao - put_in)


@dataclass(frozen=True)
class Brought:
    """What became of an injection, in rao."""

    pool: Pool
    """The pool afterwards."""
    alpha_issued: int
    """Alpha that was issued into the pool."""
    alpha_bought: int
    """Alpha that the excess bought, which the protocol holds (`SubnetProtocolAlpha`)."""
    tao_left: int
    """TAO that the pool could not take; it is not issued."""


def bring(pool: Pool, injection: Injection) -> Brought:
    """Injects, then buys with the excess at any price and no fee; what is refused is left.

    Buys on the reserves after the injection, where the public network takes those before.
    """
    injected = inject(pool, injection.tao, injection.alpha)
    issued, left = (injection.alpha, 0) if injected else (0, injection.tao)
    trade = buy(injected or pool, injection.excess_tao, _U128_MAX, 0)
    if isinstance(trade, Refusal):
        return Brought(injected or pool, issued, 0, left + injection.excess_tao)
    return Brought(trade.pool, issued, trade.received, left + injection.excess_tao - trade.paid)


@dataclass(frozen=True)
class AlphaSplit:
    """Who gets the alpha that a block issued on a subnet, in rao; all four sum to it."""

    owner: int
    server: int
    validator: int
    root: int
    """To those who stake TAO on the root network, through the validators."""


def split_alpha(alpha: int, owner_cut: int, root_proportion: int) -> AlphaSplit:
    """Splits a block's alpha: the owner's cut (of 65,535), half of the rest to miners, the other half to
    validators, of which root_proportion (U96F32) to the root network. All but the validators' are floored."""
    owner = alpha * owner_cut // U16_MAX
    server = (alpha - owner) // 2
    validators = alpha - owner - server
    root = min(validators * root_proportion >> U96F32.fraction, validators)
    return AlphaSplit(owner, server, validators - root, root)


def root_is_paid(prices: Sequence[int]) -> bool:
    """Whether the root network's alpha is paid, which is while all moving prices (I96F32) together exceed 1
    TAO; else it is taken out of circulation."""
    return sum(prices) > 1 << 32
