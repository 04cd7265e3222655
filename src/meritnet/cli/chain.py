"""``meritnet chain``: start a node, look at its blocks, move its time."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from meritnet.chain.errors import UsageError
from meritnet.cli.options import Endpoint, Json, connect, resolve_endpoint
from meritnet.cli.render import emit, facts, line, table

if TYPE_CHECKING:
    from meritnet.chain.client import Chain
    from meritnet.chain.node.node import Node

app = typer.Typer(help="Start a chain, watch it, move its time.", no_args_is_help=True)


@app.command()
def start(
    rpc_port: Annotated[
        int, typer.Option(help="Port of JSON-RPC over HTTP and WebSocket; 0: any free.")
    ] = 9944,
    rpc_host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    base_path: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Where blocks are kept. Default: the user's state directory."),
    ] = None,
    tmp: Annotated[bool, typer.Option("--tmp", help="Keep everything in memory.")] = False,
    seal: Annotated[
        str, typer.Option(help="When to make blocks: interval:SECONDS, instant or manual.")
    ] = "interval:12",
    preset: Annotated[str, typer.Option(help="What genesis holds: local or mainnet.")] = "local",
    dev_rpc: Annotated[
        bool, typer.Option("--dev-rpc", help="Offer the dev_ methods; loopback only.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Run a node until Ctrl-C. A chain that was kept goes on where it stopped."""
    from meritnet.chain.node.node import Node
    from meritnet.chain.node.seal import parse_seal
    from meritnet.cli.memory import give_back_large_blocks

    give_back_large_blocks()
    if tmp and base_path is not None:
        raise UsageError("--tmp and --base-path exclude each other")
    kept = None if tmp else base_path or _default_base_path(preset)
    with Node.open(preset, kept, seal=parse_seal(seal)) as node:
        _serve(
            node, rpc_host, rpc_port, dev_rpc, {"preset": preset, "seal": seal, "base_path": kept}, as_json
        )


@app.command()
def status(endpoint: Endpoint = None, as_json: Json = False) -> None:
    """Tell where the chain is, and what time it has."""
    from datetime import UTC, datetime

    with connect(endpoint) as chain:
        head = chain.head()
        version = chain.runtime_version()
        methods = set(chain.request("rpc_methods")["methods"])
        result = {
            "endpoint": resolve_endpoint(endpoint),
            "chain": chain.request("system_chain"),
            "node": f"{chain.request('system_name')} {chain.request('system_version')}",
            "runtime": f"{version['specName']} {version['specVersion']}",
            "block": head,
            "block_hash": chain.block_hash(head),
            "block_time": datetime.fromtimestamp(chain.timestamp_ms() / 1000, UTC).isoformat(),
            "finalized_block": int(
                chain.request("chain_getHeader", chain.request("chain_getFinalizedHead"))["number"], 16
            ),
            "pending": len(chain.request("author_pendingExtrinsics")),
            "subnets": len([found for found in chain.subnets() if found.netuid]),
            "dev_rpc": "dev_newBlock" in methods,
        }
    emit(result, as_json, lambda: facts(result))


@app.command()
def blocks(
    count: Annotated[
        int, typer.Option("--count", "-n", min=1, max=1000, help="How many of the newest.")
    ] = 10,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on with each new block, until Ctrl-C.")
    ] = False,
    endpoint: Endpoint = None,
    as_json: Json = False,
) -> None:
    """List the newest blocks, newest last."""
    from meritnet.chain.types import BlockNumber

    with connect(endpoint) as chain:
        head = chain.head()
        found = [_block(chain, number) for number in range(max(head - count + 1, 0), head + 1)]
        columns = ("block>", "hash", "extrinsics>", "state root")

        def row(block: dict[str, Any]) -> list[object]:
            return [
                block["block"],
                block["hash"][:18] + "…",
                block["extrinsics"],
                block["state_root"][:18] + "…",
            ]

        emit(found, as_json, lambda: table(columns, [row(block) for block in found]))
        while follow:
            newest = chain.wait_for_block(BlockNumber(head + 1), timeout_s=3600)
            for number in range(head + 1, newest + 1):
                block = _block(chain, number)
                emit(block, as_json, lambda block=block: line(*map(str, row(block))))  # type: ignore[misc]
            head = newest


