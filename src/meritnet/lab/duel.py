"""What adapters earn in `fine_tuning`: noise, copies, too little and too much training, and better ones.

Every contestant is trained or made, and measured once on a pool of held-out examples (`lab.contestants`).
Then rounds are played by the validator's own rules (`judge`, `Record`) on examples drawn from the pool, so
that many draws cost little. A newcomer meets two honest miners who are there from the first round on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from meritnet.lab.contestants import Field, Measured
from meritnet.lab.report import markdown
from meritnet.lab.study import Line, Picture, Table, each, mean, percent
from meritnet.subnets.draws import Draws
from meritnet.subnets.fine_tuning.duel import lower_bound
from meritnet.subnets.fine_tuning.messages import AdapterRequest
from meritnet.subnets.fine_tuning.record import Found, Record, found_in
from meritnet.subnets.fine_tuning.validator import (
    CONFIDENCE,
    EXAMPLES,
    judge,
    without_measuring,
    worth,
)
from meritnet.validator.scores import Average, moved

NEWCOMER, FIRST, SECOND = 0, 1, 2
"""Uids; the newcomer has the smallest, which would count for it among those who come in one round."""
ENTRY_ROUND = 2
"""When the newcomer comes; nobody can copy what nobody has offered."""
BLOCK = 0
DRAWS = 200
"""Draws of examples for the figures of an adapter alone."""

Player = Callable[[int, np.ndarray], str | None]
"""The adapter, by name, that a uid offers in a round; it sees the drawn examples, None is no answer."""


@dataclass(frozen=True)
class Options:
    """How much is played."""

    rounds: int = 24
    repeats: int = 10
    seed: int = 0
    jobs: int = 1


@dataclass(frozen=True)
class Alone:
    """An adapter beside the base.

    Mean gain, sure gain over draws (smallest twentieth, median), worth with the crown (median), part of the
    draws in which it earns anything, and cosine of its sketch to that of the adapter that is copied.
    """

    name: str
    gain: float
    sure_low: float
    sure: float
    worth: float
    earns: float
    cosine: float


@dataclass(frozen=True)
class Met:
    """A newcomer against two honest miners.

    Its share of the pay, that of each of them on average, the part of games in which it got the crown and was
    found to be a copy, and the rounds from its entry to the crown (median).
    """

    name: str
    share: float
    honest_share: float
    crowned: float
    rounds_to_crown: float | None
    found_out: float
    path: tuple[float, ...]
    """Its share of the weights by round since it came."""


@dataclass(frozen=True)
class Owned:
    """What an owner's uids earn together beside two honest miners."""

    way: str
    uids: int
    share: float


@dataclass(frozen=True)
class Agreed:
    """Two validators that draw apart, in a field of three honest miners and, from a round on, a better one.

    Part of the rounds in which both have the same champion, and half the sum of the differences of their
    weights.
    """

    when: str
    same: float
    apart: float


@dataclass(frozen=True)
class Duels:
    """All figures."""

    model: str
    examples: int
    alone: tuple[Alone, ...]
    met: tuple[Met, ...]
    owned: tuple[Owned, ...]
    agreed: tuple[Agreed, ...]
    seed: int
    rounds: int
    repeats: int
    meaning: str = field(
        default="Noise, an untrained adapter, a step of training and text learnt by heart earn nothing; "
        "nor do copies that read where their original does, up to noise twice as large as the adapter.\n"
        "A really better adapter takes the crown within a few rounds. So does one that was trained on the "
        "held-out text, and nothing here can tell.",
    )

    def tables(self) -> tuple[Table, ...]:
        """Alone, met, owned, agreed."""
        return (
            Table(
                f"Adapters alone: nats on {EXAMPLES} examples, {DRAWS} draws",
                ("adapter", "gain>", "sure, 5 %>", "sure, median>", "worth>", "earns>", "cosine>"),
                tuple(_alone_row(one) for one in self.alone),
            ),
            Table(
                f"A newcomer in round {ENTRY_ROUND} against two honest miners, {self.rounds} rounds",
                (
                    "newcomer",
                    "share of pay>",
                    "an honest one's>",
                    "has the crown>",
                    "rounds to it>",
                    "a copy>",
                ),
                tuple(_met_row(one) for one in self.met),
            ),
            Table(
                "One owner against two honest miners",
                ("way", "uids>", "share of pay>"),
                tuple((one.way, str(one.uids), percent(one.share)) for one in self.owned),
            ),
            Table(
                "Two validators that draw apart",
                ("rounds", "same champion>", "weights apart>"),
                tuple((one.when, percent(one.same), percent(one.apart)) for one in self.agreed),
            ),
        )

    def picture(self) -> Picture:
        """The newcomer's share by round."""
        shown = ("honest c", "better", "one step", "copy, noise 0.3", "copy, noise 1")
        lines = tuple(
            Line(one.name, tuple(map(float, range(len(one.path)))), one.path)
            for one in self.met
            if one.name in shown
        )
        return Picture(
            "A newcomer's share of the weights", "rounds since it came", "share", lines, level=1 / 3
        )


# A game


