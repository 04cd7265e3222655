"""State changes by the names of pallets and items, with decoded values, as Chopsticks takes them.

``{"Sudo": {"Key": "5F…"}, "System": {"Account": [[["5F…"], {…}]]}}``: a plain value stands for itself, a
map is a list of ``[keys, value]``; null deletes, and ``"$removePrefix": ["Account"]`` deletes whole items.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from meritnet.chain.errors import CodecError
from meritnet.chain.node.store import Changes
from meritnet.chain.rpc.faults import invalid_params
from meritnet.chain.rpc.forms import to_list
from meritnet.chain.scale import Reader

if TYPE_CHECKING:
    from meritnet.chain.client.codec import Codec
    from meritnet.chain.node.node import Node

MOST_ENTRIES = 100_000
REMOVE = "$removePrefix"


def named_changes(node: "Node", values: dict[str, Any]) -> Changes:
    """The changes of keys that the names and values stand for, by the metadata of the head's runtime."""
    from meritnet.chain.client.codec import codec_of  # decoding metadata is paid for by those who use names

    codec = codec_of(Reader(node.call("Metadata_metadata", b"")).octets())
    changes: dict[bytes, bytes | None] = {}
    for pallet, items in values.items():
        if not isinstance(items, dict):
            raise invalid_params(f"{pallet} needs an object of items and values")
        for item, value in items.items():
            try:
                if item == REMOVE:
                    changes |= dict.fromkeys(_keys_of(node, pallet, value))
                else:
                    changes |= _entries(codec, pallet, item, value)
            except CodecError as error:
                raise invalid_params(str(error)) from None
    return changes


def _entries(codec: "Codec", pallet: str, item: str, value: object) -> dict[bytes, bytes | None]:
    if codec.storage_depth(pallet, item) == 0:
        return {codec.storage_key(pallet, item, []): _encoded(codec, pallet, item, value)}
    changes = {}
    for entry in to_list(value, MOST_ENTRIES):
        if not isinstance(entry, list) or len(entry) != 2 or not isinstance(entry[0], list):
            raise invalid_params(f"{pallet}.{item} is a map: write a list of [keys, value]")
        changes[codec.storage_key(pallet, item, entry[0])] = _encoded(codec, pallet, item, entry[1])
    return changes


def _encoded(codec: "Codec", pallet: str, item: str, value: object) -> bytes | None:
    return None if value is None else codec.storage_value(pallet, item, value)


def _keys_of(node: "Node", pallet: str, items: object) -> Iterator[bytes]:
    from meritnet.chain.client.storage_key import item_prefix

    for item in to_list(items, MOST_ENTRIES):
        yield from node.state().keys(item_prefix(pallet, str(item)))
