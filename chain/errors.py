"""Every error that a user of Meritnet can meet, drawn as a tree.

::

    MeritnetError(message, hint)
    ├── UsageError                    what was asked makes no sense; exit code 2
    ├── InvalidKey                    no such address, key, mnemonic or derivation path (also a ValueError)
    ├── WalletError                   a key file is missing, exists already or cannot be written
    │   └── WrongPassword             the key file is there, the password does not open it
    ├── AuthError                     a signed request was refused
    └── ChainError                    the chain, or the way to it
        ├── TransportError            no connection, or it broke
        │   └── DeadlineExceeded      an answer did not come in time
        ├── RpcError                  the node answered with a JSON-RPC error
        ├── TransactionRejected       the pool refused an extrinsic, or dropped it; nothing was executed
        ├── DispatchFailed            the extrinsic is in a block, and its call failed
        ├── HostError                 the runtime trapped or asked for something the host does not offer
        ├── CodecError                bytes that are no encoding of the expected type
        └── StoreError                the database of blocks and states cannot be read or written

``str(error)`` is one line that says what was wrong; ``error.hint`` says what to do about it and may be empty.
"""

from typing import ClassVar


class MeritnetError(Exception):
    """Base of all errors that are shown to a user as a line, never as a traceback."""

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint

    def fields(self) -> dict[str, object]:
        """The error as a JSON object: its kind, its message, its hint when it has one, its typed fields."""
        own = {name: value for name, value in vars(self).items() if name != "hint"}
        shown = {"hint": self.hint} if self.hint else {}
        return {"error": str(self), "kind": type(self).__name__} | shown | own


class UsageError(MeritnetError):
    """What was asked makes no sense: an option is missing, or its value cannot be used."""

    exit_code = 2


class InvalidKey(MeritnetError, ValueError):
    """Text or bytes that are no address, key, mnemonic or derivation path."""


class WalletError(MeritnetError):
    """A wallet or one of its key files is missing, exists already or cannot be read or written."""


class WrongPassword(WalletError):
    """The password does not open the key file."""


class AuthError(MeritnetError):
    """A signed request was refused: malformed, stale, replayed, for somebody else, or badly signed."""


class ChainError(MeritnetError):
    """Something on the chain, or on the way to it, went wrong."""


class TransportError(ChainError):
    """No connection to the node, or the connection broke."""


class DeadlineExceeded(TransportError):
    """The node did not answer, or a block did not come, within the time allowed."""


class RpcError(ChainError):
    """The node answered a request with a JSON-RPC error; ``code`` and ``data`` are the node's."""

    def __init__(self, message: str, code: int = 0, data: object = None, hint: str = "") -> None:
        super().__init__(message, hint)
        self.code = code
        self.data = data


class TransactionRejected(ChainError):
    """The pool refused an extrinsic or dropped it; ``reason`` is the pool's word. Nothing was executed."""

    def __init__(self, message: str, reason: str = "", hint: str = "") -> None:
        super().__init__(message, hint)
        self.reason = reason


class DispatchFailed(ChainError):
    """The extrinsic is in a block and its call failed; ``docs`` is the runtime's own text of the error."""

    def __init__(self, pallet: str, name: str, docs: str = "", hint: str = "") -> None:
        super().__init__(f"{pallet}.{name}: {docs}" if docs else f"{pallet}.{name}", hint)
        self.pallet = pallet
        self.name = name
        self.docs = docs


class HostError(ChainError):
    """The runtime trapped, ran out of time, or asked for something that the host does not offer."""


class CodecError(ChainError):
    """Bytes that are no encoding of the type expected there."""


class StoreError(ChainError):
    """The database of blocks and states cannot be opened, read or written."""
