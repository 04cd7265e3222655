"""Vectors: seeded calls with their results, for other implementations of the specification.

`python -m meritnet.consensus.vectors` writes chain/vectors/*.json. A vector is the name of a function,
its arguments by name and its result; numbers beyond 64 bits are decimal strings. The Rust crates replay
them, and fresh cases from other seeds are compared by tests/differential.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from pathlib import Path
from random import Random
from typing import Any, TypeAlias

from meritnet.consensus import (
    bonds,
    commit,
    emission,
    fixed,
    market_vectors,
    mechanisms,
    registration,
    schedule,
)
from meritnet.consensus.emission import MAX_SUPPLY_RAO, Pots
from meritnet.consensus.epoch import epoch
from meritnet.consensus.params import LiquidAlphaMode, Params
from meritnet.consensus.registration import Candidate
from meritnet.consensus.share_pool import SharePool
from meritnet.consensus.stake_average import StakeHistory
from meritnet.consensus.state import EpochInput, Row

Vector: TypeAlias = dict[str, Any]
FOLDER = Path(__file__).resolve().parent.parent / "chain" / "vectors"
SEED = 2026


def amount(random: Random) -> int:
    """An amount of rao of any magnitude up to the supply, often 0."""
    return random.choice([0, random.randrange(2 ** random.randrange(1, 54)), random.randrange(10**12)])


def random_params(random: Random) -> Params:
    """Hyperparameters, plausible and at their bounds."""
    low = random.randrange(1_638, 65_536)
    return Params(
        tempo=random.choice([1, 20, 360]),
        kappa=random.choice([32_767, 32_767, 0, 65_535, random.randrange(65_536)]),
        bonds_penalty=random.choice([65_535, 65_535, 0, random.randrange(65_536)]),
        bonds_moving_average=random.choice([900_000, 975_000, 0, 1_000_000, random.randrange(1_000_001)]),
        yuma3=random.random() < 0.7,
        liquid_alpha=random.random() < 0.5,
        alpha_low=low,
        alpha_high=random.randrange(low, 65_536),
        alpha_sigmoid_steepness=random.choice(
            [1_000, 1_000, 100, -500, 32_767, random.randrange(-32_768, 32_768)]
        ),
        max_allowed_validators=random.choice([64, 1, 2, 3]),
        activity_cutoff=random.choice([5_000, 50, 0]),
        stake_threshold=random.choice([0, 0, 1_000, 10**12]),
        tao_weight=random.choice([0, 971_718_665_099_567_868, 2**64 - 1]),
        commit_reveal=random.random() < 0.5,
        liquid_alpha_mode=random.choice(list(LiquidAlphaMode)),
        absent_as_zero=random.random() < 0.3,
        deviation_cost=random.choice([0, 0, 65_535, random.randrange(65_536)]),
    )


def random_row(random: Random, n: int, largest: int = 65_535) -> Row:
    """A sparse row over some of the n uids in any order, with zeroes among its values."""
    uids = random.sample(range(n), random.choice([n, random.randrange(n + 1)]))
    return tuple((uid, random.choice([0, largest, random.randrange(largest + 1)])) for uid in uids)


def random_epoch(random: Random, n: int, block: int | None = None) -> EpochInput:
    """A subnet of n uids in any state, mostly staked, permitted and recent, at a block of 50 at least."""
    block = block or random.randrange(100, 10_000)

    def recently(odds: float) -> int:
        return block - random.randrange(40) if random.random() < odds else random.randrange(block)

    def stake() -> int:
        return random.choice([amount(random), 10**12 + random.randrange(10**12)])

    return EpochInput(
        block=block,
        last_step=random.choice([0, block - 1, block - 20, random.randrange(block)]),
        alpha_stake=[stake() for _ in range(n)],
        tao_stake=[random.choice([0, amount(random)]) for _ in range(n)],
        last_update=[recently(0.9) for _ in range(n)],
        registered_at=[recently(0.1) // random.choice([1, 1, 10]) for _ in range(n)],
        permits=[random.random() < 0.9 for _ in range(n)],
        owner_uid=random.choice([None, 0, random.randrange(n)]),
        oldest_commit_block=[random.choice([None, None, None, recently(0.8)]) for _ in range(n)],
        weights=[random_row(random, n) for _ in range(n)],
        bonds=[random_row(random, n) for _ in range(n)],
        emission=amount(random),
        consensus=random.choice([[], [random.randrange(65_536) for _ in range(n)]]),
        weights_at=random.choice([[], [], [recently(0.8) for _ in range(n)]]),
    )


def epochs(random: Random) -> Iterator[Vector]:
    """One epoch of a random subnet."""
    while True:
        state, params = random_epoch(random, random.choice([1, 2, 3, 5, 8, 12])), random_params(random)
        yield {
            "call": "epoch",
            "input": asdict(state),
            "params": asdict(params),
            "result": asdict(epoch(state, params)),
        }


def mechanisms_apart(random: Random) -> Iterator[Vector]:
    """Mechanisms' parts of the pay, their epochs as one, and bonds that are reset."""
    while True:
        total, count = amount(random), random.randrange(1, 5)
        split = random.choice([None, [random.randrange(65_536 // count) for _ in range(random.randrange(6))]])
        parts = mechanisms.split_emission(total, count, split)
        yield {"call": "split_emission", "amount": total, "count": count, "split": split, "result": parts}
        n, params = random.randrange(1, 4), random_params(random)
        states = [replace(random_epoch(random, n), emission=part) for part in parts]
        outputs = [epoch(state, params) for state in states]
        combined = mechanisms.combine(outputs, parts)
        given = {"outputs": [asdict(output) for output in outputs], "parts": parts}
        yield {"call": "combine_mechanisms", **given, "result": asdict(combined)}
        miner, stored = random.randrange(n), states[0].bonds
        yield {"call": "reset_bonds", "bonds": stored, "miner": miner, "result": bonds.reset(stored, miner)}


def reveal_periods(random: Random) -> Iterator[Vector]:
    """How far a consensus moved, and how late its weights should be revealed."""
    while True:
        before, after = (
            [random.choice([0, random.randrange(65_536)]) for _ in range(random.randrange(6))] for _ in "ab"
        )
        moved = commit.volatility(before, after)
        yield {"call": "volatility", "before": before, "after": after, "result": moved}
        known = random.choice([0, random.randrange(commit.ONE_Q32)])
        average = commit.average_volatility(known, moved)
        yield {"call": "average_volatility", "average": known, "observed": moved, "result": average}
        target = random.randrange(65_536)
        period = commit.reveal_period(average, target)
        yield {"call": "reveal_period", "volatility": average, "target": target, "result": period}


def stake_averages(random: Random) -> Iterator[Vector]:
    """Stake that changed on the way to an epoch."""
    while True:
        since = random.randrange(400)
        history = StakeHistory(random.choice([0, amount(random) * since]), since)
        given = {"integral": str(history.integral), "since": since}
        before, block = amount(random), since + random.choice([0, 1, random.randrange(400)])
        after = history.changed(before, block)
        result = {"integral": str(after.integral), "since": after.since}
        yield {"call": "stake_changed", **given, "stake_before": before, "block": block, "result": result}
        span = {"stake": amount(random), "start": random.randrange(since + 1), "block": block}
        yield {"call": "stake_average", **given, **span, "result": history.average(**span)}


def upscales(random: Random) -> Iterator[Vector]:
    """Weights as they are stored."""
    while True:
        top = random.choice([2, 300, 40_000, 65_536])
        weights = [random.randrange(top) for _ in range(random.randrange(8))]
        yield {"call": "max_upscale", "weights": weights, "result": fixed.max_upscale(weights)}
        limit = random.choice([65_535, random.randrange(65_536)])
        kept = fixed.within_limit(weights, limit)
        yield {"call": "within_limit", "weights": weights, "limit": limit, "result": kept}


def emissions(random: Random) -> Iterator[Vector]:
    """Block rewards, their split, and the payout of pots."""
    while True:
        issuance = random.choice([amount(random), MAX_SUPPLY_RAO - amount(random), MAX_SUPPLY_RAO + 1])
        yield {"call": "block_emission", "issuance": issuance, "result": emission.block_emission(issuance)}
        given, prices = amount(random), [amount(random) for _ in range(random.randrange(5))]
        split = emission.split_by_price(given, prices)
        yield {"call": "split_by_price", "amount": given, "prices": prices, "result": split}
        cut = random.randrange(65_536)
        pots = emission.split_block(given, cut)
        yield {"call": "split_block", "amount": given, "owner_cut": cut, "result": asdict(pots)}
        yield _distribution(random)


def _distribution(random: Random) -> Vector:
    n = random.randrange(1, 6)
    pots = Pots(amount(random), amount(random), amount(random))
    budget = pots.epoch_emission // (2 * n)
    server, validator = (
        [random.choice([0, random.randrange(budget + 1)]) for _ in range(n)] for _ in range(2)
    )
    takes = [random.choice([0, 11_796, 65_535]) for _ in range(n)]
    carry_dust = random.random() < 0.3
    paid = emission.distribute(pots, server, validator, takes, carry_dust)
    given: Vector = {"pots": asdict(pots), "server": server, "validator": validator, "takes": takes}
    return {"call": "distribute", **given, "carry_dust": carry_dust, "result": asdict(paid)}


def registrations(random: Random) -> Iterator[Vector]:
    """Prices of places, and who makes room."""
    while True:
        half_life = random.choice([0, 1, 360, random.randrange(65_536)])
        factor = registration.decay_factor(half_life)
        yield {"call": "decay_factor", "half_life": half_life, "result": factor}
        bounds = {"min": random.randrange(10**9), "max": random.randrange(10**9, 10**12)}
        price, multiplier = amount(random), random.randrange(2**66)
        decayed = registration.decay_price(price, factor, *bounds.values())
        yield {"call": "decay_price", "price": price, "factor": factor, **bounds, "result": decayed}
        bumped = registration.bump_price(price, multiplier, *bounds.values())
        yield {
            "call": "bump_price",
            "price": price,
            "multiplier": str(multiplier),
            **bounds,
            "result": bumped,
        }
        lock = {
            "last_lock": amount(random),
            "last_block": random.choice([0, random.randrange(10**6)]),
            "min": amount(random),
            "interval": random.choice([0, 100_800]),
            "block": random.randrange(10**6),
        }
        yield {"call": "lock_cost", **lock, "result": registration.lock_cost(*lock.values())}
        candidates = [
            Candidate(
                uid, random.randrange(3), random.randrange(3), random.random() < 0.3, random.random() < 0.2
            )
            for uid in range(random.randrange(8))
        ]
        floor = random.randrange(4)
        pruned = registration.neuron_to_prune(candidates, floor)
        listed = [asdict(candidate) for candidate in candidates]
        yield {"call": "neuron_to_prune", "candidates": listed, "min_non_immune": floor, "result": pruned}


def schedules(random: Random) -> Iterator[Vector]:
    """When epochs run and commits may be revealed."""
    while True:
        last, tempo = random.randrange(100), random.choice([0, 1, 20, 65_535])
        pending, block = (
            random.choice([0, random.randrange(150)]),
            random.choice([random.randrange(200), 60_000]),
        )
        due = schedule.epoch_is_due(last, tempo, pending, block)
        times = {"last_epoch": last, "tempo": tempo, "pending_at": pending}
        yield {"call": "epoch_is_due", **times, "block": block, "result": due}
        yield {"call": "next_epoch", **times, "result": schedule.next_epoch(**times)}
        index = schedule.epoch_with_lookahead(last, due)
        yield {"call": "epoch_with_lookahead", "epoch_index": last, "is_due": due, "result": index}
        window = {
            "commit_epoch": last,
            "reveal_period": random.randrange(1, 3),
            "current_epoch": random.randrange(102),
        }
        yield {"call": "reveal_window", **window, "result": commit.reveal_window(**window).value}
        old = {"netuid": random.randrange(130), "tempo": tempo, "epoch": last}
        yield {"call": "legacy_first_block", **old, "result": schedule.legacy_first_block(**old)}
        unix_s = schedule.BEACON_GENESIS_S + random.choice([-9, random.randrange(-2, 10**8)])
        number = schedule.beacon_round(unix_s)
        yield {"call": "beacon_round", "unix_s": unix_s, "result": number}
        if number:
            yield {"call": "beacon_time", "round": number, "result": schedule.beacon_time(number)}


def share_pools(random: Random) -> Iterator[Vector]:
    """Payments into and out of a pool with a history."""
    while True:
        value = amount(random)
        dear, fair = (value << 32) + random.randrange(3), random.randrange((value + 1) << 64)
        shares = random.choice([0, value << 64, dear, fair >> random.randrange(20)])
        pool, held, paid = SharePool(value, shares), random.randrange(shares + 1), amount(random)
        given = {"value": value, "shares": str(shares)}
        yield {"call": "worth", **given, "held": str(held), "result": pool.worth(held)}
        after, bought = pool.deposit(paid)
        yield {
            "call": "deposit",
            **given,
            "amount": paid,
            "result": {"pool": _pool(after), "bought": str(bought)},
        }
        paid = random.choice([0, pool.worth(held), random.randrange(pool.worth(held) + 2)])
        left = pool.withdraw(paid, held)
        result = left and {"pool": _pool(left[0]), "held": str(left[1])}
        yield {"call": "withdraw", **given, "amount": paid, "held": str(held), "result": result}
        rewarded = pool.reward(paid)
        yield {"call": "reward", **given, "amount": paid, "result": rewarded and _pool(rewarded)}


def _pool(pool: SharePool) -> Vector:
    return {"value": pool.value, "shares": str(pool.shares)}


FILES: dict[str, tuple[Callable[[Random], Iterator[Vector]], int]] = {
    "epoch": (epochs, 120),
    "emission": (emissions, 160),
    "mechanisms": (mechanisms_apart, 60),
    "registration": (registrations, 160),
    "reveal_period": (reveal_periods, 60),
    "schedule": (schedules, 120),
    "share_pool": (share_pools, 120),
    "stake_average": (stake_averages, 40),
    "weights": (upscales, 40),
    "transcendental": (market_vectors.transcendentals, 400),
    "shares": (market_vectors.all_shares, 400),
    "pool": (market_vectors.pools, 600),
    "delegation": (market_vectors.delegations, 320),
    "subnets": (market_vectors.subnets, 300),
    "conviction": (market_vectors.convictions, 400),
}
"""Each file's source of cases and how many of them it holds."""


def render(name: str) -> str:
    """The text of chain/vectors/NAME.json: a list, one vector a line."""
    source, count = FILES[name]
    cases = source(Random(f"{SEED} {name}"))
    lines = (json.dumps(next(cases), separators=(",", ":")) for _ in range(count))
    return "[\n" + ",\n".join(lines) + "\n]\n"


def main() -> None:
    """Writes all files."""
    for name in FILES:
        (FOLDER / f"{name}.json").write_text(render(name))


if __name__ == "__main__":  # pragma: no cover
    main()
