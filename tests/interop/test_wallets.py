"""Wallets on disk: Bittensor's tools open ours, ours open theirs, and both sign with the same keys."""

from pathlib import Path

import pytest

from meritnet.chain.errors import WrongPassword
from meritnet.chain.keys import KeyPair, ss58_decode, verify
from meritnet.chain.wallet import Wallet

PASSWORD = "a password of the interop tests"
MESSAGE = "signed by the other side"
NOWHERE = "ws://127.0.0.1:1"


@pytest.fixture(scope="module")
def wallets_of_sdk(start_driver):
    """The SDK's process; wallets need no chain, so it never connects."""
    return start_driver(NOWHERE)


def signed(address: str, signature: str) -> bool:
    return verify(ss58_decode(address), MESSAGE.encode(), bytes.fromhex(signature))


def test_the_sdk_opens_our_wallet(wallets_of_sdk, tmp_path: Path) -> None:
    coldkey, hotkey = KeyPair.generate()[0], KeyPair.generate()[0]
    ours = Wallet(tmp_path, "ours", "first")
    ours.create_coldkey(coldkey, PASSWORD)
    ours.create_hotkey(hotkey)
    opened = wallets_of_sdk(
        "open_wallet", path=str(tmp_path), name="ours", hotkey="first", password=PASSWORD, message=MESSAGE
    )
    assert opened["coldkey"] == opened["coldkeypub"] == coldkey.address
    assert opened["hotkey"] == hotkey.address
    assert signed(coldkey.address, opened["coldkey_signature"])
    assert signed(hotkey.address, opened["hotkey_signature"])


def test_we_open_the_sdk_s_wallet(wallets_of_sdk, tmp_path: Path) -> None:
    made = wallets_of_sdk(
        "create_wallet", path=str(tmp_path), name="theirs", hotkey="second", password=PASSWORD
    )
    theirs = Wallet(tmp_path, "theirs", "second")
    assert theirs.is_encrypted
    assert theirs.coldkey_address == made["coldkey"]
    assert theirs.coldkey(lambda: PASSWORD).address == made["coldkey"]
    assert theirs.hotkey().address == made["hotkey"]
    assert theirs.hotkeys() == ["second"]


def test_both_refuse_the_wrong_password(wallets_of_sdk, tmp_path: Path) -> None:
    place = {"path": str(tmp_path), "name": "shut", "hotkey": "third"}
    wallets_of_sdk("create_wallet", **place, password=PASSWORD)
    with pytest.raises(AssertionError, match="WrongPasswordError"):
        wallets_of_sdk("open_wallet", **place, password="wrong", message=MESSAGE)
    with pytest.raises(WrongPassword):
        Wallet(tmp_path, "shut", "third").coldkey(lambda: "wrong")
