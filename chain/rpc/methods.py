"""THE TABLE of methods: each name that a client may call, what it runs, and its other names."""

from collections.abc import Callable
from dataclasses import dataclass

from meritnet.chain.rpc import archive, blocks, dev, follow, state, system, transactions


@dataclass(frozen=True)
class Method:
    """A method: ``run`` takes the session and the parameters. ``unsafe`` ones need a dev session."""

    name: str
    run: Callable[..., object]
    aliases: tuple[str, ...] = ()
    unsafe: bool = False


TABLE = (
    Method("rpc_methods", system.methods),
    Method("system_chain", system.chain, ("chainSpec_v1_chainName",)),
    Method("system_chainType", system.chain_type),
    Method("system_name", system.name),
    Method("system_version", system.version),
    Method("system_properties", system.properties, ("chainSpec_v1_properties",)),
    Method("system_health", system.health),
    Method("system_peers", system.peers),
    Method("system_nodeRoles", system.node_roles),
    Method("system_localPeerId", system.local_peer_id),
    Method("system_localListenAddresses", system.local_listen_addresses),
    Method("system_syncState", system.sync_state),
    Method("system_accountNextIndex", system.account_next_index, ("account_nextIndex",)),
    Method("system_dryRun", system.dry_run, ("system_dryRunAt",)),
    Method("chainSpec_v1_genesisHash", system.genesis_hash),
    Method("payment_queryInfo", system.query_info),
    Method("payment_queryFeeDetails", system.query_fee_details),
    Method("chain_getBlockHash", blocks.block_hash, ("chain_getHead",)),
    Method("chain_getFinalizedHead", blocks.finalized_head, ("chain_getFinalisedHead",)),
    Method("chain_getHeader", blocks.header),
    Method("chain_getBlock", blocks.block),
    Method(
        "chain_subscribeNewHeads",
        blocks.subscribe_new_heads,
        ("chain_subscribeNewHead", "subscribe_newHead"),
    ),
    Method("chain_subscribeAllHeads", blocks.subscribe_all_heads),
    Method(
        "chain_subscribeFinalizedHeads", blocks.subscribe_finalized_heads, ("chain_subscribeFinalisedHeads",)
    ),
    Method(
        "chain_unsubscribeNewHeads",
        blocks.unsubscribe,
        (
            "chain_unsubscribeNewHead",
            "unsubscribe_newHead",
            "chain_unsubscribeAllHeads",
            "chain_unsubscribeFinalizedHeads",
            "chain_unsubscribeFinalisedHeads",
        ),
    ),
    Method("state_call", state.call, ("state_callAt",)),
    Method("state_getMetadata", state.metadata),
    Method("state_getRuntimeVersion", state.runtime_version, ("chain_getRuntimeVersion",)),
    Method("state_getStorage", state.storage, ("state_getStorageAt",)),
    Method("state_getStorageHash", state.storage_hash, ("state_getStorageHashAt",)),
    Method("state_getStorageSize", state.storage_size, ("state_getStorageSizeAt",)),
    Method("state_getKeysPaged", state.keys_paged, ("state_getKeysPagedAt",)),
    Method("state_getPairs", state.pairs),
    Method("state_queryStorage", state.query_storage),
    Method("state_queryStorageAt", state.query_storage_at),
    Method("state_getReadProof", state.read_proof),
    Method("state_subscribeStorage", state.subscribe_storage),
    Method(
        "state_subscribeRuntimeVersion",
        state.subscribe_runtime_version,
        ("chain_subscribeRuntimeVersion",),
    ),
    Method(
        "state_unsubscribeStorage",
        blocks.unsubscribe,
        ("state_unsubscribeRuntimeVersion", "chain_unsubscribeRuntimeVersion"),
    ),
    Method("childstate_getKeysPaged", state.child_keys_paged, ("childstate_getKeysPagedAt",)),
    Method("childstate_getStorage", state.child_storage),
    Method("author_submitExtrinsic", transactions.submit),
    Method("author_submitAndWatchExtrinsic", transactions.submit_and_watch),
    Method("author_unwatchExtrinsic", blocks.unsubscribe),
    Method("author_pendingExtrinsics", transactions.pending),
    Method("chainHead_v1_follow", follow.follow),
    Method("chainHead_v1_unfollow", follow.unfollow),
    Method("chainHead_v1_header", follow.header),
    Method("chainHead_v1_body", follow.body),
    Method("chainHead_v1_call", follow.call),
    Method("chainHead_v1_storage", follow.storage),
    Method("chainHead_v1_unpin", follow.unpin),
    Method("chainHead_v1_continue", follow.proceed),
    Method("chainHead_v1_stopOperation", follow.stop_operation),
    Method("transaction_v1_broadcast", follow.broadcast),
    Method("transaction_v1_stop", follow.stop_broadcast),
    Method("archive_v1_genesisHash", archive.genesis_hash),
    Method("archive_v1_finalizedHeight", archive.finalized_height),
    Method("archive_v1_hashByHeight", archive.hash_by_height),
    Method("archive_v1_header", archive.header),
    Method("archive_v1_body", archive.body),
    Method("archive_v1_call", archive.call),
    Method("archive_v1_storage", archive.storage),
    Method("archive_v1_stopStorage", blocks.unsubscribe),
    Method("dev_newBlock", dev.new_block, unsafe=True),
    Method("dev_setStorage", dev.set_storage, unsafe=True),
    Method("dev_timeTravel", dev.time_travel, unsafe=True),
    Method("dev_setHead", dev.set_head, unsafe=True),
    Method("dev_setBlockBuildMode", dev.set_block_build_mode, unsafe=True),
    Method("dev_snapshot", dev.snapshot, unsafe=True),
    Method("dev_revert", dev.revert, unsafe=True),
)

BY_NAME = {name: method for method in TABLE for name in (method.name, *method.aliases)}
"""The table by every name of every method."""
