"""Storage queries of ``chainHead_v1_storage`` and ``archive_v1_storage``: what is asked, what is found."""

from collections.abc import Iterator
from dataclasses import dataclass

from meritnet.chain.host.trie import CHILD_STORAGE, Trie
from meritnet.chain.node.block import blake2_256
from meritnet.chain.rpc.faults import invalid_params
from meritnet.chain.rpc.forms import from_hex, to_hex, to_list

MOST_ITEMS = 1_000
MOST_FOUND = 100_000
VALUE, HASH, VALUES_BELOW, HASHES_BELOW = "value", "hash", "descendantsValues", "descendantsHashes"


@dataclass(frozen=True)
class Query:
    """One key, or all keys that begin with it; their values, or the hashes of these."""

    key: bytes
    kind: str

    def found(self, state: Trie) -> Iterator[dict[str, object]]:
        """What the state holds of it."""
        if self.kind in (VALUES_BELOW, HASHES_BELOW):
            pairs = state.items(self.key)
        else:
            value = state.get(self.key)
            pairs = iter([] if value is None else [(self.key, value)])
        for key, value in pairs:
            if self.kind in (VALUE, VALUES_BELOW):
                yield {"key": to_hex(key), "value": to_hex(value)}
            else:
                yield {"key": to_hex(key), "hash": to_hex(blake2_256(value))}


def queries(items: object) -> list[Query]:
    """The queries of a request. Merkle values of inner nodes are not offered."""
    wanted = []
    for item in to_list(items, MOST_ITEMS):
        if not isinstance(item, dict) or item.get("type") not in (VALUE, HASH, VALUES_BELOW, HASHES_BELOW):
            raise invalid_params(
                f"an item is a key and one of {VALUE}, {HASH}, {VALUES_BELOW}, {HASHES_BELOW}"
            )
        wanted.append(Query(from_hex(item.get("key")), item["type"]))
    return wanted


def storage_of(state: Trie, child: object) -> Trie:
    """The state itself, or one of its child storages."""
    if child is None:
        return state
    return state.child(from_hex(child).removeprefix(CHILD_STORAGE))
