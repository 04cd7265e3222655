"""async-substrate-interface 2.2.1, the client of btcli 9 and many subnets, against a Meritnet node."""

from meritnet.chain.client.stake import transfer
from meritnet.chain.keys import KeyPair
from meritnet.chain.types import RAO_PER_TAO

SEED = bytes([7]) * 32
FUNDS_RAO = 10 * RAO_PER_TAO
AMOUNT_RAO = 3_500_000_000


def test_queries_transfers_and_waits_for_finality(node, async_substrate) -> None:
    sender, receiver = KeyPair.from_seed(SEED), KeyPair.from_uri("//Interop//async").address
    transfer(node.chain, KeyPair.from_uri("//Bob"), sender.address, FUNDS_RAO)
    seen = async_substrate(node.endpoint, sender.address, SEED.hex(), receiver)
    assert seen["success"]
    assert seen["free_rao"] == node.chain.balance(receiver) == AMOUNT_RAO
    assert node.chain.balance(sender.address) == FUNDS_RAO - AMOUNT_RAO - seen["fee_rao"]
    assert seen["networks"] == [subnet.netuid for subnet in node.chain.subnets()]
    assert seen["price_rao"] == RAO_PER_TAO
    assert seen["head"] == node.chain.head()
