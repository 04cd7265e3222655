"""``meritnet subnet``: register, start and set subnets, and look at them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from meritnet.chain.errors import DispatchFailed, UsageError
from meritnet.cli.options import (
    Endpoint,
    HotkeyName,
    Json,
    PasswordFile,
    WalletName,
    WalletPath,
    Yes,
    confirm,
    connect,
    open_wallet,
)
from meritnet.cli.render import emit, facts, table, tao, write_line, written

if TYPE_CHECKING:
    from collections.abc import Mapping

    from meritnet.chain.client import Chain
    from meritnet.chain.client.metagraph import Metagraph
    from meritnet.chain.client.subnets import SubnetInfo
    from meritnet.chain.keys import KeyPair

app = typer.Typer(help="Register, start, set and look at subnets.", no_args_is_help=True)

Netuid = Annotated[int, typer.Argument(metavar="NETUID", help="The subnet's number.")]


@app.command()
def register(
    kind: Annotated[
        str | None,
        typer.Option("--kind", metavar="KIND", help="Kind of subnet: sets name and hyperparameters."),
    ] = None,
    name: Annotated[str | None, typer.Option("--name", help="The subnet's name. Default: its kind.")] = None,
    wallet: WalletName = None,
    hotkey: HotkeyName = None,
    yes: Yes = False,
    wallet_path: WalletPath = None,
    password_file: PasswordFile = None,
    endpoint: Endpoint = None,
    as_json: Json = False,
) -> None:
    """Register a subnet. Its price is locked; the wallet owns it, its hotkey is the first neuron."""
    from meritnet.chain.client import subnets

    unlocked = open_wallet(wallet, hotkey, wallet_path, password_file, endpoint)
    found = _kind(kind)
    with connect(endpoint) as chain:
        cost = subnets.lock_cost(chain)
        confirm(f"lock {tao(cost)} for a new subnet", yes)
        owner = unlocked.coldkey()
        netuid, receipt = subnets.register_subnet(chain, owner, unlocked.wallet.hotkey_address)
        title = name or (found.kind if found else "")
        if title:
            subnets.set_identity(chain, owner, netuid, title, found.kind if found else "")
        refused = _set_all(chain, owner, netuid, found.hyperparameters if found else {})
        left = chain.balance(owner.address)
    result = written(receipt) | {"netuid": netuid, "name": title, "locked_rao": cost, "free_rao": left}
    result |= {"refused_hyperparameters": refused}
    told = (f"subnet {netuid}", title, f"locked {tao(cost)}", f"free {tao(left)}")

    def human() -> None:
        write_line(receipt, *told)
        for parameter, reason in refused.items():
            print(f"not set: {parameter} ({reason})")
        print(f"start it with: meritnet subnet start {netuid} --wallet {wallet or unlocked.wallet.name}")

    emit(result, as_json, human)


@app.command()
def new(
    name: Annotated[str, typer.Argument(help="The subnet's kind: small letters, digits and '_'.")],
    directory: Annotated[
        Path, typer.Option("--in", metavar="DIR", help="Where to make its folder. Default: here.")
    ] = Path(),
    as_json: Json = False,
) -> None:
    """Write a new kind of subnet: code that works, with tests that pass, to start from."""
    from meritnet.cli.template import write

    made = write(name, directory)

    def human() -> None:
        for path in made:
            print(path)
        print(f"next: cd {directory / name} && pytest -q")

    emit({"kind": name, "files": [str(path) for path in made]}, as_json, human)


@app.command()
def start(
    netuid: Netuid,
    wallet: WalletName = None,
    yes: Yes = False,
    wallet_path: WalletPath = None,
    password_file: PasswordFile = None,
    endpoint: Endpoint = None,
    as_json: Json = False,
) -> None:
    """Start a subnet: it takes stake and gets emission from the next block on. Its owner does this once."""
    from meritnet.chain.client.subnets import start_subnet

    unlocked = open_wallet(wallet, None, wallet_path, password_file, endpoint)
    with connect(endpoint) as chain:
        receipt = start_subnet(chain, unlocked.coldkey(), netuid)
    result = written(receipt) | {"netuid": netuid, "is_started": True}
    emit(result, as_json, lambda: write_line(receipt, f"subnet {netuid} started"))


@app.command("list")
def list_(endpoint: Endpoint = None, as_json: Json = False) -> None:
    """List all subnets."""
    with connect(endpoint) as chain:
        found = chain.subnets()
    columns = (
        "subnet>",
        "name",
        "neurons>",
        "started",
        "tempo>",
        "register>",
        "staked>",
        "emission a block>",
        "owner",
    )

    def row(info: SubnetInfo) -> list[object]:
        return [
            info.netuid,
            info.name,
            f"{info.neurons}/{info.max_neurons}",
            "yes" if info.is_started else "no",
            info.tempo,
            tao(info.registration_price_rao) if info.netuid else None,
            tao(info.staked_rao),
            tao(info.emission_rao),
            info.owner_coldkey,
        ]

    emit(found, as_json, lambda: table(columns, [row(info) for info in found]))


@app.command()
def show(netuid: Netuid, endpoint: Endpoint = None, as_json: Json = False) -> None:
    """Show a subnet and its hyperparameters, in the chain's names and units."""
    from dataclasses import asdict

    from meritnet.chain.client.epoch_rules import epoch_rules
    from meritnet.chain.client.subnets import liquid_alpha_mode, next_epoch_block, no_such_subnet
    from meritnet.chain.types import NetUid

    with connect(endpoint) as chain:
        at = chain.block_hash()
        infos = [info for info in chain.subnets(at) if info.netuid == netuid]
        if not infos:
            raise no_such_subnet(netuid)
        parameters = asdict(chain.hyperparameters(netuid, at)) | asdict(
            epoch_rules(chain, NetUid(netuid), at)
        )
        parameters["liquid_alpha_mode"] = liquid_alpha_mode(chain, NetUid(netuid), at)
        found = asdict(infos[0]) | {"next_epoch_block": next_epoch_block(chain, netuid, at)}
    result = found | {"hyperparameters": parameters}

    def human() -> None:
        facts(found)
        print("\nhyperparameters")
        facts({f"  {name}": value for name, value in parameters.items()})

    emit(result, as_json, human)


