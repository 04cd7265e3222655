"""What must hold after every fault: the state as a whole, and what each process takes of the machine."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from chaos.localnet import Localnet, Service

from meritnet.chain.client import Chain
from meritnet.chain.client.storage_key import bytes_of
from meritnet.chain.host.trie import Trie
from meritnet.chain.scale import Reader
from meritnet.chain.testing import INVARIANTS

FULL_WEIGHT = 65_535
RSS_MARGIN_BYTES = 32 << 20
DESCRIPTORS_MARGIN = 8


def check_state(chain: Chain, netuid: int) -> None:
    """I1, I2, I4 in the newest state: the runtime's own invariants (issuance = balances + stake + pots; keys
    and uids name each other; rows name uids once), the root of all keys against the header's, full rows."""
    at = chain.block_hash()
    answer = chain.call_api(INVARIANTS, at=at)
    assert answer[:1] == b"\0", Reader(answer[1:]).text()
    header = chain.request("chain_getHeader", at)
    trie = Trie.from_items(chain.storage_map(b"", at).items(), chain.runtime_version()["stateVersion"])
    assert trie.root() == bytes_of(header["stateRoot"]), "the state does not have its header's root"
    rows = chain.weights(netuid, at)
    assert all(not row or max(weight for _, weight in row) == FULL_WEIGHT for row in rows.values()), rows


@dataclass(frozen=True)
class Footprint:
    """What a process takes of the machine."""

    rss_bytes: int
    descriptors: int

    def exceeds(self, other: "Footprint") -> bool:
        """Whether it is larger by more than the margins."""
        return (
            self.rss_bytes > other.rss_bytes + RSS_MARGIN_BYTES
            or self.descriptors > other.descriptors + DESCRIPTORS_MARGIN
        )

    def __str__(self) -> str:
        return f"{self.rss_bytes / 2**20:.0f} MiB, {self.descriptors} descriptors"


def footprint(service: Service) -> Footprint:
    """Of a process as it is now."""
    place = Path(f"/proc/{service.pid}")
    pages = int(place.joinpath("statm").read_text().split()[1])
    return Footprint(pages * os.sysconf("SC_PAGESIZE"), len(os.listdir(place / "fd")))


class Peak:
    """The most that processes took, as far as anybody looked."""

    def __init__(self, services: Mapping[str, Service]) -> None:
        self._services = services
        self._most = dict.fromkeys(services, Footprint(0, 0))

    def look(self) -> bool:
        """Looks; true, so that it may stand in a condition."""
        for name, most in self._most.items():
            now = footprint(self._services[name])
            self._most[name] = Footprint(
                max(most.rss_bytes, now.rss_bytes), max(most.descriptors, now.descriptors)
            )
        return True

    def told(self) -> dict[str, str]:
        """In words, by process."""
        return {name: str(most) for name, most in self._most.items()}


def footprints(net: Localnet) -> dict[str, Footprint]:
    """Of all processes."""
    return {name: footprint(service) for name, service in net.services.items()}


def grown(before: Mapping[str, Footprint], now: Mapping[str, Footprint]) -> list[str]:
    """Which processes are larger than before by more than the margins."""
    return [
        f"{name}: {before[name]} before, {now[name]} now"
        for name in before
        if now[name].exceeds(before[name])
    ]
