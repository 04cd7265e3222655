"""Wallets on disk: Bittensor's format, private, never overwritten."""

import json
import stat
from hashlib import sha256
from importlib.resources import files
from pathlib import Path

import pytest

from meritnet.chain import wallet as wallet_module
from meritnet.chain.errors import WalletError, WrongPassword
from meritnet.chain.keys import KeyPair
from meritnet.chain.wallet import DevelopmentWallet, Wallet, decrypted, encrypted, wallets

ORACLE = json.loads(files("meritnet.chain").joinpath("vectors/oracle/wallet_keys.json").read_text())
PHRASE = ORACLE["literal"]["mnemonic"]


def nobody() -> str:
    raise AssertionError("no password is needed here")


@pytest.fixture
def cheap_kdf(monkeypatch: pytest.MonkeyPatch) -> None:
    """The smallest costs that Argon2i allows; the real ones are 5 s and 512 MiB."""
    monkeypatch.setattr(wallet_module, "KDF_OPSLIMIT", 3)
    monkeypatch.setattr(wallet_module, "KDF_MEMLIMIT_BYTES", 8192)


@pytest.fixture
def me(tmp_path: Path) -> Wallet:
    made = Wallet(tmp_path / "wallets", "me")
    made.create_coldkey(KeyPair.from_mnemonic(PHRASE), None)
    made.create_hotkey(KeyPair.from_uri("//Alice"))
    return made


@pytest.mark.slow
def test_a_coldkey_that_bittensor_encrypted_opens() -> None:
    vector = ORACLE["encrypted_keyfile"]
    content = decrypted(bytes.fromhex(vector["file_hex"]), vector["password"])
    assert sha256(content).hexdigest() == vector["plaintext_sha256"]
    with pytest.raises(WrongPassword):
        decrypted(bytes.fromhex(vector["file_hex"]), "something else")


def test_the_key_derivation_has_bittensor_s_parameters() -> None:
    kdf = ORACLE["encrypted_keyfile"]["kdf"]
    assert kdf["opslimit"] == wallet_module.KDF_OPSLIMIT
    assert kdf["memlimit_bytes"] == wallet_module.KDF_MEMLIMIT_BYTES
    assert kdf["salt_hex"] == wallet_module.KDF_SALT.hex()


def test_key_files_have_bittensor_s_fields_and_values(me: Wallet) -> None:
    assert json.loads(me.coldkey_file.read_bytes()) == ORACLE["keyfile"]["mnemonic_coldkey"]
    assert json.loads(me.hotkey_file.read_bytes()) == ORACLE["keyfile"]["alice_hotkey_from_uri"]
    public = json.loads((me.folder / "coldkeypub.txt").read_bytes())
    assert sorted(public) == sorted(ORACLE["keyfile"]["json_keys_pub"])


def test_what_was_written_is_read(me: Wallet) -> None:
    assert me.coldkey(nobody) == KeyPair.from_mnemonic(PHRASE)
    assert me.coldkey_address == ORACLE["literal"]["ss58"]
    assert me.hotkey() == KeyPair.from_uri("//Alice")
    assert me.hotkeys() == ["default"]
    assert wallets(me.directory) == [me]


def test_an_ed25519_key_survives_too(tmp_path: Path) -> None:
    pair = KeyPair.from_seed(bytes(32), "ed25519")
    made = Wallet(tmp_path, "ed")
    made.create_hotkey(pair)
    assert made.hotkey() == pair


def test_only_the_owner_may_look(me: Wallet) -> None:
    for path in me.directory.rglob("*"):
        mode = stat.S_IMODE(path.stat().st_mode)
        assert mode == (0o700 if path.is_dir() else 0o600), path
    assert stat.S_IMODE(me.directory.stat().st_mode) == 0o700


def test_nothing_is_overwritten_and_nothing_is_left_behind(me: Wallet) -> None:
    before = {path: path.read_bytes() for path in me.directory.rglob("*") if path.is_file()}
    other, _ = KeyPair.generate()
    for create in (lambda: me.create_coldkey(other, None), lambda: me.create_hotkey(other)):
        with pytest.raises(WalletError, match="never overwritten"):
            create()
    assert {path: path.read_bytes() for path in me.directory.rglob("*") if path.is_file()} == before


@pytest.mark.usefixtures("cheap_kdf")
def test_an_encrypted_coldkey_opens_with_its_password_only(tmp_path: Path) -> None:
    made = Wallet(tmp_path, "safe")
    pair, phrase = KeyPair.generate()
    made.create_coldkey(pair, "correct horse")
    assert made.is_encrypted
    assert made.coldkey_file.read_bytes().startswith(b"$NACL")
    assert phrase.encode() not in made.coldkey_file.read_bytes()
    assert made.coldkey(lambda: "correct horse") == pair
    with pytest.raises(WrongPassword):
        made.coldkey(lambda: "wrong horse")


@pytest.mark.usefixtures("cheap_kdf")
@pytest.mark.parametrize("cut", [0, 5, 20, 29, -1])
def test_a_damaged_encrypted_file_is_a_wrong_password_not_a_crash(cut: int) -> None:
    with pytest.raises(WrongPassword):
        decrypted(encrypted(b"{}", "x")[:cut], "x")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{}",
        b"[]",
        b"\xff",
        b'{"publicKey": 5}',
        b'{"publicKey": "0x00", "secretSeed": "0x00"}',
        b"$ANSIBLE_VAULT",
    ],
)
def test_a_file_that_is_no_key_says_so_without_quoting_it(me: Wallet, content: bytes) -> None:
    me.hotkey_file.write_bytes(content)
    with pytest.raises(WalletError, match="holds no key"):
        me.hotkey()


def test_a_secret_of_another_public_key_is_refused(me: Wallet) -> None:
    fields = json.loads(me.hotkey_file.read_bytes())
    me.hotkey_file.write_text(json.dumps(fields | {"secretSeed": "0x" + "11" * 32}))
    with pytest.raises(WalletError, match="damaged"):
        me.hotkey()


def test_a_huge_file_is_not_read(me: Wallet) -> None:
    me.hotkey_file.write_bytes(b" " * 100_000)
    with pytest.raises(WalletError, match="too large"):
        me.hotkey()


def test_what_is_missing_is_named_with_what_there_is(me: Wallet) -> None:
    with pytest.raises(WalletError, match=r"no wallet 'you'.*\(there are: me\)") as caught:
        Wallet(me.directory, "you").coldkey(nobody)
    assert "wallet create you" in caught.value.hint
    with pytest.raises(WalletError, match=r"no hotkey 'second' \(there are: default\)"):
        Wallet(me.directory, "me", "second").hotkey()


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "../x", "-x", "a b", "x" * 65, "mepub.txt"])
def test_names_cannot_leave_the_directory(tmp_path: Path, name: str) -> None:
    with pytest.raises(WalletError, match="no name"):
        Wallet(tmp_path, name)
    with pytest.raises(WalletError, match="no name"):
        Wallet(tmp_path, "me", name)


def test_development_keys_are_a_wallet_without_files() -> None:
    alice = DevelopmentWallet("//Alice", "validator")
    assert alice.coldkey(nobody) == KeyPair.from_uri("//Alice")
    assert alice.hotkey() == KeyPair.from_uri("//Alice//validator")
    assert alice.coldkey_address != alice.hotkey_address
