"""What tests of node, RPC and client share: signed transfers between the development accounts."""

from collections.abc import Callable
from hashlib import blake2b

import pytest

from meritnet.chain.client.codec import Codec, codec_of
from meritnet.chain.client.extrinsic import mortal_era
from meritnet.chain.keys import KeyPair
from meritnet.chain.node.node import Node
from meritnet.chain.scale import Reader, compact, sized

TRANSFER_KEEP_ALIVE = b"\x05\x03"
"""Balances is pallet 5, this is its call 3."""

Transfer = Callable[..., bytes]
Sign = Callable[..., bytes]


@pytest.fixture(scope="session")
def codec(meritnet_template: Node) -> Codec:
    """The packaged runtime's metadata, decoded once."""
    return codec_of(Reader(meritnet_template.call("Metadata_metadata", b"")).octets())


@pytest.fixture(scope="session")
def keys() -> dict[str, KeyPair]:
    """The development accounts by name."""
    return {
        name: KeyPair.from_uri(f"//{name}") for name in ("Alice", "Bob", "Charlie", "Dave", "Eve", "Nobody")
    }


@pytest.fixture
def sign(node: Node, codec: Codec, keys: dict[str, KeyPair]) -> Sign:
    """A function that signs encoded calls for ``node``; its options are those of ``signed``."""
    return lambda call, sender="Alice", **options: signed(node, codec, keys[sender], call, **options)


@pytest.fixture
def transfer(sign: Sign, keys: dict[str, KeyPair]) -> Transfer:
    """A function that signs transfers: ``sender``, ``to``, ``rao``, and the options of ``signed``."""

    def made(sender: str = "Alice", to: str = "Bob", rao: int = 1_000_000, **options: int) -> bytes:
        return sign(TRANSFER_KEEP_ALIVE + b"\0" + keys[to].public + compact(rao), sender, **options)

    return made


def signed(
    node: Node,
    codec: Codec,
    pair: KeyPair,
    call: bytes,
    nonce: int | None = None,
    tip: int = 0,
    period: int | None = None,
) -> bytes:
    """An extrinsic: immortal unless it has a ``period`` in blocks, with the next nonce unless told."""
    nonce = node.next_nonce(pair.public) if nonce is None else nonce
    version = node.runtime.version
    born = node.head if period else node.header(node.genesis_hash)
    assert born is not None
    fields = {
        "CheckSpecVersion": (b"", version.spec_version.to_bytes(4, "little")),
        "CheckTxVersion": (b"", version.transaction_version.to_bytes(4, "little")),
        "CheckGenesis": (b"", node.genesis_hash),
        "CheckMortality": (mortal_era(born.number, period) if period else b"\0", born.hash),
        "CheckNonce": (compact(nonce), b""),
        "ChargeTransactionPayment": (compact(tip), b""),
        "CheckMetadataHash": (b"\0", b"\0"),
    }
    order = [name for name, _, _ in codec.signed_extensions() if name in fields]
    carried = b"".join(fields[name][0] for name in order)
    payload = call + carried + b"".join(fields[name][1] for name in order)
    if len(payload) > 256:
        payload = blake2b(payload, digest_size=32).digest()
    return sized(b"\x84\0" + pair.public + b"\1" + pair.sign(payload) + carried + call)
