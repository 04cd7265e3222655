"""``meritnet lab``: the rules of incentive under attack, on the specification or the chain's runtime."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from meritnet.chain.errors import UsageError
from meritnet.cli.loading import Model
from meritnet.cli.neurons import StatusLine
from meritnet.cli.options import Endpoint, Json, connect
from meritnet.cli.render import emit, line, table

if TYPE_CHECKING:
    from meritnet.lab.study import Study

app = typer.Typer(help="Attack the rules of incentive, and measure what it pays.", no_args_is_help=True)

Seed = Annotated[int, typer.Option("--seed", min=0, help="Seed of all chance.")]
Repeats = Annotated[int, typer.Option("--repeats", min=1, max=1_000, help="Runs to average over.")]
Epochs = Annotated[int, typer.Option("--epochs", min=1, max=100_000, help="Epochs a run.")]
Jobs = Annotated[
    int | None, typer.Option("--jobs", min=1, max=64, help="Processes. Default: one for each processor.")
]
Png = Annotated[
    Path | None, typer.Option("--png", metavar="FILE", help="Draw the figures into a PNG file as well.")
]
OnChain = Annotated[
    bool, typer.Option("--chain", help="Run the epochs on the chain's runtime in an embedded node.")
]


@app.command()
def retention(
    honest_stake: Annotated[
        list[float] | None, typer.Option(min=0.01, max=0.99, help="S_H; may be given several times.")
    ] = None,
    sigma: Annotated[
        list[float] | None, typer.Option(min=0, max=2, help="Deviation of weights; the same.")
    ] = None,
    beta: Annotated[list[float] | None, typer.Option(min=0, max=1, help="Bonds penalty; the same.")] = None,
    xi: Annotated[list[float] | None, typer.Option(min=0, max=1, help="Validators' part; the same.")] = None,
    kappa: Annotated[int, typer.Option(min=1, max=65_535, help="Consensus majority, of 65,535.")] = 32_767,
    uids: Annotated[int, typer.Option(min=4, max=4_096, help="Size of the network.")] = 512,
    validators: Annotated[int, typer.Option(min=2, help="How many of them validate.")] = 64,
    seed: Seed = 0,
    repeats: Repeats = 3,
    jobs: Jobs = None,
    png: Png = None,
    as_json: Json = False,
) -> None:
    """Map how useful honest miners must be for an honest majority to keep its stake; the published points,
    or every combination of what is given."""
    from meritnet.lab import retention as lab

    if validators > uids - 2:
        raise UsageError("a network needs two miners at least", "fewer --validators or more --uids")
    axes = (honest_stake, sigma, beta, xi)
    settings = lab.Options.settings
    if any(axes):
        base = lab.Setting()
        defaults = (base.honest_stake, base.sigma, base.beta, base.xi)
        chosen = [axis or [default] for axis, default in zip(axes, defaults, strict=True)]
        settings = tuple(lab.Setting(*point) for point in product(*chosen))
    options = lab.Options(settings, kappa, uids, validators, repeats=repeats, seed=seed, jobs=_jobs(jobs))
    _show(lambda: lab.run(options), png, as_json)


@app.command()
def copier(
    volatility: Annotated[
        list[float] | None, typer.Option(min=0, max=2, help="Of the miners' log-quality; several times.")
    ] = None,
    age: Annotated[
        list[int] | None, typer.Option(min=0, max=1_000, help="Age of the copy in epochs; several times.")
    ] = None,
    noise: Annotated[float, typer.Option(min=0, max=2, help="Error of honest measurements.")] = 0.2,
    copier_stake: Annotated[float, typer.Option(min=0.001, max=0.9, help="The copier's stake.")] = 0.1,
    epochs: Epochs = 100,
    seed: Seed = 0,
    repeats: Repeats = 2,
    jobs: Jobs = None,
    png: Png = None,
    as_json: Json = False,
) -> None:
    """Measure what copying an old consensus earns, and what each counter-rule does to it."""
    from meritnet.lab import copier as lab

    options = lab.Options(
        volatilities=tuple(volatility or lab.Options.volatilities),
        ages=tuple(sorted(set(age or lab.Options.ages))),
        noise=noise,
        copier_stake=copier_stake,
        epochs=epochs,
        repeats=repeats,
        seed=seed,
        jobs=_jobs(jobs),
    )
    _show(lambda: lab.run(options), png, as_json)


@app.command()
def cabal(
    stake: Annotated[
        list[float] | None, typer.Option(min=0.01, max=0.99, help="The cabal's stake; several times.")
    ] = None,
    utility: Annotated[
        float, typer.Option(min=0.01, max=0.99, help="Honest miners' part of all work.")
    ] = 0.9,
    epochs: Epochs = 10,
    seed: Seed = 0,
    repeats: Repeats = 2,
    jobs: Jobs = None,
    on_chain: OnChain = False,
    png: Png = None,
    as_json: Json = False,
) -> None:
    """Let a cabal weight itself, or withhold weight from the best honest miner."""
    from meritnet.lab import cabal as lab

    options = lab.Options(
        tuple(stake or lab.Options.stakes), utility, epochs, repeats, seed, _jobs(jobs, on_chain), on_chain
    )
    _show(lambda: _settled(lab, options), png, as_json)


@app.command()
def sybil(
    epochs: Epochs = 10,
    seed: Seed = 0,
    repeats: Repeats = 2,
    jobs: Jobs = None,
    png: Png = None,
    as_json: Json = False,
) -> None:
    """Let one owner act under many keys."""
    from meritnet.lab import sybil as lab

    options = lab.Options(epochs=epochs, repeats=repeats, seed=seed, jobs=_jobs(jobs))
    _show(lambda: lab.run(options), png, as_json)


@app.command()
def flash(
    flashed: Annotated[
        float, typer.Option(min=0.06, max=0.99, help="Part of the stake in the epoch's block.")
    ] = 0.55,
    tempo: Annotated[
        int | None, typer.Option(min=2, max=50_400, help="Default: 360, with --chain 20.")
    ] = None,
    epochs: Epochs = 10,
    seed: Seed = 0,
    repeats: Repeats = 2,
    jobs: Jobs = None,
    on_chain: OnChain = False,
    as_json: Json = False,
) -> None:
    """Bring a majority of the stake for the one block that counts."""
    from meritnet.lab import flash as lab

    options = lab.Options(
        flashed=flashed,
        tempo=tempo or (20 if on_chain else lab.Options.tempo),
        epochs=epochs,
        repeats=repeats,
        seed=seed,
        jobs=_jobs(jobs, on_chain),
        on_chain=on_chain,
    )
    _show(lambda: _settled(lab, options), None, as_json)


@app.command()
def apathy(
    epochs: Annotated[int, typer.Option(min=1, max=12, help="Epochs before and after the cutoff.")] = 5,
    seed: Seed = 0,
    repeats: Repeats = 2,
    jobs: Jobs = None,
    on_chain: OnChain = False,
    png: Png = None,
    as_json: Json = False,
) -> None:
    """Let validators hold stake and say nothing."""
    from meritnet.lab import apathy as lab

    options = lab.Options(
        epochs=epochs, repeats=repeats, seed=seed, jobs=_jobs(jobs, on_chain), on_chain=on_chain
    )
    _show(lambda: _settled(lab, options), png, as_json)


@app.command()
def dust(
    epochs: Epochs = 20,
    seed: Seed = 0,
    repeats: Repeats = 2,
    jobs: Jobs = None,
    on_chain: OnChain = False,
    as_json: Json = False,
) -> None:
    """Count the rao that floors leave, and say whose they are."""
    from meritnet.lab import dust as lab

    options = lab.Options(
        epochs=epochs, repeats=repeats, seed=seed, jobs=_jobs(jobs, on_chain), on_chain=on_chain
    )
    _show(lambda: _settled(lab, options), None, as_json)


@app.command()
def bonds(
    epochs: Annotated[int, typer.Option(min=12, max=100_000, help="Epochs a run.")] = 40,
    seed: Seed = 0,
    repeats: Repeats = 2,
    jobs: Jobs = None,
    as_json: Json = False,
) -> None:
    """Keep bonds by writing zeros, and buy bonds before the others."""
    from meritnet.lab import bonds as lab

    options = lab.Options(epochs=epochs, repeats=repeats, seed=seed, jobs=_jobs(jobs))
    _show(lambda: lab.run(options), None, as_json)


@app.command()
def evict(
    seed: Seed = 0,
    repeats: Repeats = 2,
    jobs: Jobs = None,
    png: Png = None,
    as_json: Json = False,
) -> None:
    """Throw out honest miners by registering, and take a uid for the weights that it has."""
    from meritnet.lab import evict as lab

    options = lab.Options(repeats=repeats, seed=seed, jobs=_jobs(jobs))
    _show(lambda: lab.run(options), png, as_json)


@app.command()
def duel(
    rounds: Annotated[int, typer.Option("--rounds", min=4, max=1_000, help="Rounds of a game.")] = 24,
    pool: Annotated[
        int, typer.Option("--pool", min=8, max=10_000, help="Held-out examples to measure on.")
    ] = 64,
    seed: Seed = 0,
    repeats: Repeats = 10,
    jobs: Jobs = None,
    model: Model = None,
    page: Annotated[
        Path | None, typer.Option("--page", metavar="FILE", help="Write the page docs/duel.md as well.")
    ] = None,
    png: Png = None,
    as_json: Json = False,
) -> None:
    """Let adapters that are noise, copied, overfitted or better meet honest ones in fine_tuning."""
    from meritnet.lab import contestants
    from meritnet.lab import duel as lab
    from meritnet.lab.report import write
    from meritnet.subnets.models.shared import shared_engine

    if page is not None:
        _writable(page)
    options = lab.Options(rounds, repeats, seed, _jobs(jobs))

    def found() -> lab.Duels:
        with StatusLine(as_json).open() as status:
            engine = shared_engine(model, status.progress)()
            world = contestants.field(engine, pool, seed, report=status.progress)
        duels = lab.run(world, options)
        if page is not None:
            write(lab.page(duels), page)
        return duels

    _show(found, png, as_json)


@app.command()
def replay(
    file: Annotated[Path, typer.Argument(help="What `record` wrote.")],
    changed: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="A parameter to change; several times."),
    ] = None,
    png: Png = None,
    as_json: Json = False,
) -> None:
    """Run recorded epochs again under other parameters: who gains, who loses.

    FILE is a JSON object: "format" is "meritnet-epochs/1", "epochs" a list of {"input", "params"} with the
    fields of the specification's EpochInput and Params; rows of weights and bonds are lists of [uid, value].
    """
    from meritnet.lab import replay as lab

    settings = {}
    for text in changed or []:
        name, value = lab.setting(text)
        settings[name] = lab.parameter(name, value)
    recorded = lab.read(file)
    _show(lambda: lab.run(recorded, settings), png, as_json)


@app.command()
def record(
    netuid: Annotated[int, typer.Argument(help="The subnet.")],
    file: Annotated[Path, typer.Argument(help="Where to write the epochs.")],
    epochs: Annotated[int, typer.Option(min=1, max=10_000, help="How many of the last ones.")] = 10,
    endpoint: Endpoint = None,
    as_json: Json = False,
) -> None:
    """Write a live subnet's last epochs into a file for `replay`."""
    from meritnet.lab import recording

    with connect(endpoint) as chain:
        found = recording.record(chain, netuid, epochs)
    recording.write(found, file)
    blocks = [one["input"]["block"] for one in found["epochs"]]
    result = {"netuid": netuid, "file": str(file), "epochs": len(blocks), "blocks": blocks}
    shown = (f"{len(blocks)} epochs of subnet {netuid}", f"blocks {blocks[0]} to {blocks[-1]}", str(file))
    emit(result, as_json, lambda: line(*shown))


