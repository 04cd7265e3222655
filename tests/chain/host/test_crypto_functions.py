"""Host functions for keys and signatures, against vectors and the libraries' own signing."""

from typing import Any

import nacl.signing
import pytest
import sr25519
from eth_keys.datatypes import PrivateKey

from meritnet.chain.errors import HostError
from meritnet.chain.host.node import blake2_256

GOOD, BAD = b"\1\0\0\0", b"\0\0\0\0"
MESSAGE = b"message"


@pytest.fixture(scope="module")
def ed25519() -> tuple[bytes, bytes]:
    key = nacl.signing.SigningKey(bytes(range(32)))
    return key.verify_key.encode(), key.sign(MESSAGE).signature


@pytest.fixture(scope="module")
def schnorr() -> tuple[bytes, bytes]:
    public, secret = sr25519.pair_from_seed(bytes(range(32)))
    return public, sr25519.sign((public, secret), MESSAGE)


@pytest.fixture(scope="module")
def ecdsa() -> tuple[bytes, bytes]:
    key = PrivateKey(bytes(range(1, 33)))
    return key.public_key.to_compressed_bytes(), key.sign_msg_hash(blake2_256(MESSAGE)).to_bytes()


VERIFIERS = [
    ("ed25519", "ext_crypto_ed25519_verify_version_1"),
    ("schnorr", "ext_crypto_sr25519_verify_version_1"),
    ("schnorr", "ext_crypto_sr25519_verify_version_2"),
    ("ecdsa", "ext_crypto_ecdsa_verify_version_1"),
    ("ecdsa", "ext_crypto_ecdsa_verify_version_2"),
    ("ed25519", "ext_crypto_ed25519_batch_verify_version_1"),
    ("schnorr", "ext_crypto_sr25519_batch_verify_version_1"),
    ("ecdsa", "ext_crypto_ecdsa_batch_verify_version_1"),
]


@pytest.mark.parametrize(("scheme", "name"), VERIFIERS, ids=[name for _, name in VERIFIERS])
def test_a_signature_is_good_for_its_message_and_key_only(
    host: Any, request: pytest.FixtureRequest, scheme: str, name: str
) -> None:
    public, signature = request.getfixturevalue(scheme)
    assert host.call(name, signature, MESSAGE, public) == GOOD
    assert host.call(name, signature, MESSAGE + b"!", public) == BAD
    assert host.call(name, bytes(len(signature)), MESSAGE, public) == BAD
    assert host.call(name, bytes([255]) * len(signature), MESSAGE, public) == BAD
    assert host.call(name, signature, MESSAGE, bytes(len(public))) == BAD
    assert host.call(name, signature, MESSAGE, bytes([255]) * len(public)) == BAD


def test_the_first_rfc_8032_vector(host: Any) -> None:
    public = bytes.fromhex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")
    signature = bytes.fromhex(
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46b"
        "d25bf5f0595bbe24655141438e7a100b"
    )
    assert host.call("ext_crypto_ed25519_verify_version_1", signature, b"", public) == GOOD


def test_ed25519_follows_zip_215(host: Any) -> None:
    """The neutral point as key and as half of the signature: libsodium refuses it, Substrate does not."""
    neutral = b"\x01" + bytes(31)
    assert host.call("ext_crypto_ed25519_verify_version_1", neutral + bytes(32), MESSAGE, neutral) == GOOD


def test_a_batch_is_good_when_all_its_signatures_are(host: Any, ed25519: Any, schnorr: Any) -> None:
    begin, end = ("ext_crypto_start_batch_verify_version_1",), ("ext_crypto_finish_batch_verify_version_1",)
    one = ("ext_crypto_ed25519_batch_verify_version_1", ed25519[1], MESSAGE, ed25519[0])
    two = ("ext_crypto_sr25519_batch_verify_version_1", schnorr[1], MESSAGE, schnorr[0])
    bad = ("ext_crypto_ed25519_batch_verify_version_1", ed25519[1], b"other", ed25519[0])
    assert host.run(begin, one, two, end) == GOOD
    assert host.run(begin, bad, one, two, end) == BAD
    with pytest.raises(HostError, match="batch within a batch"):
        host.run(begin, begin)
    with pytest.raises(HostError, match="had not begun"):
        host.run(end)


