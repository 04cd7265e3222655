"""``meritnet wallet``: create and use wallets, send money, sign messages."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from meritnet.chain.errors import UsageError
from meritnet.cli.options import (
    Endpoint,
    HotkeyName,
    Json,
    PasswordFile,
    WalletName,
    WalletPath,
    Yes,
    amount,
    confirm,
    connect,
    open_wallet,
    password,
    wallet_directory,
)
from meritnet.cli.render import emit, facts, line, table, tao, write_line, written

if TYPE_CHECKING:
    from pathlib import Path

    from meritnet.chain.keys import KeyPair
    from meritnet.chain.wallet import Wallet

app = typer.Typer(help="Create and use wallets, send money.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(metavar="NAME", help="The wallet, or NAME/HOTKEY.")]
Unprotected = Annotated[
    bool, typer.Option("--no-password", help="Leave the coldkey's file unencrypted: for play money only.")
]
"""Encryption can be left out, because a first try on a local chain has nothing to lose."""


@app.command()
def create(
    name: Name,
    hotkey: HotkeyName = None,
    words: Annotated[int, typer.Option(help="Words of the phrase: 12, 15, 18, 21 or 24.")] = 12,
    no_password: Unprotected = False,
    password_file: PasswordFile = None,
    wallet_path: WalletPath = None,
    as_json: Json = False,
) -> None:
    """Create a wallet: a coldkey and a hotkey. In a wallet that exists, create the hotkey only.

    The phrase of a new key is shown once: it is the only way back when the file is lost.
    """
    from meritnet.chain.keys import KeyPair

    wallet = _wallet(name, hotkey, wallet_path)
    if words not in (12, 15, 18, 21, 24):
        raise UsageError(f"a phrase has 12, 15, 18, 21 or 24 words, not {words}")
    coldkey_is_new = not wallet.coldkey_file.exists()
    secret = None if no_password or not coldkey_is_new else password(password_file, new=True)
    phrases: dict[str, str] = {}
    # The hotkey first: whatever fails, no coldkey is left behind whose phrase nobody has seen.
    hot, phrases["hotkey_phrase"] = KeyPair.generate(words)
    wallet.create_hotkey(hot)
    if coldkey_is_new:
        cold, phrases["coldkey_phrase"] = KeyPair.generate(words)
        wallet.create_coldkey(cold, secret)
    result = _shown(wallet) | phrases

    def human() -> None:
        facts({"coldkey": wallet.coldkey_address, "hotkey": hot.address, "saved in": wallet.folder})
        for what, phrase in phrases.items():
            print(f"{what.replace('_', ' ')} (write it down, it is not shown again):\n  {phrase}")

    emit(result, as_json, human)


@app.command("import")
def import_(
    name: Name,
    hotkey: HotkeyName = None,
    as_hotkey: Annotated[bool, typer.Option("--as-hotkey", help="The phrase is a hotkey's.")] = False,
    phrase_file: Annotated[
        str | None, typer.Option(metavar="FILE", help="File with the phrase, or - for standard input.")
    ] = None,
    no_password: Unprotected = False,
    password_file: PasswordFile = None,
    wallet_path: WalletPath = None,
    as_json: Json = False,
) -> None:
    """Bring a key back from its phrase. The phrase is never an argument: others can read those."""
    from meritnet.chain.keys import KeyPair

    wallet = _wallet(name, hotkey, wallet_path)
    phrase = _phrase(phrase_file).strip()
    if not phrase or phrase.startswith("/"):
        # Substrate reads a missing phrase as its public development one: nobody should import that unawares.
        raise UsageError("there is no phrase", "give the 12 to 24 words of the key")
    pair = KeyPair.from_uri(phrase)
    if as_hotkey:
        wallet.create_hotkey(pair)
    else:
        wallet.create_coldkey(pair, None if no_password else password(password_file, new=True))
    result = {"wallet": wallet.name, "address": pair.address}
    emit(result, as_json, lambda: line("hotkey" if as_hotkey else "coldkey", pair.address, "imported"))


@app.command("list")
def list_(wallet_path: WalletPath = None, as_json: Json = False) -> None:
    """List the wallets of this machine with their addresses."""
    from meritnet.chain.wallet import wallets

    directory = wallet_directory(wallet_path)
    found = [_shown(wallet) for wallet in wallets(directory)]
    rows = [[item["wallet"], item["coldkey"], ", ".join(item["hotkeys"])] for item in found]
    empty = f"no wallets in {directory}; create one with `meritnet wallet create NAME`"
    emit(found, as_json, lambda: table(("wallet", "coldkey", "hotkeys"), rows, empty))


@app.command()
def show(name: Name, wallet_path: WalletPath = None, as_json: Json = False) -> None:
    """Show a wallet's addresses and files; never a secret."""
    wallet = _wallet(name, None, wallet_path)
    result = _shown(wallet) | {"folder": str(wallet.folder), "encrypted": wallet.is_encrypted}
    emit(result, as_json, lambda: facts(_flat(result)))


