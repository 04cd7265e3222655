"""``meritnet validator``: join a subnet, ask its miners, set weights."""

from __future__ import annotations

import asyncio
import sys
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from meritnet.cli.loading import Attention, DeviceMap, Dtype, Model, Quantize, engine_source, loading_of
from meritnet.cli.logs import Collector, Format, Level, LogFormat, LogLevel, log_to_stderr, observed
from meritnet.cli.neurons import (
    AllowPrivate,
    DataDir,
    Kind,
    Netuid,
    StatusLine,
    Watch,
    kind_of,
    live,
    may_ask_private,
    state_directory,
)
from meritnet.cli.neurons import register as join
from meritnet.cli.options import (
    Endpoint,
    HotkeyName,
    Json,
    PasswordFile,
    WalletName,
    WalletPath,
    Wanted,
    Yes,
    complete,
    connect,
    open_wallet,
)
from meritnet.cli.render import emit, table, tao

if TYPE_CHECKING:
    from meritnet.chain.client import Chain
    from meritnet.chain.keys import KeyPair
    from meritnet.subnets.models.loading import Loading
    from meritnet.subnets.tracing import Traces
    from meritnet.validator.events import Event, Report
    from meritnet.validator.run import Options, Validator
    from meritnet.validator.step import Judged

app = typer.Typer(help="Register and run a validator.", no_args_is_help=True)

NETUID = Wanted("--netuid N", "the subnet's number", int)
Sample = Annotated[int, typer.Option("--sample", min=1, metavar="N", help="Miners asked in a step.")]


@app.command()
def register(
    netuid: Netuid = None,
    wallet: WalletName = None,
    hotkey: HotkeyName = None,
    yes: Yes = False,
    wallet_path: WalletPath = None,
    password_file: PasswordFile = None,
    endpoint: Endpoint = None,
    as_json: Json = False,
) -> None:
    """Register the wallet's hotkey in a subnet. The price is burned; stake then earns a permit."""
    (subnet,) = complete({NETUID: netuid})
    unlocked = open_wallet(wallet, hotkey, wallet_path, password_file, endpoint)
    with connect(endpoint) as chain:
        join(chain, unlocked, subnet, "validator", yes, as_json)


@app.command()
def run(
    netuid: Netuid = None,
    kind: Kind = None,
    model: Model = None,
    dtype: Dtype = None,
    device_map: DeviceMap = None,
    attention: Attention = None,
    quantize: Quantize = None,
    steps: Annotated[int, typer.Option("--steps", min=1, metavar="N", help="Steps in an epoch.")] = 4,
    sample: Sample = 64,
    allow_private: AllowPrivate = False,
    metrics_port: Annotated[
        int | None,
        typer.Option(
            "--metrics-port",
            min=1,
            max=65_535,
            help="Prometheus figures, /health and /ready on this loopback port.",
        ),
    ] = None,
    traces: Collector = None,
    log_level: Level = LogLevel.INFO,
    log_format: Format = LogFormat.AUTO,
    wallet: WalletName = None,
    hotkey: HotkeyName = None,
    data_dir: DataDir = None,
    wallet_path: WalletPath = None,
    endpoint: Endpoint = None,
    as_json: Json = False,
) -> None:
    """Ask, score, commit, reveal, predict, until stopped. Everything needed after a crash is on disk."""
    from meritnet.validator.metrics import Metrics
    from meritnet.validator.pages import pages
    from meritnet.validator.run import Options

    (subnet,) = complete({NETUID: netuid})
    pair = open_wallet(wallet, hotkey, wallet_path, None, endpoint).hotkey()
    wanted = loading_of(model, dtype, device_map, attention, quantize)
    options = Options(
        steps_per_epoch=steps, sample_size=sample, allow_private=may_ask_private(endpoint, allow_private)
    )
    metrics = Metrics()
    with (
        observed("meritnet-validator", traces, log_level, log_format) as spans,
        connect(endpoint) as chain,
        StatusLine(as_json).open() as status,
    ):

        def report(event: Event) -> None:
            metrics.take(event)
            _show(event, status)
            if not (as_json or sys.stderr.isatty()):  # else standard output or the screen has it
                logged(event)

        validator = _validator(chain, subnet, kind, pair, wanted, data_dir, options, status, report, spans)
        metrics.watch(subnet, validator.address, validator.health)
        with ExitStack() as shown:
            if metrics_port is not None:
                shown.enter_context(pages(metrics_port, validator.address, validator.health, metrics))
            live(validator.run)


