"""Where the chain of a local network runs: in this process, or in a process of its own."""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from dataclasses import dataclass

from meritnet.chain.client.client import Chain
from meritnet.chain.errors import ChainError
from meritnet.chain.node.node import Node
from meritnet.chain.rpc.server import serving
from meritnet.localnet.clock import Sealer

START_S = 30.0
STOP_S = 10.0


@dataclass(frozen=True)
class Station:
    """A running chain that makes a block only when its clock says so."""

    endpoint: str
    sealer: Sealer
    close: Callable[[], Awaitable[None]]


@dataclass(frozen=True)
class LocalSealer:
    """Seals on a node in this process."""

    node: Node

    def pending(self) -> int:
        """Return the number of extrinsics in the pool."""
        return len(self.node.pending())

    def seal(self) -> int:
        """Make one block and return its number."""
        return self.node.seal().number


@dataclass(frozen=True)
class RemoteSealer:
    """Seals over RPC on a node with development methods."""

    chain: Chain

    def pending(self) -> int:
        """Return the number of extrinsics in the pool."""
        return len(self.chain.request("author_pendingExtrinsics"))

    def seal(self) -> int:
        """Make one block and return its number."""
        return self.chain.advance()


async def here(port: int) -> Station:
    """Start the chain in this process, its sockets in a thread of their own.

    So the chain answers however busy the neurons' loop is. Raises MeritnetError, such as when the port is
    in use.
    """
    stack = ExitStack()
    try:
        node = stack.enter_context(await asyncio.to_thread(Node.open, "local"))
        endpoint = stack.enter_context(serving(node, port=port))
    except BaseException:
        stack.close()
        raise

    async def close() -> None:
        await asyncio.to_thread(stack.close)

    return Station(endpoint, LocalSealer(node), close)


async def apart(port: int) -> Station:
    """Start the chain in a process of its own. Raises ChainError if it does not come up."""
    command = ["chain", "start", "--tmp", "--seal", "manual", "--dev-rpc", "--rpc-port", str(port), "--json"]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "meritnet", *command, stdout=asyncio.subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        said = json.loads(await asyncio.wait_for(process.stdout.readline(), START_S) or b"{}")
        if "endpoint" not in said:
            raise ChainError(f"the chain did not start: {said.get('error', 'it ended without a word')}")
        chain = await asyncio.to_thread(Chain.connect, said["endpoint"])
    except TimeoutError:
        await ended(process)
        raise ChainError(f"the chain did not start within {START_S:g} s") from None
    except BaseException:
        await ended(process)
        raise

    async def close() -> None:
        chain.close()
        await ended(process)

    return Station(said["endpoint"], RemoteSealer(chain), close)


async def ended(process: asyncio.subprocess.Process) -> None:
    """Ask a process to stop, and make it stop if it does not."""
    if process.returncode is None:
        process.terminate()
    try:
        await asyncio.wait_for(process.communicate(), STOP_S)
    except TimeoutError:
        process.kill()
        await process.communicate()
