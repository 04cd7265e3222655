"""What one connection listens to, and the notifications that come of it."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from meritnet.chain.node.events import Edited, Event, ExtrinsicStatus, Finalized, NewHead
from meritnet.chain.node.genesis import CODE
from meritnet.chain.node.node import Node
from meritnet.chain.rpc.faults import SUBSCRIPTIONS_UNAVAILABLE, TOO_MANY_SUBSCRIPTIONS, RpcFault
from meritnet.chain.rpc.forms import header_form, optional_hex, to_hex, version_form

MOST = 1_024
"""Subscriptions that one connection may hold."""

LAST_STATUSES = frozenset({"finalized", "usurped", "dropped", "invalid"})

Send = Callable[[str], None]
"""Takes one JSON text for the client. It must return at once and must not raise."""


@dataclass(frozen=True)
class Subscription:
    """One thing that a client listens to: the ``notification`` it gets, and a function from event to result.

    ``watch`` answers None for events that are not for this subscription.
    """

    notification: str
    watch: Callable[[Event], object | None]


class Subscriptions:
    """The subscriptions of one connection. ``send`` is None on a transport that cannot carry them."""

    def __init__(self, node: Node, send: Send | None) -> None:
        self._node = node
        self._send = send
        self._active: dict[str, Subscription] = {}
        self._made = 0
        self._unsubscribe: Callable[[], None] | None = None

    def __len__(self) -> int:
        return len(self._active)

    def add(self, notification: str, watch: Callable[[Event], object | None]) -> str:
        """Listen from now on; the subscription's id."""
        if self._send is None:
            raise RpcFault(SUBSCRIPTIONS_UNAVAILABLE, "Subscriptions need a WebSocket connection")
        if len(self._active) >= MOST:
            raise RpcFault(
                TOO_MANY_SUBSCRIPTIONS,
                "Too many subscriptions on the connection",
                f"Exceeded max limit of {MOST}",
            )
        self._made += 1
        identifier = f"sub-{self._made}"
        self._active = self._active | {identifier: Subscription(notification, watch)}
        if self._unsubscribe is None:
            self._unsubscribe = self._node.subscribe(self._on_event)
        return identifier

    def remove(self, identifier: str) -> bool:
        """Listen no more; whether the id was known."""
        known = identifier in self._active
        self._active = {name: kept for name, kept in self._active.items() if name != identifier}
        if not self._active:
            self.close()
        return known

    def close(self) -> None:
        """Listen to nothing."""
        self._active = {}
        if self._unsubscribe:
            self._unsubscribe()
            self._unsubscribe = None

    def notify(self, identifier: str, result: object) -> None:
        """Send one result to the subscription ``identifier``."""
        subscription = self._active.get(identifier)
        if subscription and self._send:
            params = {"subscription": identifier, "result": result}
            message = {"jsonrpc": "2.0", "method": subscription.notification, "params": params}
            self._send(json.dumps(message, separators=(",", ":")))

    def _on_event(self, event: Event) -> None:
        for identifier, subscription in self._active.items():
            result = subscription.watch(event)
            if result is not None:
                self.notify(identifier, result)
            if result is not None and isinstance(event, ExtrinsicStatus) and event.status in LAST_STATUSES:
                self.remove(identifier)


def heads(event: Event) -> object | None:
    """Every new head."""
    return header_form(event.block.header) if isinstance(event, NewHead) else None


def finalized_heads(event: Event) -> object | None:
    """Every finalised block."""
    return header_form(event.block.header) if isinstance(event, Finalized) else None


def storage_changes(keys: frozenset[bytes] | None) -> Callable[[Event], object | None]:
    """Changes of the values of ``keys``; of all values if None."""

    def watch(event: Event) -> object | None:
        if not isinstance(event, NewHead | Edited):
            return None
        changed = {key: value for key, value in event.changes.items() if keys is None or key in keys}
        return storage_form(event.block.hash, changed) if changed else None

    return watch


def storage_form(block_hash: bytes, values: Mapping[bytes, bytes | None]) -> dict[str, object]:
    """A change set: keys and their values at a block."""
    changes = [[to_hex(key), optional_hex(value)] for key, value in values.items()]
    return {"block": to_hex(block_hash), "changes": changes}


def runtime_versions(node: Node) -> Callable[[Event], object | None]:
    """The version of each new runtime."""

    def watch(event: Event) -> object | None:
        upgraded = isinstance(event, NewHead | Edited) and CODE in event.changes
        return version_form(node.runtime.version) if upgraded else None

    return watch


def extrinsic_status(extrinsic_hash: bytes) -> Callable[[Event], object | None]:
    """What becomes of one transaction."""

    def watch(event: Event) -> object | None:
        if not isinstance(event, ExtrinsicStatus) or event.extrinsic_hash != extrinsic_hash:
            return None
        if event.status == "broadcast":
            return {"broadcast": []}  # to nobody: this node has no peers
        return event.status if event.value is None else {event.status: to_hex(event.value)}

    return watch
