"""What a validator remembers of earlier rounds: who offered what, who copied whom, who has the crown.

The record is a function of receipts alone: requests state it, evidence says what a round found, and `after`
makes the next record of the two. Nothing changes within a round, so the order in which miners are judged is
no matter, and whoever has the receipts gets the same record.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from pydantic import Field

from meritnet.subnets.fine_tuning import copies, duel
from meritnet.subnets.fine_tuning.messages import (
    MAX_ENTERED,
    AdapterRequest,
    Champion,
    Entered,
    Hex32,
)
from meritnet.subnets.strict import Strict

MAX_EXAMPLES = 1_024
REMEMBERED_ROUNDS = 32
"""An adapter that was not offered for so many rounds is forgotten."""


class Found(Strict):
    """What a round found of one uid's adapter: the part of a score's evidence that later rounds go by."""

    content_id: Hex32
    sketch: list[float] = Field(min_length=copies.PROBES, max_length=copies.PROBES)
    losses: list[float] = Field(default=[], max_length=MAX_EXAMPLES)
    """In nats on the round's examples; empty for an adapter that was not judged."""
    base_losses: list[float] = Field(default=[], max_length=MAX_EXAMPLES)
    earns: bool = False
    """Whether its gain over the base is sure."""


def found_in(evidence: Mapping[str, object]) -> Found | None:
    """What a score's evidence says of an adapter; None where it says of none. Raises ValueError."""
    if "sketch" not in evidence:
        return None
    return Found.model_validate({name: evidence[name] for name in Found.model_fields if name in evidence})


Round = Sequence[tuple[AdapterRequest, Found | None]]
"""Everybody who was asked in a round; None where nothing came that could be judged."""


@dataclass(frozen=True)
class Offer:
    """An adapter that a uid offered, as the record has it."""

    content_id: str
    entered: int
    """The round of its first offer."""
    offered: int
    """The round of its last one."""
    copy_of: int | None = None
    sketch: tuple[float, ...] = ()
    """Empty where the receipts that are at hand do not reach back to it."""


@dataclass(frozen=True)
class Record:
    """What the next round goes by."""

    round: int = 0
    """The number of the next round."""
    offers: Mapping[int, tuple[Offer, ...]] = field(default_factory=dict)
    """By uid, what it offered last at the end."""
    champion: Champion | None = None

    def request(self, model: str, seed: str, uid: int) -> AdapterRequest:
        """What a uid is asked in the next round."""
        known = self.offers.get(uid, ())
        entered = [
            Entered(content_id=one.content_id, round=one.entered, copy_of=one.copy_of) for one in known
        ]
        return AdapterRequest(
            model=model,
            seed=seed,
            uid=uid,
            round=self.round,
            entered=tuple(entered),
            champion=self.champion,
        )

    def after(self, past: Round) -> "Record":
        """The record after a round, which may be later than the next one where receipts are missing."""
        if not past:
            return self
        asked = past[0][0]
        offers = dict(self.offers) | {request.uid: self._stated(request) for request, _ in past}
        judged = {request.uid: found for request, found in past if found is not None}
        for uid in sorted(judged):
            offers[uid] = _offered(offers, uid, judged[uid], asked.round)
        fighting = {uid: found for uid, found in judged.items() if found.losses and found.earns}
        offers = _without_doubles(offers, fighting)
        fighting = {
            uid: found for uid, found in fighting.items() if _offer(offers[uid], found).copy_of is None
        }
        asked_uids = {request.uid for request, _ in past}
        kept = {uid: _remembered(known, asked.round) for uid, known in offers.items()}
        return Record(
            asked.round + 1,
            {uid: known for uid, known in kept.items() if known},
            crowned(asked.champion, fighting, asked_uids),
        )

    def _stated(self, request: AdapterRequest) -> tuple[Offer, ...]:
        """A uid's offers as its request states them, with what is known besides."""
        known = {one.content_id: one for one in self.offers.get(request.uid, ())}
        return tuple(
            replace(
                known.get(one.content_id) or Offer(one.content_id, one.round, offered=-1),
                entered=one.round,
                copy_of=one.copy_of,
            )
            for one in request.entered
        )


