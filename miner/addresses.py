"""From where a request comes, also when a reverse proxy passed it on.

A forwarding header is a stranger's word unless a proxy of our own wrote it, so it is read only on connections
from the networks that the operator named, and then from the right: each proxy appends the address that it
saw, and the first one that is no proxy of ours is the client.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network

from aiohttp import web

from meritnet.chain.errors import UsageError

_NEIGHBOURS_BITS = 64
"""One customer has at least so much of IPv6; a limit on single addresses of it would limit nobody."""


class Proxies:
    """The proxies whose word about a client's address counts; none by default."""

    def __init__(self, networks: Iterable[str] = ()) -> None:
        """Raises ``UsageError`` for what is neither an address nor a network."""
        try:
            self._networks = tuple(ip_network(network) for network in networks)
        except ValueError as error:
            raise UsageError(
                f"no network of proxies: {error}", "write --trusted-proxy 127.0.0.1 or 10.0.0.0/8"
            ) from None

    def trusts(self, address: str) -> bool:
        """Whether a connection from this address is one of our proxies'."""
        if not self._networks:
            return False
        parsed = _parsed(address)
        return parsed is not None and any(parsed in network for network in self._networks)

    def client(self, request: web.BaseRequest) -> str:
        """The client's address as limits count it: IPv4 whole, IPv6 by its /64."""
        return counted(self._seen(request.remote or "", request.headers.getall("X-Forwarded-For", ())))

    def _seen(self, peer: str, forwarded: Iterable[str]) -> str:
        if not self._networks:
            return peer
        hops = [hop.strip() for line in forwarded for hop in line.split(",")]
        seen = peer
        while self.trusts(seen) and hops:
            hop = hops.pop()
            if _parsed(hop) is None:
                break
            seen = hop
        return seen


@lru_cache(maxsize=4096)
def counted(address: str) -> str:
    """The name under which an address is counted."""
    parsed = _parsed(address)
    if isinstance(parsed, IPv6Address):
        return str(IPv6Network((parsed, _NEIGHBOURS_BITS), strict=False))
    return str(parsed or address)


def _parsed(address: str) -> IPv4Address | IPv6Address | None:
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return None
    mapped = parsed.ipv4_mapped if isinstance(parsed, IPv6Address) else None
    return mapped or parsed