@app.command()
def step(
    netuid: Netuid = None,
    kind: Kind = None,
    model: Model = None,
    dtype: Dtype = None,
    device_map: DeviceMap = None,
    attention: Attention = None,
    quantize: Quantize = None,
    sample: Sample = 64,
    allow_private: AllowPrivate = False,
    traces: Collector = None,
    log_level: Level = LogLevel.INFO,
    log_format: Format = LogFormat.AUTO,
    wallet: WalletName = None,
    hotkey: HotkeyName = None,
    data_dir: DataDir = None,
    wallet_path: WalletPath = None,
    endpoint: Endpoint = None,
    as_json: Json = False,
) -> None:
    """Ask the miners once, now, and show what each gets and why. No weights are set."""
    from meritnet.validator.events import ignore
    from meritnet.validator.run import Options

    (subnet,) = complete({NETUID: netuid})
    pair = open_wallet(wallet, hotkey, wallet_path, None, endpoint).hotkey()
    wanted = loading_of(model, dtype, device_map, attention, quantize)
    options = Options(sample_size=sample, allow_private=may_ask_private(endpoint, allow_private))
    with (
        observed("meritnet-validator", traces, log_level, log_format) as spans,
        connect(endpoint) as chain,
        StatusLine(as_json).open() as status,
    ):
        validator = _validator(chain, subnet, kind, pair, wanted, data_dir, options, status, ignore, spans)
        try:
            judged = asyncio.run(validator.step())
        finally:
            validator.close()
    emit([_row(one) for one in judged], as_json, lambda: _table(judged))


@app.command()
def audit(
    bundle: Annotated[Path, typer.Argument(metavar="BUNDLE", help="The bundle's file.")],
    kind: Kind = None,
    model: Model = None,
    dtype: Dtype = None,
    device_map: DeviceMap = None,
    attention: Attention = None,
    quantize: Quantize = None,
    files: Annotated[
        Path | None,
        typer.Option("--files", metavar="DIR", help="Files that miners delivered. Default: as it was kept."),
    ] = None,
    on_chain: Annotated[
        bool, typer.Option("--on-chain", help="Ask the chain too: block, miners, commit.")
    ] = False,
    endpoint: Endpoint = None,
    as_json: Json = False,
) -> None:
    """Check a bundle without its validator: bytes, draw, signatures, scores, averages, weights, commit.

    Of weights, the steps of their epoch that lie beside them are checked too. Exit code 1 when anything
    differs or cannot be checked.
    """
    from meritnet.cli.bundles import audited, show_audit

    log_to_stderr()
    wanted = loading_of(model, dtype, device_map, attention, quantize)
    chain = connect(endpoint) if on_chain else None
    with StatusLine(as_json).open() as status:
        found = audited(bundle, kind, engine_source(wanted, status.progress), files, chain)
    if not show_audit(found, as_json):
        raise typer.Exit(1)


@app.command()
def why(
    uid: Annotated[int, typer.Option("--uid", metavar="N", help="The miner.", min=0)],
    netuid: Netuid = None,
    wallet: WalletName = None,
    hotkey: HotkeyName = None,
    data_dir: DataDir = None,
    wallet_path: WalletPath = None,
    endpoint: Endpoint = None,
    as_json: Json = False,
) -> None:
    """Say why a miner got what it got: tasks, scores and reasons, average, weight, clip, incentive, pay."""
    from meritnet.cli.bundles import show_story
    from meritnet.validator.why import tell

    (subnet,) = complete({NETUID: netuid})
    address = open_wallet(wallet, hotkey, wallet_path, None, endpoint).wallet.hotkey_address
    with connect(endpoint) as chain:
        directory = state_directory(data_dir, "validator", address, subnet)
        story = tell(chain, directory, subnet, address, uid)
    show_story(story, as_json)


