"""Bundles: one file a step, one a row of weights, named by what is in them.

A bundle is canonical JSON: keys sorted, no blanks, ASCII, numbers in the shortest form that reads back the
same. Its name is the BLAKE2b-256 of these bytes, so it cannot be changed and stay itself. A step names the
step before it, a row of weights names the newest step: who knows the name of a row of weights knows that
nothing behind it was changed. See docs/receipts.md.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from hashlib import blake2b
from typing import Any

from meritnet.chain.errors import MeritnetError
from meritnet.subnets.receipts import InvalidReceipt, Receipt
from meritnet.validator.provenance import Origin
from meritnet.validator.scores import Average
from meritnet.validator.shape import fits
from meritnet.validator.view import Block

FORMAT = "meritnet-bundle/1"


class InvalidBundle(MeritnetError):
    """Bytes that are no bundle, or not the one that its name says."""


@dataclass(frozen=True)
class Entry:
    """What one miner got in a step."""

    receipt: Receipt
    before: Average | None
    """Its standing before the step; ``None`` for a newcomer."""
    after: Average


@dataclass(frozen=True)
class StepBundle:
    """One step: who could be asked, who was, and everything that came of it."""

    origin: Origin
    previous: str
    """The bundle of the validator's step before; empty for the first."""
    block: Block
    """The block whose hash chose the miners and their questions."""
    epoch: int
    step: int
    """Steps of the epoch before this one."""
    seed: str
    """Hex; BLAKE2b-256 over block hash, subnet, validator and step (``validator.sampling``)."""
    candidates: tuple[tuple[int, str], ...]
    """Uid and hotkey of everybody who could have been drawn."""
    most: int
    """How many were to be drawn at most."""
    alpha: float
    """Weight of the newest score in the moving average."""
    entries: tuple[Entry, ...]
    """Who was drawn, by uid."""


@dataclass(frozen=True)
class WeightsBundle:
    """One row of weights, and all that it follows from."""

    origin: Origin
    previous: str
    """The bundle of the newest step; empty where none was kept."""
    block: Block
    """Where the subnet's limits were read."""
    epoch: int
    hotkeys: tuple[str, ...]
    """By uid."""
    own_uid: int
    min_allowed_weights: int
    averages: tuple[tuple[int, Average], ...]
    uids: tuple[int, ...]
    values: tuple[int, ...]
    version_key: int


Bundle = StepBundle | WeightsBundle


def encoded(bundle: Bundle) -> bytes:
    """The bytes of a bundle."""
    fields = {name: value for name, value in vars(bundle).items() if name not in ("entries", "averages")}
    fields |= {"format": FORMAT, "origin": asdict(bundle.origin), "block": asdict(bundle.block)}
    if isinstance(bundle, StepBundle):
        fields |= {"about": "step", "entries": [_entry_fields(entry) for entry in bundle.entries]}
    else:
        fields |= {"about": "weights", "averages": [[uid, asdict(one)] for uid, one in bundle.averages]}
    return json.dumps(fields, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()


def name_of(data: bytes) -> str:
    """The name of a bundle: lower-case hex BLAKE2b-256 of its bytes."""
    return blake2b(data, digest_size=32).hexdigest()


def decoded(data: bytes) -> Bundle:
    """The bundle of some bytes. Raises ``InvalidBundle`` unless they are exactly those that it encodes to."""
    try:
        fields = json.loads(data)
        if fields.pop("format") != FORMAT:
            raise InvalidBundle(f"no bundle of the format {FORMAT}")
        about = fields.pop("about")
        fields["origin"], fields["block"] = Origin(**fields["origin"]), Block(**fields["block"])
        bundle = _step(fields) if about == "step" else _weights(fields)
        if not fits(bundle, type(bundle)):
            raise InvalidBundle("a field has a value of another type than it should")
        same = encoded(bundle) == data
    except (ValueError, LookupError, TypeError, AttributeError, InvalidReceipt, RecursionError) as error:
        raise InvalidBundle(f"no bundle: {type(error).__name__}: {error}") from error
    if not same:
        raise InvalidBundle("the bundle is not written in its canonical form")
    return bundle


def _step(fields: dict[str, Any]) -> StepBundle:
    fields["candidates"] = tuple((uid, hotkey) for uid, hotkey in fields["candidates"])
    fields["entries"] = tuple(_entry(entry) for entry in fields["entries"])
    return StepBundle(**fields)


def _weights(fields: dict[str, Any]) -> WeightsBundle:
    lists = {name: tuple(fields[name]) for name in ("hotkeys", "uids", "values")}
    averages = tuple((uid, Average(**one)) for uid, one in fields["averages"])
    return WeightsBundle(**{**fields, **lists, "averages": averages})


def _entry_fields(entry: Entry) -> dict[str, Any]:
    before = None if entry.before is None else asdict(entry.before)
    return entry.receipt.fields() | {"before": before, "after": asdict(entry.after)}


def _entry(fields: Mapping[str, Any]) -> Entry:
    kept = dict(fields)
    before, after = kept.pop("before"), kept.pop("after")
    return Entry(Receipt.parsed(kept), None if before is None else Average(**before), Average(**after))