@app.command()
def report(
    file: Annotated[Path, typer.Argument(help="Where to write the page.")] = Path("docs/attacks.md"),
    seed: Seed = 0,
    repeats: Repeats = 2,
    jobs: Jobs = None,
    as_json: Json = False,
) -> None:
    """Run every experiment and write the page about them."""
    from meritnet.lab import report as lab

    _writable(file)
    options = lab.Options(seed, repeats, _jobs(jobs))
    found = lab.studies(options)
    lab.write(lab.page(found, options), file)
    emit({"file": str(file), "studies": found}, as_json, lambda: line(str(file), f"{len(found)} experiments"))


@app.command()
def verify(
    prompts: Annotated[
        int, typer.Option(min=2, max=1_000, help="Requests to fit to, and as many to test on.")
    ] = 16,
    tokens: Annotated[int, typer.Option(min=8, max=256, help="Most tokens of an answer.")] = 64,
    false_alarms: Annotated[
        float, typer.Option(min=0.0001, max=0.5, help="Share of honest windows that may raise an alarm.")
    ] = 0.01,
    model: Annotated[
        str | None, typer.Option(help="The declared model: a known name, a folder, or a hub id.")
    ] = None,
    seed: Seed = 0,
    page: Annotated[
        Path | None, typer.Option("--page", metavar="FILE", help="Write the page about it as well.")
    ] = None,
    png: Png = None,
    as_json: Json = False,
) -> None:
    """Measure what each way of checking answers catches, and what it costs.

    Honest noise is measured first, then every method's threshold is fitted to it, then all cheats are
    served. With the default model that takes some minutes on two cores.
    """
    from meritnet.cli.progress import bar
    from meritnet.lab.report import write
    from meritnet.lab.verify import page as written
    from meritnet.lab.verify import study as lab

    options = lab.Options(seed, prompts, tokens, false_alarms, model)
    if page is not None:
        _writable(page)

    def run() -> Study:
        with bar() as report:
            found = lab.run(options, report)
        if page is not None:
            write(written.page(found, options), page)
        return found

    _show(run, png, as_json)


