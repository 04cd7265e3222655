"""Bittensor 10.5's own server and client, for bench/miner_requests.py; runs in an environment of its own.

    python axon_and_dendrite.py serve FOLDER PORT          prints "ready", serves until ended
    python axon_and_dendrite.py ask FOLDER PORT N TOGETHER  prints seconds and the number of good answers

The request is verified (`Axon.default_verify`) and answered as it is. Each of those in flight has a dendrite
of its own: the axon wants the nonces of one dendrite in order, and refuses what overtakes.
"""

import asyncio
import sys
import time

import bittensor
from bittensor.core.axon import Axon
from bittensor.core.dendrite import Dendrite
from bittensor.core.settings import version_as_int
from bittensor.utils import networking
from bittensor_wallet import Wallet

# Both sides ask a web service for their address when they are made; a benchmark needs no network.
networking.get_external_ip = lambda: "127.0.0.1"


class NoOp(bittensor.Synapse):
    """A prompt that comes back."""

    prompt: str = ""
    seed: int = 0


def answer(synapse: NoOp) -> NoOp:
    """The handler."""
    return synapse


def wallet(folder: str, name: str) -> Wallet:
    """A wallet with an unencrypted hotkey, made on first use."""
    found = Wallet(name=name, hotkey="default", path=folder)
    found.create_if_non_existent(coldkey_use_password=False, hotkey_use_password=False, suppress=True)
    return found


def serve(folder: str, port: int) -> None:
    """The axon."""
    axon = Axon(
        wallet=wallet(folder, "miner"), port=port, ip="127.0.0.1", external_ip="127.0.0.1", external_port=port
    )
    axon.attach(forward_fn=answer)  # without another one, `default_verify` verifies
    axon.start()
    print("ready", flush=True)
    while True:
        time.sleep(3600)


async def ask(folder: str, port: int, count: int, together: int) -> tuple[float, int]:
    """Seconds for all requests, and how many were answered with 200."""
    miner = bittensor.AxonInfo(
        version=version_as_int,
        ip="127.0.0.1",
        port=port,
        ip_type=4,
        hotkey=wallet(folder, "miner").hotkey.ss58_address,
        coldkey="",
    )
    pair = wallet(folder, "validator").hotkey
    good = 0

    async def one(share: int) -> None:
        nonlocal good
        async with Dendrite(wallet=pair) as dendrite:
            for _ in range(share):
                synapse = NoOp(prompt="hello", seed=7)
                reply = await dendrite.call(miner, synapse, timeout=60.0, deserialize=False)
                good += reply.dendrite.status_code == 200

    began_s = time.perf_counter()
    await asyncio.gather(*(one(count // together) for _ in range(together)))
    return time.perf_counter() - began_s, good


def main() -> None:
    """One of both sides."""
    role, folder, port, *rest = sys.argv[1:]
    if role == "serve":
        serve(folder, int(port))
    else:
        print(*asyncio.run(ask(folder, int(port), *map(int, rest))))


if __name__ == "__main__":
    main()
