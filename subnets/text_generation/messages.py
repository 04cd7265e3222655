"""What miners and validators of this kind say to each other: JSON under strict limits."""

import base64
import binascii
from typing import Annotated, Literal

from pydantic import Field, ValidationError

from meritnet.subnets.base import InvalidAnswer, InvalidRequest
from meritnet.subnets.strict import Strict, first_fault

PATH = "/text_generation"
MAX_REQUEST_BYTES = 128 * 1024
MAX_ANSWER_BYTES = 16 * 1024
MAX_MESSAGES = 16
MAX_CONTENT_CHARACTERS = 4_000
MAX_NEW_TOKENS = 256
MAX_TEMPERATURE = 2.0
MAX_FINGERPRINT = 16
"""Numbers of a token's hidden state that a request may ask for."""
FINGERPRINT_CHARACTERS = 4 * -(-MAX_NEW_TOKENS * MAX_FINGERPRINT * 2 // 3)

Nonce = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
Seed = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Token = Annotated[int, Field(ge=0, lt=2**20)]


class Message(Strict):
    """One turn of a conversation."""

    role: Literal["system", "user", "assistant"]
    content: str = Field(min_length=1, max_length=MAX_CONTENT_CHARACTERS)


class GenerationRequest(Strict):
    """Ask for the answer of a named model, drawn with the noise of `seed`."""

    nonce: Nonce
    """Ties an answer to this request."""
    model: str = Field(min_length=1, max_length=200)
    messages: tuple[Message, ...] = Field(min_length=1, max_length=MAX_MESSAGES, strict=False)
    seed: Seed
    temperature: float = Field(ge=0, le=MAX_TEMPERATURE)
    max_tokens: int = Field(ge=1, le=MAX_NEW_TOKENS)
    fingerprint: int = Field(ge=0, le=MAX_FINGERPRINT)
    """Numbers to send along for every token: what it was drawn from, projected along directions of `seed`."""


class GenerationAnswer(Strict):
    """The tokens drawn, the last one an end token if the model stopped itself, and their fingerprint."""

    nonce: Nonce
    tokens: tuple[Token, ...] = Field(min_length=1, max_length=MAX_NEW_TOKENS, strict=False)
    fingerprint: str = Field(max_length=FINGERPRINT_CHARACTERS)
    """Little-endian float16, token by token, in base64."""

    def fingerprint_bytes(self) -> bytes:
        """The fingerprint as it was before base64. Raises InvalidAnswer."""
        try:
            return base64.b64decode(self.fingerprint, validate=True)
        except (binascii.Error, ValueError):  # ValueError: a letter beyond ASCII
            raise InvalidAnswer("malformed answer: the fingerprint is no base64") from None


def encode_fingerprint(evidence: bytes) -> str:
    """A fingerprint as it travels."""
    return base64.b64encode(evidence).decode()


def parse_request(body: bytes) -> GenerationRequest:
    """Read a request. Raises InvalidRequest with the first thing that is wrong."""
    try:
        return GenerationRequest.model_validate_json(body)
    except ValidationError as error:
        raise InvalidRequest(first_fault(error)) from None


def parse_answer(body: bytes) -> GenerationAnswer:
    """Read an answer. Raises InvalidAnswer with the first thing that is wrong."""
    try:
        return GenerationAnswer.model_validate_json(body)
    except ValidationError as error:
        raise InvalidAnswer(f"malformed answer: {first_fault(error)}") from None
