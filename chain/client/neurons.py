"""Joining a subnet and announcing where one serves."""

from __future__ import annotations

from ipaddress import IPv6Address, ip_address
from typing import TYPE_CHECKING

from meritnet.chain.client.codec import Call
from meritnet.chain.client.storage_key import blake2_128_concat, item_prefix
from meritnet.chain.errors import UsageError
from meritnet.chain.keys import KeyPair, ss58_decode
from meritnet.chain.scale import Reader, u16
from meritnet.chain.types import Rao, Uid

if TYPE_CHECKING:
    from meritnet.chain.client.client import Chain
    from meritnet.chain.client.submission import Receipt

AXON_VERSION = 1
AXON_PROTOCOL_HTTP = 4
"""What Bittensor's tools write for an HTTP endpoint."""


def burned_register(chain: Chain, netuid: int, coldkey: KeyPair, hotkey_address: str) -> Receipt:
    """Register a hotkey in a subnet; the coldkey pays the registration price, which is burned."""
    arguments = {"netuid": netuid, "hotkey": hotkey_address}
    return chain.submit(Call("SubtensorModule", "burned_register", arguments), coldkey)


def registration_price(chain: Chain, netuid: int, at: str | None = None) -> Rao:
    """What registering a neuron in a subnet costs now."""
    value = chain.storage(item_prefix("SubtensorModule", "Burn") + u16(netuid), at)
    return Rao(0 if value is None else int.from_bytes(value, "little"))


def uid_of(chain: Chain, netuid: int, hotkey: str, at: str | None = None) -> Uid | None:
    """The uid of a hotkey in a subnet, or ``None``."""
    key = item_prefix("SubtensorModule", "Uids") + u16(netuid) + blake2_128_concat(ss58_decode(hotkey))
    value = chain.storage(key, at)
    return None if value is None else Uid(Reader(value).unsigned(2))


def serve_axon(chain: Chain, netuid: int, hotkey: KeyPair, ip: str, port: int) -> Receipt:
    """Announce the address at which a neuron serves. Raises ``UsageError`` for a malformed one."""
    try:
        address = ip_address(ip)
    except ValueError:
        raise UsageError(f"{ip!r} is no IP address", "the chain stores addresses, not host names") from None
    if not 0 < port < 65_536:
        raise UsageError(f"{port} is no port", "choose one from 1 to 65535")
    arguments = {
        "netuid": netuid,
        "version": AXON_VERSION,
        "ip": int(address),
        "port": port,
        "ip_type": 6 if isinstance(address, IPv6Address) else 4,
        "protocol": AXON_PROTOCOL_HTTP,
        "placeholder1": 0,
        "placeholder2": 0,
    }
    return chain.submit(Call("SubtensorModule", "serve_axon", arguments), hotkey)