@app.command()
def balance(
    who: Annotated[
        str | None, typer.Argument(metavar="[NAME|ADDRESS]", help="Whose. Default: --wallet.")
    ] = None,
    wallet: WalletName = None,
    wallet_path: WalletPath = None,
    endpoint: Endpoint = None,
    as_json: Json = False,
) -> None:
    """Tell what an account has: free, and staked in each subnet."""
    address = _address(who or wallet, wallet_path, endpoint)
    with connect(endpoint) as chain:
        free, staked = chain.balance(address), sum(item.stake_rao for item in chain.stake(address))
    result = {"address": address, "free_rao": free, "staked_rao": staked, "total_rao": free + staked}
    emit(result, as_json, lambda: line(address, f"free {tao(free)}", f"staked {tao(staked)}"))


@app.command()
def transfer(
    sender: Annotated[str, typer.Argument(metavar="FROM", help="The wallet that pays.")],
    receiver: Annotated[str, typer.Argument(metavar="TO", help="A wallet or an address.")],
    tokens: Annotated[str, typer.Argument(metavar="AMOUNT", help="How much, in TAO.")],
    yes: Yes = False,
    wallet_path: WalletPath = None,
    password_file: PasswordFile = None,
    endpoint: Endpoint = None,
    as_json: Json = False,
) -> None:
    """Send TAO to another account."""
    from meritnet.chain.client.stake import transfer as send

    destination, rao = _address(receiver, wallet_path, endpoint), amount(tokens)
    source = open_wallet(sender, None, wallet_path, password_file, endpoint)
    with connect(endpoint) as chain:
        confirm(f"send {tao(rao)} from {sender} to {destination}", yes)
        receipt = send(chain, source.coldkey(), destination, rao)
        left = chain.balance(source.wallet.coldkey_address)
    result = written(receipt) | {"to": destination, "amount_rao": rao, "free_rao": left}
    emit(result, as_json, lambda: write_line(receipt, f"sent {tao(rao)}", f"{sender} has {tao(left)}"))


@app.command()
def sign(
    name: Name,
    message: Annotated[str, typer.Argument(help="Text to sign.")],
    use_hotkey: Annotated[bool, typer.Option("--use-hotkey", help="Sign with the hotkey.")] = False,
    wallet_path: WalletPath = None,
    password_file: PasswordFile = None,
    as_json: Json = False,
) -> None:
    """Sign a text, as proof that one holds the key."""
    unlocked = open_wallet(name, None, wallet_path, password_file)
    pair: KeyPair = unlocked.hotkey() if use_hotkey else unlocked.coldkey()
    result = {"address": pair.address, "message": message, "signature": pair.sign(message.encode())}
    emit(result, as_json, lambda: facts(result | {"signature": "0x" + result["signature"].hex()}))  # type: ignore[attr-defined]


@app.command()
def verify(
    address: Annotated[str, typer.Argument(help="Who is said to have signed.")],
    message: Annotated[str, typer.Argument(help="The text.")],
    signature: Annotated[str, typer.Argument(help="The signature, in hex.")],
    as_json: Json = False,
) -> None:
    """Check a signature; exit code 1 when it is not that account's."""
    from meritnet.chain import keys

    try:
        raw = bytes.fromhex(signature.removeprefix("0x"))
    except ValueError:
        raise UsageError("the signature is not hexadecimal") from None
    public = keys.ss58_decode(address)
    valid = any(keys.verify(public, message.encode(), raw, scheme) for scheme in ("sr25519", "ed25519"))
    emit({"valid": valid}, as_json, lambda: line("valid" if valid else "NOT valid"))
    raise typer.Exit(0 if valid else 1)


def _wallet(name: str, hotkey: str | None, directory: Path | None) -> Wallet:
    """A wallet of files: development keys have none."""
    from meritnet.chain.wallet import Wallet

    base, slash, inner = name.partition("/")
    return Wallet(wallet_directory(directory), base, inner if slash else hotkey or "default")


def _shown(wallet: Wallet) -> dict[str, Any]:
    """A wallet's names and addresses."""
    from dataclasses import replace

    hotkeys = {name: replace(wallet, hotkey_name=name).hotkey_address for name in wallet.hotkeys()}
    return {"wallet": wallet.name, "coldkey": wallet.coldkey_address, "hotkeys": hotkeys}


def _flat(result: dict[str, Any]) -> dict[str, object]:
    hotkeys = {f"hotkey {name}": address for name, address in result["hotkeys"].items()}
    return {name: value for name, value in result.items() if name != "hotkeys"} | hotkeys


def _address(who: str | None, directory: Path | None, endpoint: str | None) -> str:
    """The address of a wallet's coldkey, or the address that was given."""
    from meritnet.chain.errors import InvalidKey
    from meritnet.chain.keys import ss58_decode

    if who is not None:
        try:
            ss58_decode(who)
        except InvalidKey:
            if len(who) > 40:
                raise
        else:
            return who
    return str(open_wallet(who, None, directory, None, endpoint).wallet.coldkey_address)


def _phrase(file: str | None) -> str:
    if file == "-":
        return sys.stdin.readline(4096)
    if file is not None:
        try:
            with open(file, encoding="utf-8") as source:
                return source.readline(4096)
        except (OSError, UnicodeDecodeError):
            raise UsageError(f"the phrase file {file} cannot be read") from None
    if not sys.stdin.isatty():
        raise UsageError(
            "nobody is there to type the phrase", "name a file with --phrase-file, or - for input"
        )
    import getpass

    return getpass.getpass("phrase: ")