@dataclass(frozen=True)
class Game:
    """What a validator made of its miners, round by round."""

    shares: list[dict[int, float]]
    """Of its weights; empty where nobody has earned anything yet."""
    champions: list[int | None]
    copies: set[int]
    """Uids that were ever found to offer a copy."""


def game(world: Field, players: Mapping[int, Player], rounds: int, *seed: str | int) -> Game:
    """Play rounds on examples drawn by the seed."""
    record, averages = Record(), dict[int, Average]()
    played = Game([], [], set())
    for number in range(rounds):
        draw = Draws(b"lab duel", *seed, number)
        chosen = np.array(sorted(draw.sample(range(len(world.base)), min(EXAMPLES, len(world.base)))))
        past: list[tuple[AdapterRequest, Found | None]] = []
        for uid, player in players.items():
            request = record.request(world.model, draw.token().hex(), uid)
            name = player(number, chosen)
            value, found = (
                (0.0, None) if name is None else scored(world, request, world.adapters[name], chosen)
            )
            averages[uid] = moved(averages.get(uid), str(uid), value, BLOCK, "")
            past.append((request, found))
            played.copies.update({uid} if any(one.copy_of is not None for one in request.entered) else ())
        record = record.after(past)
        total = sum(average.value for average in averages.values())
        played.shares.append({uid: one.value / total for uid, one in averages.items()} if total else {})
        played.champions.append(None if record.champion is None else record.champion.uid)
    return played


def scored(
    world: Field, request: AdapterRequest, offered: Measured, chosen: np.ndarray
) -> tuple[float, Found | None]:
    """What a validator gives for an adapter in a round, and what it remembers of it."""
    known = {"content_id": offered.content_id, "sketch": offered.sketch}
    score = without_measuring(request, offered.content_id, known)
    if score is None:
        losses, seed = offered.losses[chosen], bytes.fromhex(request.seed)
        is_champion = request.names_as_champion(offered.content_id)
        score = judge(world.base[chosen], losses, seed, known, is_champion=is_champion)
    return score.value, found_in(score.evidence)


def always(name: str, since: int = 0) -> Player:
    """Somebody who offers one adapter, from a round on."""
    return lambda number, chosen: name if number >= since else None


def hoarder(world: Field, names: Sequence[str]) -> Player:
    """Somebody who has several, and offers the one that loses least on the drawn examples."""

    def offered(number: int, chosen: np.ndarray) -> str | None:
        if number < ENTRY_ROUND + len(names):
            return names[number - ENTRY_ROUND] if number >= ENTRY_ROUND else None
        return min(names, key=lambda name: float(world.adapters[name].losses[chosen].mean()))

    return offered


def resubmitter(names: Sequence[str]) -> Player:
    """Somebody who offers another file at every round."""
    return lambda number, chosen: names[number % len(names)] if number >= ENTRY_ROUND else None


# The experiments


def run(world: Field, options: Options) -> Duels:
    """Every experiment in a field of adapters."""
    names = [name for name in world.adapters if name not in ("honest a", "honest b")]
    return Duels(
        world.model,
        len(world.base),
        tuple(alone(world, name, options.seed) for name in world.adapters),
        tuple(each(partial(met, world, options), names, options.jobs)),
        tuple(each(partial(owned, world, options), list(WAYS), options.jobs)),
        agreed(world, options),
        options.seed,
        options.rounds,
        options.repeats,
    )


def alone(world: Field, name: str, seed: int) -> Alone:
    """An adapter's gain over the base, over many draws."""
    gains, sure = world.base - world.adapters[name].losses, []
    for number in range(DRAWS):
        draw = Draws(b"lab duel, alone", seed, number)
        chosen = draw.sample(range(len(gains)), min(EXAMPLES, len(gains)))
        sure.append(lower_bound(gains[chosen], draw.token(), CONFIDENCE))
    values = [worth(one) for one in sure]
    sketches = (np.array(world.adapters[one].sketch) for one in (name, "honest a"))
    return Alone(
        name,
        float(gains.mean()),
        float(np.quantile(sure, 0.05)),
        float(np.median(sure)),
        float(np.median(values)),
        mean(value > 0 for value in values),
        float(np.dot(*sketches)),
    )


def met(world: Field, options: Options, name: str) -> Met:
    """A newcomer against two honest miners."""
    players = {NEWCOMER: always(name, ENTRY_ROUND), FIRST: always("honest a"), SECOND: always("honest b")}
    games = [
        game(world, players, options.rounds, options.seed, repeat, name) for repeat in range(options.repeats)
    ]
    waits = [one.champions.index(NEWCOMER) - ENTRY_ROUND for one in games if NEWCOMER in one.champions]
    honest = (mean(_pay(one, uid) for one in games) for uid in (FIRST, SECOND))
    return Met(
        name,
        mean(_pay(one, NEWCOMER) for one in games),
        mean(honest),
        len(waits) / len(games),
        float(np.median(waits)) if waits else None,
        mean(NEWCOMER in one.copies for one in games),
        tuple(
            mean(one.shares[number].get(NEWCOMER, 0.0) for one in games)
            for number in range(ENTRY_ROUND, options.rounds)
        ),
    )


