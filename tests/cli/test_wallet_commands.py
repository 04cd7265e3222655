"""``meritnet wallet``: files, phrases, money, signatures."""

import io
from pathlib import Path
from typing import Any

import pytest

from meritnet.chain import wallet as wallet_module
from meritnet.chain.keys import KeyPair
from meritnet.cli import options

ALICE = KeyPair.from_uri("//Alice").address


@pytest.fixture
def cheap_kdf(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wallet_module, "KDF_OPSLIMIT", 3)
    monkeypatch.setattr(wallet_module, "KDF_MEMLIMIT_BYTES", 8192)


def test_a_wallet_is_made_listed_shown_and_its_phrase_told_once(meritnet: Any) -> None:
    made = meritnet("wallet", "create", "me", "--no-password", "--json").json
    assert KeyPair.from_mnemonic(made["coldkey_phrase"]).address == made["coldkey"]
    assert KeyPair.from_mnemonic(made["hotkey_phrase"]).address == made["hotkeys"]["default"]
    listed = meritnet("wallet", "list", "--json").json
    assert listed == [{"wallet": "me", "coldkey": made["coldkey"], "hotkeys": made["hotkeys"]}]
    shown = meritnet("wallet", "show", "me")
    assert made["coldkey"] in shown.out
    assert made["coldkey_phrase"].split()[0] not in shown.out.split()


def test_a_second_hotkey_leaves_the_coldkey_alone(meritnet: Any) -> None:
    first = meritnet("wallet", "create", "me", "--no-password", "--json").json
    second = meritnet("wallet", "create", "me", "--hotkey", "two", "--json").json
    assert "coldkey_phrase" not in second
    assert second["coldkey"] == first["coldkey"]
    assert sorted(second["hotkeys"]) == ["default", "two"]
    again = meritnet("wallet", "create", "me/two")
    assert again.code == 1
    assert "never overwritten" in again.err


