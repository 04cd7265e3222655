"""Errors as JSON-RPC says them: codes, texts, data.

Codes from -32768 on are JSON-RPC's own, 1001 to 1018 are the pool's, 400x those of Substrate's state API.
Clients match some of the texts letter by letter, so they are Substrate's.
"""

from meritnet.chain.errors import HostError, InvalidKey, MeritnetError, UsageError
from meritnet.chain.node.node import UnknownApi, UnknownBlock
from meritnet.chain.node.validity import PoolRefusal

PARSE_ERROR, INVALID_REQUEST, METHOD_NOT_FOUND, INVALID_PARAMS, INTERNAL_ERROR = (
    -32700,
    -32600,
    -32601,
    -32602,
    -32603,
)
SUBSCRIPTIONS_UNAVAILABLE, TOO_MANY_SUBSCRIPTIONS = -32000, -32006
CLIENT_ERROR, COUNT_TOO_LARGE = 4003, 4002


class RpcFault(MeritnetError):
    """A request that is answered with a JSON-RPC error."""

    def __init__(self, code: int, message: str, data: object = None) -> None:
        super().__init__(message)
        self.code = code
        self.data = data

    def form(self) -> dict[str, object]:
        """The ``error`` member of the answer."""
        shown: dict[str, object] = {"code": self.code, "message": str(self)}
        return shown if self.data is None else shown | {"data": self.data}


def invalid_params(reason: str) -> RpcFault:
    """The parameters are not those of the method."""
    return RpcFault(INVALID_PARAMS, "Invalid params", reason)


def fault_of(error: MeritnetError) -> RpcFault:
    """The JSON-RPC error for an error of ours."""
    match error:
        case RpcFault():
            return error
        case PoolRefusal():
            return RpcFault(error.code, error.title, error.data or None)
        case UnknownBlock():
            return RpcFault(CLIENT_ERROR, f"Client error: UnknownBlock: {error}")
        case UnknownApi():
            return RpcFault(CLIENT_ERROR, f"Client error: Execution failed: Other: {error}")
        case HostError():
            return RpcFault(CLIENT_ERROR, f"Client error: Execution failed: {error}")
        case UsageError() | InvalidKey():
            hint = f" ({error.hint})" if error.hint else ""
            return invalid_params(f"{error}{hint}")
        case _:
            return RpcFault(INTERNAL_ERROR, str(error), error.hint or None)
