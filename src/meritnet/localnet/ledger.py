"""What the chain owed and what it paid, counted apart from each other.

Due comes from the specification: the block emission of every block, split among the subnets that emitted
then. Paid comes from the chain: how much stake each hotkey held before and after the block of an epoch,
less what was staked in that block.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from meritnet.chain.types import RAO_PER_TAO
from meritnet.consensus.emission import block_emission, split_by_price

Holdings = Mapping[str, int]


@dataclass
class Ledger:
    """The emission of a set of subnets, in rao.

    `first_block` says from which block on each netuid emits; every price is 1, so they share alike. Blocks
    are entered in order, epochs as they happen.
    """

    first_block: Mapping[int, int]
    _pending: dict[int, int] = field(default_factory=dict)
    due_rao: dict[int, int] = field(default_factory=dict)
    paid_rao: dict[int, dict[str, int]] = field(default_factory=dict)

    def block(self, number: int, issuance_before_rao: int) -> None:
        """Enter a block: its emission becomes pending in the subnets that emit."""
        emitting = [netuid for netuid, first in sorted(self.first_block.items()) if number >= first]
        shares = split_by_price(block_emission(issuance_before_rao), [RAO_PER_TAO] * len(emitting))
        for netuid, rao in zip(emitting, shares, strict=True):
            self._pending[netuid] = self._pending.get(netuid, 0) + rao

    def epoch(self, netuid: int, before: Holdings, after: Holdings, staked: Holdings) -> dict[str, int]:
        """Enter an epoch: what was pending is due, and the growth of each hotkey's stake was paid.

        `staked` is what came into stake by extrinsics of the same block. Returns the payment of each hotkey
        in rao.
        """
        self.due_rao[netuid] = self.due_rao.get(netuid, 0) + self._pending.pop(netuid, 0)
        paid = {hotkey: after[hotkey] - before.get(hotkey, 0) - staked.get(hotkey, 0) for hotkey in after}
        total = self.paid_rao.setdefault(netuid, {})
        for hotkey, rao in paid.items():
            total[hotkey] = total.get(hotkey, 0) + rao
        return paid

    @property
    def total_due_rao(self) -> int:
        return sum(self.due_rao.values())

    @property
    def total_paid_rao(self) -> int:
        return sum(sum(paid.values()) for paid in self.paid_rao.values())
