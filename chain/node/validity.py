"""What a runtime says of an extrinsic before it runs: Substrate's ``TransactionValidity``, read and worded.

The words and the codes of the RPC errors are those that a Substrate node sends, because clients match them.
"""

from dataclasses import dataclass

from meritnet.chain.errors import CodecError, TransactionRejected
from meritnet.chain.scale import Reader

INVALID = (
    "Transaction call is not expected",
    "Inability to pay some fees (e.g. account balance too low)",
    "Transaction will be valid in the future",
    "Transaction is outdated",
    "Transaction has a bad signature",
    "Transaction has an ancient birth block",
    "Transaction would exhaust the block limits",
    "Custom error: {}",
    "A call was labelled as mandatory, but resulted in an Error.",
    "Transaction dispatch is mandatory; transactions must not be validated.",
    "Invalid signing address",
    "The implicit data was unable to be calculated",
    "The transaction extension did not authorize any origin",
)
UNKNOWN = (
    "Could not lookup information required to validate the transaction",
    "Could not find an unsigned validator for the unsigned transaction",
    "Custom error: {}",
)
FUTURE, STALE, EXHAUSTS_RESOURCES, CUSTOM = 2, 3, 6, 7
UNKNOWN_CUSTOM = 2

BAD_FORMAT, VERIFICATION_FAILED = 1001, 1002
INVALID_TRANSACTION, UNKNOWN_VALIDITY = 1010, 1011
BANNED, ALREADY_IMPORTED, PRIORITY_TOO_LOW, CYCLE, DROPPED = 1012, 1013, 1014, 1015, 1016


class PoolRefusal(TransactionRejected):
    """An extrinsic that the pool does not take; ``code`` and ``data`` are those of the JSON-RPC error."""

    def __init__(self, message: str, code: int, data: str = "") -> None:
        super().__init__(f"{message}: {data}" if data else message, reason=data or message)
        self.title = message
        self.code = code
        self.data = data


@dataclass(frozen=True)
class Valid:
    """A transaction that may be included once its ``requires`` tags are provided.

    ``longevity`` is the number of blocks that this stays true for.
    """

    priority: int
    requires: tuple[bytes, ...]
    provides: tuple[bytes, ...]
    longevity: int
    propagate: bool


@dataclass(frozen=True)
class Fault:
    """Why an extrinsic may not be included: ``known`` to be invalid, or of unknown validity."""

    known: bool
    kind: int
    text: str

    @property
    def exhausts_the_block(self) -> bool:
        """Whether only this block has no room for it."""
        return self.known and self.kind == EXHAUSTS_RESOURCES

    @property
    def is_early(self) -> bool:
        """Whether it may become valid when others were included."""
        return self.known and self.kind == FUTURE

    def refusal(self) -> PoolRefusal:
        """The same as an error for the sender."""
        if self.known:
            return PoolRefusal("Invalid Transaction", INVALID_TRANSACTION, self.text)
        return PoolRefusal("Unknown Transaction Validity", UNKNOWN_VALIDITY, self.text)


def decode_validity(data: bytes) -> Valid | Fault:
    """The answer of ``TaggedTransactionQueue_validate_transaction``."""
    reader = Reader(data)
    if reader.boolean():
        return _fault(reader)
    priority = reader.unsigned(8)
    requires = tuple(reader.vector(reader.octets))
    provides = tuple(reader.vector(reader.octets))
    return Valid(priority, requires, provides, reader.unsigned(8), reader.boolean())


def decode_applied(data: bytes) -> Fault | None:
    """The answer of ``BlockBuilder_apply_extrinsic``: None when the extrinsic is in the block.

    Whether its call then succeeded is not looked at: a failed call is in the block too, and pays.
    """
    reader = Reader(data)
    return _fault(reader) if reader.boolean() else None


def _fault(reader: Reader) -> Fault:
    known = not reader.boolean()
    kind = reader.unsigned(1)
    texts = INVALID if known else UNKNOWN
    if kind >= len(texts):
        raise CodecError(f"{kind} is no reason for refusing a transaction")
    number = reader.unsigned(1) if kind == (CUSTOM if known else UNKNOWN_CUSTOM) else None
    return Fault(known, kind, texts[kind].format(number))
