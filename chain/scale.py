"""SCALE reading and writing of layouts that are known beforehand, without the chain's metadata.

Blocks and what stands between a node and any runtime have fixed layouts, and so have the client's bulk reads
(metagraph, lists of subnets): the metadata, whose decoding takes longer than the read itself, is needed for
writing only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

from meritnet.chain.errors import CodecError
from meritnet.chain.keys import ss58_encode
from meritnet.chain.types import Ss58Address

T = TypeVar("T")


class Reader:
    """Reads values one after another; ``at`` is the next byte. Raises ``CodecError`` beyond the end."""

    def __init__(self, data: bytes, at: int = 0) -> None:
        self.data = data
        self.at = at

    def take(self, count: int) -> bytes:
        """The next ``count`` bytes."""
        end = self.at + count
        if end > len(self.data):
            raise CodecError(f"{len(self.data)} bytes where at least {end} were expected")
        piece = self.data[self.at : end]
        self.at = end
        return piece

    def unsigned(self, size: int) -> int:
        """A fixed-width little-endian number of ``size`` bytes."""
        return int.from_bytes(self.take(size), "little")

    def signed(self, size: int) -> int:
        """A fixed-width two's complement number of ``size`` bytes."""
        return int.from_bytes(self.take(size), "little", signed=True)

    def boolean(self) -> bool:
        """One byte, 0 or 1."""
        value = self.take(1)[0]
        if value > 1:
            raise CodecError(f"{value} where a truth value was expected")
        return value == 1

    def compact(self) -> int:
        """A compact number: 1, 2, 4 or more bytes, as its two lowest bits say."""
        data, at = self.data, self.at
        try:
            head = data[at]
        except IndexError:
            raise CodecError("bytes end where a compact number was expected") from None
        mode = head & 3
        if mode == 0:
            self.at = at + 1
            return head >> 2
        if mode == 3:
            self.at = at + 1
            return self.unsigned((head >> 2) + 4)
        return self.unsigned(2 * mode) >> 2

    def vector(self, item: Callable[[], T]) -> list[T]:
        """A sequence: its compact length, then the items."""
        count = self.compact()
        if count > len(self.data) - self.at:
            raise CodecError(f"a list of {count} items in {len(self.data) - self.at} bytes")
        return [item() for _ in range(count)]

    def option(self, item: Callable[[], T]) -> T | None:
        """A value that may be absent."""
        return item() if self.boolean() else None

    def octets(self) -> bytes:
        """A byte sequence with its length in front."""
        return self.take(self.compact())

    def text(self) -> str:
        """A byte sequence as text; bytes that are no UTF-8 become replacement characters."""
        return self.octets().decode(errors="replace")

    def wide_text(self) -> str:
        """Text whose every byte is a compact number, as Bittensor encodes names."""
        return bytes(code & 0xFF for code in self.vector(self.compact)).decode(errors="replace")

    def account(self) -> Ss58Address:
        """A 32-byte account as its address."""
        return ss58_encode(self.take(32))

    def end(self) -> None:
        """Nothing may be left."""
        if not self.at_end:
            raise CodecError(f"{len(self.data) - self.at} bytes are left over")

    @property
    def at_end(self) -> bool:
        """Whether every byte has been read."""
        return self.at == len(self.data)


def compact(value: int) -> bytes:
    """A number in compact encoding."""
    if value < 0:
        raise CodecError(f"{value} is negative")
    if value < 1 << 6:
        return bytes([value << 2])
    if value < 1 << 14:
        return (value << 2 | 1).to_bytes(2, "little")
    if value < 1 << 30:
        return (value << 2 | 2).to_bytes(4, "little")
    size = (value.bit_length() + 7) // 8
    if size > 67:
        raise CodecError("a compact number has at most 536 bits")
    return bytes([(size - 4) << 2 | 3]) + value.to_bytes(size, "little")


def sized(data: bytes) -> bytes:
    """A byte string behind its compact length: ``Vec<u8>``."""
    return compact(len(data)) + data


def vector(items: Iterable[bytes]) -> bytes:
    """A vector of items that are encoded already."""
    encoded = list(items)
    return compact(len(encoded)) + b"".join(encoded)


def u16(value: int) -> bytes:
    """A u16, little-endian. Raises ``CodecError`` when it does not fit."""
    if not 0 <= value < 1 << 16:
        raise CodecError(f"{value} does not fit into 16 bits")
    return value.to_bytes(2, "little")


def u64(value: int) -> bytes:
    """A u64, little-endian. Raises ``CodecError`` when it does not fit."""
    if not 0 <= value < 1 << 64:
        raise CodecError(f"{value} does not fit into 64 bits")
    return value.to_bytes(8, "little")
