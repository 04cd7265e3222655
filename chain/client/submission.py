"""From a call to a receipt: nonce, signature, pool, block, events.

Every way that a submission can end is a typed result: a ``Receipt``, ``DispatchFailed`` (it is in a block and
failed), ``TransactionRejected`` (it is nowhere), or ``DeadlineExceeded`` (nobody sealed it in time).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from meritnet.chain.client.codec import Call, Event
from meritnet.chain.client.extrinsic import Frame, signed_extrinsic
from meritnet.chain.client.storage_key import bytes_of, hex_of
from meritnet.chain.errors import DeadlineExceeded, RpcError, TransactionRejected, TransportError
from meritnet.chain.keys import KeyPair
from meritnet.chain.types import BlockNumber, Rao

if TYPE_CHECKING:
    from meritnet.chain.client.client import Chain
    from meritnet.chain.client.heads import Heads

_POOL_CODES = range(1010, 1020)
_ALREADY_IMPORTED = 1013
_STALE = ("outdated", "stale", "priority is too low")
_ATTEMPTS = 4

_HINTS = {
    "pay some fees": (
        "the account has too little free balance for the fee: fund it first; "
        "on a local chain with `meritnet wallet transfer //Alice NAME 10`"
    ),
    "bad signature": "the chain was reset or upgraded since this client connected: connect again",
    "custom error: 4": "register it first: `meritnet miner register` or `meritnet validator register`",
    "ancient birth block": "the chain went back behind the block this was signed at: try again",
}
"""What to do about a refusal, by a part of the pool's words."""

_CUSTOM = {"Custom error: 4": "the signer is no hotkey that anybody has registered or associated"}
"""The runtime's own refusals have numbers only; these are their words."""


@dataclass(frozen=True)
class Receipt:
    """Proof of a successful extrinsic: where it is, what it cost, what happened."""

    block_hash: str
    block_number: BlockNumber
    extrinsic_hash: str
    fee_rao: Rao
    events: tuple[Event, ...]

    def event(self, pallet: str, name: str) -> Event | None:
        """The first event of that name, if there is one."""
        return next((event for event in self.events if (event.pallet, event.name) == (pallet, name)), None)


_signers: dict[bytes, threading.Lock] = {}
_signers_lock = threading.Lock()


def _signer_lock(public: bytes) -> threading.Lock:
    """One lock an account and process: two threads must not sign with the same nonce."""
    with _signers_lock:
        return _signers.setdefault(public, threading.Lock())


def submit(chain: Chain, call: Call, signer: KeyPair, timeout_s: float) -> Receipt:
    """Sign and send a call, wait until it is in a block, and read what became of it."""
    deadline = time.monotonic() + timeout_s
    encoded = chain.codec.encode_call(call)
    with chain.follow() as heads:
        raw, birth = _sent(chain, encoded, signer, deadline)
        return _awaited(chain, hex_of(raw), birth, heads, deadline)


def estimated_fee(chain: Chain, call: Call, signer: KeyPair) -> Rao:
    """What the runtime would charge for the call now, in rao."""
    nonce = chain.nonce(signer.address)
    raw = signed_extrinsic(chain.codec, chain.codec.encode_call(call), signer, nonce, _frame(chain))
    answer = chain.call_api("TransactionPaymentApi_query_info", raw + len(raw).to_bytes(4, "little"))
    return Rao(int.from_bytes(answer[-8:], "little"))


def _sent(chain: Chain, call: bytes, signer: KeyPair, deadline: float) -> tuple[bytes, int]:
    """The extrinsic that the pool took, and the block at which it was signed.

    A nonce that somebody else used meanwhile is taken anew.
    """
    for attempt in range(_ATTEMPTS):
        with _signer_lock(signer.public):
            frame = _frame(chain)
            raw = signed_extrinsic(chain.codec, call, signer, chain.nonce(signer.address), frame)
            try:
                _deliver(chain, raw, deadline)
            except RpcError as error:
                if attempt == _ATTEMPTS - 1 or not _is_stale(error):
                    raise _rejection(error) from None
                continue
            return raw, frame.birth_number
    raise AssertionError("the last attempt returned or raised")


