"""What a validator has done in the present epoch and thinks of the miners: one file, replaced whole."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path

from meritnet.chain.errors import MeritnetError
from meritnet.validator.durable import read_json, write_json
from meritnet.validator.scores import ScoreBook


@dataclass(frozen=True)
class Forecast:
    """A prediction of this validator's own payout that waits for the epoch to run."""

    epoch: int
    block: int
    """The block in which the epoch runs."""
    rao: int


@dataclass
class State:
    """Kept on disk by ``save``; everything else about a validator can be read from the chain."""

    path: Path
    epoch: int = -1
    """The epoch that the next two speak of; -1 before the first."""
    steps_done: int = 0
    committed: bool = False
    forecast: Forecast | None = None
    scores: ScoreBook = field(default_factory=ScoreBook)
    bundle: str = ""
    """The bundle of the newest step that counts; empty before the first."""

    @staticmethod
    def load(path: Path) -> State:
        """The state of an earlier life, or a fresh one. Raises ``MeritnetError`` for a damaged file."""
        kept = read_json(path)
        if kept is None:
            return State(path)
        try:
            forecast = kept["forecast"]
            return State(
                path,
                int(kept["epoch"]),
                int(kept["steps_done"]),
                bool(kept["committed"]),
                None if forecast is None else Forecast(**forecast),
                ScoreBook.from_json(kept["scores"]),
                str(kept.get("bundle", "")),
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise MeritnetError(
                f"{path} is no state of a validator: {error!r}", "move the file away; scores begin anew"
            ) from error

    def enter(self, epoch: int) -> None:
        """Turns to another epoch, in which nothing has been done yet."""
        if epoch != self.epoch:
            self.epoch, self.steps_done, self.committed = epoch, 0, False

    def save(self) -> None:
        """Writes the file; when this returns it survives a loss of power."""
        forecast = None if self.forecast is None else asdict(self.forecast)
        write_json(
            self.path,
            {
                "epoch": self.epoch,
                "steps_done": self.steps_done,
                "committed": self.committed,
                "forecast": forecast,
                "scores": self.scores.to_json(),
                "bundle": self.bundle,
            },
        )
