"""What a validator keeps of one scored question: the task, both signed messages, the score and why.

A receipt is evidence: with it anyone can check, without asking the validator or the miner, that this miner
was asked this and answered that, and can score the answer again. Where no signed answer came, the reason is
the validator's word; so are the times.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from typing import Any

from meritnet.chain.errors import MeritnetError
from meritnet.subnets.base import ArtifactRef, Task
from meritnet.subnets.wire import SignedRequest, SignedResponse, check_response, check_signature

KEPT_BODY_BYTES = 256 * 2**10
"""Answers up to this size are kept whole; of larger ones, the hash that was signed."""


class InvalidReceipt(MeritnetError):
    """Values that are no receipt, or a receipt whose parts do not belong together."""


@dataclass(frozen=True)
class Exchange:
    """A request and the response to it, both signed."""

    request: SignedRequest
    request_body: bytes
    response: SignedResponse
    response_body: bytes
    elapsed_s: float


@dataclass(frozen=True)
class Receipt:
    """One scored question."""

    uid: int
    miner: str
    task: Task
    score: float
    why: str
    evidence: Mapping[str, object] = field(default_factory=dict)
    """The figures behind the score, as the subnet's judge gave them."""
    request: SignedRequest | None = None
    """As it was signed for the miner; missing only when nothing could be signed."""
    response: SignedResponse | None = None
    """The miner's signed answer or signed refusal; missing when none came."""
    response_body: bytes | None = None
    """Missing too when it was too large to keep: then its signed hash is what there is."""
    elapsed_s: float | None = None
    """Time to the answer; missing when there was none."""
    failure: str = ""
    """Why the subnet's judge had nothing to judge: the validator's word. Empty when it judged."""
    files: tuple[ArtifactRef, ...] = ()
    """What the judge was given besides the answer."""

    @property
    def is_answered(self) -> bool:
        """Whether a signed answer came, rather than a refusal or nothing."""
        return self.response is not None and self.response.status == 200

    def check(self, validator: str) -> None:
        """Raises ``InvalidReceipt`` or an ``AuthError`` unless both signed, and signed just this.

        A body that was too large to keep is taken by its signed hash.
        """
        if self.request is None:
            if self.response is not None:
                raise InvalidReceipt("there is a response, but no request")
            return
        if (self.request.sender, self.request.receiver) != (validator, self.miner):
            raise InvalidReceipt("the request is not from this validator to this miner")
        if (self.request.method, self.request.target) != ("POST", self.task.path):
            raise InvalidReceipt("the request went elsewhere than the task says")
        if sha256(self.task.body).hexdigest() != self.request.body_sha256:
            raise InvalidReceipt("the question is not the one that was signed")
        check_signature(self.request)
        if self.response is None:
            return
        kept = self.response_body
        if kept is not None and sha256(kept).hexdigest() != self.response.body_sha256:
            raise InvalidReceipt("the answer is not the one that was signed")
        check_response(self.request, self.response)

    def fields(self) -> dict[str, Any]:
        """The receipt as JSON values; ``parsed`` reads them back."""
        return {
            "uid": self.uid,
            "miner": self.miner,
            "task": asdict(self.task) | {"body": _text(self.task.body)},
            "score": self.score,
            "why": self.why,
            "evidence": dict(self.evidence),
            "request": _signed(self.request),
            "response": _signed(self.response),
            "response_body": None if self.response_body is None else _text(self.response_body),
            "elapsed_s": self.elapsed_s,
            "failure": self.failure,
            "files": [asdict(file) for file in self.files],
        }

    @staticmethod
    def parsed(fields: Mapping[str, Any]) -> Receipt:
        """The receipt that ``fields`` gave. Raises ``InvalidReceipt``; ``check`` looks at the signatures."""
        try:
            task, request, response = (fields[name] for name in ("task", "request", "response"))
            body, files = fields["response_body"], fields["files"]
            read: dict[str, Any] = {
                "task": Task(**{**task, "body": _bytes(task["body"])}),
                "request": None if request is None else SignedRequest(**_unhexed(request)),
                "response": None if response is None else SignedResponse(**_unhexed(response)),
                "response_body": None if body is None else _bytes(body),
                "files": tuple(ArtifactRef(**file) for file in files),
            }
            return Receipt(**{**fields, **read})
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise InvalidReceipt(f"no receipt: {error}") from error


def kept_body(body: bytes) -> bytes | None:
    """A response's body as receipts keep it."""
    return body if len(body) <= KEPT_BODY_BYTES else None


def _text(body: bytes) -> str:
    return b64encode(body).decode()


def _bytes(text: str) -> bytes:
    return b64decode(text, validate=True)


def _signed(message: SignedRequest | SignedResponse | None) -> dict[str, Any] | None:
    return None if message is None else asdict(message) | {"signature": message.signature.hex()}


def _unhexed(message: Mapping[str, Any]) -> dict[str, Any]:
    return {**message, "signature": bytes.fromhex(message["signature"])}