@app.command()
def status(
    netuid: Netuid = None,
    metrics_port: Annotated[
        int | None, typer.Option("--metrics-port", min=1, max=65_535, help="Where it shows its figures.")
    ] = None,
    watch: Watch = False,
    wallet: WalletName = None,
    hotkey: HotkeyName = None,
    data_dir: DataDir = None,
    wallet_path: WalletPath = None,
    endpoint: Endpoint = None,
    as_json: Json = False,
) -> None:
    """Show how a validator stands: epoch, steps, commits, reveals, and what it thinks of each miner."""
    from meritnet.cli.standing import show, validator_page
    from meritnet.validator.status import status as read

    (subnet,) = complete({NETUID: netuid})
    address = open_wallet(wallet, hotkey, wallet_path, None, endpoint).wallet.hotkey_address
    directory = state_directory(data_dir, "validator", address, subnet)
    with connect(endpoint) as chain:
        look = partial(read, chain, directory, subnet, address, metrics_port)
        show(look, validator_page, watch=watch, as_json=as_json)


def _validator(
    chain: Chain,
    netuid: int,
    kind: str | None,
    pair: KeyPair,
    wanted: Loading,
    data_dir: Path | None,
    options: Options,
    status: StatusLine,
    report: Report,
    traces: Traces,
) -> Validator:
    from meritnet.subnets.base import ValidatorContext
    from meritnet.validator.run import Validator

    directory = state_directory(data_dir, "validator", pair.address, netuid)
    role_directory = directory / "role"
    role_directory.mkdir(parents=True, exist_ok=True)
    context = ValidatorContext(
        engine_source(wanted, status.progress), role_directory, pair.address, status.progress
    )
    found = kind_of(chain, netuid, kind)
    role = found.validator(context)
    return Validator(
        chain,
        netuid,
        pair,
        role,
        directory,
        report=report,
        options=options,
        kind=found.kind,
        traces=traces,
    )


def _row(one: Judged) -> dict[str, object]:
    return {
        "uid": one.target.uid,
        "hotkey": one.target.hotkey,
        "score": one.score.value,
        "why": one.score.why,
        "evidence": dict(one.score.evidence),
        "elapsed_s": None if one.exchange is None else round(one.exchange.elapsed_s, 3),
    }


def _table(judged: list[Judged]) -> None:
    rows = [
        (
            one.target.uid,
            f"{one.score.value:.3f}",
            "-" if one.exchange is None else f"{one.exchange.elapsed_s:.2f} s",
            one.score.why,
        )
        for one in judged
    ]
    table(("uid>", "score>", "time>", "why"), rows, empty="no miner serves this subnet")


def logged(event: Event) -> None:
    """An event as a structured line of the log."""
    import structlog

    from meritnet.cli.render import plain

    structlog.get_logger("validator").info(type(event).__name__, **plain(event))


def _show(event: Event, status: StatusLine) -> None:
    from meritnet.validator import events

    match event:
        case events.Asked(uid=uid):
            status.stay(f"asking uid {uid}")
        case events.Scored(uid=uid, value=value, why=why, average=average):
            status.say(f"uid {uid} scored {value:.3f} (average {average:.3f}): {why}", event)
        case events.Stepped(step=number, epoch=epoch, asked=asked, answered=answered, block=block):
            status.say(
                f"step {number} of epoch {epoch} at block {block}: {answered} of {asked} answered", event
            )
        case events.Committed(epoch=epoch, weights=weights):
            status.say(f"committed in epoch {epoch}: weights of {len(weights)} miners", event)
        case events.Revealed(epoch=epoch, weights=weights):
            status.say(f"revealed what epoch {epoch} committed: {_weights(weights)}", event)
        case events.WeightsSet(weights=weights):
            status.say(f"set weights: {_weights(weights)}", event)
        case events.Waits(why=why):
            status.say(why, event)
        case events.Predicted(block=block, rao=rao):
            status.say(f"the epoch at block {block} should pay {tao(rao)}", event)
        case events.Paid(block=block, paid_rao=paid, predicted_rao=predicted):
            verdict = "as predicted" if event.agrees else f"but {tao(predicted)} were predicted"
            status.say(f"the epoch at block {block} paid {tao(paid)}, {verdict}", event)
        case events.Trouble(what=what, message=message):
            status.say(f"could not {what}: {message}", event)


def _weights(shares: dict[int, float]) -> str:
    return ", ".join(f"uid {uid} {share:.3f}" for uid, share in shares.items())
