"""What the chain says happened, read block by block from outside, and what must hold between blocks.

I1  issuance grows by the block's emission, to the rao
I2  a block that was seen stays where it was; the head never goes back
I3  an extrinsic that was acknowledged is on the chain once; nonces count those that are
"""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import blake2b

from meritnet.chain.client import Chain
from meritnet.chain.client.storage_key import blake2_128_concat, bytes_of, item_prefix
from meritnet.chain.errors import ChainError, DeadlineExceeded
from meritnet.chain.keys import KeyPair, ss58_encode
from meritnet.chain.scale import Reader
from meritnet.chain.types import BlockNumber

PALLET = "SubtensorModule"
WAIT_S = 180.0
"""Longest wait for something on the chain; what is judged is judged in blocks."""


@dataclass(frozen=True)
class Page:
    """One block."""

    number: int
    hash: str
    extrinsics: tuple[str, ...]
    """Their hashes."""
    committed: tuple[tuple[str, bytes], ...]
    """Who committed weights, and the commit's hash."""
    revealed: tuple[tuple[str, bytes], ...]
    payers: tuple[str, ...]
    """Who paid a fee, once for each extrinsic."""
    ran_epoch: bool
    paid_rao: tuple[int, ...]
    """By uid, if the subnet's epoch ran in this block."""
    issuance_rao: int


class Chronicle:
    """The chain since it was opened, by a connection that is no victim."""

    def __init__(self, chain: Chain, netuid: int) -> None:
        self._chain = chain
        self._netuid = netuid.to_bytes(2, "little")
        self.netuid = netuid
        self.pages: dict[int, Page] = {}
        self.first = self.head = int(chain.head())
        self.pages[self.first] = self._read(self.first)

    def catch_up(self) -> int:
        """Reads the blocks that have come since; the head."""
        head = int(self._chain.head())
        assert head >= self.head, f"the head went back from {self.head} to {head}"
        seen = self.pages[self.head]
        assert self._chain.block_hash(BlockNumber(self.head)) == seen.hash, (
            f"block {self.head} is another now"
        )
        for number in range(self.head + 1, head + 1):
            self.pages[number] = self._read(number)
            self.head = number
        return head

    def wait(self, holds: Callable[[], bool], what: Callable[[], str]) -> None:
        """Until something holds; looks at every new block."""
        deadline = time.monotonic() + WAIT_S
        while True:
            try:
                self.catch_up()
                if holds():
                    return
                with self._chain.follow() as heads:
                    heads.wait(2.0)
            except (ChainError, DeadlineExceeded):
                pass  # the chain may be the victim
            assert time.monotonic() < deadline, f"after {WAIT_S:g} s: not yet {what()}"

    def check_that_nothing_moved(self) -> None:
        """I2 for every block that was ever seen."""
        for page in self.pages.values():
            assert self._chain.block_hash(BlockNumber(page.number)) == page.hash

    def check_nonce(self, account: KeyPair) -> None:
        """I3: the nonce counts the extrinsics of the account that are on the chain since the beginning."""
        key = item_prefix("System", "Account") + blake2_128_concat(account.public)
        then, now = (
            int.from_bytes((self._chain.storage(key, self.pages[at].hash) or b"")[:4], "little")
            for at in (self.first, self.head)
        )
        later = [page for page in self.pages.values() if page.number > self.first]
        sent = sum(page.payers.count(account.address) for page in later)
        assert now - then == sent, f"the nonce counts {now - then} extrinsics, {sent} are on the chain"

    def check_commits(self, validators: Sequence[str]) -> None:
        """No validator committed twice in an epoch, or revealed a commit twice."""
        made: Counter[tuple[str, object]] = Counter()
        epoch = 0
        for _, page in sorted(self.pages.items()):
            epoch += page.ran_epoch
            made.update((who, epoch) for who, _ in page.committed)
            made.update(page.revealed)
        twice = [what for what, times in made.items() if times > 1 and what[0] in validators]
        assert not twice, f"committed or revealed twice: {twice}"

    def times_included(self) -> Counter[str]:
        """How often each extrinsic is on the chain."""
        return Counter(
            extrinsic
            for page in self.pages.values()
            if page.number > self.first
            for extrinsic in page.extrinsics
        )

    def epochs(self, after: int = 0) -> list[Page]:
        """The blocks in which the subnet's epoch ran."""
        return [page for number, page in sorted(self.pages.items()) if page.ran_epoch and number > after]

    def paid_again(self, after: int, validators: Sequence[str], honest: Sequence[int]) -> int | None:
        """The first epoch's block that paid all honest miners by weights that every validator made after a
        block: committed, revealed, and with every honest miner in them."""
        for epoch in self.epochs(after):
            if all(self._has_revealed(who, after, epoch.number) for who in validators):
                rows = self._chain.weights(self.netuid, self.pages[epoch.number - 1].hash)
                in_full = [row for row in rows.values() if {uid for uid, _ in row} >= set(honest)]
                paid = all(epoch.paid_rao[uid] > 0 for uid in honest)
                if paid and len(in_full) >= len(validators):
                    return epoch.number
        return None

    def _has_revealed(self, who: str, after: int, before: int) -> bool:
        made = [
            commit
            for number in range(after + 1, before)
            for hotkey, commit in self.pages[number].committed
            if hotkey == who
        ]
        return any(
            (who, commit) in self.pages[number].revealed
            for commit in made
            for number in range(after + 1, before)
        )

    def _read(self, number: int) -> Page:
        block_hash = self._chain.block_hash(BlockNumber(number))
        block = self._chain.request("chain_getBlock", block_hash)["block"]
        events = self._chain.events(block_hash)
        issuance, emission, last_epoch, paid = self._chain.storage_many(
            [
                item_prefix(PALLET, "TotalIssuance"),
                item_prefix(PALLET, "BlockEmission"),
                item_prefix(PALLET, "LastEpochBlock") + self._netuid,
                item_prefix(PALLET, "Emission") + self._netuid,
            ],
            block_hash,
        )
        issued = int.from_bytes(issuance or b"", "little")
        parent = self.pages.get(number - 1)
        if parent is not None:
            due = int.from_bytes(emission or b"", "little")
            assert issued - parent.issuance_rao == due, f"block {number} did not issue {due} rao"
        ran = int.from_bytes(last_epoch or b"", "little") == number
        reader = Reader(paid or b"\0")
        return Page(
            number,
            block_hash,
            tuple(_hash(text) for text in block["extrinsics"]),
            _weights(events, "WeightsCommitted"),
            _weights(events, "WeightsRevealed"),
            tuple(_address(event["who"]) for event in events if event.name == "TransactionFeePaid"),
            ran,
            tuple(reader.vector(lambda: reader.unsigned(8))) if ran else (),
            issued,
        )


def _hash(extrinsic: str) -> str:
    return "0x" + blake2b(bytes_of(extrinsic), digest_size=32).hexdigest()


def _weights(events: Sequence[object], name: str) -> tuple[tuple[str, bytes], ...]:
    found = [list(event.fields) for event in events if event.name == name]
    return tuple((_address(who), _bytes(commit)) for who, _, commit in found)


def _address(who: object) -> str:
    return ss58_encode(bytes_of(who)) if str(who).startswith("0x") else str(who)


def _bytes(value: object) -> bytes:
    return bytes_of(value) if isinstance(value, str) else bytes(value)
