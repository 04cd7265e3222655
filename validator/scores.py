"""What a validator thinks of each miner: a moving average of its scores.

Only a miner that was asked moves: who was not drawn keeps its average, neither fading nor growing. The first
scores weigh equally (a plain mean) until there are enough for the moving average's own weight, so a newcomer
is neither held down by a zero nor carried by one lucky answer. A new hotkey under a uid starts from nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

ALPHA = 0.2
"""Weight of the newest score once there are five; older ones fade by a fifth at each."""


@dataclass(frozen=True)
class Average:
    """The standing of one uid."""

    hotkey: str
    value: float
    scores: int
    """How many scores it is made of."""
    block: int
    """The block of the newest one."""
    why: str
    """The line that came with the newest one."""


def moved(
    known: Average | None, hotkey: str, score: float, block: int, why: str, alpha: float = ALPHA
) -> Average:
    """A standing after one more score. Raises ``ValueError`` unless that lies between 0 and 1."""
    if not 0.0 <= score <= 1.0:
        raise ValueError(f"a score lies between 0 and 1, not {score}")
    value, scores = (0.0, 0) if known is None else (known.value, known.scores)
    value += max(alpha, 1 / (scores + 1)) * (score - value)
    return Average(hotkey, min(1.0, max(0.0, value)), scores + 1, block, why)


class ScoreBook:
    """The averages of a subnet by uid."""

    def __init__(self, averages: Mapping[int, Average] | None = None, *, alpha: float = ALPHA) -> None:
        self._averages = dict(averages or {})
        self.alpha = alpha

    def __getitem__(self, uid: int) -> Average:
        return self._averages[uid]

    def __len__(self) -> int:
        return len(self._averages)

    def follow(self, hotkeys: Sequence[str]) -> list[int]:
        """Forgets uids that now belong to another hotkey, or to none; returns them."""
        gone = [
            uid
            for uid, average in self._averages.items()
            if uid >= len(hotkeys) or hotkeys[uid] != average.hotkey
        ]
        for uid in gone:
            del self._averages[uid]
        return gone

    def get(self, uid: int, hotkey: str) -> Average | None:
        """The standing of a uid, if it is this hotkey's."""
        known = self._averages.get(uid)
        return known if known is not None and known.hotkey == hotkey else None

    def put(self, uid: int, average: Average) -> None:
        """Gives a uid a new standing."""
        self._averages[uid] = average

    def add(self, uid: int, hotkey: str, score: float, block: int, why: str) -> Average:
        """Takes one score (0 to 1) of a uid in. Raises ``ValueError`` for anything else, NaN too."""
        self._averages[uid] = moved(self.get(uid, hotkey), hotkey, score, block, why, self.alpha)
        return self._averages[uid]

    def items(self) -> tuple[tuple[int, Average], ...]:
        """Every uid with its standing, ascending."""
        return tuple(sorted(self._averages.items()))

    def values(self) -> dict[int, float]:
        """The averages by uid."""
        return {uid: average.value for uid, average in sorted(self._averages.items())}

    def to_json(self) -> dict[str, Any]:
        """The book as JSON values."""
        return {str(uid): asdict(average) for uid, average in sorted(self._averages.items())}

    @staticmethod
    def from_json(fields: Mapping[str, Any], *, alpha: float = ALPHA) -> ScoreBook:
        """The book that ``to_json`` gave. Raises ``ValueError``, ``TypeError``, ``KeyError``."""
        return ScoreBook({int(uid): Average(**average) for uid, average in fields.items()}, alpha=alpha)
