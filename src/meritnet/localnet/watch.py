"""What the validators of a local network have reported: their duties, their reasons, their payments."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from meritnet.localnet.view import State
from meritnet.validator.events import (
    Asked,
    Committed,
    Event,
    Paid,
    Predicted,
    Revealed,
    Scored,
    Trouble,
    WeightsSet,
)

Seat = tuple[str, int]
"""A validator's hotkey and the netuid in which it works."""

MARGIN_BLOCKS = 10
"""From so many blocks before an epoch on, empty blocks wait for the validators.

Enough for every transaction of every seat to get a block of its own meanwhile, and half the local tempo: the
subnets' epochs are a few blocks apart, and one must not wait where another has no block left to give.
"""


@dataclass
class Duties:
    """What one validator has done in one subnet, by epoch."""

    committed: set[int] = field(default_factory=set)
    revealed: set[int] = field(default_factory=set)
    predicted_block: int = 0
    shown: int = -1
    """The epoch whose weights the picture has."""

    def missing(self, epoch: int, blocks_left: int, epoch_block: int) -> str:
        """Return what has to happen before the next empty block, or "" when nothing does.

        Where no block is left for a transaction, only the prediction is worth waiting for.
        """
        if blocks_left == 0:
            return "" if self.predicted_block == epoch_block else "prediction"
        if epoch - 1 in self.committed and epoch - 1 not in self.revealed:
            return "reveal"
        return "" if epoch in self.committed else "commit"


@dataclass
class Watch:
    """Takes the validators' events in: updates the picture, keeps duties and payments.

    `names` maps a hotkey to its neuron's name. `changed` is called after every event.
    """

    state: State
    names: Mapping[str, str]
    changed: Callable[[], None]
    seats: dict[Seat, Duties] = field(default_factory=dict)
    payments: list[Paid] = field(default_factory=list)
    loss_gain_nats: dict[tuple[int, int], float] = field(default_factory=dict)

    def seat(self, seats: Iterable[Seat]) -> None:
        """Wait for these validators from now on."""
        self.seats |= {seat: Duties() for seat in seats}

    def missing(self, netuid: int, epoch: int, block: int, epoch_block: int) -> str:
        """Return whom and what the block after `block` has to wait for, or ""."""
        blocks_left = epoch_block - block - 1
        if blocks_left > MARGIN_BLOCKS:
            return ""
        for (hotkey, where), duties in self.seats.items():
            what = duties.missing(epoch, blocks_left, epoch_block) if where == netuid else ""
            if what:
                return f"waiting for {self.names.get(hotkey, hotkey)}'s {what} in subnet {netuid}"
        return ""

    def take(self, event: Event) -> None:
        """Take one event in."""
        duties = self.seats[event.validator, event.netuid]
        match event:
            case Asked():
                self._log(event, f"asks uid {event.uid}")
            case Scored():
                self._scored(event)
            case Committed() | WeightsSet():
                duties.committed.add(event.epoch)
                if isinstance(event, WeightsSet):
                    duties.revealed.add(event.epoch)
                self._weights(event, duties)
                self._log(event, f"commits its weights of epoch {event.epoch}")
            case Revealed():
                duties.revealed.add(event.epoch)
                self._weights(event, duties)
                self._log(event, f"reveals its weights of epoch {event.epoch}")
            case Predicted():
                duties.predicted_block = event.block
            case Paid():
                self.payments.append(event)
                agrees = "as predicted" if event.agrees else f"predicted {event.predicted_rao}"
                self._log(event, f"was paid {event.paid_rao} rao, {agrees}")
            case Trouble():
                self._log(event, f"could not {event.what}: {event.message}")
        self.changed()

    def _scored(self, event: Scored) -> None:
        board = self.state.boards.get(event.netuid)
        row = board.rows.get(event.uid) if board else None
        if row is not None:
            row.score, row.why = event.average, event.why
        gain = event.evidence.get("loss_gain_nats")
        if isinstance(gain, int | float):
            self.loss_gain_nats[event.netuid, event.uid] = float(gain)
        self._log(event, f"gives uid {event.uid} {event.value:.2f}: {event.why}")

    def _weights(self, event: Committed | WeightsSet | Revealed, duties: Duties) -> None:
        """Show new weights; a validator of another process tells them with the reveal, not the commit."""
        if not event.weights or event.epoch <= duties.shown:
            return
        duties.shown = event.epoch
        board = self.state.boards.get(event.netuid)
        for uid, row in board.rows.items() if board else ():
            row.weight = event.weights.get(uid, row.weight)

    def _log(self, event: Event, text: str) -> None:
        self.state.say(f"{self.names.get(event.validator, event.validator)} (subnet {event.netuid}) {text}")
