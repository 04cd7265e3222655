"""The whole measurement: its options, its run, its tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from meritnet.lab.study import Line, Picture, Table, percent
from meritnet.lab.verify.cost import Cost, Extra, costs, extras
from meritnet.lab.verify.detection import METHODS, NOISE_TOKENS, SIZES, Alarms, Rate, measure
from meritnet.lab.verify.equality import PERMUTATIONS, Equality, equalities
from meritnet.lab.verify.quality import Quality, qualities
from meritnet.lab.verify.servings import CHEATS, Bench, Checked, Question, questions
from meritnet.subnets.base import Progress, Report, ignore
from meritnet.subnets.models.engine import Engine
from meritnet.subnets.models.verification.serving import Served, check, serve

HONEST = "honest"
SURELY = 0.95
"""Share of windows from which on a cheat counts as caught."""
BUDGET = 1 / 8
"""What checking may cost, in parts of generating."""
MEANING = (
    "Replay finds whatever the declared model does not draw with the request's noise; activations find other "
    "models and other prompts in few tokens, but not tokens that somebody else drew.\n"
    "Neither is enough alone: activations can be had from a prefill of any tokens, and a token of a coarser "
    "model is mostly the right one. A watermark costs no model and names whose answer was copied."
)


@dataclass(frozen=True)
class Options:
    """What the figures depend on."""

    seed: int = 0
    prompts: int = 16
    """Requests of each of two sets: one to fit thresholds to, one for false alarms and for cheats."""
    tokens: int = 64
    """Most tokens of an answer."""
    false_alarms: float = 0.01
    model: str | None = None
    """The declared model; the default one if None."""


@dataclass(frozen=True)
class Verification:
    """All figures."""

    seed: int
    model: str
    prompts: int
    tokens: int
    false_alarms: float
    alarms: Alarms
    costs: tuple[Cost, ...]
    extras: tuple[Extra, ...]
    quality: tuple[Quality, ...]
    equality: tuple[Equality, ...]
    meaning: str = field(default=MEANING)

    def tables(self) -> tuple[Table, ...]:
        """Everything, the summary first."""
        return (
            self._summary(),
            *(self._detection(method.name) for method in METHODS),
            self._false_alarms(),
            self._noise(),
            self._costs(),
            self._extras(),
            self._equality(),
            self._quality(),
        )

    def picture(self) -> Picture:
        """How int8, the hardest of the models, is found with more tokens."""
        lines = []
        for method in METHODS:
            points = [
                (rate.tokens, rate.share)
                for size in SIZES
                if (rate := self.rate(method.name, "int8", size)) and rate.share is not None
            ]
            lines.append(Line(method.name, tuple(float(x) for x, _ in points), tuple(y for _, y in points)))
        return Picture("int8 weights", "tokens checked", "share detected", tuple(lines), level=SURELY)

    def rate(self, method: str, serving: str, tokens: int) -> Rate | None:
        """Alarms of one method on one way of serving; None where nothing was measured."""
        for one in self.alarms.rates:
            if (one.method, one.serving, one.tokens) == (method, serving, tokens):
                return one
        return None

    def caught_at(self, method: str, serving: str) -> int | None:
        """Fewest tokens from which on at least SURELY of all windows raise an alarm."""
        found = [(size, self.rate(method, serving, size)) for size in SIZES]
        shares = [(size, rate.share) for size, rate in found if rate and rate.share is not None]
        for place, (size, _) in enumerate(shares):
            if all(share >= SURELY for _, share in shares[place:]):
                return size
        return None

    def _summary(self) -> Table:
        names = [method.name for method in METHODS]
        rows = []
        for cheat in CHEATS:
            caught = [self.caught_at(name, cheat.name) for name in names]
            rows.append((cheat.name, cheat.how, *("-" if size is None else str(size) for size in caught)))
        title = f"Tokens to check until {SURELY:.0%} of windows raise an alarm"
        return Table(title, ("cheat", "what it does", *(f"{name}>" for name in names)), tuple(rows))

    def _detection(self, method: str) -> Table:
        rows = [
            (cheat.name, *(_share(self.rate(method, cheat.name, size)) for size in SIZES)) for cheat in CHEATS
        ]
        columns = ("cheat", *(f"{size} tokens>" for size in SIZES))
        return Table(f"Alarms of {method}", columns, tuple(rows))

    def _false_alarms(self) -> Table:
        rows = []
        for method in METHODS:
            found = [self.rate(method.name, HONEST, size) for size in SIZES]
            counts = ["-" if one is None else f"{one.alarms} of {one.windows}" for one in found]
            rows.append((method.name, *counts))
        title = "False alarms: windows of honest answers that no threshold was fitted to"
        return Table(title, ("method", *(f"{size} tokens>" for size in SIZES)), tuple(rows))

    def _noise(self) -> Table:
        noise = {(one.method, one.serving): one for one in self.alarms.noise}
        fitted = {one.method: one.threshold for one in self.alarms.fitted if one.tokens == NOISE_TOKENS}
        rows = []
        for method in (one.name for one in METHODS):
            threshold = fitted.get(method)
            ours, others, int8 = (noise.get((method, name)) for name in ("fitted to", HONEST, "int8"))
            rows.append(
                (
                    method,
                    _figure(ours.largest if ours else None),
                    _figure(others.largest if others else None),
                    _figure(threshold.value if threshold else None),
                    str(threshold.honest) if threshold else "-",
                    percent(threshold.guaranteed) if threshold else "-",
                    _figure(int8.smallest if int8 else None),
                )
            )
        columns = (
            "method", "fitted to, largest>", "other honest, largest>", "threshold>", "windows>",
            "guaranteed>", "int8, smallest>",
        )  # fmt: skip
        return Table(f"Suspicion in {NOISE_TOKENS} tokens", columns, tuple(rows))

    def _costs(self) -> Table:
        rows = tuple(
            (
                str(one.prompt_tokens),
                str(one.tokens),
                f"{one.alone_s:.2f}",
                f"{one.batched_s:.2f}",
                f"{one.check_s:.2f}",
                f"{one.check_s / one.alone_s:.3f}",
                f"{one.check_s / one.batched_s:.3f}",
            )
            for one in self.costs
        )
        title = f"Processor seconds an answer; checking over generating (aim: {BUDGET:g})"
        columns = (
            "prompt>", "tokens>", "alone>", "one of 8>", "check>", "check / alone>", "check / one of 8>",
        )  # fmt: skip
        return Table(title, columns, rows)

    def _extras(self) -> Table:
        rows = tuple(
            (
                one.method,
                f"{one.evidence_bytes:.1f}",
                f"{one.miner_us:.0f}",
                f"{one.checker_us:.0f}",
                "yes" if method.needs_model else "no",
            )
            for one, method in zip(self.extras, METHODS, strict=True)
        )
        columns = ("method", "bytes>", "miner, µs>", "checker, µs>", "prefill")
        return Table("What each method adds for a token", columns, rows)

    def _equality(self) -> Table:
        rows = tuple(
            (one.serving, str(one.tokens), f"{one.p:.3f}", "yes" if one.p <= self.false_alarms else "no")
            for one in self.equality
        )
        title = f"Model-equality test, {PERMUTATIONS} permutations: chance that it is the declared model"
        return Table(title, ("served", "tokens>", "p>", f"found at {self.false_alarms:g}"), rows)

    def _quality(self) -> Table:
        rows = tuple(
            (
                one.serving,
                str(one.answers),
                f"{one.nats_a_token:.2f}",
                f"{one.surprise:.2f}",
                f"{one.surprise_most:.2f}",
                f"{one.relevance:.2f}",
                f"{one.relevance_least:.2f}",
                percent(one.beyond_honest),
            )
            for one in self.quality
        )
        columns = (
            "served", "answers>", "nats a token>", "surprise>", "most>", "relevance>", "least>", "beyond>",
        )  # fmt: skip
        return Table("Quality by the reference; answers beyond every honest one", columns, rows)


def run(options: Options, report: Report = ignore) -> Verification:
    """Measure honest noise, fit, serve every cheat, count. Raises ModelUnavailable."""
    engine = Engine.load(options.model, report) if options.model else Engine.load(report=report)
    try:
        return _run(engine, options, report)
    finally:
        engine.close()


def _run(engine: Engine, options: Options, report: Report) -> Verification:
    total = len(CHEATS) + 5

    def tell(done: int) -> None:
        report(Progress("measure", done, total))

    fitted, held_out = (
        questions(engine, options.seed, options.prompts, options.tokens, label) for label in ("fit", "test")
    )
    fitting = _fitting(engine, fitted)
    tell(1)
    honest, bench = _held_out(engine, held_out)
    servings = {HONEST: honest}
    tell(2)
    for done, cheat in enumerate(CHEATS, start=3):
        servings[cheat.name] = cheat.checked(bench)
        tell(done)
    alarms = measure(fitting, servings, options.false_alarms)
    quality = qualities(engine, servings)
    tell(total - 2)
    equality = equalities(bench)
    tell(total - 1)
    return Verification(
        options.seed,
        engine.name,
        options.prompts,
        options.tokens,
        options.false_alarms,
        alarms,
        costs(engine, held_out),
        extras(honest),
        quality,
        equality,
    )


def _fitting(engine: Engine, asked: Sequence[Question]) -> list[Checked]:
    """Honest answers to fit to: in batches of eight, a quarter of them one by one as well."""
    batched = _served(engine, asked, width=8, threads=2)
    alone = _served(engine, asked[: max(1, len(asked) // 4)], width=1, threads=2)
    return [
        *_checked(engine, asked, batched, batched, threads=2),
        *_checked(engine, asked, alone, batched, threads=2),
    ]


def _held_out(engine: Engine, asked: Sequence[Question]) -> tuple[list[Checked], Bench]:
    """Other honest answers: in batches of eight on two threads, of three on one; checked likewise."""
    eight = _served(engine, asked, width=8, threads=2)
    three = _served(engine, asked, width=3, threads=1)
    checked = [
        *_checked(engine, asked, eight, three, threads=2),
        *_checked(engine, asked, three, eight, threads=1),
    ]
    return checked, Bench(engine, asked, eight)


def _served(engine: Engine, asked: Sequence[Question], width: int, threads: int) -> list[Served]:
    requests = [one.asked for one in asked]
    return serve(engine.model, requests, engine.end_tokens, width=width, threads=threads)


def _checked(
    engine: Engine, asked: Sequence[Question], served: Sequence[Served], twins: Sequence[Served], threads: int
) -> list[Checked]:
    return [
        Checked(question, one, check(engine.model, question.asked, one.tokens, threads=threads), twin.tokens)
        for question, one, twin in zip(asked, served, twins, strict=False)
    ]


def _share(rate: Rate | None) -> str:
    return "-" if rate is None or rate.share is None else f"{100 * rate.share:.0f} %"


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.2g}"
