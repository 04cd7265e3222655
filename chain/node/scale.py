"""The few SCALE encodings that a node must read itself: compact numbers, byte strings, vectors.

Everything typed by the runtime's metadata is the client's business; here are only the fixed types that
stand between a node and any Substrate runtime. Reading past the end raises :class:`CodecError`.
"""

from collections.abc import Callable, Iterable
from typing import TypeVar

from meritnet.chain.errors import CodecError

Item = TypeVar("Item")


def compact(number: int) -> bytes:
    """A natural number in SCALE's compact form; the lowest two bits tell how many bytes follow."""
    if number < 1 << 6:
        return bytes([number << 2])
    if number < 1 << 14:
        return (number << 2 | 1).to_bytes(2, "little")
    if number < 1 << 30:
        return (number << 2 | 2).to_bytes(4, "little")
    body = number.to_bytes((number.bit_length() + 7) // 8, "little")
    return bytes([(len(body) - 4) << 2 | 3]) + body


def sized(data: bytes) -> bytes:
    """A byte string behind its compact length: ``Vec<u8>``."""
    return compact(len(data)) + data


def vector(items: Iterable[bytes]) -> bytes:
    """A vector of items that are encoded already."""
    encoded = list(items)
    return compact(len(encoded)) + b"".join(encoded)


class Reader:
    """Reads SCALE values from ``data`` from left to right; ``at`` is the next byte."""

    def __init__(self, data: bytes, at: int = 0) -> None:
        self.data = data
        self.at = at

    def take(self, size: int) -> bytes:
        """The next ``size`` bytes."""
        end = self.at + size
        if end > len(self.data):
            raise CodecError(f"{size} bytes expected at {self.at}, {len(self.data) - self.at} are left")
        piece = self.data[self.at : end]
        self.at = end
        return piece

    def number(self, size: int) -> int:
        """An unsigned integer of ``size`` bytes, little-endian."""
        return int.from_bytes(self.take(size), "little")

    def flag(self) -> bool:
        """A boolean: one byte, 0 or 1."""
        value = self.number(1)
        if value > 1:
            raise CodecError(f"{value} is no boolean")
        return value == 1

    def compact(self) -> int:
        """A compact number."""
        first = self.number(1)
        mode = first & 3
        if mode == 3:
            return self.number((first >> 2) + 4)
        rest = self.take((1, 2, 4)[mode] - 1)
        return int.from_bytes(bytes([first]) + rest, "little") >> 2

    def sized(self) -> bytes:
        """A byte string behind its compact length."""
        return self.take(self.compact())

    def vector(self, item: Callable[[], Item]) -> list[Item]:
        """A vector whose items ``item`` reads; never more items than there are bytes left."""
        count = self.compact()
        if count > len(self.data) - self.at:
            raise CodecError(f"{count} items announced, {len(self.data) - self.at} bytes are left")
        return [item() for _ in range(count)]

    def end(self) -> None:
        """Nothing may be left."""
        if self.at != len(self.data):
            raise CodecError(f"{len(self.data) - self.at} bytes are left over")