WAYS: Mapping[str, Callable[[Field], Sequence[Player]]] = {
    "one adapter": lambda world: [always("honest c", ENTRY_ROUND)],
    "one adapter under three uids": lambda world: [always("honest c", ENTRY_ROUND)] * 3,
    "two trained apart, a uid each": lambda world: [
        always("honest c", ENTRY_ROUND),
        always("better", ENTRY_ROUND),
    ],
    "the better of the two": lambda world: [always("better", ENTRY_ROUND)],
    "both under one uid, the one that suits the draw": lambda world: [hoarder(world, ("honest c", "better"))],
    "a file anew at each round": lambda world: [resubmitter(("honest c", "better", "one step"))],
    "copies of an honest one, noise 0.3 to 2": lambda world: [
        always(f"copy, noise {size}", ENTRY_ROUND) for size in ("0.3", "0.5", "0.7", "1", "1.5", "2")
    ],
    "a hidden copy of an honest one": lambda world: [always("copy, hidden", ENTRY_ROUND)],
    "a blend of two honest ones": lambda world: [always("blend of two honest ones", ENTRY_ROUND)],
}
"""What one owner does, beside two honest miners."""


def owned(world: Field, options: Options, way: str) -> Owned:
    """What one owner's uids earn together."""
    own = dict(enumerate(WAYS[way](world), SECOND + 1))
    players = {FIRST: always("honest a"), SECOND: always("honest b")} | own
    games = [game(world, players, options.rounds, options.seed, repeat) for repeat in range(options.repeats)]
    return Owned(way, len(own), mean(sum(_pay(one, uid) for uid in own) for one in games))


def agreed(world: Field, options: Options) -> tuple[Agreed, ...]:
    """How far two validators are apart that draw their own examples."""
    better_since = options.rounds // 2
    players = {
        NEWCOMER: always("better", better_since),
        FIRST: always("honest a"),
        SECOND: always("honest b"),
        SECOND + 1: always("honest c"),
    }
    spans = {
        "honest miners only": range(ENTRY_ROUND, better_since),
        "with a better one": range(better_since, options.rounds),
    }
    found: dict[str, list[tuple[bool, float]]] = {when: [] for when in spans}
    for repeat in range(options.repeats):
        one, other = (
            game(world, players, options.rounds, options.seed, repeat, who) for who in ("one", "other")
        )
        for when, span in spans.items():
            for number in span:
                apart = sum(
                    abs(one.shares[number].get(uid, 0.0) - other.shares[number].get(uid, 0.0))
                    for uid in players
                )
                found[when].append((one.champions[number] == other.champions[number], apart / 2))
    return tuple(
        Agreed(when, mean(same for same, _ in rounds), mean(apart for _, apart in rounds))
        for when, rounds in found.items()
    )


INTRODUCTION = """# The duel of fine_tuning, measured

Made by `{command} --page docs/duel.md` on {model};
do not edit. Each adapter is trained, or made of another's file, and measured once on {examples} held-out
examples; the rounds of {repeats} games are then played by the validator's own rules on {drawn} of them,
drawn anew in each round. "Worth" is what a sure gain earns with the crown, "share" the part of a
validator's weights, on average since the newcomer came. Copies are made of the adapter `honest a`:
"noise x" adds to every matrix x times its own size, "hidden" gives a quarter of the rank to strange
products as large as the adapter's own.
"""
ENDS = """**Protection ends** where adapters are trained on the held-out text: it is public, and only text
that appears later would help. It ends, too, with a copy that is changed until it reads elsewhere and loses
otherwise: noise three times as large as the adapter does that, leaves a third of its gain, and is paid for
what is left. Whoever trains several adapters is paid as several miners.
"""


def page(found: Duels) -> str:
    """The page docs/duel.md."""
    head = INTRODUCTION.format(
        command=command(found),
        model=found.model,
        examples=found.examples,
        repeats=found.repeats,
        drawn=min(EXAMPLES, found.examples),
    )
    tables = "\n".join(markdown(table) for table in found.tables())
    return f"{head}\n{found.meaning}\n\n{tables}\n{ENDS}"


def command(found: Duels) -> str:
    """What makes these figures."""
    return f"meritnet lab duel --seed {found.seed} --rounds {found.rounds} --repeats {found.repeats}"


def _pay(one: Game, uid: int) -> float:
    """A uid's part of the weights, on average over the rounds since the newcomer could be judged."""
    return mean(shares.get(uid, 0.0) for shares in one.shares[ENTRY_ROUND:])


def _alone_row(one: Alone) -> tuple[str, ...]:
    nats = (f"{value:+.3f}" for value in (one.gain, one.sure_low, one.sure))
    return (one.name, *nats, f"{one.worth:.2f}", percent(one.earns), f"{one.cosine:.2f}")


def _met_row(one: Met) -> tuple[str, ...]:
    wait = "-" if one.rounds_to_crown is None else f"{one.rounds_to_crown:g}"
    shares = percent(one.share), percent(one.honest_share), percent(one.crowned)
    return (one.name, *shares, wait, percent(one.found_out))