@app.command("set")
def set_(
    netuid: Netuid,
    parameter: Annotated[str, typer.Argument(help="The hyperparameter, as `subnet show` calls it.")],
    value: Annotated[str, typer.Argument(help="A whole number, true or false, or a word.")],
    sudo: Annotated[
        bool, typer.Option("--sudo", help="As the chain's sudo key instead of the owner.")
    ] = False,
    wallet: WalletName = None,
    wallet_path: WalletPath = None,
    password_file: PasswordFile = None,
    endpoint: Endpoint = None,
    as_json: Json = False,
) -> None:
    """Set a hyperparameter. Some only the sudo key may set."""
    from meritnet.chain.client.subnets import set_hyperparameter

    unlocked = open_wallet(wallet, None, wallet_path, password_file, endpoint)
    number = _value(value)
    with connect(endpoint) as chain:
        signer = unlocked.coldkey()
        try:
            receipt = set_hyperparameter(chain, signer, netuid, parameter, number, as_root=sudo)
        except DispatchFailed as error:
            if error.name == "BadOrigin":
                error.hint = "only the chain's sudo key may set it: sign with that wallet, and add --sudo"
            raise
    result = written(receipt) | {"netuid": netuid, "parameter": parameter, "value": number}
    emit(result, as_json, lambda: write_line(receipt, f"subnet {netuid}", f"{parameter} = {number}"))


@app.command()
def metagraph(netuid: Netuid, endpoint: Endpoint = None, as_json: Json = False) -> None:
    """Show every neuron of a subnet: stake, trust, what the last epoch gave."""
    with connect(endpoint) as chain:
        graph = chain.metagraph(netuid)
    columns = (
        *("uid>", "hotkey", "permit", "stake>", "consensus>", "incentive>"),
        *("trust>", "dividends>", "emission>", "updated>", "serves at"),
    )
    rows = [_neuron(graph, uid) for uid in range(len(graph))]
    empty = f"subnet {netuid} has no neurons yet"
    emit(graph, as_json, lambda: table(columns, rows, empty))


def _neuron(graph: Metagraph, uid: int) -> list[object]:
    return [
        uid,
        graph.hotkeys[uid],
        "yes" if graph.validator_permit[uid] else "",
        tao(int(graph.stake_rao[uid])),
        f"{graph.consensus[uid]:.4f}",
        f"{graph.incentive[uid]:.4f}",
        f"{graph.validator_trust[uid]:.4f}",
        f"{graph.dividends[uid]:.4f}",
        tao(int(graph.emission_rao[uid])),
        int(graph.last_update[uid]),
        str(graph.axons[uid]),
    ]


def _set_all(chain: Chain, owner: KeyPair, netuid: int, wanted: Mapping[str, int | bool]) -> dict[str, str]:
    """Set a kind's hyperparameters, as root where the owner is root; those refused, and why.

    The subnet is there and paid for: what cannot be set is told, and no reason to fail.
    """
    from meritnet.chain.client.subnets import set_hyperparameter, sudo_key

    as_root = sudo_key(chain) == owner.address
    refused: dict[str, str] = {}
    for parameter, value in wanted.items():
        try:
            set_hyperparameter(chain, owner, netuid, parameter, value, as_root=as_root)
        except (DispatchFailed, UsageError) as error:
            refused[parameter] = str(error)
    return refused


def _kind(name: str | None) -> Any:
    """The kind of that name; the registry says which there are."""
    if name is None:
        return None
    from meritnet.subnets.registry import subnet

    return subnet(name)


def _value(text: str) -> int | bool | str:
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    if text.isalpha():
        return text.lower()
    try:
        return int(text.replace("_", ""))
    except ValueError:
        raise UsageError(f"{text!r} is no value", "write a whole number, or true or false") from None
