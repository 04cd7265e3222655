"""What `meritnet validator explain` shows: the receipt of a miner's newest score, checked again."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from meritnet.chain.errors import AuthError, MeritnetError
from meritnet.subnets.receipts import InvalidReceipt, Receipt, ReceiptBook

EXCERPT = 600
"""Characters shown of a question or an answer."""


@dataclass(frozen=True)
class Explanation:
    """A receipt, and whether its signatures and hashes hold."""

    receipt: Receipt
    fault: str
    """Why the evidence does not hold; empty when it does."""


def newest(directory: Path, netuid: int, uid: int) -> Explanation:
    """The newest receipt about a miner in a validator's directory. Raises ``MeritnetError`` without one."""
    books = directory.glob(f"chain-*/subnet-{netuid}/receipts.jsonl")
    for book in sorted(books, key=lambda path: path.stat().st_mtime, reverse=True):
        about = [receipt for receipt in ReceiptBook(book) if receipt.uid == uid]
        if about:
            return Explanation(about[-1], _fault(about[-1]))
    raise MeritnetError(
        f"no receipt about uid {uid} of subnet {netuid} in {directory}",
        "this validator has not asked it yet; `meritnet validator step` does",
    )


def _fault(receipt: Receipt) -> str:
    try:
        receipt.check()
    except (AuthError, InvalidReceipt) as error:
        return str(error)
    return ""


def lines(found: Explanation) -> dict[str, object]:
    """The explanation as names and values for a person."""
    receipt = found.receipt
    shown: dict[str, object] = {
        "miner": f"uid {receipt.uid}  {receipt.miner}",
        "score": f"{receipt.score:.3f}",
        "why": receipt.why,
        "drawn by block": receipt.block_hash,
    }
    shown |= {name: value for name, value in receipt.evidence.items() if name not in shown}
    if receipt.exchange is not None:
        shown["answered in"] = f"{receipt.exchange.elapsed_s:.2f} s"
        shown["asked"] = _excerpt(receipt.exchange.request_body)
        shown["answered"] = _excerpt(receipt.exchange.response_body)
        shown["signatures"] = found.fault or "both hold"
    shown["receipt"] = receipt.content_id
    return shown


def _excerpt(body: bytes) -> str:
    """A body as one printable line; what a stranger sent must not steer the terminal."""
    if not body:
        return "(too large to keep; its hash was signed)"
    text = body.decode(errors="replace")
    line = "".join(letter if letter.isprintable() else " " for letter in text)
    return line if len(line) <= EXCERPT else line[:EXCERPT] + "…"


def as_json(found: Explanation) -> dict[str, object]:
    """The explanation as an object: the receipt as it is kept, and the verdict on it."""
    kept: dict[str, object] = json.loads(found.receipt.line())
    return kept | {"receipt": found.receipt.content_id, "holds": not found.fault, "fault": found.fault}
