"""Key pairs, signatures and addresses of the chain: sr25519 and ed25519, with Substrate's derivation.

A secret URI is ``PHRASE//hard/soft///password``: a BIP-39 phrase or a ``0x`` seed of 32 bytes, then
junctions, then the password of the phrase. Without a phrase it stands for Substrate's public development
phrase, so that ``//Alice`` is the Alice of every development chain. Nothing here imports more than the two
crypto libraries.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import blake2b
from typing import Literal

import bip39
import nacl.bindings
import nacl.exceptions
import sr25519

from meritnet.chain.errors import InvalidKey
from meritnet.chain.types import SS58_PREFIX, Ss58Address

Scheme = Literal["sr25519", "ed25519"]

DEVELOPMENT_PHRASE = "bottom drive obey lake curtain smoke basket hold race lonely fit walk"
"""The phrase behind ``//Alice`` and her friends: public, for development chains only."""

_ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_DIGIT = {letter: index for index, letter in enumerate(_ALPHABET)}
_URI = re.compile(r"(?P<phrase>[^/]*)(?P<path>(?:/{1,2}[^/]+)*)(?:///(?P<password>.*))?", re.DOTALL)
_JUNCTION = re.compile(r"(/{1,2})([^/]+)")


@dataclass(frozen=True)
class KeyPair:
    """A secret key and its public half. The secret never shows in ``repr``.

    ``secret`` is the 64-byte expanded key (schnorrkel's form for sr25519, seed + public for ed25519);
    ``seed`` and ``phrase`` are kept when the pair was made from them, for the key file.
    """

    scheme: Scheme
    public: bytes
    secret: bytes = field(repr=False)
    seed: bytes | None = field(default=None, repr=False)
    phrase: str | None = field(default=None, repr=False)

    @property
    def address(self) -> Ss58Address:
        """The account's address with the chain's prefix."""
        return ss58_encode(self.public)

    def sign(self, message: bytes) -> bytes:
        """64 bytes of signature over the message as it is; sr25519 uses the context ``substrate``."""
        if self.scheme == "sr25519":
            signature: bytes = sr25519.sign((self.public, self.secret), message)
            return signature
        signed: bytes = nacl.bindings.crypto_sign(message, self.secret)
        return signed[:64]

    @staticmethod
    def from_seed(seed: bytes, scheme: Scheme = "sr25519") -> KeyPair:
        """The pair of a 32-byte seed. Raises ``InvalidKey`` for another length."""
        if len(seed) != 32:
            raise InvalidKey(f"a seed has 32 bytes, not {len(seed)}")
        if scheme == "sr25519":
            public, secret = sr25519.pair_from_seed(seed)
        else:
            public, secret = nacl.bindings.crypto_sign_seed_keypair(seed)
        return KeyPair(scheme, public, secret, seed=seed)

    @staticmethod
    def from_mnemonic(phrase: str, scheme: Scheme = "sr25519", password: str = "") -> KeyPair:
        """The pair of a BIP-39 phrase (English). Raises ``InvalidKey`` for a wrong word or checksum."""
        words = " ".join(phrase.split())
        try:
            seed = bytes(bip39.bip39_to_mini_secret(words, password))
        except ValueError:
            # The library's message repeats the phrase: it must not reach a log.
            raise InvalidKey(
                "the phrase is no BIP-39 mnemonic", "check each word, their order and their number (12 to 24)"
            ) from None
        pair = KeyPair.from_seed(seed, scheme)
        return KeyPair(scheme, pair.public, pair.secret, seed, words)

    @staticmethod
    def from_uri(uri: str, scheme: Scheme = "sr25519") -> KeyPair:
        """The pair of a secret URI. Raises ``InvalidKey`` when malformed, or soft with ed25519."""
        match = _URI.fullmatch(uri.strip())
        if match is None:
            raise InvalidKey(
                "no secret URI", "write PHRASE//hard/soft///password, //Alice, or 0x and 64 hex digits"
            )
        phrase, path, password = match["phrase"].strip(), match["path"], match["password"] or ""
        if phrase.startswith("0x"):
            pair = KeyPair.from_seed(_seed_from_hex(phrase), scheme)
        else:
            pair = KeyPair.from_mnemonic(phrase or DEVELOPMENT_PHRASE, scheme, password)
        for slashes, name in _JUNCTION.findall(path):
            pair = _derived(pair, _chain_code(name), hard=slashes == "//")
        return pair

    @staticmethod
    def generate(words: int = 12, scheme: Scheme = "sr25519") -> tuple[KeyPair, str]:
        """A new pair and its phrase, from the operating system's randomness."""
        phrase: str = bip39.bip39_generate(words)
        return KeyPair.from_mnemonic(phrase, scheme), phrase


