"""The client: a chain through one connection, and typed words for what one does there."""

from meritnet.chain.client.client import Chain

__all__ = ["Chain"]
