"""ECDSA on secp256k1 with recoverable 65-byte signatures, as Ethereum and Substrate use it."""

from eth_keys.datatypes import PrivateKey, PublicKey, Signature
from eth_keys.exceptions import BadSignature
from eth_utils.exceptions import ValidationError

from meritnet.chain.errors import HostError
from meritnet.chain.host.node import blake2_256

BAD_RS, BAD_V, BAD_SIGNATURE = 0, 1, 2
"""The variants of ``EcdsaVerifyError``."""


def recover(signature: bytes, digest: bytes) -> PublicKey | int:
    """The public key that made a signature of a hash, or the variant of the error."""
    v = signature[64]
    v = v - 27 if v > 26 else v
    if v > 3:
        return BAD_V
    try:
        made = Signature(signature[:64] + bytes((v,)))
    except (BadSignature, ValidationError):
        return BAD_RS
    try:
        return made.recover_public_key_from_msg_hash(digest)
    except (BadSignature, ValidationError):
        return BAD_SIGNATURE


class Pair:
    """A pair from a 32-byte seed in hexadecimal; there are no derivation paths for this scheme."""

    def __init__(self, uri: str) -> None:
        try:
            self._key = PrivateKey(bytes.fromhex(uri.removeprefix("0x")))
        except (ValueError, ValidationError):
            raise HostError("an ECDSA key is made from a seed of 32 bytes in hexadecimal only") from None

    @property
    def public(self) -> bytes:
        """The compressed public key, 33 bytes."""
        return bytes(self._key.public_key.to_compressed_bytes())

    def sign(self, message: bytes) -> bytes:
        """A 65-byte recoverable signature of the BLAKE2b hash of ``message``."""
        return self.sign_hash(blake2_256(message))

    def sign_hash(self, digest: bytes) -> bytes:
        """A 65-byte recoverable signature of a 32-byte hash."""
        return bytes(self._key.sign_msg_hash(digest).to_bytes())
