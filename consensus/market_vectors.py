"""Seeded calls of the market's rules: shares, pool, delegation, dissolution, conviction.

A part of `vectors`. Numbers that may exceed 64 bits are decimal strings, in lists too.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from random import Random
from typing import Any, TypeAlias

from meritnet.consensus import conviction, delegation, dissolve, pool, registration, shares, transcendental
from meritnet.consensus.conviction import Lock
from meritnet.consensus.delegation import Earner, Parent
from meritnet.consensus.pool import MIN_WEIGHT, WEIGHT, Pool, Refusal, Trade
from meritnet.consensus.registration import SubnetCandidate

Vector: TypeAlias = dict[str, Any]
ONE = shares.ONE


def rao(random: Random) -> int:
    """An amount of any magnitude up to beyond the supply, seldom 0."""
    return random.choice([0, *(random.randrange(2 ** random.randrange(1, 60)) for _ in range(9))])


def fraction(random: Random) -> int:
    """A U64F64 number from 0 to 1, often at the bounds."""
    return random.choice([0, ONE, random.randrange(ONE), random.randrange(ONE) >> random.randrange(64)])


def wide(random: Random) -> int:
    """A number of any magnitude within 128 bits."""
    return random.randrange(2 ** random.randrange(1, 129))


def texts(values: Sequence[int]) -> list[str]:
    """Numbers as decimal strings."""
    return [str(value) for value in values]


def transcendentals(random: Random) -> Iterator[Vector]:
    """Logarithms, exponentials and powers of anything."""
    while True:
        a, b, x = wide(random), wide(random), random.choice([wide(random), random.randrange(2**124)])
        yield _wide("ln", transcendental.ln, numerator=a, denominator=b)
        yield _wide("exp_down", transcendental.exp_down, x=x)
        yield _wide("exp_up", transcendental.exp_up, x=x)
        close = max(b + random.randrange(-1_000, 1_000), 0) % 2**128
        bases = random.choice([(a, b), (close, b), (random.randrange(3), random.randrange(3))])
        exponents = random.choice([(wide(random), wide(random)), (random.randrange(4 * ONE), ONE), (0, 1)])
        arguments = dict(
            zip(("base", "base_unit", "exponent", "exponent_unit"), bases + exponents, strict=True)
        )
        yield _wide("power", transcendental.power, **arguments)
        yield _wide(
            "exp_i64f64", transcendental.exp_i64f64, x=-random.randrange(2 ** random.randrange(1, 71))
        )


def _wide(call: str, function: Callable[..., int], **arguments: int) -> Vector:
    """A call whose arguments and result are all wide."""
    texted = {name: str(value) for name, value in arguments.items()}
    return {"call": call, **texted, "result": str(function(**arguments))}


def all_shares(random: Random) -> Iterator[Vector]:
    """From moving prices to each subnet's part of a block, and the retired rule of flows."""
    while True:
        yield _moving_price(random)
        n = random.choice([0, 1, 2, 3, 5, 8])
        prices = [random.choice([0, fraction(random) >> 32, random.randrange(2**40)]) for _ in range(n)]
        burned = [random.choice([0, fraction(random) >> 32]) for _ in range(n)]
        enabled = [random.random() < 0.8 for _ in range(n)]
        exponent = random.choice([3 * ONE, 8 * ONE, 0, random.randrange(5 * ONE)])
        demand = shares.less_burned(shares.shares_by_price(prices), burned)
        rank, quantile = random.choice([0, 1, 2, 32]), random.choice([3 * ONE // 4, fraction(random)])
        bar = shares.emission_bar(demand, rank, quantile)
        arguments = {"shares": texts(demand), "rank": rank, "quantile": str(quantile)}
        yield {"call": "emission_bar", **arguments, "result": str(bar)}
        bar = random.choice([bar, bar, fraction(random)])
        gated = shares.gated(demand, bar, exponent)
        gate = {"bar": str(bar), "exponent": str(exponent)}
        yield {"call": "gated", "shares": texts(demand), **gate, "result": texts(gated)}
        final = shares.emission_shares(prices, burned, enabled, bar, exponent)
        arguments = {"prices": texts(prices), "burned": texts(burned), "enabled": enabled, **gate}
        yield {"call": "emission_shares", **arguments, "result": texts(final)}
        amount = rao(random)
        split = shares.split_by_shares(amount, final)
        yield {"call": "split_by_shares", "amount": amount, "shares": texts(final), "result": split}
        yield from _flows(random, n)


def _moving_price(random: Random) -> Vector:
    arguments = {
        "price": random.choice([fraction(random) >> 32, wide(random) >> 8]),
        "spot": random.choice([fraction(random), wide(random)]),
        "alpha": random.choice([shares.MOVING_ALPHA, random.randrange(2**33)]),
    }
    blocks = {"blocks": rao(random), "halving": random.choice([0, 201_600])}
    moved = shares.moving_price(**arguments, **blocks)
    texted = {name: str(value) for name, value in arguments.items()}
    return {"call": "moving_price", **texted, **blocks, "result": str(moved)}


def _flows(random: Random, n: int) -> Iterator[Vector]:
    def flow() -> int:
        return random.choice([-1, 1]) * (rao(random) << random.randrange(65))

    average, moved, smoothing = flow(), flow() >> 66, random.choice([shares.FLOW_SMOOTHING, rao(random)])
    result = shares.moving_flow(average, moved, smoothing)
    arguments: Vector = {"average": str(average), "flow": moved, "smoothing": smoothing}
    yield {"call": "moving_flow", **arguments, "result": str(result)}
    user, protocol = [flow() for _ in range(n)], [flow() for _ in range(n)]
    net = shares.net_flows(user, protocol)
    arguments = {"user": texts(user), "protocol": texts(protocol)}
    yield {"call": "net_flows", **arguments, "result": texts(net)}
    cutoff, exponent = random.choice([0, flow()]), random.choice([ONE, random.randrange(3 * ONE)])
    split = shares.shares_by_flow(net, cutoff, exponent)
    arguments = {"flows": texts(net), "cutoff": str(cutoff), "exponent": str(exponent)}
    yield {"call": "shares_by_flow", **arguments, "result": texts(split)}


def random_pool(random: Random) -> Pool:
    """A pool of any size and weights, mostly able to trade."""
    weight = random.choice([WEIGHT // 2, MIN_WEIGHT, random.randrange(MIN_WEIGHT, WEIGHT - MIN_WEIGHT + 1)])
    tao, alpha = (random.choice([rao(random), random.randrange(10**6, 10**15)]) for _ in range(2))
    return Pool(tao, alpha, weight)


def pools(random: Random) -> Iterator[Vector]:
    """Trades, injections, and the split of a block's alpha."""
    while True:
        market = random_pool(random)
        given, now = {"pool": asdict(market)}, pool.price(market)
        yield {"call": "price", **given, "result": str(now)}
        for call, trade in (("buy", pool.buy), ("sell", pool.sell)):
            reserve = market.tao if call == "buy" else market.alpha
            amount = random.choice([rao(random), random.randrange(2 * reserve + 1)])
            near = now * random.randrange(500, 2_000) // 1_000
            limit = random.choice([0, 2**128 - 1, near, min(near + 1, 2**128 - 1)]) % 2**128
            rate = random.choice([pool.FEE_RATE, 0, random.randrange(65_536)])
            made = trade(market, amount, limit, rate)
            arguments = {"amount": amount, "limit_price": str(limit), "fee_rate": rate}
            yield {"call": call, **given, **arguments, "result": _trade(made)}
        tao, alpha = rao(random), rao(random)
        yield {"call": "alpha_needed", **given, "tao": tao, "result": pool.alpha_needed(market, tao)}
        target = now * random.randrange(500, 2_000) // 1_000 % 2**128
        for call, to_price in (("tao_to_price", pool.tao_to_price), ("alpha_to_price", pool.alpha_to_price)):
            yield {"call": call, **given, "target": str(target), "result": to_price(market, target)}
        yield {"call": "fee_on_top", "paid": tao, "rate": rate, "result": pool.fee_on_top(tao, rate)}
        injected = pool.inject(market, tao, alpha)
        arguments = {"tao": tao, "alpha": alpha}
        yield {"call": "inject", **given, **arguments, "result": injected and asdict(injected)}
        yield from _block(random, market)


def _trade(made: Trade | Refusal) -> Any:
    return made.value if isinstance(made, Refusal) else asdict(made)


def _block(random: Random, market: Pool) -> Iterator[Vector]:
    price = pool.price(market)
    stake = {"root_tao": rao(random), "tao_weight": random.randrange(2**64), "alpha_issuance": rao(random)}
    root = pool.root_proportion(**stake)
    yield {"call": "root_proportion", **stake, "result": str(root)}
    block = {"tao": rao(random) >> random.randrange(40), "alpha_block": random.choice([10**9, rao(random)])}
    injection = pool.block_injection(**block, price=price, root_proportion=root)
    arguments: Vector = {**block, "price": str(price), "root_proportion": str(root)}
    yield {"call": "block_injection", **arguments, "result": asdict(injection)}
    arguments = {"pool": asdict(market), "injection": asdict(injection)}
    yield {"call": "bring", **arguments, "result": asdict(pool.bring(market, injection))}
    cut = random.choice([11_796, random.randrange(65_536)])
    split = pool.split_alpha(block["alpha_block"], cut, root)
    arguments = {"alpha": block["alpha_block"], "owner_cut": cut, "root_proportion": str(root)}
    yield {"call": "split_alpha", **arguments, "result": asdict(split)}
    prices = [random.randrange(2**32) for _ in range(random.randrange(4))]
    yield {"call": "root_is_paid", "prices": texts(prices), "result": pool.root_is_paid(prices)}


def proportions(random: Random, count: int) -> list[int]:
    """What a hotkey hands on to each child, of 2**64 - 1; seldom more than it has."""
    bound = 2**64 // random.choice([count or 1, count or 1, count or 1, 1])
    return [random.choice([0, bound - 1, random.randrange(bound)]) for _ in range(count)]


def delegations(random: Random) -> Iterator[Vector]:
    """Stake handed on, and the pay of children, parents, stakers and owners."""
    while True:
        own, tao, weight = rao(random), rao(random), random.choice([0, 2**64 - 1, random.randrange(2**64)])
        given, received = (proportions(random, random.randrange(4)) for _ in range(2))
        parents = [Parent(rao(random), rao(random), part, random.random() < 0.3) for part in received]
        stake: Vector = {"own": own, "given": given, "received": [(p.proportion, p.alpha) for p in parents]}
        yield {"call": "inherited_stake", **stake, "result": delegation.inherited_stake(**stake)}
        arguments: Vector = {"alpha": own, "tao": tao, "given": given, "tao_weight": weight}
        kept = delegation.own_contribution(**arguments)
        yield {"call": "own_contribution", **arguments, "result": kept}
        take, burn = random.choice([0, 11_796, 65_535]), random.choice([0, random.randrange(2**64)])
        rates = {"child_take": take, "burn": burn, "tao_weight": weight}
        split = delegation.child_dividends(tao, kept, parents, **rates)
        arguments = {
            "dividends": tao,
            "own": kept,
            "parents": [asdict(parent) for parent in parents],
            **rates,
        }
        yield {"call": "child_dividends", **arguments, "result": asdict(split)}
        earners = [
            Earner(rao(random), rao(random), rao(random), random.choice([0, 11_796, 65_535]))
            for _ in range(random.randrange(4))
        ]
        paid = delegation.pay_validators(own, tao, earners, weight)
        listed = [asdict(earner) for earner in earners]
        arguments = {"pot": own, "root_pot": tao, "earners": listed, "tao_weight": weight}
        yield {"call": "pay_validators", **arguments, "result": [asdict(payout) for payout in paid]}


def subnets(random: Random) -> Iterator[Vector]:
    """Which subnet goes, what its holders and its owner get, and with what the next one starts."""
    while True:
        candidates = [
            SubnetCandidate(netuid, random.randrange(3), random.randrange(3), random.random() < 0.3)
            for netuid in range(random.randrange(6))
        ]
        listed = [(c.netuid, str(c.price), c.registered_at, c.immune) for c in candidates]
        pruned = registration.subnet_to_prune(candidates)
        yield {"call": "subnet_to_prune", "candidates": listed, "result": pruned}
        prices = [random.choice([0, fraction(random), wide(random)]) for _ in range(random.randrange(6))]
        median = registration.median_price(prices)
        yield {"call": "median_price", "prices": texts(prices), "result": str(median)}
        lock, price = rao(random), random.choice([median, fraction(random)])
        started = asdict(registration.initial_pool(lock, price))
        yield {"call": "initial_pool", "lock": lock, "price": str(price), "result": started}
        pot, holdings = rao(random), [rao(random) >> random.randrange(60) for _ in range(random.randrange(7))]
        paid = dissolve.pay_holders(pot, holdings)
        yield {"call": "pay_holders", "pot": pot, "holdings": holdings, "result": paid}
        arguments = {"lock": lock, "issued_alpha": rao(random), "owner_cut": random.randrange(65_536)}
        refund = dissolve.owner_refund(**arguments, price=price)
        yield {"call": "owner_refund", **arguments, "price": str(price), "result": refund}


def convictions(random: Random) -> Iterator[Vector]:
    """Locks that decay and mature, and who becomes owner."""
    while True:
        locks = [Lock(rao(random), rao(random) << random.randrange(65), rao(random)) for _ in range(2)]
        lock, other = locks
        rate, near = random.choice([conviction.UNLOCK_RATE, 0, rao(random)]), random.randrange(3)
        maturity_rate = random.choice([rate, rate + near, rao(random)])
        blocks = random.choice([near, random.randrange(10**7), rao(random)])
        decayed = conviction.decay(blocks, rate)
        yield {"call": "decay", "blocks": blocks, "rate": rate, "result": str(decayed)}
        arguments: Vector = {
            "block": max(lock.block + blocks - near, 0),
            "unlock_rate": rate,
            "maturity_rate": maturity_rate,
            "owner": random.random() < 0.2,
            "perpetual": random.random() < 0.3,
        }
        after = conviction.rolled(lock, **arguments)
        yield {"call": "rolled", "lock": _lock(lock), **arguments, "result": _lock(after)}
        both = conviction.merged(lock, other)
        yield {"call": "merged", "first": _lock(lock), "second": _lock(other), "result": _lock(both)}
        amount = random.choice([rao(random), random.randrange(lock.mass + 1)])
        left = conviction.reduced(lock, amount)
        yield {"call": "reduced", "lock": _lock(lock), "amount": amount, "result": _lock(left)}
        scores = [rao(random) << random.choice([0, 64]) for _ in range(random.randrange(4))]
        scores += scores[: random.randrange(2)]
        age = conviction.TAKEOVER_AGE + random.choice([-1, 0, 1])
        alpha = random.choice([0, rao(random), sum(scores) * 10 >> 64]) % 2**64
        king = conviction.new_owner(scores, age, alpha)
        arguments = {"convictions": texts(scores), "age": age, "outstanding_alpha": alpha}
        yield {"call": "new_owner", **arguments, "result": king}


def _lock(lock: Lock) -> tuple[int, str, int]:
    return lock.mass, str(lock.conviction), lock.block
