"""Recorded epochs, run again under other parameters: who would have gained, who would have lost.

The file is one JSON object::

    {"format": "meritnet-epochs/1", "netuid": 1,
     "epochs": [{"input": {…}, "params": {…}}, …]}

`input` has the fields of `consensus.EpochInput`, rows as lists of [uid, value]; `params` those of
`consensus.Params`, of which missing ones have their defaults. Epochs stand in order. Each way of running them
carries its own bonds, permits and consensus from one to the next, as a chain with those parameters would
have.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, NoReturn

from meritnet.chain.errors import UsageError
from meritnet.consensus.epoch import epoch
from meritnet.consensus.params import LiquidAlphaMode, Params
from meritnet.consensus.state import EpochInput, EpochOutput, Row
from meritnet.lab.study import Line, Picture, Table

FORMAT = "meritnet-epochs/1"
BOUNDS = {
    "tempo": (1, 65_535),
    "bonds_moving_average": (0, 1_000_000),
    "alpha_sigmoid_steepness": (-32_768, 32_767),
    "activity_cutoff": (0, 2**32),
    "stake_threshold": (0, 2**63 - 1),
    "tao_weight": (0, 2**64 - 1),
}
"""Least and most of the parameters that are numbers; 0 and 65,535 for the others."""
ROWS, FLAGS, OPTIONAL = {"weights", "bonds"}, {"permits"}, {"oldest_commit_block", "owner_uid"}
NUMBERS = {"block", "last_step", "emission", "owner_uid"}


@dataclass(frozen=True)
class Recorded:
    """One epoch as it was."""

    state: EpochInput
    params: Params


@dataclass(frozen=True)
class Changed:
    """What a uid earned in all epochs, in rao: as recorded, and under the other parameters."""

    uid: int
    before_rao: int
    after_rao: int

    @property
    def change(self) -> float | None:
        """The change as a part of what it was; None of nothing."""
        return self.after_rao / self.before_rao - 1 if self.before_rao else None


@dataclass(frozen=True)
class Replay:
    """Every uid's change, the greatest winner first."""

    epochs: int
    settings: dict[str, object]
    uids: tuple[Changed, ...]
    moved: float
    """The part of all pay that went to somebody else."""
    meaning: str = field(
        default="Weights are as they were given under the old rules: whoever gains by the new ones might "
        "have given others.\n"
        "A replay shows who is paid for what was said, not what would be said.",
    )

    def tables(self) -> tuple[Table, ...]:
        """One row a uid that earned anything."""
        rows = tuple(
            (
                str(found.uid),
                str(found.before_rao),
                str(found.after_rao),
                f"{found.after_rao - found.before_rao:+d}",
                "-" if found.change is None else f"{100 * found.change:+.2f} %",
            )
            for found in self.uids
            if found.before_rao or found.after_rao
        )
        title = f"Rao earned in {self.epochs} epochs; {100 * self.moved:.2f} % of all pay moves"
        return (Table(title, ("uid>", "recorded>", "replayed>", "change>", "of it>"), rows),)

    def picture(self) -> Picture:
        """Pay by uid, both ways."""
        ordered = sorted(self.uids, key=lambda found: found.uid)
        uids = tuple(float(found.uid) for found in ordered)
        lines = (
            Line("recorded", uids, tuple(float(found.before_rao) for found in ordered)),
            Line("replayed", uids, tuple(float(found.after_rao) for found in ordered)),
        )
        return Picture("Who gains, who loses", "uid", "rao", lines)


def run(recorded: Sequence[Recorded], settings: Mapping[str, object]) -> Replay:
    """Runs the epochs as they were and with these parameters changed."""
    before = earned(recorded)
    changed = [replace(one, params=with_settings(one.params, settings)) for one in recorded]
    after = earned(changed)
    uids = [Changed(uid, *pair) for uid, pair in enumerate(zip(before, after, strict=True))]
    uids.sort(key=lambda found: found.before_rao - found.after_rao)
    gained = sum(max(found.after_rao - found.before_rao, 0) for found in uids)
    return Replay(len(recorded), dict(settings), tuple(uids), gained / max(sum(before), 1))


def earned(recorded: Sequence[Recorded]) -> list[int]:
    """What each uid earns in all epochs together, in rao."""
    total = [0] * max(len(one.state.alpha_stake) for one in recorded)
    previous: tuple[EpochInput, EpochOutput] | None = None
    for one in recorded:
        state = one.state if previous is None else _carried(one.state, *previous)
        output = epoch(state, one.params)
        paid = zip(output.server_emission, output.validator_emission, strict=True)
        for uid, (server, validator) in enumerate(paid):
            total[uid] += server + validator
        previous = state, output
    return total


