"""Signed extrinsics: era, nonce and the runtime's transaction extensions around a call."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b

from meritnet.chain.client.codec import Codec
from meritnet.chain.errors import CodecError
from meritnet.chain.keys import KeyPair
from meritnet.chain.scale import compact

ERA_PERIOD_BLOCKS = 64
"""Blocks for which a signed extrinsic stays valid; one that got lost can be sent anew after that."""


@dataclass(frozen=True)
class Frame:
    """What an extrinsic is signed against: the chain, its runtime, and the block that begins its era."""

    genesis_hash: bytes
    spec_version: int
    transaction_version: int
    birth_number: int
    birth_hash: bytes


def mortal_era(birth_number: int, period_blocks: int = ERA_PERIOD_BLOCKS) -> bytes:
    """Two bytes: the period (a power of two of 4 to 65,536) and the birth block's place in it."""
    if period_blocks & (period_blocks - 1) or not 4 <= period_blocks <= 65_536:
        raise CodecError(f"an era of {period_blocks} blocks: a power of two of 4 to 65,536 is needed")
    step = max(period_blocks >> 12, 1)
    phase = birth_number % period_blocks // step
    return (min(15, period_blocks.bit_length() - 2) | phase << 4).to_bytes(2, "little")


def signed_extrinsic(codec: Codec, call: bytes, signer: KeyPair, nonce: int, frame: Frame) -> bytes:
    """A version 4 extrinsic, ready to submit. Raises ``CodecError`` for an extension that is not known."""
    carried, implied = _extensions(codec, nonce, frame)
    payload = call + carried + implied
    if len(payload) > 256:
        payload = blake2b(payload, digest_size=32).digest()
    scheme = {"ed25519": b"\0", "sr25519": b"\1"}[signer.scheme]
    body = b"\x84\0" + signer.public + scheme + signer.sign(payload) + carried + call
    return compact(len(body)) + body


def _extensions(codec: Codec, nonce: int, frame: Frame) -> tuple[bytes, bytes]:
    """The bytes that travel in the extrinsic, and those that are only signed."""
    known = {
        "CheckSpecVersion": (b"", frame.spec_version.to_bytes(4, "little")),
        "CheckTxVersion": (b"", frame.transaction_version.to_bytes(4, "little")),
        "CheckGenesis": (b"", frame.genesis_hash),
        "CheckMortality": (mortal_era(frame.birth_number), frame.birth_hash),
        "CheckNonce": (compact(nonce), b""),
        "ChargeTransactionPayment": (compact(0), b""),
        "CheckMetadataHash": (b"\0", b"\0"),
    }
    carried = implied = b""
    for name, carried_type, implied_type in codec.signed_extensions():
        if name in known:
            carried += known[name][0]
            implied += known[name][1]
        elif not (codec.is_empty(carried_type) and codec.is_empty(implied_type)):
            raise CodecError(
                f"the chain wants the transaction extension {name}, which is not known here",
                "the chain is newer than this client: update meritnet",
            )
    return carried, implied
