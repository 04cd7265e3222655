"""How often somebody may come: a token bucket for each key, in bounded memory."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Container
from dataclasses import dataclass

MOST_KEYS = 1 << 16
"""Buckets kept at once, about 15 MB. Beyond it the one that was used longest ago is forgotten."""


@dataclass
class _Bucket:
    """``tokens`` requests may come now, as of ``at_s``."""

    tokens: float
    at_s: float


class Allowances:
    """``per_s`` a second for each key in the long run, ``burst`` at once after a pause."""

    def __init__(
        self, per_s: float, burst: int, clock_s: Callable[[], float], *, most_keys: int = MOST_KEYS
    ) -> None:
        self._per_s = per_s
        self._burst = burst
        self._clock_s = clock_s
        self._most_keys = most_keys
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def __len__(self) -> int:
        return len(self._buckets)

    def spend(self, key: str) -> float:
        """Takes one from the key's allowance: 0, or the seconds after which there will be one to take."""
        now_s = self._clock_s()
        bucket = self._buckets.get(key)
        if bucket is None:
            bucket = self._buckets[key] = _Bucket(self._burst, now_s)
            if len(self._buckets) > self._most_keys:
                self._buckets.popitem(last=False)
        else:
            self._buckets.move_to_end(key)
            bucket.tokens = min(self._burst, bucket.tokens + (now_s - bucket.at_s) * self._per_s)
            bucket.at_s = now_s
        if bucket.tokens < 1:
            return (1 - bucket.tokens) / self._per_s
        bucket.tokens -= 1
        return 0.0

    def keep(self, keys: Container[str]) -> None:
        """Forgets all keys but these."""
        for key in [key for key in self._buckets if key not in keys]:
            del self._buckets[key]
