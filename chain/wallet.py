"""Wallets on disk, in Bittensor's format: its tools open ours, and ours open its.

A wallet is a folder: ``coldkey`` (owns money; encrypted), ``coldkeypub.txt``, and ``hotkeys/NAME`` (act for a
miner or validator; plain, so that they start unattended). Files are 0600, folders 0700; nothing is ever
overwritten, and a file appears whole or not at all.

The encryption is NaCl's secret box under an Argon2i key. Its salt is the same for everybody: the format's
choice, kept so that other tools can read the file. It makes a strong password necessary.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from meritnet.chain.errors import InvalidKey, WalletError, WrongPassword
from meritnet.chain.keys import KeyPair, Scheme, ss58_decode
from meritnet.chain.types import Ss58Address

Ask = Callable[[], str]
"""Where a password comes from: called once, and only when one is needed."""

KDF_SALT = bytes.fromhex("137183dff15a09bc9c90b5518739e9b1")
KDF_OPSLIMIT, KDF_MEMLIMIT_BYTES = 8, 512 * 2**20
"""Argon2i as Bittensor's keyfiles use it: about five seconds and 512 MiB for each unlock."""

_MAGIC = b"$NACL"
_MAX_FILE_BYTES = 64 * 1024
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_SCHEMES: dict[int, Scheme] = {0: "ed25519", 1: "sr25519"}


def default_directory() -> Path:
    """Where wallets are kept when nobody says otherwise."""
    from platformdirs import user_data_path

    return user_data_path("meritnet") / "wallets"


@dataclass(frozen=True)
class Wallet:
    """A wallet in a directory of wallets, with one of its hotkeys chosen."""

    directory: Path
    name: str
    hotkey_name: str = "default"

    def __post_init__(self) -> None:
        for what, name in (("wallet", self.name), ("hotkey", self.hotkey_name)):
            if _NAME.fullmatch(name) is None or name.endswith("pub.txt"):
                raise WalletError(
                    f"{name!r} is no name for a {what}", "use letters, digits, '-', '_' and '.', up to 64"
                )

    @property
    def folder(self) -> Path:
        """The wallet's folder."""
        return self.directory / self.name

    @property
    def coldkey_file(self) -> Path:
        """The file of the coldkey's secret."""
        return self.folder / "coldkey"

    @property
    def hotkey_file(self) -> Path:
        """The file of the chosen hotkey's secret."""
        return self.folder / "hotkeys" / self.hotkey_name

    @property
    def coldkey_address(self) -> Ss58Address:
        """The coldkey's address; needs no password."""
        return _address_in(self.folder / "coldkeypub.txt", self)

    @property
    def hotkey_address(self) -> Ss58Address:
        """The chosen hotkey's address."""
        return self.hotkey().address

    @property
    def is_encrypted(self) -> bool:
        """Whether opening the coldkey needs a password."""
        return _read(self.coldkey_file, self).startswith(_MAGIC)

    def coldkey(self, ask: Ask) -> KeyPair:
        """The coldkey. ``ask`` is called for the password of an encrypted file.

        Raises ``WrongPassword``, or ``WalletError`` when there is no such file or it is damaged.
        """
        content = _read(self.coldkey_file, self)
        if content.startswith(_MAGIC):
            content = decrypted(content, ask())
        return _pair(content, self.coldkey_file)

    def hotkey(self) -> KeyPair:
        """The chosen hotkey."""
        content = _read(self.hotkey_file, self)
        if content.startswith(_MAGIC):
            raise WalletError(
                f"the hotkey {self.name}/{self.hotkey_name} is encrypted",
                "hotkeys must open unattended: create one, or decrypt this one with btcli",
            )
        return _pair(content, self.hotkey_file)

    def hotkeys(self) -> list[str]:
        """The names of the wallet's hotkeys, sorted."""
        folder = self.folder / "hotkeys"
        if not folder.is_dir():
            return []
        return sorted(path.name for path in folder.iterdir() if not path.name.endswith("pub.txt"))

    def create_coldkey(self, pair: KeyPair, password: str | None) -> None:
        """Write the coldkey, encrypted unless the password is ``None``. Raises when there is one already."""
        content = _json(pair, secret=True)
        _create(self.coldkey_file, encrypted(content, password) if password is not None else content)
        _create(self.folder / "coldkeypub.txt", _json(pair, secret=False))

    def create_hotkey(self, pair: KeyPair) -> None:
        """Write the chosen hotkey. Raises when there is one already."""
        _create(self.hotkey_file, _json(pair, secret=True))
        _create(self.hotkey_file.with_name(f"{self.hotkey_name}pub.txt"), _json(pair, secret=False))


@dataclass(frozen=True)
class DevelopmentWallet:
    """The public development keys as a wallet: ``//Alice`` is coldkey, ``//Alice//default`` its hotkey.

    Everybody knows these keys: they are for chains on one's own machine.
    """

    name: str
    hotkey_name: str = "default"

    @property
    def coldkey_address(self) -> Ss58Address:
        """The coldkey's address."""
        return KeyPair.from_uri(self.name).address

    @property
    def hotkey_address(self) -> Ss58Address:
        """The chosen hotkey's address."""
        return self.hotkey().address

    def coldkey(self, ask: Ask) -> KeyPair:
        """The coldkey; nothing is asked."""
        return KeyPair.from_uri(self.name)

    def hotkey(self) -> KeyPair:
        """The chosen hotkey."""
        return KeyPair.from_uri(f"{self.name}//{self.hotkey_name}")


