"""Host functions for keys and signatures: ed25519, sr25519, and ECDSA on secp256k1.

A runtime only ever *verifies* in a block. Generating and signing serve session keys and offchain workers;
they work on the key store that the caller gave, and without a seed they trap, because this host has no
randomness.
"""

from typing import TYPE_CHECKING, Literal, Protocol

import ed25519_zebra  # type: ignore[import-untyped]
import sr25519

from meritnet.chain.errors import HostError
from meritnet.chain.host.node import blake2_256
from meritnet.chain.scale import compact

if TYPE_CHECKING:
    from meritnet.chain.host.functions import Call


Scheme = Literal["ed25519", "sr25519", "ecdsa"]


class Pair(Protocol):
    """A key that can sign."""

    @property
    def public(self) -> bytes: ...

    def sign(self, message: bytes) -> bytes: ...


KeyStore = dict[tuple[bytes, str], dict[bytes, Pair]]
"""Pairs by their public key, for each key type (four letters) and scheme."""


def ed25519_verify(_call: "Call", signature: bytes, message: bytes, public: bytes) -> bool:
    """Whether an ed25519 signature is good by the rules of ZIP 215, on which all Substrate nodes agree."""
    return bool(ed25519_zebra.ed_verify(signature, message, public))


def sr25519_verify(_call: "Call", signature: bytes, message: bytes, public: bytes) -> bool:
    """Whether an sr25519 signature is good."""
    try:
        return bool(sr25519.verify(signature, message, public))
    except (ValueError, TypeError):
        return False


def ecdsa_verify(_call: "Call", signature: bytes, message: bytes, public: bytes) -> bool:
    """Whether an ECDSA signature of the BLAKE2b hash of a message is good; ``public`` is compressed."""
    return ecdsa_verify_prehashed(_call, signature, blake2_256(message), public)


def ecdsa_verify_prehashed(_call: "Call", signature: bytes, digest: bytes, public: bytes) -> bool:
    """Whether an ECDSA signature of a 32-byte hash is good; ``public`` is compressed."""
    from meritnet.chain.host.functions import secp256k1

    recovered = secp256k1.recover(signature, digest)
    return not isinstance(recovered, int) and recovered.to_compressed_bytes() == public


def start_batch_verify(call: "Call") -> None:
    """Begin to remember whether a signature was bad."""
    if call.batch is not None:
        raise HostError("the runtime began to verify a batch within a batch")
    call.batch = True


def finish_batch_verify(call: "Call") -> bool:
    """Whether all signatures since the beginning were good."""
    if call.batch is None:
        raise HostError("the runtime ended a batch of signatures that it had not begun")
    good, call.batch = call.batch, None
    return good


def ed25519_batch_verify(call: "Call", signature: bytes, message: bytes, public: bytes) -> bool:
    """``ed25519_verify``, remembered for the batch."""
    return _remember(call, ed25519_verify(call, signature, message, public))


def sr25519_batch_verify(call: "Call", signature: bytes, message: bytes, public: bytes) -> bool:
    """``sr25519_verify``, remembered for the batch."""
    return _remember(call, sr25519_verify(call, signature, message, public))


def ecdsa_batch_verify(call: "Call", signature: bytes, message: bytes, public: bytes) -> bool:
    """``ecdsa_verify``, remembered for the batch."""
    return _remember(call, ecdsa_verify(call, signature, message, public))


def _remember(call: "Call", good: bool) -> bool:
    if call.batch is not None:
        call.batch = call.batch and good
    return good


def secp256k1_ecdsa_recover(_call: "Call", signature: bytes, digest: bytes) -> bytes:
    """The 64-byte public key that made a signature, as a SCALE ``Result``."""
    from meritnet.chain.host.functions import secp256k1

    key = secp256k1.recover(signature, digest)
    return bytes((1, key)) if isinstance(key, int) else b"\x00" + key.to_bytes()


