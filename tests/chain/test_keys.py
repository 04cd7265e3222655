"""Keys, signatures and addresses against numbers from Bittensor's own tools."""

import json
from importlib.resources import files

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meritnet.chain.errors import InvalidKey
from meritnet.chain.keys import KeyPair, ss58_decode, ss58_encode, verify

ORACLE = json.loads(files("meritnet.chain").joinpath("vectors/oracle/wallet_keys.json").read_text())


def raw(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("0x"))


def pair_of(vector: dict[str, str]) -> KeyPair:
    scheme = vector["scheme"]
    if "suri" in vector:
        return KeyPair.from_uri(vector["suri"], scheme)  # type: ignore[arg-type]
    return KeyPair.from_seed(raw(vector["seed"]), scheme)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "vector", ORACLE["keys"], ids=lambda vector: f"{vector.get('suri', 'seed')}-{vector['scheme']}"
)
def test_public_keys_and_addresses_are_the_oracle_s(vector: dict[str, str]) -> None:
    pair = pair_of(vector)
    assert pair.public == raw(vector["public"])
    assert pair.address == vector["ss58_42"]


@pytest.mark.parametrize(
    "vector", [found for found in ORACLE["keys"] if "sign" in found], ids=lambda v: v["suri"]
)
def test_ed25519_signatures_are_the_oracle_s(vector: dict[str, dict[str, str]]) -> None:
    pair = pair_of(vector)  # type: ignore[arg-type]
    for message, signature in vector["sign"].items():
        assert pair.sign(message.encode()) == raw(signature)


def test_the_key_file_s_secrets_are_the_oracle_s() -> None:
    fields = ORACLE["keyfile"]["mnemonic_coldkey"]
    pair = KeyPair.from_mnemonic(fields["secretPhrase"])
    assert (pair.secret, pair.seed) == (raw(fields["privateKey"]), raw(fields["secretSeed"]))
    assert KeyPair.from_uri("//Alice").secret == raw(ORACLE["keyfile"]["alice_hotkey_from_uri"]["privateKey"])


@pytest.mark.parametrize(("address", "account"), ORACLE["ss58_decode"])
def test_addresses_decode_as_the_oracle_s(address: str, account: str | None) -> None:
    if account is None:
        with pytest.raises(InvalidKey):
            ss58_decode(address)
    else:
        assert ss58_decode(address) == raw(account)


@pytest.mark.parametrize(("prefix", "address"), ORACLE["ss58_encode_alice"].items())
def test_addresses_encode_as_the_oracle_s(prefix: str, address: str) -> None:
    assert ss58_encode(KeyPair.from_uri("//Alice").public, int(prefix)) == address


@given(st.binary(min_size=32, max_size=32), st.integers(0, 16_383))
def test_every_account_survives_its_address(account: bytes, prefix: int) -> None:
    assert ss58_decode(ss58_encode(account, prefix)) == account


@given(st.text(max_size=70))
def test_no_text_makes_decoding_fail_otherwise(text: str) -> None:
    try:
        assert len(ss58_decode(text)) == 32
    except InvalidKey as error:
        assert isinstance(error, ValueError)  # noqa: PT017 - that it is one is the point


@given(st.sampled_from(["sr25519", "ed25519"]), st.binary(max_size=300), st.integers(0, 511))
def test_a_signature_holds_for_its_message_only(scheme: str, message: bytes, bit: int) -> None:
    pair = KeyPair.from_seed(bytes(range(32)), scheme)  # type: ignore[arg-type]
    signature = pair.sign(message)
    assert verify(pair.public, message, signature, scheme)
    assert not verify(pair.public, message + b"!", signature, scheme)
    broken = bytearray(signature)
    broken[bit // 8] ^= 1 << bit % 8
    assert not verify(pair.public, message, bytes(broken), scheme)


@given(st.binary(min_size=32, max_size=32), st.binary(min_size=64, max_size=64))
def test_random_bytes_are_no_signature(public: bytes, signature: bytes) -> None:
    assert not verify(public, b"message", signature)
    assert not verify(public, b"message", signature, "ed25519")


def test_the_account_of_zeros_signs_nothing() -> None:
    assert not verify(bytes(32), b"", bytes(63) + b"\x80"), "schnorrkel alone would accept this from anybody"


@pytest.mark.parametrize(
    ("public", "signature", "scheme"),
    [(b"", bytes(64), "sr25519"), (bytes(32), b"", "ed25519"), (bytes(32), bytes(64), "ecdsa")],
)
def test_malformed_signatures_are_false_and_no_error(public: bytes, signature: bytes, scheme: str) -> None:
    assert verify(public, b"", signature, scheme) is False


def test_a_pair_shows_no_secret() -> None:
    pair, phrase = KeyPair.generate()
    shown = repr(pair) + str(pair)
    assert pair.secret.hex() not in shown
    assert repr(pair.secret)[2:20] not in shown
    assert phrase.split()[0] not in shown.split()


@pytest.mark.parametrize(
    "uri", ["not a phrase", "0x12", "0xzz", "//", "old leopard//x", "//Alice//" + "x" * 20_000]
)
def test_a_wrong_secret_uri_is_refused_without_repeating_it(uri: str) -> None:
    with pytest.raises(InvalidKey) as caught:
        KeyPair.from_uri(uri)
    assert uri not in f"{caught.value} {caught.value.hint}" or uri == "//"


def test_a_number_too_large_and_a_soft_ed25519_junction_are_refused() -> None:
    with pytest.raises(InvalidKey, match="64 bits"):
        KeyPair.from_uri(f"//{2**64}")
    with pytest.raises(InvalidKey, match="soft"):
        KeyPair.from_uri("//Alice/soft", "ed25519")


@pytest.mark.parametrize("words", [12, 15, 18, 21, 24])
def test_generated_keys_come_back_from_their_phrase(words: int) -> None:
    pair, phrase = KeyPair.generate(words)
    assert len(phrase.split()) == words
    assert KeyPair.from_mnemonic(f"  {phrase.replace(' ', '  ')} ") == pair