def _jobs(given: int | None, on_chain: bool = False) -> int:
    """How many processes to use; one with a chain, which lives in this one."""
    from meritnet.lab.study import processors

    return 1 if on_chain else given or processors()


def _settled(lab: Any, options: Any) -> Study:
    """The experiment's result, on the chain's runtime where that is asked for."""
    if not options.on_chain:
        return lab.run(options)  # type: ignore[no-any-return]
    from meritnet.lab.chain import runtime

    with runtime() as settle:
        return lab.run(options, settle)  # type: ignore[no-any-return]


def _show(run: Callable[[], Study], png: Path | None, as_json: bool) -> None:
    """Run the experiment, draw it where that is asked for, and print it."""
    if png is not None:
        _writable(png)
    study = run()
    picture = study.picture()
    if png is not None and picture is not None:
        from meritnet.lab.plots import draw

        draw(picture, png)
    emit(study, as_json, lambda: _print(study))


def _print(study: Study) -> None:
    for found in study.tables():
        line(found.title)
        table(found.columns, found.rows)
        line(" ")
    for sentence in study.meaning.split("\n"):
        line(sentence)


def _writable(path: Path) -> None:
    """Refuse a file before the work is done, not after."""
    if not path.parent.is_dir():
        raise UsageError(f"there is no directory {path.parent}", "make it, or name another file")
