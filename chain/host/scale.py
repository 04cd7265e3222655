"""SCALE that a runtime hands to host functions: a wrong encoding there is the runtime's error, and a trap."""

from collections.abc import Callable
from typing import Any

from meritnet.chain.errors import HostError
from meritnet.chain.scale import sized


def encode_option(value: bytes | None) -> bytes:
    """``value`` as a SCALE ``Option<Vec<u8>>``."""
    return b"\x00" if value is None else b"\x01" + sized(value)


class Decoder:
    """Reads SCALE from bytes; a length that goes past their end is an error, never an allocation."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def take(self, length: int) -> bytes:
        """The next ``length`` bytes."""
        end = self._at + length
        if end > len(self._data):
            raise HostError("a SCALE encoding ends too early")
        taken = self._data[self._at : end]
        self._at = end
        return taken

    def compact(self) -> int:
        """The next compact integer."""
        first = self.take(1)[0]
        mode = first & 3
        if mode == 3:
            return int.from_bytes(self.take((first >> 2) + 4), "little")
        rest = self.take((0, 1, 3)[mode])
        return int.from_bytes(bytes((first,)) + rest, "little") >> 2

    def option(self, read: Callable[[], Any]) -> Any:
        """The next option, whose value ``read`` reads."""
        return read() if self.take(1) != b"\x00" else None

    def bytes(self) -> bytes:
        """The next byte string, with its length before it."""
        return self.take(self.compact())

    def text(self) -> str:
        """The next string."""
        return self.bytes().decode("utf-8", "replace")

    def u32(self) -> int:
        """The next four-byte integer."""
        return int.from_bytes(self.take(4), "little")

    def many(self, read: Callable[[], Any]) -> list[Any]:
        """The next list, whose items ``read`` reads; each takes at least a byte."""
        count = self.compact()
        if count > len(self._data):
            raise HostError("a SCALE encoding ends too early")
        return [read() for _ in range(count)]

    def pair(self) -> tuple[Any, Any]:
        """The next two byte strings."""
        return self.bytes(), self.bytes()
