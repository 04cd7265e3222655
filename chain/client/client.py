"""``Chain``: the only door through which miner, validator and command line see the chain.

One connection, safe for threads, a deadline on every call. Reads of known layout go through runtime APIs and
storage keys without metadata; the metadata is fetched and decoded once, when the first call is written.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from meritnet.chain.client.heads import Heads
from meritnet.chain.client.storage_key import blake2_128_concat, bytes_of, hex_of, item_prefix
from meritnet.chain.client.transport import InProcessTransport, Session, Transport
from meritnet.chain.errors import ChainError, DeadlineExceeded, RpcError
from meritnet.chain.keys import KeyPair, ss58_decode
from meritnet.chain.scale import Reader
from meritnet.chain.types import BlockNumber, NetUid, Rao, Ss58Address, Uid

if TYPE_CHECKING:
    from meritnet.chain.client.codec import Call, Codec, Event
    from meritnet.chain.client.epoch_state import EpochState
    from meritnet.chain.client.metagraph import Metagraph
    from meritnet.chain.client.stake import StakeInfo
    from meritnet.chain.client.submission import Receipt
    from meritnet.chain.client.subnets import Hyperparameters, SubnetInfo
    from meritnet.chain.client.weights import WeightCommit

KEPT_BLOCKS = 16
"""Blocks whose decoded events are kept: those who submit at the same time read the same ones."""

PAGE = 1_000
"""Keys asked for at once when a whole storage map is read."""


class Chain:
    """A chain, through one connection."""

    def __init__(self, transport: Transport, timeout_s: float = 10.0) -> None:
        self._transport = transport
        self._timeout_s = timeout_s
        self._codec: tuple[int, Codec] | None = None
        self._events: dict[str, tuple[Event, ...]] = {}
        self._events_lock = threading.Lock()

    @staticmethod
    def connect(endpoint: str, timeout_s: float = 10.0) -> Chain:
        """The chain behind a ``ws://`` address. ``timeout_s`` is the deadline of each request.

        Raises ``TransportError`` at once when nobody listens there.
        """
        from meritnet.chain.client.websocket import WebSocketTransport

        return Chain(WebSocketTransport(endpoint, timeout_s), timeout_s)

    @staticmethod
    def in_process(session_factory: Callable[[Callable[[str], None]], Session]) -> Chain:
        """The chain of a node in this process: the factory gets a callback for notifications."""
        return Chain(InProcessTransport(session_factory))

    def close(self) -> None:
        """End the connection."""
        self._transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # Messages

    def request(self, method: str, *params: object, timeout_s: float | None = None) -> Any:
        """The result of one JSON-RPC request."""
        return self._transport.request(method, params, self._timeout_s if timeout_s is None else timeout_s)

    def call_api(self, api_method: str, argument: bytes = b"", at: str | None = None) -> bytes:
        """The SCALE-encoded answer of a runtime API, such as ``Core_version``."""
        try:
            return bytes_of(self.request("state_call", api_method, hex_of(argument), at))
        except RpcError as error:
            if "is not found" not in str(error):
                raise
            raise ChainError(
                f"this chain has no {api_method}: its runtime is another one than this client knows",
                "is the endpoint a Meritnet chain? `meritnet chain runtime` tells",
            ) from None

    def storage(self, key: bytes, at: str | None = None) -> bytes | None:
        """The value under a storage key, or ``None``."""
        value = self.request("state_getStorage", hex_of(key), at)
        return None if value is None else bytes_of(value)

    def storage_many(self, keys: Iterable[bytes], at: str | None = None) -> list[bytes | None]:
        """The values under several keys at one block, in one request."""
        wanted = [hex_of(key) for key in keys]
        if not wanted:
            return []
        answer = self.request("state_queryStorageAt", wanted, at)
        found = dict(answer[0]["changes"]) if answer else {}
        return [None if found.get(key) is None else bytes_of(found[key]) for key in wanted]

    def storage_map(self, prefix: bytes, at: str | None = None) -> dict[bytes, bytes]:
        """Every pair under a prefix: what follows the prefix in the key, and the value; sorted by key."""
        at = at or self.block_hash()
        keys: list[bytes] = []
        while True:
            start = hex_of(keys[-1]) if keys else None
            page = self.request("state_getKeysPaged", hex_of(prefix), PAGE, start, at)
            keys += [bytes_of(key) for key in page]
            if len(page) < PAGE:
                break
        pairs: dict[bytes, bytes] = {}
        for begin in range(0, len(keys), PAGE):
            batch = keys[begin : begin + PAGE]
            for key, value in zip(batch, self.storage_many(batch, at), strict=True):
                if value is not None:
                    pairs[key[len(prefix) :]] = value
        return pairs

    # Blocks

    def head(self) -> BlockNumber:
        """The height of the newest block."""
        return BlockNumber(int(self.request("chain_getHeader")["number"], 16))

    def block_hash(self, number: BlockNumber | None = None) -> str:
        """The hash of a block, of the newest without a number. Raises ``ChainError`` beyond the head."""
        found = self.request("chain_getBlockHash", *(() if number is None else (number,)))
        if found is None:
            raise ChainError(f"the chain has no block {number} yet")
        return str(found)

    def timestamp_ms(self, at: str | None = None) -> int:
        """The time that a block carries, of the newest by default, in Unix milliseconds; 0 for genesis."""
        value = self.storage(item_prefix("Timestamp", "Now"), at)
        return 0 if value is None else int.from_bytes(value, "little")

    def follow(self) -> Heads:
        """A subscription to new blocks."""
        return Heads(self._transport, self._timeout_s)

    def wait_for_block(self, number: BlockNumber, timeout_s: float) -> BlockNumber:
        """Wait until the chain has the block; the height of then. Raises ``DeadlineExceeded``."""
        deadline = time.monotonic() + timeout_s
        if (head := self.head()) >= number:
            return head
        with self.follow() as heads:
            while (head := self.head()) < number:
                if not heads.wait(deadline - time.monotonic()):
                    raise DeadlineExceeded(
                        f"block {number} did not come within {timeout_s:g} s; the chain is at block {head}",
                        "is the chain sealing blocks? `meritnet chain status` tells",
                    )
        return head

    def advance(self, count: int = 1) -> BlockNumber:
        """Seal blocks now, on a node with development methods. The height after it."""
        self._develop("dev_newBlock", {"count": count}, timeout_s=max(self._timeout_s, count))
        return self.head()

    def snapshot(self) -> str:
        """Remember blocks, pool and clock; the name for ``revert``."""
        return str(self._develop("dev_snapshot"))

    def revert(self, name: str) -> BlockNumber:
        """Go back to a snapshot. The height after it."""
        self._develop("dev_revert", name)
        return self.head()

    def _develop(self, method: str, *params: object, timeout_s: float | None = None) -> Any:
        """A development method. Raises ``ChainError`` with a hint where the node does not offer it."""
        try:
            return self.request(method, *params, timeout_s=timeout_s)
        except RpcError as error:
            if error.code != -32601:
                raise
            raise ChainError(
                f"this node does not offer {method}", "start it with `meritnet chain start --dev-rpc`"
            ) from None

    def runtime_version(self) -> dict[str, Any]:
        """``specName``, ``specVersion``, ``transactionVersion``, …"""
        version: dict[str, Any] = self.request("state_getRuntimeVersion")
        return version

    # Writing

    @property
    def codec(self) -> Codec:
        """The codec of the chain's metadata; taken anew after a runtime upgrade."""
        from meritnet.chain.client.codec import codec_of

        version = int(self.runtime_version()["specVersion"])
        if self._codec is None or self._codec[0] != version:
            self._codec = (version, codec_of(bytes_of(self.request("state_getMetadata"))))
        return self._codec[1]

    def events(self, block_hash: str) -> tuple[Event, ...]:
        """What the runtime reported of a block. Those of the last blocks asked for are kept."""
        found = self._events.get(block_hash)
        if found is None:
            stored = self.storage(item_prefix("System", "Events"), at=block_hash)
            found = tuple(self.codec.events(stored or b"\0"))
            with self._events_lock:
                self._events[block_hash] = found
                while len(self._events) > KEPT_BLOCKS:
                    del self._events[next(iter(self._events))]
        return found

    def nonce(self, address: Ss58Address) -> int:
        """The next nonce of an account, counting what waits in the pool."""
        return int(self.request("system_accountNextIndex", address))

    def fee(self, call: Call, signer: KeyPair) -> Rao:
        """What submitting the call would cost now."""
        from meritnet.chain.client.submission import estimated_fee

        return estimated_fee(self, call, signer)

    def submit(self, call: Call, signer: KeyPair, *, timeout_s: float = 60.0) -> Receipt:
        """Sign, send, and wait until the call is in a block and succeeded.

        Raises ``DispatchFailed`` when it is in a block and failed, ``TransactionRejected`` when the pool
        refused or dropped it, ``DeadlineExceeded`` when no block took it in time.
        """
        from meritnet.chain.client.submission import submit

        return submit(self, call, signer, timeout_s)

    # Reading

    def balance(self, address: str, at: str | None = None) -> Rao:
        """The free balance of an account."""
        key = item_prefix("System", "Account") + blake2_128_concat(ss58_decode(address))
        value = self.storage(key, at)
        if value is None:
            return Rao(0)
        reader = Reader(value)
        reader.take(16)  # nonce and three reference counters, four bytes each
        return Rao(reader.unsigned(8))

    def metagraph(self, netuid: int, at: str | None = None) -> Metagraph:
        """One subnet at one block as frozen arrays."""
        from meritnet.chain.client import metagraph

        return metagraph.metagraph(self, NetUid(netuid), at)

    def subnets(self, at: str | None = None) -> list[SubnetInfo]:
        """Every subnet, by number; the root network is number 0."""
        from meritnet.chain.client import subnets

        return subnets.subnets(self, at)

    def hyperparameters(self, netuid: int, at: str | None = None) -> Hyperparameters:
        """The hyperparameters of a subnet."""
        from meritnet.chain.client import subnets

        return subnets.hyperparameters(self, NetUid(netuid), at)

    def stake(self, coldkey: str, at: str | None = None) -> list[StakeInfo]:
        """Everything that an account has staked, by hotkey and subnet."""
        from meritnet.chain.client import stake

        return stake.stake_of(self, coldkey, at)

    def weights(self, netuid: int, at: str | None = None) -> dict[Uid, list[tuple[Uid, int]]]:
        """The weights on the chain: validator → (miner, u16 weight)…"""
        from meritnet.chain.client import weights

        return weights.rows(self, "Weights", NetUid(netuid), at)

    def bonds(self, netuid: int, at: str | None = None) -> dict[Uid, list[tuple[Uid, int]]]:
        """The bonds on the chain: validator → (miner, u16 bond)…"""
        from meritnet.chain.client import weights

        return weights.rows(self, "Bonds", NetUid(netuid), at)

    def weight_commits(self, netuid: int, hotkey: str, at: str | None = None) -> list[WeightCommit]:
        """The commits of a validator that wait for their reveal, oldest first."""
        from meritnet.chain.client import weights

        return weights.commits(self, NetUid(netuid), hotkey, at)

    def epoch_state(self, netuid: int, at: str | None = None) -> EpochState:
        """What the next epoch of a subnet starts from."""
        from meritnet.chain.client import epoch_state

        return epoch_state.epoch_state(self, NetUid(netuid), at)
