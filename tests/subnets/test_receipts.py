"""A receipt survives the file, proves its exchange, and falls with any change."""

import json
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

from meritnet.chain.errors import AuthError
from meritnet.chain.keys import KeyPair
from meritnet.subnets import receipts, wire
from meritnet.subnets.receipts import Exchange, InvalidReceipt, Receipt, ReceiptBook

VALIDATOR = KeyPair.from_uri("//Alice")
MINER = KeyPair.from_uri("//Bob")


def receipt(question: bytes = b"question", answer: bytes = b"\x00answer") -> Receipt:
    request = wire.sign_request(VALIDATOR, "POST", "/echo", question, MINER.address, 7)
    response = wire.sign_response(MINER, request, 200, sha256(answer).hexdigest())
    return Receipt(
        netuid=1,
        block_hash="0x" + "ab" * 32,
        uid=3,
        miner=MINER.address,
        validator=VALIDATOR.address,
        score=0.75,
        why="24 of 32 tokens replay",
        evidence={"replayed": 24},
        exchange=Exchange(request, question, response, answer, 0.5),
    )


def test_a_receipt_is_one_line_that_reads_back_as_it_was() -> None:
    kept = receipt()
    assert "\n" not in kept.line()
    assert Receipt.parse(kept.line()) == kept
    assert kept.content_id == sha256(kept.line().encode()).hexdigest()
    kept.check()


def test_large_bodies_leave_their_signed_hash() -> None:
    large = receipt(answer=b"x" * (receipts.KEPT_BODY_BYTES + 1))
    assert len(large.line()) < 4096
    Receipt.parse(large.line()).check()


def test_any_change_shows() -> None:
    kept = receipt()
    assert kept.exchange is not None
    for change in (
        replace(kept.exchange, response_body=b"another answer"),
        replace(kept.exchange, request_body=b"another question"),
        replace(kept.exchange, response=replace(kept.exchange.response, status=500)),
        replace(kept.exchange, response=replace(kept.exchange.response, nonce_ns=8)),
        replace(kept.exchange, request=replace(kept.exchange.request, target="/other")),
    ):
        with pytest.raises((InvalidReceipt, AuthError)):
            replace(kept, exchange=change).check()
    with pytest.raises(InvalidReceipt, match="not from this validator to this miner"):
        replace(kept, miner=VALIDATOR.address).check()


def test_without_an_answer_there_is_still_a_receipt() -> None:
    silent = replace(receipt(), exchange=None, score=0.0, why="no answer within 2 s")
    assert Receipt.parse(silent.line()) == silent
    silent.check()


@pytest.mark.parametrize("line", ["", "{}", "[]", "null", '{"netuid": 1}', '{"exchange": 3}'])
def test_other_lines_are_no_receipts(line: str) -> None:
    with pytest.raises(InvalidReceipt):
        Receipt.parse(line)


def test_a_book_keeps_order_is_bounded_and_forgives_a_torn_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    book = ReceiptBook(tmp_path / "deep" / "receipts.jsonl")
    assert list(book) == []
    book.write([receipt(), receipt(b"second")])
    with book.path.open("a") as file:
        file.write(json.dumps({"netuid": 1})[:5])
    assert [kept.exchange.request_body for kept in book if kept.exchange] == [b"question", b"second"]
    assert book.path.stat().st_mode & 0o777 == 0o600
    ReceiptBook(book.path).write([receipt(b"after the crash")])
    assert [kept.score for kept in book] == [0.75] * 3

    monkeypatch.setattr(receipts, "ROTATE_AT_BYTES", 10)
    book.write([receipt(b"third")])
    assert len(list(book)) == 1
    assert len(list(tmp_path.glob("deep/*"))) == 2