def test_an_ecdsa_key_is_recovered_from_its_signature(host: Any) -> None:
    key = PrivateKey(bytes(range(1, 33)))
    digest = blake2_256(MESSAGE)
    signature = key.sign_msg_hash(digest).to_bytes()
    for version in (1, 2):
        name = f"ext_crypto_secp256k1_ecdsa_recover_version_{version}"
        assert host.call(name, signature, digest) == b"\x00" + key.public_key.to_bytes()
        ethereum = signature[:64] + bytes((signature[64] + 27,))
        assert host.call(name, ethereum, digest) == b"\x00" + key.public_key.to_bytes()
        assert host.call(name, signature[:64] + b"\x05", digest) == b"\x01\x01"  # BadV
        assert host.call(name, b"\xff" * 64 + b"\x00", digest)[:1] == b"\x01"
        compressed = f"ext_crypto_secp256k1_ecdsa_recover_compressed_version_{version}"
        assert host.call(compressed, signature, digest) == b"\x00" + key.public_key.to_compressed_bytes()
        assert host.call(compressed, bytes(64) + b"\x09", digest) == b"\x01\x01"


def test_a_prehashed_ecdsa_signature(host: Any, ecdsa: Any) -> None:
    name = "ext_crypto_ecdsa_verify_prehashed_version_1"
    assert host.call(name, ecdsa[1], blake2_256(MESSAGE), ecdsa[0]) == GOOD
    assert host.call(name, ecdsa[1], bytes(32), ecdsa[0]) == BAD


ALICE = "d43593c715fdd31c61141abd04a99fd6822c8558854ccde39a5684e7a56da27d"


def test_keys_are_made_from_seeds_listed_and_used(host: Any) -> None:
    for scheme, verify in (("sr25519", "2"), ("ed25519", "1")):
        public = host.call(f"ext_crypto_{scheme}_generate_version_1", b"aura", b"//Alice")
        assert host.call(f"ext_crypto_{scheme}_public_keys_version_1", b"aura") == b"\x04" + public
        assert host.call(f"ext_crypto_{scheme}_public_keys_version_1", b"gran") == b"\x00"
        signed = host.call(f"ext_crypto_{scheme}_sign_version_1", b"aura", public, MESSAGE)
        assert signed[:1] == b"\x01"
        assert host.call(f"ext_crypto_{scheme}_verify_version_{verify}", signed[1:], MESSAGE, public) == GOOD
        assert host.call(f"ext_crypto_{scheme}_sign_version_1", b"gran", public, MESSAGE) == b"\x00"
    assert host.call("ext_crypto_sr25519_public_keys_version_1", b"aura")[1:].hex() == ALICE


def test_ecdsa_keys_are_made_from_a_hexadecimal_seed(host: Any) -> None:
    seed = b"0x" + bytes(range(1, 33)).hex().encode()
    public = host.call("ext_crypto_ecdsa_generate_version_1", b"beef", seed)
    assert host.call("ext_crypto_ecdsa_public_keys_version_1", b"beef") == b"\x04" + public
    signed = host.call("ext_crypto_ecdsa_sign_version_1", b"beef", public, MESSAGE)
    assert host.call("ext_crypto_ecdsa_verify_version_2", signed[1:], MESSAGE, public) == GOOD
    signed = host.call("ext_crypto_ecdsa_sign_prehashed_version_1", b"beef", public, bytes(32))
    assert host.call("ext_crypto_ecdsa_verify_prehashed_version_1", signed[1:], bytes(32), public) == GOOD
    unknown = host.call("ext_crypto_ecdsa_sign_prehashed_version_1", b"beef", bytes(33), bytes(32))
    assert unknown == b"\x00"
    with pytest.raises(HostError, match="seed of 32 bytes"):
        host.call("ext_crypto_ecdsa_generate_version_1", b"beef", b"//Alice")


@pytest.mark.parametrize("scheme", ["sr25519", "ed25519", "ecdsa"])
def test_no_key_is_made_without_a_seed(host: Any, scheme: str) -> None:
    with pytest.raises(HostError, match="from a seed only"):
        host.call(f"ext_crypto_{scheme}_generate_version_1", b"aura", None)
