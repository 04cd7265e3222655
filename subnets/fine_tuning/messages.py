"""What miners and validators of this kind say to each other: JSON under strict limits."""

from typing import Annotated

from pydantic import Field, ValidationError

from meritnet.subnets.base import InvalidAnswer, InvalidRequest
from meritnet.subnets.strict import Strict, first_fault

PATH = "/fine_tuning"
MAX_REQUEST_BYTES = 1_024
MAX_ANSWER_BYTES = 1_024
MAX_STEPS = 1_000_000
MAX_ROUNDS = 2**32
MAX_ENTERED = 2
"""Adapters of one uid that a validator knows: the two that it offered last."""

Hex32 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


Uid = Annotated[int, Field(ge=0, lt=2**16)]
Round = Annotated[int, Field(ge=0, lt=MAX_ROUNDS)]


class Entered(Strict):
    """An adapter that the miner offered in an earlier round."""

    content_id: Hex32
    round: Round
    """The first round in which it was offered."""
    copy_of: Uid | None = None
    """Whose adapter it was found to be."""


class Champion(Strict):
    """Who has the crown in this round."""

    uid: Uid
    content_id: Hex32
    rounds: Round = 0
    """For how many rounds it has defended the crown."""


class AdapterRequest(Strict):
    """Ask for the adapter that the miner offers in this step.

    It states all that the validator remembers and judges by: request and answer are enough to score again,
    and a miner sees how it stands.
    """

    model: str = Field(min_length=1, max_length=200)
    """The base model that the adapter must fit."""
    seed: Hex32
    """Draws the held-out examples."""
    uid: Uid
    """Whom the validator asks: an adapter is paid under one uid only."""
    round: Round = 0
    """The validator's steps before this one."""
    entered: Annotated[tuple[Entered, ...], Field(max_length=MAX_ENTERED)] = ()
    """The only adapters that are judged in this step: they were offered before its block was known."""
    champion: Champion | None = None
    """Missing where nobody has surely beaten the base model."""

    def names_as_champion(self, content_id: str) -> bool:
        """Say whether the miner has the crown with this adapter."""
        crown = self.champion
        return crown is not None and (crown.uid, crown.content_id) == (self.uid, content_id)


class AdapterAnswer(Strict):
    """The adapter, by content id; the file itself is fetched from ``/artifacts``."""

    content_id: Hex32
    size_bytes: int = Field(ge=1, le=2**30)
    steps: int = Field(ge=0, le=MAX_STEPS)
    """Training steps, as the miner says; not believed, only shown."""


def parse_request(body: bytes) -> AdapterRequest:
    """Read a request. Raises InvalidRequest."""
    try:
        return AdapterRequest.model_validate_json(body)
    except ValidationError as error:
        raise InvalidRequest(f"malformed request: {first_fault(error)}") from None


def parse_answer(body: bytes) -> AdapterAnswer:
    """Read an answer. Raises InvalidAnswer."""
    try:
        return AdapterAnswer.model_validate_json(body)
    except ValidationError as error:
        raise InvalidAnswer(f"malformed answer: {first_fault(error)}") from None
