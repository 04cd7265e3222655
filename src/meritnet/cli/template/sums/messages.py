"""What a validator and a miner of this subnet say to each other: JSON of exactly one form."""

from typing import Annotated

from pydantic import Field, ValidationError

from meritnet.subnets.base import InvalidAnswer, InvalidRequest
from meritnet.subnets.strict import Strict, first_fault

PATH = "/sums"
MAX_REQUEST_BYTES = 4_096
MAX_ANSWER_BYTES = 64

Number = Annotated[int, Field(ge=0, lt=10**6)]


class Question(Strict):
    numbers: tuple[Number, ...] = Field(min_length=1, max_length=100, strict=False)


class Reply(Strict):
    total: int


def parse_question(body: bytes) -> Question:
    try:
        return Question.model_validate_json(body)
    except ValidationError as error:
        raise InvalidRequest(first_fault(error)) from None


def parse_reply(body: bytes) -> Reply:
    try:
        return Reply.model_validate_json(body)
    except ValidationError as error:
        raise InvalidAnswer(first_fault(error)) from None
