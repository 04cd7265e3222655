"""Random choices that anyone can repeat, in any language: SHA-256 in counter mode over a public seed."""

from collections.abc import Sequence
from hashlib import sha256
from typing import TypeVar

T = TypeVar("T")
_WORD_BITS = 64


class Draws:
    """A stream of choices. The same seed and labels give the same choices, whatever the platform."""

    def __init__(self, seed: bytes, *labels: str | int) -> None:
        self._key = sha256(b"\0".join([seed, *(str(label).encode() for label in labels)])).digest()
        self._count = 0

    def token(self) -> bytes:
        """Next 32 bytes of the stream."""
        self._count += 1
        return sha256(self._key + self._count.to_bytes(8, "little")).digest()

    def below(self, bound: int) -> int:
        """Next number in ``range(bound)``; the bias of the modulus is below bound / 2**64."""
        return int.from_bytes(self.token()[: _WORD_BITS // 8], "little") % bound

    def pick(self, options: Sequence[T]) -> T:
        """One of the options, each as likely."""
        return options[self.below(len(options))]

    def sample(self, options: Sequence[T], count: int) -> list[T]:
        """Give `count` different options in random order (the first steps of a Fisher-Yates shuffle)."""
        left = list(options)
        for place in range(count):
            other = place + self.below(len(left) - place)
            left[place], left[other] = left[other], left[place]
        return left[:count]
