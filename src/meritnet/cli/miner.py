"""``meritnet miner``: join a subnet, serve it, improve its model."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from meritnet.chain.errors import UsageError
from meritnet.cli.loading import Attention, DeviceMap, Dtype, Model, Quantize, engine_source, loading_of
from meritnet.cli.logs import Collector, Format, Level, LogFormat, LogLevel, observed
from meritnet.cli.neurons import (
    DataDir,
    Kind,
    Netuid,
    StatusLine,
    Watch,
    kind_of,
    live,
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
    is_local,
    open_wallet,
)
from meritnet.cli.render import emit, line, tao

if TYPE_CHECKING:
    from meritnet.miner.events import Event

app = typer.Typer(help="Register and run a miner.", no_args_is_help=True)

NETUID = Wanted("--netuid N", "the subnet's number", int)


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
    """Register the wallet's hotkey in a subnet. The price is burned."""
    (subnet,) = complete({NETUID: netuid})
    unlocked = open_wallet(wallet, hotkey, wallet_path, password_file, endpoint)
    with connect(endpoint) as chain:
        join(chain, unlocked, subnet, "miner", yes, as_json)


@app.command()
def run(
    netuid: Netuid = None,
    kind: Kind = None,
    model: Model = None,
    dtype: Dtype = None,
    device_map: DeviceMap = None,
    attention: Attention = None,
    quantize: Quantize = None,
    host: Annotated[str, typer.Option("--host", help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=0, max=65_535, help="Port; 0 takes a free one.")] = 8091,
    external_ip: Annotated[
        str | None, typer.Option("--external-ip", metavar="IP", help="The address that validators reach.")
    ] = None,
    api_keys: Annotated[
        Path | None,
        typer.Option(
            "--api-keys",
            envvar="MERITNET_API_KEYS",
            metavar="FILE",
            help="Opens /v1 to whoever sends one of the file's keys as bearer token: lines of `name:key`, "
            "mode 0600. Without it /v1 is open to this machine only.",
        ),
    ] = None,
    trusted_proxy: Annotated[
        list[str] | None,
        typer.Option(
            "--trusted-proxy",
            metavar="ADDRESS",
            help="Believe X-Forwarded-For of this reverse proxy (address or network; may be repeated).",
        ),
    ] = None,
    lazy: Annotated[
        bool, typer.Option("--lazy", help="Cheat on purpose, to watch validators catch it.")
    ] = False,
    min_stake: Annotated[
        str | None, typer.Option("--min-stake", metavar="TAO", help="Serve this stake too, without a permit.")
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
    """Serve a subnet until stopped. SIGTERM and Ctrl-C finish what is being answered, then stop."""
    from meritnet.cli.options import amount
    from meritnet.miner.addresses import Proxies
    from meritnet.miner.admission import Policy
    from meritnet.miner.announce import announced_ip
    from meritnet.miner.clients import read_clients
    from meritnet.miner.run import MinerService, run_miner
    from meritnet.subnets.base import MinerContext

    (subnet,) = complete({NETUID: netuid})
    pair = open_wallet(wallet, hotkey, wallet_path, None, endpoint).hotkey()
    ip = announced_ip(host, external_ip, chain_is_local=is_local(endpoint))
    wanted = loading_of(model, dtype, device_map, attention, quantize)
    directory = state_directory(data_dir, "miner", pair.address, subnet)
    with (
        observed("meritnet-miner", traces, log_level, log_format) as spans,
        connect(endpoint) as chain,
        StatusLine(as_json).open() as status,
    ):
        context = MinerContext(
            engine_source(wanted, status.progress), directory / "role", pair.address, lazy, status.progress
        )
        context.data_dir.mkdir(parents=True, exist_ok=True)
        service = MinerService(
            chain,
            subnet,
            pair,
            kind_of(chain, subnet, kind).miner(context),
            data_dir=directory,
            host=host,
            port=port,
            announced_ip=ip,
            clients=None if api_keys is None else read_clients(api_keys),
            proxies=Proxies(trusted_proxy or ()),
            policy=Policy(min_stake_rao=None if min_stake is None else amount(min_stake)),
            report=lambda event: _show(event, status),
            traces=spans,
        )
        live(lambda stop: run_miner(service, stop))


@app.command()
def status(
    url: Annotated[
        str,
        typer.Option(
            "--url",
            envvar="MERITNET_MINER_URL",
            metavar="URL",
            help="Where this machine's miner listens.",
        ),
    ] = "http://127.0.0.1:8091",
    watch: Watch = False,
    as_json: Json = False,
) -> None:
    """Show how a running miner of this machine stands: ready, earning, how many requests, what it refused."""
    from meritnet.cli.standing import miner_page, show
    from meritnet.miner.status import read_status

    show(partial(read_status, url), miner_page, watch=watch, as_json=as_json)


@app.command()
def finetune(
    netuid: Netuid = None,
    model: Model = None,
    dtype: Dtype = None,
    device_map: DeviceMap = None,
    attention: Attention = None,
    quantize: Quantize = None,
    steps: Annotated[int, typer.Option("--steps", min=1, max=100_000, help="Steps of training.")] = 40,
    examples: Annotated[int, typer.Option("--examples", min=1, max=1024, help="Examples in a pass.")] = 4,
    accumulate: Annotated[
        int, typer.Option("--accumulate", min=1, max=1024, help="Passes in a step; memory is that of one.")
    ] = 1,
    learning_rate: Annotated[
        float, typer.Option("--learning-rate", min=1e-6, max=1.0, help="The optimizer's.")
    ] = 2e-3,
    rank: Annotated[int, typer.Option("--rank", min=1, help="Rank of the adapter; at most 16.")] = 8,
    target: Annotated[
        list[str] | None,
        typer.Option(
            "--target",
            metavar="LAYER",
            help="A layer to change; may be repeated. Default: q_proj, v_proj.",
        ),
    ] = None,
    dora: Annotated[
        bool, typer.Option("--dora", help="Train magnitudes too (DoRA): slower, often better at low rank.")
    ] = False,
    measure_every: Annotated[
        int, typer.Option("--measure-every", min=0, help="Steps between looks at held-out text; 0: none.")
    ] = 10,
    checkpoint_every: Annotated[
        int, typer.Option("--checkpoint-every", min=1, help="Steps that a kill costs at most.")
    ] = 10,
    fresh: Annotated[bool, typer.Option("--fresh", help="Forget a training that was interrupted.")] = False,
    png: Annotated[
        Path | None, typer.Option("--png", metavar="FILE", help="Draw the losses into this file too.")
    ] = None,
    wallet: WalletName = None,
    hotkey: HotkeyName = None,
    data_dir: DataDir = None,
    wallet_path: WalletPath = None,
    endpoint: Endpoint = None,
    as_json: Json = False,
) -> None:
    """Train an adapter for a fine_tuning subnet; a miner that runs there takes it up, else the next one.

    Interrupted, the same command goes on from the last checkpoint.
    """
    import asyncio

    from meritnet.cli import curve
    from meritnet.cli.progress import bar
    from meritnet.miner.finetune import finetune as train
    from meritnet.subnets.fine_tuning.limits import LIMITS
    from meritnet.subnets.fine_tuning.training import Recipe
    from meritnet.subnets.models.forms import AdapterError, Form

    (subnet,) = complete({NETUID: netuid})
    form = Form(rank, tuple(sorted(set(target))) if target else Form.targets, dora)
    try:
        LIMITS.check(form)
    except AdapterError as error:
        raise UsageError(str(error)) from None
    if png is not None and not png.absolute().parent.is_dir():
        raise UsageError(f"there is no folder {png.absolute().parent} for the picture")
    address = open_wallet(wallet, hotkey, wallet_path, None, endpoint).wallet.hotkey_address
    directory = state_directory(data_dir, "miner", address, subnet) / "role"
    directory.mkdir(parents=True, exist_ok=True)
    wanted = loading_of(model, dtype, device_map, attention, quantize)
    recipe = Recipe(
        steps, examples, learning_rate, accumulate=accumulate, form=form, measure_every=measure_every
    )
    with bar() as report:
        work = train(
            engine_source(wanted, report),
            address,
            directory,
            recipe,
            report,
            checkpoint_every=checkpoint_every,
            fresh=fresh,
        )
        done = asyncio.run(work)
    trained = list(enumerate(done.curve.losses, start=1))
    if png is not None:
        curve.picture(trained, done.curve.held_out, png)
    result = {
        "content_id": done.published.content_id,
        "steps": steps,
        "resumed_at": done.resumed_at,
        "base_loss_nats": done.base_loss,
        "adapter_loss_nats": done.adapter_loss,
        "loss_gain_nats": done.loss_gain_nats,
        "losses_nats": done.curve.losses,
        "held_out_losses_nats": [{"step": step, "loss": loss} for step, loss in done.curve.held_out],
    }

    def human() -> None:
        print("\n".join(curve.lines(trained, done.curve.held_out)))
        gained = f"held-out loss {done.base_loss:.4f} → {done.adapter_loss:.4f} nats a token"
        resumed = f"resumed at step {done.resumed_at}" if done.resumed_at else ""
        line(f"adapter {done.published.content_id[:12]}…", f"{steps} steps", resumed, gained)
        print(f"serve it with: meritnet miner run --netuid {subnet}")

    emit(result, as_json, human)


def _show(event: Event, status: StatusLine) -> None:
    from meritnet.miner import events

    match event:
        case events.Serving(url=url):
            status.say(f"serving at {url}", event)
        case events.Announced(uid=uid, ip=ip, port=port):
            status.say(f"uid {uid} of subnet {event.netuid} is announced at {ip}:{port}", event)
        case events.Deregistered():
            status.say(f"deregistered from subnet {event.netuid}: nobody will ask any more", event)
        case events.Trouble(what=what, message=message):
            status.say(f"could not {what}: {message}", event)
        case events.Seen():
            _stay(event, status)


def _stay(seen: Any, status: StatusLine) -> None:
    status.stay(
        f"miner {seen.uid} · subnet {seen.netuid} · block {seen.block} · incentive {seen.incentive:.3f} · "
        f"last epoch {tao(seen.emission_rao)} · stake {tao(seen.stake_rao)}"
    )
