"""A runtime that replaces itself: the next block is made by the new one, the old blocks stay executable."""

import zstandard

from meritnet.chain.client.codec import Call, Codec
from meritnet.chain.host.code import COMPRESSED, wasm_of
from meritnet.chain.node.block import ENVIRONMENT_UPDATED
from meritnet.chain.node.genesis import CODE
from meritnet.chain.node.node import Node
from meritnet.chain.node.opening import executor_of, packaged_runtime


def test_a_new_runtime_acts_from_the_next_block_on(node: Node, codec: Codec, sign) -> None:
    other = COMPRESSED + zstandard.ZstdCompressor(level=1).compress(wasm_of(packaged_runtime()))
    set_code = Call("System", "set_code_without_checks", {"code": "0x" + other.hex()})
    weight = {"ref_time": 0, "proof_size": 0}
    call = codec.encode_call(Call("Sudo", "sudo_unchecked_weight", {"call": set_code, "weight": weight}))
    node.submit(sign(call))
    block = node.seal()
    assert bytes([ENVIRONMENT_UPDATED]) in block.header.logs
    assert node.storage(CODE) == other
    assert node.runtime is executor_of(other)
    assert node.runtime_at(node.genesis_hash) is executor_of(packaged_runtime())
    assert node.advance(2).number == 3
    for number in (1, 2, 3):
        node.replay(number)
