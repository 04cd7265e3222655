"""One client's connection without its socket: a JSON text comes in, a JSON text goes out."""

import inspect
import json
import logging
from collections.abc import Callable
from typing import Any, Self

from meritnet.chain.errors import MeritnetError
from meritnet.chain.node.node import Node
from meritnet.chain.rpc import methods
from meritnet.chain.rpc.faults import (
    INTERNAL_ERROR,
    INVALID_REQUEST,
    METHOD_NOT_FOUND,
    PARSE_ERROR,
    RpcFault,
    fault_of,
    invalid_params,
)
from meritnet.chain.rpc.follow import Follower
from meritnet.chain.rpc.subscriptions import Send, Subscriptions

LOG = logging.getLogger(__name__)

MOST_IN_BATCH = 100
MOST_ID_CHARACTERS = 128
MOST_PARTS = 100_000
"""Commas and brackets in one message. The largest that means something, a runtime, is one long text; a list
of millions of numbers would keep the interpreter, and so the blocks, waiting while it is read."""


class Session:
    """Answers the requests of one client of ``node``.

    ``send`` takes the notifications of subscriptions, from any thread; without it there are none. One that
    a request itself causes, such as the current head on subscribing, is sent before the request's answer is
    returned: keep what belongs to a subscription that is not known yet. ``dev`` allows the ``dev_`` methods.
    """

    def __init__(self, node: Node, send: Send | None = None, *, dev: bool = False) -> None:
        self.node = node
        self.dev = dev
        self.subscriptions = Subscriptions(node, send)
        self.followers: dict[str, Follower] = {}
        self.broadcasts = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End all subscriptions."""
        self.followers.clear()
        self.subscriptions.close()

    def receive(self, text: str) -> str | None:
        """The answer to a request or to a batch of them; None if nothing in it asks for one."""
        if sum(map(text.count, ",[{")) > MOST_PARTS:
            limit = f"Exceeded max limit of {MOST_PARTS} parts"
            return _encode(_error(None, RpcFault(INVALID_REQUEST, "The request was too large", limit)))
        try:
            message = json.loads(text)
        except (ValueError, RecursionError):
            return _encode(_error(None, RpcFault(PARSE_ERROR, "Parse error")))
        if not isinstance(message, list):
            answer = self._answer(message)
            return None if answer is None else _encode(answer)
        if not message:
            return _encode(_error(None, RpcFault(INVALID_REQUEST, "Invalid request")))
        if len(message) > MOST_IN_BATCH:
            limit = f"Exceeded max limit of {MOST_IN_BATCH}"
            return _encode(_error(None, RpcFault(INVALID_REQUEST, "The batch request was too large", limit)))
        answers = [answer for request in message if (answer := self._answer(request)) is not None]
        return _encode(answers) if answers else None

    def methods(self) -> list[str]:
        """The names that this client may call, aliases included."""
        return sorted(name for name, method in methods.BY_NAME.items() if self.dev or not method.unsafe)

    def _answer(self, request: object) -> dict[str, object] | None:
        if not isinstance(request, dict) or not isinstance(request.get("method"), str):
            return _error(None, RpcFault(INVALID_REQUEST, "Invalid request"))
        identifier = request.get("id")
        if not isinstance(identifier, str | int | None) or len(str(identifier)) > MOST_ID_CHARACTERS:
            return _error(None, RpcFault(INVALID_REQUEST, "Invalid request"))
        try:
            result = self._run(request["method"], request.get("params"))
        except MeritnetError as error:
            answer = _error(identifier, fault_of(error))
        except Exception:  # the process edge: whatever a request does, the node goes on serving
            LOG.exception("%s failed", request["method"])
            answer = _error(identifier, RpcFault(INTERNAL_ERROR, "Internal error"))
        else:
            answer = {"jsonrpc": "2.0", "id": identifier, "result": result}
        return answer if "id" in request else None

    def _run(self, name: str, params: object) -> object:
        method = methods.BY_NAME.get(name)
        if method is None or (method.unsafe and not self.dev):
            raise RpcFault(METHOD_NOT_FOUND, "Method not found")
        positional, named = _arguments(method.run, params)
        return method.run(self, *positional, **named)


def _arguments(run: Callable[..., object], params: object) -> tuple[list[Any], dict[str, Any]]:
    positional: list[Any] = params if isinstance(params, list) else []
    named: dict[str, Any] = {}
    if isinstance(params, dict):
        named = {_snake(name): value for name, value in params.items()}
    elif params is not None and not isinstance(params, list):
        raise invalid_params("params are a list or an object")
    try:
        inspect.signature(run).bind(None, *positional, **named)
    except TypeError as error:
        raise invalid_params(str(error)) from None
    return positional, named


def _snake(name: str) -> str:
    return "".join("_" + letter.lower() if letter.isupper() else letter for letter in name)


def _error(identifier: object, fault: RpcFault) -> dict[str, object]:
    return {"jsonrpc": "2.0", "id": identifier, "error": fault.form()}


def _encode(answer: object) -> str:
    return json.dumps(answer, separators=(",", ":"))