def _carried(state: EpochInput, before: EpochInput, left: EpochOutput) -> EpochInput:
    """The state with what the epoch before it left to uids that still have the same holder."""
    stay = [
        uid < len(before.registered_at) and registered == before.registered_at[uid]
        for uid, registered in enumerate(state.registered_at)
    ]

    def kept(old: Sequence[Any], new: Sequence[Any]) -> list[Any]:
        return [old[uid] if stays else new[uid] for uid, stays in enumerate(stay)]

    consensus = kept(left.consensus, state.consensus or [0] * len(stay))
    return replace(
        state,
        bonds=kept(left.bonds, state.bonds),
        permits=kept(left.permits, state.permits),
        consensus=consensus,
    )


def with_settings(params: Params, settings: Mapping[str, object]) -> Params:
    """The parameters with some changed."""
    return replace(params, **settings)  # type: ignore[arg-type]


def setting(text: str) -> tuple[str, object]:
    """A parameter and its value from `NAME=VALUE`. Raises ``UsageError``."""
    name, equals, value = text.partition("=")
    if not equals:
        raise UsageError(f"{text!r} sets nothing", "write it like --set kappa=40000")
    try:
        return name, parameter(name, json.loads(value) if name != "liquid_alpha_mode" else value)
    except json.JSONDecodeError:
        raise UsageError(f"{value!r} is no value for {name}", "numbers and true or false are") from None


def parameter(name: str, value: object) -> object:
    """The value of a parameter, if it can have it. Raises ``UsageError``."""
    known = {found.name: found.default for found in fields(Params)}
    if name not in known:
        raise UsageError(f"there is no parameter {name!r}", f"there are {', '.join(known)}")
    if isinstance(known[name], LiquidAlphaMode):
        if value not in list(LiquidAlphaMode):
            raise UsageError(f"{name} is one of {', '.join(LiquidAlphaMode)}, not {value!r}")
        return LiquidAlphaMode(str(value))
    if isinstance(known[name], bool):
        if not isinstance(value, bool):
            raise UsageError(f"{name} is true or false, not {value!r}")
        return value
    least, most = BOUNDS.get(name, (0, 65_535))
    if not _whole(value) or not least <= value <= most:  # type: ignore[operator]
        raise UsageError(f"{name} is a whole number from {least} to {most}, not {value!r}")
    return value


def read(path: Path) -> list[Recorded]:
    """The epochs of a file. Raises ``UsageError`` where it is no such file."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"), parse_constant=_no_number)
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path} is no JSON: {error}") from None
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        raise UsageError(f"{path} is no record of epochs", f'"format" must be "{FORMAT}"')
    epochs = found.get("epochs")
    if not isinstance(epochs, list) or not epochs:
        raise UsageError(f"{path} holds no epochs", "record some with `meritnet lab record`")
    return [_recorded(number, one) for number, one in enumerate(epochs)]


def _recorded(number: int, found: object) -> Recorded:
    """One epoch. Raises ``UsageError`` that names it and the field."""
    if not isinstance(found, dict) or set(found) != {"input", "params"}:
        _refuse(number, "must have `input` and `params`, and nothing else")
    given, params = found["input"], found["params"]
    if not isinstance(given, dict) or not isinstance(params, dict):
        _refuse(number, "`input` and `params` must be objects")
    names = {one.name for one in fields(EpochInput)}
    missing, unknown = sorted(names - {"consensus"} - set(given)), sorted(set(given) - names)
    if missing or unknown:
        _refuse(number, f"input lacks {', '.join(missing)}" if missing else f"unknown field {unknown[0]!r}")
    values = {name: _value(number, name, value) for name, value in given.items()}
    try:
        state = EpochInput(**values)
        changed = {name: parameter(name, value) for name, value in params.items()}
    except (ValueError, UsageError) as error:
        _refuse(number, str(error))
    if state.owner_uid is not None and state.owner_uid >= len(state.alpha_stake):
        _refuse(number, f"owner_uid {state.owner_uid} is no uid")
    return Recorded(state, with_settings(Params(), changed))


def _value(number: int, name: str, value: object) -> Any:
    if name in NUMBERS:
        if not (_amount(value) or (value is None and name in OPTIONAL)):
            _refuse(number, f"{name} must be a whole number, not {value!r:.40}")
        return value
    if not isinstance(value, list):
        _refuse(number, f"{name} must be a list")
    if name in ROWS:
        return [_row(number, name, row) for row in value]
    for one in value:
        good = isinstance(one, bool) if name in FLAGS else _amount(one) or (one is None and name in OPTIONAL)
        if not good:
            _refuse(number, f"{name} cannot hold {one!r:.40}")
    return value


def _row(number: int, name: str, row: object) -> Row:
    pairs: list[Any] = row if isinstance(row, list) else [row]
    for pair in pairs:
        good = isinstance(pair, list) and len(pair) == 2 and all(_whole(one) for one in pair)
        if not good or not 0 <= pair[1] <= 65_535:
            _refuse(number, f"{name} must be rows of [uid, value up to 65535], not {pair!r:.40}")
    return tuple((pair[0], pair[1]) for pair in pairs)


def _refuse(number: int, what: str) -> NoReturn:
    raise UsageError(f"epoch {number} of the file: {what}", "see `meritnet lab replay --help`")


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text} is no number")


def _whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _amount(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**63
