"""``meritnet stake``: put TAO behind a hotkey, take it back, see where it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from meritnet.cli.options import (
    Endpoint,
    HotkeyName,
    Json,
    PasswordFile,
    Unlocked,
    WalletName,
    WalletPath,
    Wanted,
    Yes,
    amount,
    complete,
    confirm,
    connect,
    open_wallet,
)
from meritnet.cli.render import emit, table, tao, write_line, written

if TYPE_CHECKING:
    from meritnet.chain.client import Chain
    from meritnet.chain.client.submission import Receipt

app = typer.Typer(help="Add, remove, move and list stake.", no_args_is_help=True)

Tokens = Annotated[str, typer.Argument(metavar="AMOUNT", help="How much, in TAO.")]
Subnet = Annotated[
    int | None,
    typer.Option("--netuid", "--subnet", envvar="MERITNET_NETUID", metavar="N", help="The subnet."),
]
To = Annotated[
    str | None, typer.Option("--to", metavar="ADDRESS", help="The hotkey. Default: the wallet's own.")
]

NETUID = Wanted("--netuid N", "the subnet's number", int)


@app.command()
def add(
    tokens: Tokens,
    netuid: Subnet = None,
    to: To = None,
    wallet: WalletName = None,
    hotkey: HotkeyName = None,
    yes: Yes = False,
    wallet_path: WalletPath = None,
    password_file: PasswordFile = None,
    endpoint: Endpoint = None,
    as_json: Json = False,
) -> None:
    """Stake TAO on a hotkey in a subnet. Stake gives a validator its weight."""
    from meritnet.chain.client.stake import add_stake

    (subnet,) = complete({NETUID: netuid})
    rao = amount(tokens)
    unlocked = open_wallet(wallet, hotkey, wallet_path, password_file, endpoint)
    with connect(endpoint) as chain:
        destination = to or unlocked.wallet.hotkey_address
        confirm(f"stake {tao(rao)} on {destination} in subnet {subnet}", yes)
        receipt = add_stake(chain, unlocked.coldkey(), destination, subnet, rao)
        _told(chain, receipt, unlocked, destination, subnet, as_json)


@app.command()
def remove(
    tokens: Tokens,
    netuid: Subnet = None,
    to: To = None,
    wallet: WalletName = None,
    hotkey: HotkeyName = None,
    yes: Yes = False,
    wallet_path: WalletPath = None,
    password_file: PasswordFile = None,
    endpoint: Endpoint = None,
    as_json: Json = False,
) -> None:
    """Take stake back into the coldkey's balance."""
    from meritnet.chain.client.stake import remove_stake

    (subnet,) = complete({NETUID: netuid})
    rao = amount(tokens)
    unlocked = open_wallet(wallet, hotkey, wallet_path, password_file, endpoint)
    with connect(endpoint) as chain:
        source = to or unlocked.wallet.hotkey_address
        confirm(f"take {tao(rao)} from {source} in subnet {subnet}", yes)
        receipt = remove_stake(chain, unlocked.coldkey(), source, subnet, rao)
        _told(chain, receipt, unlocked, source, subnet, as_json)


@app.command()
def move(
    tokens: Tokens,
    netuid: Subnet = None,
    to: To = None,
    to_netuid: Annotated[
        int | None, typer.Option("--to-netuid", metavar="N", help="Its subnet. Default: the same.")
    ] = None,
    wallet: WalletName = None,
    hotkey: HotkeyName = None,
    yes: Yes = False,
    wallet_path: WalletPath = None,
    password_file: PasswordFile = None,
    endpoint: Endpoint = None,
    as_json: Json = False,
) -> None:
    """Move stake from the wallet's hotkey to another, or to another subnet, without taking it out."""
    from meritnet.chain.client.stake import move_stake

    (subnet,) = complete({NETUID: netuid})
    rao = amount(tokens)
    unlocked = open_wallet(wallet, hotkey, wallet_path, password_file, endpoint)
    with connect(endpoint) as chain:
        origin = (unlocked.wallet.hotkey_address, subnet)
        destination = (to or origin[0], subnet if to_netuid is None else to_netuid)
        confirm(f"move {tao(rao)} to {destination[0]} in subnet {destination[1]}", yes)
        receipt = move_stake(chain, unlocked.coldkey(), origin, destination, rao)
        _told(chain, receipt, unlocked, *destination, as_json)


@app.command("list")
def list_(
    wallet: WalletName = None,
    wallet_path: WalletPath = None,
    endpoint: Endpoint = None,
    as_json: Json = False,
) -> None:
    """List what a wallet's coldkey has staked, by hotkey and subnet."""
    address = open_wallet(wallet, None, wallet_path, None, endpoint).wallet.coldkey_address
    with connect(endpoint) as chain:
        found = chain.stake(address)
    columns = ("subnet>", "hotkey", "stake>", "last dividends>", "registered")
    rows: list[list[Any]] = [
        [
            item.netuid,
            item.hotkey,
            tao(item.stake_rao),
            tao(item.emission_rao),
            "yes" if item.is_registered else "no",
        ]
        for item in found
    ]
    emit(found, as_json, lambda: table(columns, rows, f"{address} has no stake"))


def _told(
    chain: Chain, receipt: Receipt, unlocked: Unlocked, hotkey: str, netuid: int, as_json: bool
) -> None:
    from meritnet.chain.client.stake import stake_on

    coldkey = unlocked.wallet.coldkey_address
    staked, free = stake_on(chain, hotkey, coldkey, netuid), chain.balance(coldkey)
    result = written(receipt) | {"hotkey": hotkey, "netuid": netuid, "stake_rao": staked, "free_rao": free}
    emit(result, as_json, lambda: write_line(receipt, f"stake {tao(staked)}", f"free {tao(free)}"))
