"""Fixed-point arithmetic as the chain does it: exact integers, truncation, saturation.

A fixed-point number is an integer that counts units of 2**-fraction. Products round towards minus
infinity, quotients towards zero; what does not fit saturates, and a quotient that does not exist is 0.
These are the rules of the crate `substrate-fixed` 0.6, which the runtime uses.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Fixed: TypeAlias = NDArray[np.int64]
"""An array of I32F32 numbers: integers in units of 2**-32."""

FRACTION = 32
ONE = 1 << FRACTION
HALF = ONE >> 1
U16_MAX = 65_535
U64_MAX = 2**64 - 1

_E_I9F23 = 22_802_600
"""floor(e × 2**23): the constant that the chain's exponential answers for exactly 1."""


@dataclass(frozen=True)
class Format:
    """A format by its width: the arithmetic of single numbers, given and returned as integers."""

    bits: int
    fraction: int
    signed: bool = True

    @cached_property
    def largest(self) -> int:
        """The largest number that fits."""
        return int(2 ** (self.bits - self.signed)) - 1

    @cached_property
    def smallest(self) -> int:
        """The smallest number that fits."""
        return -self.largest - 1 if self.signed else 0

    def saturate(self, raw: int) -> int:
        """`raw`, or the nearest number that fits."""
        return min(max(raw, self.smallest), self.largest)

    def integer(self, value: int) -> int:
        """The whole number `value`."""
        return self.saturate(value << self.fraction)

    def floor(self, raw: int) -> int:
        """The whole number at or below `raw`, within the range of u64."""
        return min(max(raw >> self.fraction, 0), U64_MAX)

    def mul(self, a: int, b: int) -> int:
        """a × b, rounded towards minus infinity."""
        return self.saturate((a * b) >> self.fraction)

    def div(self, a: int, b: int) -> int:
        """a ÷ b, rounded towards zero; 0 if b is 0 or the quotient does not fit."""
        if b == 0:
            return 0
        quotient = (abs(a) << self.fraction) // abs(b)
        signed = quotient if (a < 0) == (b < 0) else -quotient
        return signed if self.smallest <= signed <= self.largest else 0


I32F32 = Format(64, 32)
I64F64 = Format(128, 64)
I96F32 = Format(128, 32)
U96F32 = Format(128, 32, signed=False)
U64F64 = Format(128, 64, signed=False)


def convert(raw: int, source: Format, target: Format) -> int:
    """A number in another format: superfluous fraction bits are cut, overflow saturates."""
    shift = target.fraction - source.fraction
    return target.saturate(raw << shift if shift >= 0 else raw >> -shift)


def fixed(values: object) -> Fixed:
    """An array of I32F32 numbers from integers in units of 2**-32."""
    return np.asarray(values, dtype=np.int64)


def product(a: Fixed, b: Fixed | int) -> Fixed:
    """a × b elementwise, rounded towards minus infinity. For |a| and |a × b| below 2**15."""
    if _magnitude(a) * _magnitude(b) < 1 << 63:
        return fixed((a * b) >> FRACTION)
    high, low = b >> 16, b & 0xFFFF
    return fixed((a * high + ((a * low) >> 16)) >> 16)


def _magnitude(values: Fixed | int) -> int:
    return max(int(np.max(values, initial=0)), -int(np.min(values, initial=0)))


def quotient(a: Fixed | int, b: Fixed | int) -> Fixed:
    """a ÷ b elementwise, rounded down; 0 where b is 0. For a >= 0, 0 <= b < 2**30 and quotients below
    2**16.

    A quotient of doubles is then less than 1 off, and what it leaves of the dividend tells the truth.
    """
    divisor = np.where(b == 0, 1 << 62, b)
    guess = np.asarray(a * (ONE / divisor)).astype(np.int64)
    rest = (fixed(a) << FRACTION) - guess * divisor  # exact: what overflows twice cancels
    guess += rest >= divisor
    guess -= rest < 0
    return guess if np.all(b) else fixed(np.where(b == 0, 0, guess))


def normalize(values: Fixed) -> Fixed:
    """values ÷ Σ values, so that they sum to (almost) 1; unchanged if the sum is 0."""
    total = int(values.sum())
    return quotient(values, total) if total else values


def proportion(of_65535: int) -> int:
    """The I32F32 number that a stored proportion stands for."""
    return I32F32.div(I32F32.integer(of_65535), I32F32.integer(U16_MAX))


def to_u16(values: Fixed) -> Fixed:
    """Proportions as they are stored: floor(65,535 x), within the range of u16."""
    return fixed(np.clip((values * U16_MAX) >> FRACTION, 0, U16_MAX))


def exp(x: Fixed) -> Fixed:
    """e**x elementwise with x limited to [-20, 20], by the first 32 terms of its series.

    Below 0 it is 1 ÷ e**|x|. At exactly 1 the chain answers with a constant of 23 fraction bits.
    """
    limited = np.clip(x, -20 * ONE, 20 * ONE)
    term = magnitude = np.abs(limited)
    total = magnitude + ONE
    for divisor in range(2, FRACTION):
        whole, part = term >> FRACTION, term & (ONE - 1)
        term = (whole * magnitude + product(part, magnitude)) // divisor
        total = total + term
    total = np.where(limited == ONE, _E_I9F23 << (FRACTION - 23), total)
    return fixed(np.where(limited < 0, quotient(ONE, total), total))


def max_upscale(weights: Sequence[int]) -> tuple[int, ...]:
    """Weights as the chain stores them: u16 scaled so that the largest is 65,535, halves rounded up."""
    return upscale([I32F32.integer(weight) for weight in weights])


def upscale(values: Sequence[int]) -> tuple[int, ...]:
    """The same of I32F32 numbers."""
    largest, whole = max(values, default=0), I32F32.integer(U16_MAX)

    def scaled(value: int) -> int:
        if largest > I32F32.integer(32_768):
            return I32F32.mul(value, I32F32.div(whole, largest))
        return I32F32.div(I32F32.mul(value, whole), largest)

    return tuple(min((scaled(value) + HALF) >> FRACTION, U16_MAX) for value in values)


def within_limit(weights: Sequence[int], limit: int) -> bool:
    """Whether no weight is more than limit / 65,535 of their sum. The public network's limit is 65,535, which
    every row keeps."""
    total = I32F32.integer(sum(weights))
    largest = I32F32.div(I32F32.integer(max(weights, default=0)), total)
    return limit == U16_MAX or total == 0 or largest <= proportion(limit)