def verify(public: bytes, message: bytes, signature: bytes, scheme: str = "sr25519") -> bool:
    """Whether the signature is this key's over this message. Malformed input is simply ``False``.

    So is the account of zeros, for which schnorrkel would take a signature of zeros over any message.
    """
    if len(public) != 32 or len(signature) != 64 or public == bytes(32):
        return False
    if scheme == "sr25519":
        try:
            return bool(sr25519.verify(signature, message, public))
        except ValueError:  # The library raises for bytes that are no signature or no key at all.
            return False
    if scheme != "ed25519":
        return False
    try:
        nacl.bindings.crypto_sign_open(signature + message, public)
    except nacl.exceptions.BadSignatureError:
        return False
    return True


@lru_cache(maxsize=65_536)
def ss58_encode(public: bytes, prefix: int = SS58_PREFIX) -> Ss58Address:
    """The address of a 32-byte account. Prefixes up to 16,383, as the SS58 registry allows."""
    if len(public) != 32 or not 0 <= prefix < 16_384:
        raise InvalidKey(f"no account: {len(public)} bytes, prefix {prefix}")
    if prefix < 64:
        head = bytes([prefix])
    else:
        head = bytes([((prefix & 0b1111_1100) >> 2) | 0b0100_0000, (prefix >> 8) | ((prefix & 0b11) << 6)])
    body = head + public
    number = int.from_bytes(body + _checksum(body), "big")
    text = ""
    while number:
        number, digit = divmod(number, 58)
        text = _ALPHABET[digit] + text
    zeros = len(body) - len(body.lstrip(b"\0"))
    return Ss58Address("1" * zeros + text)


def ss58_decode(address: str) -> bytes:
    """The 32 bytes of an account, whatever its prefix. Raises ``InvalidKey``, a ``ValueError``."""
    if not 1 <= len(address) <= 64 or any(letter not in _DIGIT for letter in address):
        raise InvalidKey(f"{address[:64]!r} is no SS58 address")
    number = 0
    for letter in address:
        number = number * 58 + _DIGIT[letter]
    zeros = len(address) - len(address.lstrip("1"))
    raw = b"\0" * zeros + number.to_bytes((number.bit_length() + 7) // 8, "big")
    head = 2 if raw and raw[0] & 0b0100_0000 else 1
    if len(raw) != head + 34 or raw[0] >= 128:
        raise InvalidKey(f"{address!r} is no SS58 address of an account")
    if _checksum(raw[:-2]) != raw[-2:]:
        raise InvalidKey(f"{address!r} has a wrong checksum", "a letter is mistyped; copy the address again")
    return raw[head:-2]


def _checksum(body: bytes) -> bytes:
    return blake2b(b"SS58PRE" + body, digest_size=64).digest()[:2]


def _seed_from_hex(text: str) -> bytes:
    try:
        return bytes.fromhex(text.removeprefix("0x"))
    except ValueError:
        raise InvalidKey("the seed is not hexadecimal", "write 0x and 64 hex digits") from None


def _chain_code(name: str) -> bytes:
    """The 32 bytes of a junction: a number as u64, else SCALE text, hashed when it is too long."""
    if name.isascii() and name.isdigit():
        number = int(name)
        if number >= 2**64:
            raise InvalidKey(f"junction {name} does not fit into 64 bits")
        return number.to_bytes(8, "little").ljust(32, b"\0")
    encoded = _scale_text(name)
    return encoded.ljust(32, b"\0") if len(encoded) <= 32 else blake2b(encoded, digest_size=32).digest()


def _scale_text(text: str) -> bytes:
    raw = text.encode()
    if len(raw) < 64:
        return bytes([len(raw) << 2]) + raw
    if len(raw) < 2**14:
        return (len(raw) << 2 | 1).to_bytes(2, "little") + raw
    raise InvalidKey("a junction of the derivation path is too long")


def _derived(pair: KeyPair, chain_code: bytes, *, hard: bool) -> KeyPair:
    if pair.scheme == "sr25519":
        derive = sr25519.hard_derive_keypair if hard else sr25519.derive_keypair
        _, public, secret = derive((chain_code, pair.public, pair.secret), b"")
        return KeyPair("sr25519", public, secret)
    if not hard:
        raise InvalidKey("ed25519 has no soft derivation", "use // instead of / in the path")
    assert pair.seed is not None, "an ed25519 pair always knows its seed"
    seed = blake2b(_scale_text("Ed25519HDKD") + pair.seed + chain_code, digest_size=32).digest()
    return KeyPair.from_seed(seed, "ed25519")