@app.command()
def advance(
    count: Annotated[int, typer.Argument(min=1, max=100_000, help="How many blocks.")] = 1,
    to: Annotated[int | None, typer.Option("--to", metavar="BLOCK", help="Up to this block instead.")] = None,
    epochs: Annotated[
        int | None, typer.Option("--epochs", min=1, help="Until so many epochs of --netuid have run instead.")
    ] = None,
    netuid: Annotated[int, typer.Option("--netuid", "--subnet", help="Whose epochs.")] = 1,
    endpoint: Endpoint = None,
    as_json: Json = False,
) -> None:
    """Make blocks now. The node must offer the dev_ methods."""
    if to is not None and epochs is not None:
        raise UsageError("--to and --epochs exclude each other")
    with connect(endpoint) as chain:
        before = after = chain.head()
        if to is not None and to <= before:
            raise UsageError(f"the chain is at block {before} already", "name a later one")
        for _ in range(epochs or 0):
            after = chain.advance(_until_epoch(chain, netuid, after))
        if epochs is None:
            after = chain.advance(count if to is None else to - before)
    emit({"from": before, "block": after}, as_json, lambda: line(f"block {before} → {after}"))


def _until_epoch(chain: Chain, netuid: int, head: int) -> int:
    """Blocks until a subnet's next epoch has run."""
    from meritnet.chain.client.subnets import next_epoch_block

    due = next_epoch_block(chain, netuid)
    if due is None:
        raise UsageError(f"subnet {netuid} has no epochs", "`meritnet subnet list` shows those that have")
    return max(due - head, 1)


@app.command()
def snapshot(endpoint: Endpoint = None, as_json: Json = False) -> None:
    """Remember the chain as it is now; `revert` comes back to it while the node runs."""
    with connect(endpoint) as chain:
        name = chain.snapshot()
        head = chain.head()
    emit({"snapshot": name, "block": head}, as_json, lambda: line(f"snapshot {name}", f"block {head}"))


@app.command()
def revert(
    name: Annotated[str, typer.Argument(help="What `snapshot` printed.")],
    endpoint: Endpoint = None,
    as_json: Json = False,
) -> None:
    """Go back to a snapshot: blocks, pool and clock."""
    with connect(endpoint) as chain:
        before = chain.head()
        head = chain.revert(name)
    emit({"from": before, "block": head}, as_json, lambda: line(f"block {before} → {head}"))


@app.command()
def runtime(endpoint: Endpoint = None, as_json: Json = False) -> None:
    """Tell the runtime's version, code and pallets."""
    from hashlib import blake2b

    with connect(endpoint, timeout_s=30) as chain:
        version = chain.runtime_version()
        code = chain.storage(b":code") or b""
        result: dict[str, Any] = {
            "spec_name": version["specName"],
            "spec_version": version["specVersion"],
            "transaction_version": version["transactionVersion"],
            "state_version": version.get("stateVersion"),
            "code_bytes": len(code),
            "code_hash": "0x" + blake2b(code, digest_size=32).hexdigest(),
            "pallets": chain.codec.pallets(),
        }
    emit(result, as_json, lambda: facts(result | {"pallets": ", ".join(result["pallets"])}))


def _block(chain: Any, number: int) -> dict[str, Any]:
    block_hash = chain.block_hash(number)
    block = chain.request("chain_getBlock", block_hash)["block"]
    return {
        "block": number,
        "hash": block_hash,
        "parent": block["header"]["parentHash"],
        "state_root": block["header"]["stateRoot"],
        "extrinsics": len(block["extrinsics"]),
    }


def _default_base_path(preset: str) -> Path:
    from platformdirs import user_state_path

    return user_state_path("meritnet") / preset


def _serve(node: Node, host: str, port: int, dev_rpc: bool, told: dict[str, object], as_json: bool) -> None:
    """Serve until SIGINT or SIGTERM; then end cleanly."""
    import asyncio
    import signal

    from meritnet.chain.rpc.server import serve

    async def serving() -> None:
        server = await serve(node, host, port, dev_rpc=dev_rpc)
        stop = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        started = {"endpoint": server.endpoint, "block": node.head.number} | told
        kept = str(told["base_path"] or "in memory")
        shown = (
            server.endpoint,
            f"block {node.head.number}",
            f"seal {told['seal']}",
            kept,
            "stop with Ctrl-C",
        )
        emit(started, as_json, lambda: line(*shown))
        sys.stdout.flush()
        try:
            while not stop.is_set() and node.failure is None:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), timeout=1.0)
        finally:
            await server.close()
        if node.failure is not None:
            raise node.failure

    asyncio.run(serving())
