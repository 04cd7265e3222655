"""What a validator keeps of an exchange: question, answer, both signatures, the score and why.

A receipt is evidence: with it anyone can check, without asking the validator or the miner, that this miner
was asked this and answered that, and can score the answer again. It is one line of JSON, named by its
SHA-256.
"""

from __future__ import annotations

import json
import os
from base64 import b64decode, b64encode
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from meritnet.chain.errors import MeritnetError
from meritnet.subnets.wire import SignedRequest, SignedResponse, check_response, check_signature

KEPT_BODY_BYTES = 16_384
"""Bodies up to this size are kept whole; of larger ones, the hash that was signed."""
ROTATE_AT_BYTES = 64 * 2**20
"""A book of receipts this large is put aside under ``.1``; the one put aside before is dropped."""


class InvalidReceipt(MeritnetError):
    """A line that is no receipt, or one whose parts do not belong together."""


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
    """One scored question. ``exchange`` is missing when no signed answer came; then ``why`` says so."""

    netuid: int
    block_hash: str
    """The block that chose the miner and the task."""
    uid: int
    miner: str
    validator: str
    score: float
    why: str
    evidence: Mapping[str, object] = field(default_factory=dict)
    exchange: Exchange | None = None

    def line(self) -> str:
        """The receipt as one line of JSON, always the same for the same receipt."""
        fields = {name: value for name, value in vars(self).items() if name != "exchange"}
        fields["evidence"] = dict(self.evidence)
        if self.exchange is not None:
            fields["exchange"] = _exchange_fields(self.exchange)
        return json.dumps(fields, sort_keys=True, separators=(",", ":"), allow_nan=False)

    @property
    def content_id(self) -> str:
        """Lower-case hex SHA-256 of the line."""
        return sha256(self.line().encode()).hexdigest()

    @staticmethod
    def parse(line: str) -> Receipt:
        """The receipt of a line. Raises ``InvalidReceipt``; the signatures are left to ``check``."""
        try:
            fields: dict[str, Any] = json.loads(line)
            kept = fields.pop("exchange", None)
            return Receipt(**fields, exchange=None if kept is None else _exchange(kept))
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise InvalidReceipt(f"no receipt: {error}") from error

    def check(self) -> None:
        """Raises ``InvalidReceipt`` or an ``AuthError`` unless both signed, and signed just this.

        Bodies that were too large to keep are taken by their signed hashes.
        """
        if self.exchange is None:
            return
        kept = self.exchange
        if (kept.request.sender, kept.request.receiver) != (self.validator, self.miner):
            raise InvalidReceipt("the request is not from this validator to this miner")
        for body, signed in (
            (kept.request_body, kept.request.body_sha256),
            (kept.response_body, kept.response.body_sha256),
        ):
            if body and sha256(body).hexdigest() != signed:
                raise InvalidReceipt("a body is not the one that was signed")
        check_signature(kept.request)
        check_response(kept.request, kept.response)


class ReceiptBook:
    """A file of receipts, one a line, in the order of the scores. Bounded: see ``ROTATE_AT_BYTES``."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists():
            _cut_torn_line(path)

    def write(self, receipts: list[Receipt]) -> None:
        """Appends a step's receipts in one write."""
        if self.path.exists() and self.path.stat().st_size > ROTATE_AT_BYTES:
            self.path.replace(self.path.with_name(self.path.name + ".1"))
        data = "".join(receipt.line() + "\n" for receipt in receipts).encode()
        descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            os.write(descriptor, data)
        finally:
            os.close(descriptor)

    def __iter__(self) -> Iterator[Receipt]:
        """All receipts, oldest first; a line that is still being written is left out."""
        if not self.path.exists():
            return
        with self.path.open(encoding="utf-8") as file:
            for line in file:
                if line.endswith("\n"):
                    yield Receipt.parse(line)


def _cut_torn_line(path: Path) -> None:
    """Drops what a crash left of a line that was never complete."""
    with path.open("rb+") as file:
        end = file.seek(0, os.SEEK_END)
        file.seek(max(0, end - 2**20))
        tail = file.read()
        file.truncate(end - len(tail) + tail.rfind(b"\n") + 1)


def _exchange_fields(exchange: Exchange) -> dict[str, object]:
    def kept(body: bytes) -> str:
        return b64encode(body).decode() if len(body) <= KEPT_BODY_BYTES else ""

    request, response = asdict(exchange.request), asdict(exchange.response)
    request["signature"], response["signature"] = (
        exchange.request.signature.hex(),
        exchange.response.signature.hex(),
    )
    return {
        "request": request,
        "request_body": kept(exchange.request_body),
        "response": response,
        "response_body": kept(exchange.response_body),
        "elapsed_s": exchange.elapsed_s,
    }


def _exchange(fields: dict[str, Any]) -> Exchange:
    request, response = fields["request"], fields["response"]
    return Exchange(
        SignedRequest(**{**request, "signature": bytes.fromhex(request["signature"])}),
        b64decode(fields["request_body"], validate=True),
        SignedResponse(**{**response, "signature": bytes.fromhex(response["signature"])}),
        b64decode(fields["response_body"], validate=True),
        float(fields["elapsed_s"]),
    )
