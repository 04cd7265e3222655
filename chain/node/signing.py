"""The author's seal: sr25519 signatures that are the same each time.

The usual libraries draw a random nonce for every signature; the seal is part of the block's hash, so no chain
would replay bit for bit. Here the nonce is derived from the key and the message, as Ed25519 does it. The
result verifies like any other: Schnorr over Ristretto (RFC 9496) with a Merlin transcript on STROBE-128
(merlin.cool, strobe.sourceforge.io) and schnorrkel's labels.
"""

from collections.abc import Callable
from functools import cache
from hashlib import blake2b
from struct import Struct
from typing import Any

import sr25519
from nacl.bindings import crypto_scalarmult_ed25519_base_noclamp

DEVELOPMENT_AUTHOR = bytes.fromhex("e5be9a5092b81bca64be81d212e7f2f9eba183bb7a90954f7b76361f6edb5c0a")
"""The published secret of //Alice, who authors every chain of the embedded node."""

P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P
SQRT_M1 = pow(2, (P - 1) // 4, P)
STROBE_RATE = 166
IN, APPLICATION, CIPHER, META, KEY = 1, 2, 4, 16, 32
LANE = 2**64 - 1
LANES = Struct("<25Q")


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
        transcript = _signing_context().copy()
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
    """A Merlin transcript: what was said so far, absorbed into a STROBE-128 state."""

    def __init__(self, label: bytes) -> None:
        self._state = bytearray(keccak_f(b"\x01\xa8\x01\x00\x01\x60STROBEv1.0.2" + bytes(182)))
        self._at = self._begun = self._flags = 0
        self._operate(META | APPLICATION, b"Merlin v1.0")
        self.append(b"dom-sep", label)

    def copy(self) -> "Transcript":
        """An independent transcript that says the same."""
        other = object.__new__(Transcript)
        other._state = bytearray(self._state)
        other._at, other._begun, other._flags = self._at, self._begun, self._flags
        return other

    def append(self, label: bytes, message: bytes) -> None:
        """Say ``message`` under ``label``."""
        self._frame(label, len(message))
        self._operate(APPLICATION, message)

    def challenge(self, label: bytes, size: int) -> bytes:
        """``size`` bytes that depend on everything said."""
        self._frame(label, size)
        self._begin(IN | APPLICATION | CIPHER)
        drawn = bytes(
            self._state[self._at : self._at + size]
        )  # fits: a forced permutation has just been done
        self._state[self._at : self._at + size] = bytes(size)
        self._at += size
        return drawn

    def _frame(self, label: bytes, size: int) -> None:
        self._operate(META | APPLICATION, label)
        self._absorb(size.to_bytes(4, "little"))

    def _operate(self, flags: int, data: bytes) -> None:
        self._begin(flags)
        self._absorb(data)

    def _begin(self, flags: int) -> None:
        before, self._begun = self._begun, self._at + 1
        self._flags = flags
        self._absorb(bytes((before, flags)))
        if flags & (CIPHER | KEY) and self._at:
            self._permute()

    def _absorb(self, data: bytes) -> None:
        while data:
            piece = data[: STROBE_RATE - self._at]
            end = self._at + len(piece)
            mixed = int.from_bytes(self._state[self._at : end]) ^ int.from_bytes(piece)
            self._state[self._at : end] = mixed.to_bytes(len(piece))
            self._at, data = end, data[len(piece) :]
            if end == STROBE_RATE:
                self._permute()

    def _permute(self) -> None:
        self._state[self._at] ^= self._begun
        self._state[self._at + 1] ^= 0x04
        self._state[STROBE_RATE + 1] ^= 0x80
        self._state = bytearray(keccak_f(self._state))
        self._at = self._begun = 0


@cache
def _signing_context() -> Transcript:
    transcript = Transcript(b"SigningContext")
    transcript.append(b"", b"substrate")
    return transcript


def keccak_f(state: bytes | bytearray) -> bytes:
    """The permutation Keccak-f[1600] of 200 bytes (FIPS 202)."""
    return LANES.pack(*_permutation()(LANES.unpack(state), _round_constants()))


@cache
def _permutation() -> Callable[[tuple[int, ...], tuple[int, ...]], tuple[int, ...]]:
    """Keccak's rounds on 25 lanes, as a function without inner loops: that is twice as fast, and every
    block waits for it."""
    lanes = [f"a{lane}" for lane in range(25)]
    round_ = [f"c{x} = {' ^ '.join(lanes[x::5])}" for x in range(5)]
    for x in range(5):
        turned = f"c{(x + 1) % 5}"
        round_.append(f"d{x} = c{(x - 1) % 5} ^ ({turned} << 1 & LANE | {turned} >> 63)")
    round_.append("b0 = a0 ^ d0")
    x, y = 1, 0
    for step in range(24):  # rho and pi: each lane turns, and goes to another place
        turn, target = (step + 1) * (step + 2) // 2 % 64, y + 5 * ((2 * x + 3 * y) % 5)
        round_.append(f"e = a{x + 5 * y} ^ d{x}")
        round_.append(f"b{target} = e << {turn} & LANE | e >> {64 - turn}")
        x, y = y, (2 * x + 3 * y) % 5
    for lane in range(25):
        row, x = lane - lane % 5, lane % 5
        round_.append(f"a{lane} = b{lane} ^ (~b{row + (x + 1) % 5} & b{row + (x + 2) % 5})")
    round_.append("a0 ^= constant")
    names = ", ".join(lanes)
    body = "\n        ".join(round_)
    loop = f"{names} = state\n    for constant in constants:\n        {body}"
    text = f"def permute(state, constants):\n    {loop}\n    return {names}"
    made: dict[str, Any] = {"LANE": LANE}
    exec(text, made)
    permute: Callable[[tuple[int, ...], tuple[int, ...]], tuple[int, ...]] = made["permute"]
    return permute


@cache
def _round_constants() -> tuple[int, ...]:
    """Iota's constants: the output of the LFSR x^8 + x^6 + x^5 + x^4 + 1."""
    constants, register = [], 1
    for _ in range(24):
        constant = 0
        for power in range(7):
            if register & 1:
                constant |= 1 << (1 << power) - 1
            register = register << 1 ^ (0x171 if register & 0x80 else 0)
        constants.append(constant)
    return tuple(constants)


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