def secp256k1_ecdsa_recover_compressed(_call: "Call", signature: bytes, digest: bytes) -> bytes:
    """The 33-byte public key that made a signature, as a SCALE ``Result``."""
    from meritnet.chain.host.functions import secp256k1

    key = secp256k1.recover(signature, digest)
    return bytes((1, key)) if isinstance(key, int) else b"\x00" + key.to_compressed_bytes()


def _public_keys(call: "Call", key_type: bytes, scheme: str) -> bytes:
    publics = list(call.keys.get((key_type, scheme), {}))
    return compact(len(publics)) + b"".join(publics)


def _generate(call: "Call", key_type: bytes, scheme: Scheme, seed: bytes | None) -> bytes:
    if seed is None:
        raise HostError("the runtime asked for a random key; this host makes keys from a seed only")
    pair = _pair(scheme, seed.decode("utf-8", "replace"))
    call.keys.setdefault((key_type, scheme), {})[pair.public] = pair
    return pair.public


def _sign(call: "Call", key_type: bytes, scheme: str, public: bytes, message: bytes) -> bytes:
    pair = call.keys.get((key_type, scheme), {}).get(public)
    return b"\x00" if pair is None else b"\x01" + pair.sign(message)


def _pair(scheme: Scheme, uri: str) -> Pair:
    """The pair of a secret URI, such as ``//Alice``."""
    if scheme == "ecdsa":
        from meritnet.chain.host.functions import secp256k1

        return secp256k1.Pair(uri)
    from meritnet.chain.keys import KeyPair

    return KeyPair.from_uri(uri, scheme)


def ed25519_public_keys(call: "Call", key_type: bytes) -> bytes:
    """The ed25519 keys of a type, as a SCALE list."""
    return _public_keys(call, key_type, "ed25519")


def sr25519_public_keys(call: "Call", key_type: bytes) -> bytes:
    """The sr25519 keys of a type, as a SCALE list."""
    return _public_keys(call, key_type, "sr25519")


def ecdsa_public_keys(call: "Call", key_type: bytes) -> bytes:
    """The ECDSA keys of a type, as a SCALE list."""
    return _public_keys(call, key_type, "ecdsa")


def ed25519_generate(call: "Call", key_type: bytes, seed: bytes | None) -> bytes:
    """Make an ed25519 key from a secret URI; its public key."""
    return _generate(call, key_type, "ed25519", seed)


def sr25519_generate(call: "Call", key_type: bytes, seed: bytes | None) -> bytes:
    """Make an sr25519 key from a secret URI; its public key."""
    return _generate(call, key_type, "sr25519", seed)


def ecdsa_generate(call: "Call", key_type: bytes, seed: bytes | None) -> bytes:
    """Make an ECDSA key from a seed; its public key."""
    return _generate(call, key_type, "ecdsa", seed)


def ed25519_sign(call: "Call", key_type: bytes, public: bytes, message: bytes) -> bytes:
    """Sign; a SCALE option, None when the key store has no such key."""
    return _sign(call, key_type, "ed25519", public, message)


def sr25519_sign(call: "Call", key_type: bytes, public: bytes, message: bytes) -> bytes:
    """Sign; a SCALE option, None when the key store has no such key."""
    return _sign(call, key_type, "sr25519", public, message)


def ecdsa_sign(call: "Call", key_type: bytes, public: bytes, message: bytes) -> bytes:
    """Sign the BLAKE2b hash; a SCALE option, None when the key store has no such key."""
    return _sign(call, key_type, "ecdsa", public, message)


def ecdsa_sign_prehashed(call: "Call", key_type: bytes, public: bytes, digest: bytes) -> bytes:
    """Sign a hash; a SCALE option, None when the key store has no such key."""
    pair = call.keys.get((key_type, "ecdsa"), {}).get(public)
    sign_hash = getattr(pair, "sign_hash", None)
    return b"\x00" if sign_hash is None else b"\x01" + sign_hash(digest)