def _deliver(chain: Chain, raw: bytes, deadline: float) -> None:
    """Hand an extrinsic to the pool. When the link breaks, the same bytes are sent again.

    That is safe: the nonce lets a chain take them once only, so that "known" and "outdated" on a repetition
    mean that they had arrived.
    """
    for repetition in range(_ATTEMPTS):
        try:
            chain.request("author_submitExtrinsic", hex_of(raw), timeout_s=deadline - time.monotonic())
        except RpcError as error:
            if error.code == _ALREADY_IMPORTED or (repetition and _is_stale(error)):
                return
            raise
        except TransportError:
            if repetition == _ATTEMPTS - 1 or time.monotonic() >= deadline:
                raise
            continue
        return


def _awaited(chain: Chain, text: str, birth: int, heads: Heads, deadline: float) -> Receipt:
    """Look for the extrinsic in each block since its birth until found, dropped, or out of time."""
    number, misses = birth, 0
    while True:
        head = chain.head()
        for candidate in range(number, head + 1):
            found = _found(chain, BlockNumber(candidate), text)
            if found is not None:
                return found
        number = head + 1
        if text in chain.request("author_pendingExtrinsics"):
            misses = 0
        elif chain.head() >= number:
            continue  # A block came between the two looks: it may hold the extrinsic.
        else:
            misses += 1
        if misses > 1:
            raise TransactionRejected("the pool dropped the transaction", "dropped", "submit it again")
        if not heads.wait(deadline - time.monotonic()):
            raise DeadlineExceeded(
                f"the transaction is in none of the {head - birth} blocks that came before the deadline",
                "is the chain sealing blocks? `meritnet chain status` tells",
            )


def _found(chain: Chain, number: BlockNumber, text: str) -> Receipt | None:
    block_hash = chain.block_hash(number)
    block = chain.request("chain_getBlock", block_hash)
    extrinsics = block["block"]["extrinsics"] if block else []
    if text not in extrinsics:
        return None
    index = extrinsics.index(text)
    own = tuple(event for event in chain.events(block_hash) if event.extrinsic == index)
    _raise_failure(chain, own)
    fee = next((event["actual_fee"] for event in own if event.name == "TransactionFeePaid"), 0)
    digest = blake2b(bytes_of(text), digest_size=32).digest()
    return Receipt(block_hash, number, hex_of(digest), Rao(int(fee)), own)


def _raise_failure(chain: Chain, events: tuple[Event, ...]) -> None:
    """A failed call is an error, and so is one that failed inside ``Sudo`` or a batch."""
    for event in events:
        error: Any = None
        match event.pallet, event.name:
            case "System", "ExtrinsicFailed":
                error = event["dispatch_error"]
            case "Utility", "BatchInterrupted" | "ItemFailed":
                error = event["error"]
            case "Sudo", "Sudid" | "SudoAsDone":
                result = event["sudo_result"]
                error = result.get("Err") if isinstance(result, Mapping) else None
        if error is not None:
            raise chain.codec.dispatch_failed(error)


def _frame(chain: Chain) -> Frame:
    birth = chain.head()
    version = chain.runtime_version()
    return Frame(
        bytes_of(chain.block_hash(BlockNumber(0))),
        int(version["specVersion"]),
        int(version["transactionVersion"]),
        birth,
        bytes_of(chain.block_hash(birth)),
    )


def _is_stale(error: RpcError) -> bool:
    words = f"{error} {error.data}".lower()
    return error.code in _POOL_CODES and any(word in words for word in _STALE)


def _rejection(error: RpcError) -> Exception:
    if error.code not in _POOL_CODES:
        return error
    reason = str(error.data or error)
    hint = next((hint for part, hint in _HINTS.items() if part in reason.lower()), "")
    words = _CUSTOM.get(reason, reason)
    return TransactionRejected(f"the chain refused the transaction: {words}", reason, hint)
