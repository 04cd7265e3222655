"""What a block is: header, digest and opaque extrinsics, with their SCALE forms and hashes.

The types are Substrate's generic ones: 32-byte BLAKE2b hashes, a compact block number, digest items kept
encoded. An extrinsic is opaque here: its bytes, *with* the compact length in front, are what is hashed,
stored and sent to clients.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from hashlib import blake2b

from meritnet.chain.errors import CodecError
from meritnet.chain.scale import Reader, compact, sized, vector

AURA = b"aura"
OTHER, CONSENSUS, SEAL, PRE_RUNTIME, ENVIRONMENT_UPDATED = 0, 4, 5, 6, 8
NO_HASH = bytes(32)


def blake2_256(data: bytes) -> bytes:
    """BLAKE2b with 32 bytes of output: the hash of headers and extrinsics."""
    return blake2b(data, digest_size=32).digest()


@dataclass(frozen=True)
class Header:
    """A block's header; ``logs`` are its digest items, each encoded."""

    parent_hash: bytes
    number: int
    state_root: bytes
    extrinsics_root: bytes
    logs: tuple[bytes, ...]

    @cached_property
    def encoded(self) -> bytes:
        """The header in SCALE."""
        numbered = self.parent_hash + compact(self.number)
        return numbered + self.state_root + self.extrinsics_root + vector(self.logs)

    @cached_property
    def hash(self) -> bytes:
        """The hash by which the block is known."""
        return blake2_256(self.encoded)

    @property
    def slot(self) -> int | None:
        """Aura's slot from the pre-runtime digest; None in genesis, which has none."""
        for log in self.logs:
            if log[:5] == bytes([PRE_RUNTIME]) + AURA:
                return int.from_bytes(Reader(log, 5).octets(), "little")
        return None

    def unsealed(self) -> "Header":
        """The header without the author's seal: what the author signed, and what the runtime executes."""
        return replace(self, logs=tuple(log for log in self.logs if log[0] != SEAL))

    def sealed(self, signature: bytes) -> "Header":
        """The header with the author's signature of the unsealed header's hash as its last digest item."""
        return replace(self, logs=(*self.logs, bytes([SEAL]) + AURA + sized(signature)))


@dataclass(frozen=True)
class Block:
    """A header and its extrinsics, each with its length prefix."""

    header: Header
    extrinsics: tuple[bytes, ...]

    @property
    def number(self) -> int:
        """The height; genesis is 0."""
        return self.header.number

    @property
    def hash(self) -> bytes:
        """The hash of the header."""
        return self.header.hash

    @cached_property
    def encoded(self) -> bytes:
        """The block in SCALE."""
        return self.header.encoded + self.body

    @property
    def body(self) -> bytes:
        """The extrinsics as a SCALE vector."""
        return vector(self.extrinsics)


def pre_digest(slot: int) -> bytes:
    """The digest item by which an author claims an Aura slot."""
    return bytes([PRE_RUNTIME]) + AURA + sized(slot.to_bytes(8, "little"))


def decode_header(data: bytes) -> Header:
    """A header from exactly these bytes."""
    reader = Reader(data)
    parent_hash, number = reader.take(32), reader.compact()
    roots = reader.take(32), reader.take(32)
    header = Header(parent_hash, number, *roots, tuple(reader.vector(lambda: _log(reader))))
    reader.end()
    return header


def decode_body(data: bytes) -> tuple[bytes, ...]:
    """The extrinsics of a SCALE vector, each with its length prefix again."""
    reader = Reader(data)
    extrinsics = tuple(reader.vector(lambda: sized(reader.octets())))
    reader.end()
    return extrinsics


def decode_extrinsic(data: bytes) -> bytes:
    """``data`` itself if it is one extrinsic behind its true length, else :class:`CodecError`."""
    reader = Reader(data)
    if sized(reader.octets()) != data:
        raise CodecError("the length in front of the extrinsic is not that of what follows")
    return data


def _log(reader: Reader) -> bytes:
    start = reader.at
    kind = reader.unsigned(1)
    if kind in (CONSENSUS, SEAL, PRE_RUNTIME):
        reader.take(4)
        reader.octets()
    elif kind == OTHER:
        reader.octets()
    elif kind != ENVIRONMENT_UPDATED:
        raise CodecError(f"{kind} is no kind of digest item")
    return reader.data[start : reader.at]