@pytest.mark.usefixtures("cheap_kdf")
def test_the_password_comes_from_a_file_and_never_from_an_argument(meritnet: Any, tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("correct horse\n")
    made = meritnet("wallet", "create", "me", "--password-file", str(file), "--json")
    assert meritnet("wallet", "show", "me", "--json").json["encrypted"] is True
    signed = meritnet("wallet", "sign", "me", "x", "--password-file", str(file), "--json")
    assert (made.code, signed.code) == (0, 0)
    assert "horse" not in made.out + made.err + signed.out + signed.err
    kept = [path for path in tmp_path.rglob("*") if path.is_file() and path != file]
    assert kept
    assert not [path for path in kept if b"horse" in path.read_bytes()]
    file.write_text("wrong horse\n")
    wrong = meritnet("wallet", "sign", "me", "x", "--password-file", str(file))
    assert wrong.code == 1
    assert "does not open" in wrong.err
    assert "horse" not in wrong.err


def test_a_hotkey_in_the_way_leaves_no_coldkey_whose_phrase_nobody_saw(meritnet: Any) -> None:
    meritnet("wallet", "create", "me", "--no-password")
    folder = Path(meritnet("wallet", "show", "me", "--json").json["folder"])
    (folder / "coldkey").unlink()
    found = meritnet("wallet", "create", "me", "--no-password")
    assert found.code == 1
    assert "never overwritten" in found.err
    assert not (folder / "coldkey").exists()


@pytest.mark.parametrize("content", ["", "\n"])
def test_an_empty_password_is_refused_for_a_new_key(meritnet: Any, tmp_path: Path, content: str) -> None:
    file = tmp_path / "password"
    file.write_text(content)
    found = meritnet("wallet", "create", "me", "--password-file", str(file))
    assert found.code == 2
    assert "--no-password" in found.err


def test_nobody_is_asked_off_a_terminal(meritnet: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("typed\n"))
    found = meritnet("wallet", "create", "me")
    assert found.code == 2
    assert "--password-file" in found.err
    assert meritnet("wallet", "list", "--json").json == []


def test_a_key_comes_back_from_its_phrase(
    meritnet: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    pair, phrase = KeyPair.generate()
    file = tmp_path / "phrase"
    file.write_text(phrase + "\n")
    found = meritnet("wallet", "import", "back", "--no-password", "--phrase-file", str(file), "--json").json
    assert found["address"] == pair.address
    monkeypatch.setattr("sys.stdin", io.StringIO(phrase))
    found = meritnet("wallet", "import", "back", "--as-hotkey", "--phrase-file", "-", "--json").json
    assert found["address"] == pair.address
    file.write_text("these are no words of any list\n")
    wrong = meritnet("wallet", "import", "other", "--no-password", "--phrase-file", str(file))
    assert wrong.code == 1
    assert "list" not in wrong.err


@pytest.mark.parametrize("text", ["", "\n", "  ", "//Alice"])
def test_the_public_development_phrase_is_not_imported_unawares(
    meritnet: Any, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(text))
    found = meritnet("wallet", "import", "back", "--no-password", "--phrase-file", "-")
    assert found.code == 2
    assert "no phrase" in found.err
    assert meritnet("wallet", "list", "--json").json == []


def test_a_signature_is_checked(meritnet: Any) -> None:
    meritnet("wallet", "create", "me", "--no-password")
    signed = meritnet("wallet", "sign", "me", "I am me", "--json").json
    verify = ("wallet", "verify", signed["address"], "I am me", signed["signature"])
    assert meritnet(*verify).code == 0
    assert meritnet(*verify, "--json").json == {"valid": True}
    assert meritnet("wallet", "verify", ALICE, "I am me", signed["signature"]).code == 1
    assert meritnet("wallet", "verify", ALICE, "x", "zz").code == 2


@pytest.mark.usefixtures("local_chain")
def test_money_is_sent_and_counted(meritnet: Any) -> None:
    made = meritnet("wallet", "create", "me", "--no-password", "--json").json
    sent = meritnet("wallet", "transfer", "//Alice", "me", "12.5", "--yes", "--json").json
    assert sent["to"] == made["coldkey"]
    assert sent["amount_rao"] == 12_500_000_000
    assert sent["block"] == 1
    assert sent["fee_rao"] > 0
    back = meritnet("wallet", "transfer", "me", ALICE, "2", "-y")
    assert back.code == 0
    assert "sent 2 τ" in back.out
    assert "block 2" in back.out


@pytest.mark.usefixtures("local_chain")
def test_nothing_is_spent_without_consent(meritnet: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    found = meritnet("wallet", "transfer", "//Alice", "//Bob", "1")
    assert found.code == 2
    assert "send 1 τ from //Alice" in found.err
    assert "--yes" in found.err
    monkeypatch.setattr("sys.stdin", Terminal("n\n"))
    assert meritnet("wallet", "transfer", "//Alice", "//Bob", "1").code == 130
    monkeypatch.setattr("sys.stdin", Terminal("y\n"))
    assert meritnet("wallet", "transfer", "//Alice", "//Bob", "1").code == 0


@pytest.mark.usefixtures("local_chain")
def test_what_cannot_be_paid_is_the_runtime_s_word(meritnet: Any) -> None:
    found = meritnet("wallet", "transfer", "//Alice", "//Bob", "999999999", "--yes", "--json")
    assert found.code == 1
    assert found.json["kind"] == "DispatchFailed"
    meritnet("wallet", "create", "poor", "--no-password")
    refused = meritnet("wallet", "transfer", "poor", "//Bob", "1", "--yes")
    assert "too little free balance for the fee" in refused.err


def test_a_wallet_by_the_config_file(
    meritnet: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, local_chain: str
) -> None:
    file = tmp_path / "config.toml"
    file.write_text(f'wallet = "//Bob"\nendpoint = "{local_chain}"\n')
    monkeypatch.setenv("MERITNET_CONFIG", str(file))
    options.config.cache_clear()
    unlocked = options.open_wallet(None)
    assert unlocked.wallet.coldkey_address == KeyPair.from_uri("//Bob").address


class Terminal(io.StringIO):
    """Standard input with somebody in front of it."""

    def isatty(self) -> bool:
        return True
