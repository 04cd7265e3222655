"""Whether a validator can do its duty now."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

LOADING = "the model is being loaded"
STOPPING = "the validator is stopping"
UNREGISTERED = "the hotkey is not registered"
UNSEEN = "the chain has not been seen yet"
AWAY = "the chain does not answer"


@dataclass
class Health:
    """What stands in the way; each part of the validator keeps its own line up to date."""

    stopping: bool = False
    loading: bool = False
    """While the first task is drawn, for which a model may have to be fetched and loaded."""
    unregistered: bool = False
    """As of the newest look at the subnet's neurons, which comes with each step and each row of weights."""
    chain_is_away: bool = False
    chain_seen_at_s: float | None = None
    """Monotonic time of the chain's last answer."""
    _has_drawn: bool = False

    def seen(self) -> None:
        """The chain has answered."""
        self.chain_seen_at_s, self.chain_is_away = time.monotonic(), False

    @contextmanager
    def drawing(self) -> Iterator[None]:
        """Around the drawing of tasks."""
        self.loading = not self._has_drawn
        try:
            yield
            self._has_drawn = True
        finally:
            self.loading = False

    @property
    def missing(self) -> list[str]:
        """What is not there, in words; nothing when the validator is ready."""
        lines = {
            STOPPING: self.stopping,
            LOADING: self.loading,
            UNREGISTERED: self.unregistered,
            UNSEEN: self.chain_seen_at_s is None and not self.chain_is_away,
            AWAY: self.chain_is_away,
        }
        return [line for line, holds in lines.items() if holds]
