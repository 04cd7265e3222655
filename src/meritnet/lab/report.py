"""The page docs/attacks.md, written from a run of every experiment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from meritnet.chain.errors import MeritnetError
from meritnet.lab import apathy, bonds, cabal, copier, dust, evict, flash, retention, sybil
from meritnet.lab.study import Study, Table

INTRODUCTION = """# Attacks on the rules, measured

Made by `meritnet lab report` with seed {seed} and {repeats} repeats; do not edit. Every figure is an
average over the repeats, from the executable specification (`consensus/`), with which the chain's
runtime agrees to the last bit; `--chain` runs the same worlds on the runtime itself. "Plain mean" is the
stake-weighted mean of the weights, nothing clipped (kappa 0). Profit is what attackers earn more than if
they were honest, in parts of all pay per part of all stake. The commands beside the headings print the
same tables.
"""


@dataclass(frozen=True)
class Section:
    """One experiment's part of the page, and where its protection ends."""

    title: str
    ends: str


SECTIONS = {
    "retention": Section(
        "How much useful work keeps an honest majority in power",
        "where no majority of the stake is honest. The map counts a single epoch without bonds from before.",
    ),
    "cabal": Section(
        "A cabal of validators",
        "at kappa. A cabal with half of the stake takes everything, and nothing in the consensus tells it "
        "from an honest majority; close below kappa the honest miners' part falls as well.",
    ),
    "copier": Section(
        "Copying weights",
        "where miners are stable: then an old consensus is as good as a new one, and a copier, who is "
        "nobody's outlier, earns more than the noisy validators that work. A period chosen from "
        "volatility cannot help there, as noise looks like change. Only work that cannot be copied (a "
        "check of who evaluated) would.",
    ),
    "sybil": Section(
        "Many keys of one owner",
        "with a second key of the same owner: consensus counts keys. A subnet must find out by itself "
        "that two miners answer with one model. A validator is not charged for splitting its stake, nor "
        "paid for it.",
    ),
    "flash": Section(
        "Stake for one block",
        "with stake that stays for the whole epoch: that is a cabal. Averaging weighs a visit by its "
        "length, and without it there is no protection at all.",
    ),
    "apathy": Section(
        "Validators who say nothing",
        "at a silent majority within the activity cutoff, and where nobody speaks at all: stake is then "
        "paid for nothing.",
    ),
    "bonds": Section(
        "Gaming the bonds",
        "at a bonds penalty below 1 under Yuma 2, where buying bonds ahead of the others pays. Under "
        "liquid alpha without `absent_as_zero` a validator that says less loses what one that writes "
        "zeros keeps.",
    ),
    "evict": Section(
        "Taking others' places",
        "with money: any miner can be thrown out by whoever pays for all places below it. And where weights "
        "are not dated, those committed for a former holder still pay the new one once, when they are "
        "revealed after newer commits were made: the mask looks at commits that wait, not at the one "
        "revealed.",
    ),
    "dust": Section(
        "What the floors leave",
        "nowhere: no rao is lost by either rule.",
    ),
}
"""The page's sections in their order, by the command."""


@dataclass(frozen=True)
class Options:
    """What the page's run depends on."""

    seed: int = 0
    repeats: int = 2
    jobs: int = 1


def studies(options: Options) -> dict[str, Study]:
    """Runs every experiment with its defaults."""
    common: dict[str, Any] = {"repeats": options.repeats, "seed": options.seed, "jobs": options.jobs}
    return {
        "retention": retention.run(retention.Options(**common)),
        "cabal": cabal.run(cabal.Options(**common)),
        "copier": copier.run(copier.Options(**common)),
        "sybil": sybil.run(sybil.Options(**common)),
        "flash": flash.run(flash.Options(**common)),
        "apathy": apathy.run(apathy.Options(**common)),
        "bonds": bonds.run(bonds.Options(**common)),
        "evict": evict.run(evict.Options(**common)),
        "dust": dust.run(dust.Options(**common)),
    }


def page(found: Mapping[str, Study], options: Options) -> str:
    """The whole page."""
    parts = [INTRODUCTION.format(seed=options.seed, repeats=options.repeats)]
    parts += [_section(name, study, options) for name, study in found.items()]
    return "\n".join(parts)


def command(name: str, options: Options) -> str:
    """What prints a section's tables."""
    return f"meritnet lab {name} --seed {options.seed} --repeats {options.repeats}"


def write(text: str, path: Path) -> None:
    """Write the page. Raises ``MeritnetError`` where that cannot be."""
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise MeritnetError(f"cannot write {path}: {error.strerror}", "name another file") from None


def _section(name: str, study: Study, options: Options) -> str:
    section = SECTIONS[name]
    head = f"## {section.title}\n\n`{command(name, options)}`\n\n{study.meaning}\n"
    tables = "\n".join(markdown(table) for table in study.tables())
    return f"{head}\n{tables}\n**Protection ends** {section.ends}\n"


def markdown(table: Table) -> str:
    """A table under its title."""
    titles = [title.removesuffix(">") for title in table.columns]
    rules = ["---:" if title.endswith(">") else "---" for title in table.columns]
    lines = [titles, rules, *table.rows]
    return f"{table.title}:\n\n" + "".join(f"| {' | '.join(line)} |\n" for line in lines)
