"""One JSON-RPC client of the test's node, without a socket."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from meritnet.chain.node.node import Node
from meritnet.chain.rpc.session import Session


@dataclass
class Client:
    """Asks, and keeps the notifications that came."""

    node: Node
    dev: bool = False
    heard: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.session = Session(self.node, lambda text: self.heard.append(json.loads(text)), dev=self.dev)

    def raw(self, message: object) -> Any:
        """The whole answer to any JSON value."""
        answer = self.session.receive(json.dumps(message))
        return None if answer is None else json.loads(answer)

    def ask(self, method: str, *params: object) -> Any:
        """A result; an error is an ``AssertionError``."""
        answer = self.raw({"jsonrpc": "2.0", "id": 7, "method": method, "params": list(params)})
        assert answer["id"] == 7
        assert "error" not in answer, answer["error"]
        return answer["result"]

    def error(self, method: str, *params: object) -> dict[str, Any]:
        """The error object that a request is answered with."""
        answer = self.raw({"jsonrpc": "2.0", "id": 7, "method": method, "params": list(params)})
        error: dict[str, Any] = answer["error"]
        return error

    def results(self, subscription: str) -> list[Any]:
        """What a subscription brought so far."""
        params = [message["params"] for message in self.heard]
        return [each["result"] for each in params if each["subscription"] == subscription]

    def notifications(self) -> set[str]:
        """The names of the notifications so far."""
        return {message["method"] for message in self.heard}


@pytest.fixture
def client(node: Node) -> Iterator[Client]:
    """A client as everybody is."""
    made = Client(node)
    yield made
    made.session.close()


@pytest.fixture
def developer(node: Node) -> Iterator[Client]:
    """A client that may use the ``dev_`` methods."""
    made = Client(node, dev=True)
    yield made
    made.session.close()
