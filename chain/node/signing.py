"""The author's seal: sr25519 signatures that are the same each time.

The usual libraries draw a random nonce for every signature; the seal is part of the block's hash, so no chain
would replay bit for bit. Here the nonce is derived from the key and the message, as Ed25519 does it. The
result verifies like any other: Schnorr over Ristretto (RFC 9496) with a Merlin transcript on STROBE-128
(merlin.cool, strobe.sourceforge.io) and schnorrkel's labels.
"""

from copy import copy
from functools import cache
from hashlib import blake2b

import sr25519
from nacl.bindings import crypto_scalarmult_ed25519_base_noclamp

DEVELOPMENT_AUTHOR = bytes.fromhex("e5be9a5092b81bca64be81d212e7f2f9eba183bb7a90954f7b76361f6edb5c0a")
"""The published secret of //Alice, who authors every chain of the embedded node."""

P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P
SQRT_M1 = pow(2, (P - 1) // 4, P)
STROBE_RATE = 166
PADDING = 0x84
"""The last byte of a full block: cSHAKE's mark and the last bit of its padding in one."""
IN, APPLICATION, CIPHER, META = 1, 2, 4, 16
"""STROBE's flags of an operation."""


class Author:
    """Signs with the key of a 32-byte seed."""

    def __init__(self, seed: bytes = DEVELOPMENT_AUTHOR) -> None:
        self.public, secret = sr25519.pair_from_seed(seed)
        self._scalar = int.from_bytes(secret[:32], "little")
        self._nonce_key = secret[32:]

    def sign(self, message: bytes) -> bytes:
        """The 64-byte signature of ``message`` in Substrate's signing context."""
        drawn = blake2b(self._nonce_key + message, person=b"meritnet-seal").digest()
        nonce = int.from_bytes(drawn, "little") % ORDER
        commitment = ristretto_base(nonce)
        transcript = copy(_signing_context())
        for label, part in (
            (b"sign-bytes", message),
            (b"proto-name", b"Schnorr-sig"),
            (b"sign:pk", self.public),
            (b"sign:R", commitment),
        ):
            transcript.append(label, part)
        challenge = int.from_bytes(transcript.challenge(b"sign:c", 64), "little") % ORDER
        response = bytearray(((challenge * self._scalar + nonce) % ORDER).to_bytes(32, "little"))
        response[31] |= 0x80  # schnorrkel's mark
        return commitment + bytes(response)


class Transcript:
    """A Merlin transcript: what was said so far, framed by STROBE-128 into blocks of 168 bytes.

    STROBE is built on cSHAKE128 so that a state which only absorbs is the prefix of a hash: a block ends with
    where its last operation began and cSHAKE's padding, and the first challenge is the hash of all of them.
    """

    def __init__(self, label: bytes) -> None:
        self._done = b""  # the blocks before the last
        self._block = b""  # what the last one holds so far
        self._begun = 0
        self._operate(META | APPLICATION, b"Merlin v1.0")
        self.append(b"dom-sep", label)

    def append(self, label: bytes, message: bytes) -> None:
        """Say ``message`` under ``label``."""
        self._frame(label, len(message))
        self._operate(APPLICATION, message)

    def challenge(self, label: bytes, size: int) -> bytes:
        """``size`` bytes that depend on everything said; nothing can be said after that."""
        from Crypto.Hash import cSHAKE128  # here, because a node that makes no block needs none of it

        self._frame(label, size)
        self._operate(IN | APPLICATION | CIPHER, b"")
        # A block that is just full has its padding already, which the hash will put there again.
        said = self._done + self._block + bytes((self._begun,)) if self._block else self._done[:-1]
        return cSHAKE128.new(said, b"STROBEv1.0.2").read(size)

    def _frame(self, label: bytes, size: int) -> None:
        self._operate(META | APPLICATION, label + size.to_bytes(4, "little"))

    def _operate(self, flags: int, data: bytes) -> None:
        before, self._begun = self._begun, len(self._block) + 1
        self._absorb(bytes((before, flags)))
        self._absorb(data)

    def _absorb(self, data: bytes) -> None:
        while data:
            room = STROBE_RATE - len(self._block)
            self._block, data = self._block + data[:room], data[room:]
            if len(self._block) == STROBE_RATE:
                self._done += self._block + bytes((self._begun, PADDING))
                self._block, self._begun = b"", 0


@cache
def _signing_context() -> Transcript:
    transcript = Transcript(b"SigningContext")
    transcript.append(b"", b"substrate")
    return transcript


def ristretto_base(scalar: int) -> bytes:
    """The encoding (RFC 9496, 4.3.2) of the base point times a scalar that is not zero."""
    encoded = crypto_scalarmult_ed25519_base_noclamp(scalar.to_bytes(32, "little"))
    packed = int.from_bytes(encoded, "little")
    y = packed & (1 << 255) - 1
    x = _square_root_of_ratio(y * y - 1, D * y * y + 1)
    x = -x % P if (x & 1) != packed >> 255 else x
    u1, u2 = (1 + y) * (1 - y) % P, x * y % P
    inverse = _square_root_of_ratio(1, u1 * u2 * u2)
    den1, den2 = inverse * u1 % P, inverse * u2 % P
    z_inverse = den1 * den2 * u2 % P
    if u2 * z_inverse % P & 1:
        x, y = y * SQRT_M1 % P, x * SQRT_M1 % P
        den2 = den1 * _rotation() % P
    if x * z_inverse % P & 1:
        y = -y
    s = den2 * (1 - y) % P
    return (-s % P if s & 1 else s).to_bytes(32, "little")


@cache
def _rotation() -> int:
    return _square_root_of_ratio(1, -1 - D)


def _square_root_of_ratio(u: int, v: int) -> int:
    """The even square root of u / v, or of sqrt(-1) · u / v if that one has none (RFC 9496, 4.2)."""
    v3 = v * v * v % P
    root = u * v3 * pow(u * v3 * v3 * v, (P - 5) // 8, P) % P
    if v * root * root % P in (-u % P, -u * SQRT_M1 % P):
        root = root * SQRT_M1 % P
    return -root % P if root & 1 else root
