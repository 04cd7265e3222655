"""Runs in the environment of async-substrate-interface: one session with a node, told as one JSON object.

Arguments: the endpoint, the sender's address and seed, the receiver. The library brings no keys, so the
signer is the smallest object that it takes.
"""

import asyncio
import json
import sys

import sr25519
from async_substrate_interface import AsyncSubstrateInterface

AMOUNT_RAO = 3_500_000_000


class Signer:
    crypto_type = 1  # sr25519
    ss58_format = 42

    def __init__(self, address, seed):
        self.ss58_address = address
        self.public_key, self.secret = sr25519.pair_from_seed(bytes.fromhex(seed))

    def sign(self, message):
        return sr25519.sign((self.public_key, self.secret), bytes(message))


async def session(endpoint, sender, seed, receiver):
    async with AsyncSubstrateInterface(endpoint, ss58_format=42) as substrate:
        call = await substrate.compose_call(
            "Balances", "transfer_keep_alive", {"dest": receiver, "value": AMOUNT_RAO}
        )
        extrinsic = await substrate.create_signed_extrinsic(call, Signer(sender, seed), era={"period": 16})
        receipt = await substrate.submit_extrinsic(extrinsic, wait_for_finalization=True)
        account = await substrate.query("System", "Account", [receiver])
        networks = [key async for key, _ in await substrate.query_map("SubtensorModule", "NetworksAdded")]
        price = await substrate.runtime_call("SwapRuntimeApi", "current_alpha_price", [0])
        return {
            "success": await receipt.is_success,
            "fee_rao": await receipt.total_fee_amount,
            "free_rao": plain(account)["data"]["free"],
            "networks": sorted(int(key) for key in networks),
            "price_rao": int(plain(price)),
            "head": (await substrate.get_block_number(None)),
        }


def plain(value):
    return getattr(value, "value", value)


print(json.dumps(asyncio.run(session(*sys.argv[1:]))))
