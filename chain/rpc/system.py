"""``system_``, ``chainSpec_v1_``, ``rpc_methods`` and the fees: what the node is and what it offers."""

from typing import TYPE_CHECKING

from meritnet import __version__
from meritnet.chain.keys import ss58_decode
from meritnet.chain.rpc.forms import from_hex, to_hash, to_hex, to_text
from meritnet.chain.scale import Reader

if TYPE_CHECKING:
    from meritnet.chain.rpc.session import Session

PROPERTIES = {"isEthereum": False, "ss58Format": 42, "tokenDecimals": 9, "tokenSymbol": "TAO"}
DISPATCH_CLASSES = ("normal", "operational", "mandatory")


def methods(session: "Session") -> object:
    """Every method that this client may call."""
    return {"version": 1, "methods": session.methods()}


def chain(session: "Session") -> object:
    """The chain's name."""
    return f"Meritnet {session.node.preset}"


def chain_type(session: "Session") -> object:
    """The kind of chain: one for development."""
    return "Development"


def name(session: "Session") -> object:
    """The node's name."""
    return "Meritnet"


def version(session: "Session") -> object:
    """The node's version."""
    return __version__


def properties(session: "Session") -> object:
    """Address format and token."""
    return PROPERTIES


def health(session: "Session") -> object:
    """Whether the node follows the chain: a single author always does."""
    return {"peers": 0, "isSyncing": False, "shouldHavePeers": False}


def peers(session: "Session") -> object:
    """The peers: there are none."""
    return []


def node_roles(session: "Session") -> object:
    """What the node does: it makes the blocks."""
    return ["Authority"]


def local_peer_id(session: "Session") -> object:
    """The name in a peer-to-peer network: empty, the node is in none."""
    return ""


def local_listen_addresses(session: "Session") -> object:
    """The addresses in a peer-to-peer network: there are none."""
    return []


def sync_state(session: "Session") -> object:
    """How far the node is: at the head."""
    head = session.node.head.number
    return {"startingBlock": 0, "currentBlock": head, "highestBlock": head}


def account_next_index(session: "Session", account: object) -> object:
    """The nonce for an account's next transaction; those in the pool count."""
    return session.node.next_nonce(ss58_decode(to_text(account)))


def dry_run(session: "Session", extrinsic: object, at: object = None) -> object:
    """What an extrinsic would give, as encoded ``ApplyExtrinsicResult``."""
    return to_hex(session.node.dry_run(from_hex(extrinsic), to_hash(at)))


def genesis_hash(session: "Session") -> object:
    """The hash of block 0."""
    return to_hex(session.node.genesis_hash)


def query_info(session: "Session", extrinsic: object, at: object = None) -> object:
    """Weight and fee of an extrinsic."""
    reader = Reader(_fee_call(session, "query_info", extrinsic, at))
    weight = {"ref_time": reader.compact(), "proof_size": reader.compact()}
    kind = DISPATCH_CLASSES[reader.unsigned(1)]
    fee = reader.unsigned(len(reader.data) - reader.at)  # the balance is the rest, whatever its width
    return {"weight": weight, "class": kind, "partialFee": str(fee)}


def query_fee_details(session: "Session", extrinsic: object, at: object = None) -> object:
    """The parts of an extrinsic's fee."""
    reader = Reader(_fee_call(session, "query_fee_details", extrinsic, at))
    if not reader.boolean():
        return {"inclusionFee": None}
    width = (len(reader.data) - 1) // 4  # three parts and the tip
    names = ("baseFee", "lenFee", "adjustedWeightFee")
    return {"inclusionFee": {part: hex(reader.unsigned(width)) for part in names}}


def _fee_call(session: "Session", function: str, extrinsic: object, at: object) -> bytes:
    data = from_hex(extrinsic)
    argument = data + len(data).to_bytes(4, "little")
    return session.node.call(f"TransactionPaymentApi_{function}", argument, to_hash(at))
