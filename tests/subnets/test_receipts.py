"""A receipt survives the file, proves its exchange, and falls with any change."""

import json
from dataclasses import replace
from hashlib import sha256
from typing import Any

import pytest

from meritnet.chain.errors import AuthError
from meritnet.chain.keys import KeyPair
from meritnet.subnets import receipts, wire
from meritnet.subnets.base import ArtifactRef, Task
from meritnet.subnets.receipts import InvalidReceipt, Receipt, kept_body

VALIDATOR = KeyPair.from_uri("//Alice")
MINER = KeyPair.from_uri("//Bob")


def receipt(question: bytes = b"question", answer: bytes = b"\x00answer", status: int = 200) -> Receipt:
    request = wire.sign_request(VALIDATOR, "POST", "/echo", question, MINER.address, 7)
    return Receipt(
        uid=3,
        miner=MINER.address,
        task=Task("/echo", question, 5.0, 1000),
        score=0.75,
        why="24 of 32 tokens replay",
        evidence={"replayed": 24},
        request=request,
        response=wire.sign_response(MINER, request, status, sha256(answer).hexdigest()),
        response_body=kept_body(answer),
        elapsed_s=0.5,
        files=(ArtifactRef("ab" * 32, 10),),
    )


def test_a_receipt_reads_back_as_it_was() -> None:
    kept = receipt()
    assert Receipt.parsed(json.loads(json.dumps(kept.fields()))) == kept
    assert kept.is_answered
    kept.check(VALIDATOR.address)


def test_large_bodies_leave_their_signed_hash() -> None:
    large = receipt(answer=b"x" * (receipts.KEPT_BODY_BYTES + 1))
    assert large.response_body is None
    large.check(VALIDATOR.address)


def test_any_change_shows() -> None:
    kept = receipt()
    assert kept.request is not None
    assert kept.response is not None
    changes: tuple[dict[str, Any], ...] = (
        {"response_body": b"another answer"},
        {"response_body": b""},
        {"task": replace(kept.task, body=b"another question")},
        {"task": replace(kept.task, path="/other")},
        {"response": replace(kept.response, status=500)},
        {"response": replace(kept.response, nonce_ns=8)},
        {"response": replace(kept.response, signature=b"\x00" * 64)},
        {"request": replace(kept.request, target="/other")},
        {"request": replace(kept.request, signature=b"\x00" * 64)},
        {"request": None},
    )
    for change in changes:
        with pytest.raises((InvalidReceipt, AuthError)):
            replace(kept, **change).check(VALIDATOR.address)
    with pytest.raises(InvalidReceipt, match="not from this validator to this miner"):
        replace(kept, miner=VALIDATOR.address).check(VALIDATOR.address)
    with pytest.raises(InvalidReceipt, match="not from this validator to this miner"):
        kept.check(MINER.address)


def test_without_an_answer_there_is_still_a_receipt() -> None:
    silent = replace(receipt(), response=None, response_body=None, elapsed_s=None, failure="no answer")
    assert Receipt.parsed(silent.fields()) == silent
    assert not silent.is_answered
    silent.check(VALIDATOR.address)
    refused = receipt(status=429)
    refused.check(VALIDATOR.address)
    assert not refused.is_answered


@pytest.mark.parametrize("fields", [{}, {"uid": 1}, receipt().fields() | {"task": 3}, {"exchange": None}])
def test_other_values_are_no_receipts(fields: dict[str, Any]) -> None:
    with pytest.raises(InvalidReceipt):
        Receipt.parsed(fields)
