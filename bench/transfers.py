"""Signed transfers a second: into the pool (validated), and into blocks.

No rival runs in the same process: the figures are absolute, beside the rate of sr25519 verification alone,
which is their floor.
"""

import statistics
import time
from hashlib import blake2b

from meritnet.chain.client.codec import Codec, codec_of
from meritnet.chain.client.extrinsic import Frame, signed_extrinsic
from meritnet.chain.keys import KeyPair, verify
from meritnet.chain.node.node import Node
from meritnet.chain.scale import Reader, compact

COUNT = 300
PASSES = 3
TRANSFER_KEEP_ALIVE = b"\x05\x03\x00"


def signed(node: Node, codec: Codec, sender: KeyPair, to: KeyPair) -> list[bytes]:
    """Transfers with rising nonces, signed for the node's head."""
    version, head = node.runtime.version, node.head
    frame = Frame(
        node.genesis_hash, version.spec_version, version.transaction_version, head.number, head.hash
    )
    call = TRANSFER_KEEP_ALIVE + to.public + compact(1_000)
    first = node.next_nonce(sender.public)
    return [signed_extrinsic(codec, call, sender, first + n, frame) for n in range(COUNT)]


def main() -> None:
    """Print the figures."""
    alice, bob = KeyPair.from_uri("//Alice"), KeyPair.from_uri("//Bob")
    rates: dict[str, list[float]] = {"verify": [], "pool": [], "block": []}
    with Node.open() as node:
        codec = codec_of(Reader(node.call("Metadata_metadata", b"")).octets())
        for _ in range(PASSES):
            extrinsics = signed(node, codec, alice, bob)
            message = blake2b(b"x").digest()
            signature = alice.sign(message)
            begun = time.perf_counter()
            for _ in range(COUNT):
                verify(alice.public, message, signature)
            rates["verify"].append(COUNT / (time.perf_counter() - begun))
            begun = time.perf_counter()
            for extrinsic in extrinsics:
                node.submit(extrinsic)
            rates["pool"].append(COUNT / (time.perf_counter() - begun))
            begun = time.perf_counter()
            included = len(node.seal().extrinsics) - 1
            rates["block"].append(included / (time.perf_counter() - begun))
    verifying = statistics.median(rates["verify"])
    print(f"sr25519 verification alone  {verifying:8.0f} /s")
    for label, key in (("validated into the pool", "pool"), ("put into a block", "block")):
        rate = statistics.median(rates[key])
        print(f"{label:27} {rate:8.0f} /s   1 : {verifying / rate:.0f} of the verification alone")


if __name__ == "__main__":
    main()