def wallets(directory: Path) -> list[Wallet]:
    """Every wallet in a directory, by name."""
    if not directory.is_dir():
        return []
    folders = sorted(path for path in directory.iterdir() if _NAME.fullmatch(path.name))
    return [Wallet(directory, path.name) for path in folders if (path / "coldkeypub.txt").is_file()]


def encrypted(content: bytes, password: str) -> bytes:
    """A key file's content under a password."""
    from nacl.secret import SecretBox

    return _MAGIC + bytes(SecretBox(_derived_key(password)).encrypt(content))


def decrypted(content: bytes, password: str) -> bytes:
    """The content of an encrypted key file. Raises ``WrongPassword``."""
    from nacl.exceptions import CryptoError
    from nacl.secret import SecretBox

    try:
        return bytes(SecretBox(_derived_key(password)).decrypt(content.removeprefix(_MAGIC)))
    except (CryptoError, ValueError):
        raise WrongPassword("the password does not open the coldkey", "type it again") from None


def _derived_key(password: str) -> bytes:
    from nacl.pwhash import argon2i

    return argon2i.kdf(32, password.encode(), KDF_SALT, KDF_OPSLIMIT, KDF_MEMLIMIT_BYTES)


def _json(pair: KeyPair, *, secret: bool) -> bytes:
    fields: dict[str, Any] = {"accountId": "0x" + pair.public.hex(), "publicKey": "0x" + pair.public.hex()}
    if secret:
        fields["privateKey"] = "0x" + pair.secret.hex()
        if pair.phrase is not None:
            fields["secretPhrase"] = pair.phrase
        if pair.seed is not None:
            fields["secretSeed"] = "0x" + pair.seed.hex()
    fields["cryptoType"] = 1 if pair.scheme == "sr25519" else 0
    fields["ss58Address"] = pair.address
    return json.dumps(fields).encode()


def _pair(content: bytes, path: Path) -> KeyPair:
    """The pair in a key file. Messages never repeat what stands in the file."""
    try:
        fields = json.loads(content)
        scheme = _SCHEMES[int(fields.get("cryptoType", 1))]
        public = _bytes(fields["publicKey"])
        if fields.get("secretPhrase"):
            pair = KeyPair.from_mnemonic(fields["secretPhrase"], scheme)
        elif fields.get("secretSeed"):
            pair = KeyPair.from_seed(_bytes(fields["secretSeed"]), scheme)
        else:
            pair = KeyPair(scheme, public, _bytes(fields["privateKey"]))
            if pair.scheme == "ed25519" or _public_of(pair.secret) != public:
                raise InvalidKey("the secret does not fit the public key")
    except (ValueError, KeyError, TypeError, AttributeError):
        raise WalletError(
            f"{path} holds no key in a form known here",
            "older encryptions ($ANSIBLE_VAULT, Fernet) can be renewed with btcli",
        ) from None
    if pair.public != public:
        raise WalletError(f"{path} is damaged: its secret belongs to another public key")
    return pair


def _public_of(secret: bytes) -> bytes:
    import sr25519

    return cast("bytes", sr25519.public_from_secret_key(secret))


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("0x"))


def _address_in(path: Path, wallet: Wallet) -> Ss58Address:
    try:
        address = json.loads(_read(path, wallet))["ss58Address"]
        ss58_decode(address)
    except (ValueError, KeyError, TypeError):
        raise WalletError(f"{path} holds no address") from None
    return Ss58Address(address)


def _read(path: Path, wallet: Wallet) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(_MAX_FILE_BYTES + 1)
    except FileNotFoundError:
        raise _missing(path, wallet) from None
    except OSError as error:
        raise WalletError(f"{path} cannot be read: {error.strerror}") from None
    if len(content) > _MAX_FILE_BYTES:
        raise WalletError(f"{path} is too large for a key file")
    return content


def _missing(path: Path, wallet: Wallet) -> WalletError:
    if not wallet.folder.is_dir():
        known = ", ".join(found.name for found in wallets(wallet.directory)) or "none yet"
        return WalletError(
            f"there is no wallet {wallet.name!r} in {wallet.directory} (there are: {known})",
            f"create it with `meritnet wallet create {wallet.name}`",
        )
    if path.parent.name == "hotkeys":
        known = ", ".join(wallet.hotkeys()) or "none yet"
        return WalletError(
            f"the wallet {wallet.name!r} has no hotkey {wallet.hotkey_name!r} (there are: {known})",
            f"create it with `meritnet wallet create {wallet.name} --hotkey {wallet.hotkey_name}`",
        )
    return WalletError(f"there is no {path.name} in the wallet {wallet.name!r}")


def _create(path: Path, content: bytes) -> None:
    """Write a new file whole. Raises ``WalletError`` when there is one of that name."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        for folder in (path.parent.parent.parent, path.parent.parent, path.parent):
            if not folder.is_dir():
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.link(temporary, path)  # Unlike a rename, this fails when the name is taken.
    except FileExistsError:
        raise WalletError(
            f"{path} exists already; key files are never overwritten", "choose another name, or move it away"
        ) from None
    except OSError as error:
        raise WalletError(f"{path} cannot be written: {error.strerror}") from None
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