def crowned(champion: Champion | None, fighting: Mapping[int, Found], asked: set[int]) -> Champion | None:
    """Who has the crown after a round: the best of those who surely beat whoever had it.

    Without a champion, challengers fight the base model. A champion that was asked and does not offer its
    adapter has given up the crown; one that was not asked keeps it.
    """
    if champion is not None and champion.uid not in asked:
        return champion
    reigning = None if champion is None else fighting.get(champion.uid)
    if champion is None or reigning is None or reigning.content_id != champion.content_id:
        winners = {uid: one for uid, one in fighting.items() if against_base(one).is_won}
        best = _best(winners)
        return None if best is None else Champion(uid=best, content_id=winners[best].content_id)
    winners = {
        uid: one
        for uid, one in fighting.items()
        if uid != champion.uid and against(reigning, one, champion.rounds).is_won
    }
    best = _best(winners)
    if best is None:
        return champion.model_copy(update={"rounds": champion.rounds + 1})
    return Champion(uid=best, content_id=winners[best].content_id)


def against_base(challenger: Found) -> duel.Duel:
    """A challenger's duel with the base model."""
    seed = f"base {challenger.content_id}".encode()
    return duel.fought(np.array(challenger.base_losses), np.array(challenger.losses), seed)


def against(champion: Found, challenger: Found, rounds: int) -> duel.Duel:
    """A challenger's duel with a champion of so many rounds; its seed is the same for every validator."""
    seed = f"{champion.content_id} {challenger.content_id}".encode()
    losses = np.array(champion.losses), np.array(challenger.losses)
    return duel.fought(*losses, seed, duel.advantage(rounds))


def _best(fighting: Mapping[int, Found]) -> int | None:
    """The uid with the smallest mean loss; among equals, the smallest content id."""

    def rank(uid: int) -> tuple[float, str]:
        return float(np.mean(fighting[uid].losses)), fighting[uid].content_id

    return min(fighting, key=rank, default=None)


def _offered(offers: Mapping[int, tuple[Offer, ...]], uid: int, found: Found, now: int) -> tuple[Offer, ...]:
    """A uid's offers after one more; a new adapter is held against all that others entered before."""
    known = {one.content_id: one for one in offers.get(uid, ())}
    held = known.pop(found.content_id, None)
    if held is None:
        others = ((other, one) for other, many in offers.items() if other != uid for one in many)
        before = [(one.entered, other) for other, one in others if one.copy_of is None and _same(one, found)]
        held = Offer(found.content_id, now, now, copy_of=min(before)[1] if before else None)
    newest = replace(held, offered=now, sketch=tuple(found.sketch))
    return (*known.values(), newest)[-MAX_ENTERED:]


def _same(offer: Offer, found: Found) -> bool:
    return offer.content_id == found.content_id or copies.are_near(offer.sketch, found.sketch)


def _without_doubles(
    offers: Mapping[int, tuple[Offer, ...]], fighting: Mapping[int, Found]
) -> dict[int, tuple[Offer, ...]]:
    """The offers after those who fought were compared.

    Whose losses are those of an earlier one is a copy of it, whatever its weights look like.
    """
    marked = dict(offers)
    owned: list[int] = []
    for _, uid in sorted((_offer(offers[uid], found).entered, uid) for uid, found in fighting.items()):
        found = fighting[uid]
        if _offer(offers[uid], found).copy_of is not None:
            continue
        twin = next((one for one in owned if copies.are_alike(fighting[one].losses, found.losses)), None)
        if twin is None:
            owned.append(uid)
        else:
            marked[uid] = tuple(
                replace(one, copy_of=twin) if one.content_id == found.content_id else one
                for one in offers[uid]
            )
    return marked


def _offer(known: tuple[Offer, ...], found: Found) -> Offer:
    return next(one for one in known if one.content_id == found.content_id)


def _remembered(known: tuple[Offer, ...], now: int) -> tuple[Offer, ...]:
    return tuple(one for one in known if one.offered > now - REMEMBERED_ROUNDS)
