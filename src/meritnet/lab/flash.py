"""Flashed stake: a validator with a majority of the stake for one block of an epoch, and its own miners."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from meritnet.consensus.agents import Agent, Noisy, StakeFlasher, play
from meritnet.consensus.simulate import UNCOMMITTED, Case, Rules, Settle, Settled, by_specification, shares
from meritnet.lab.arena import STAKE_RAO, Arena
from meritnet.lab.study import Picture, Table, each, mean, percent


@dataclass(frozen=True)
class Options:
    """How much stake comes, for how long an epoch."""

    usual: float = 0.05
    """The attacker's stake all the time, of all."""
    flashed: float = 0.55
    """Its part of the stake in the block before the epoch."""
    tempo: int = 360
    epochs: int = 10
    repeats: int = 2
    seed: int = 0
    jobs: int = 1
    on_chain: bool = False


@dataclass(frozen=True)
class Flashed:
    """What the attacker gets under a rule: parts of all pay without and with the attack, the stake that
    counted, and the profit in parts of an epoch's pay per part of the stake that was brought for a block."""

    rule: str
    honest: float
    captured: float
    counted_stake: float
    profit: float


@dataclass(frozen=True)
class Flash:
    """A row for each rule."""

    points: tuple[Flashed, ...]
    tempo: int
    on_chain: bool
    seed: int
    repeats: int
    meaning: str = field(
        default="A majority for a single block takes a whole epoch's pay and goes home; the plain mean gives "
        "it its share for nothing.\n"
        "Stake averaged over the epoch counts a block's visit as 1/tempo; it does not help against "
        "stake that stays.",
    )

    def tables(self) -> tuple[Table, ...]:
        """One row a rule."""
        rows = tuple(
            (
                found.rule,
                percent(found.honest),
                percent(found.captured),
                percent(found.counted_stake),
                f"{found.profit:+.3f}",
            )
            for found in self.points
        )
        titles = ("rule", "no attack>", "attack>", "stake that counted>", "profit>")
        return (Table(f"The attacker's part of all pay, tempo {self.tempo}", titles, rows),)

    def picture(self) -> Picture | None:
        """The table says it."""
        return None


def rules(options: Options) -> dict[str, Rules]:
    """The chain's rule and the plain mean, each without and with ours."""
    base = replace(UNCOMMITTED, tempo=options.tempo, activity_cutoff=14 * options.tempo)
    found = {"Yuma": Rules(base), "plain mean": Rules(replace(base, kappa=0))}
    return found | {
        f"{name}, average_stake": replace(rule, average_stake=True) for name, rule in found.items()
    }


def attack(
    options: Options, rule: Rules, flashes: bool, repeat: int, settle: Settle = by_specification
) -> tuple[float, float]:
    """The attacker's part of all pay, and of the stake that its epochs counted."""
    arena = Arena(attackers=1, attackers_stake=options.usual, attackers_miners=2, utility=1.0)
    seed = 1_000 * options.seed + repeat
    counted: list[float] = []

    def watched(case: Case) -> Settled:
        counted.append(case.state.alpha_stake[arena.honest] / sum(case.state.alpha_stake))
        return settle(case)

    (uid,), world = arena.attacking, arena.world(rule, watched)
    agent: Agent = Noisy(uid, arena.noise, seed=seed)
    if flashes:
        agent = StakeFlasher(uid, arena.bad_miners, extra_stake(options))
    play(world, [*arena.crew(seed), agent], options.epochs)
    return shares(world.past, [uid, *arena.bad_miners]), mean(counted)


def extra_stake(options: Options) -> int:
    """What must come so that the attacker has the part `flashed` of all stake, in rao."""
    others = STAKE_RAO * (1 - options.usual)
    return int(others * options.flashed / (1 - options.flashed) - STAKE_RAO * options.usual)


def _one(case: tuple[Options, str, Rules, Settle]) -> Flashed:
    options, name, rule, settle = case
    honest = [attack(options, rule, False, repeat, settle)[0] for repeat in range(options.repeats)]
    found = [attack(options, rule, True, repeat, settle) for repeat in range(options.repeats)]
    before, after = mean(honest), mean(share for share, _ in found)
    brought = extra_stake(options) / (STAKE_RAO + extra_stake(options))
    return Flashed(name, before, after, mean(stake for _, stake in found), (after - before) / brought)


def run(options: Options, settle: Settle = by_specification) -> Flash:
    """Runs the attack under every rule."""
    cases = [(options, name, rule, settle) for name, rule in rules(options).items()]
    found = each(_one, cases, options.jobs)
    return Flash(tuple(found), options.tempo, options.on_chain, options.seed, options.repeats)
