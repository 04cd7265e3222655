"""Follows the chain block by block: keeps the ledger, and the picture that people look at."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from meritnet.chain.client.client import Chain
from meritnet.chain.client.metagraph import Metagraph
from meritnet.chain.client.storage_key import item_prefix
from meritnet.chain.scale import u16
from meritnet.chain.types import BlockNumber
from meritnet.localnet.ledger import Ledger
from meritnet.localnet.network import Deposit, Site
from meritnet.localnet.plan import Neuron
from meritnet.localnet.view import Board, Row, State

ISSUANCE = item_prefix("SubtensorModule", "TotalIssuance")
EPOCH_INDEX = item_prefix("SubtensorModule", "SubnetEpochIndex")


@dataclass
class Observer:
    """Enters each block into the ledger and the state of the view.

    `epochs` counts, by netuid, the epochs seen since `count_from`; earlier ones are paid and entered, but
    not counted.
    """

    chain: Chain
    sites: Sequence[Site]
    neurons: Sequence[Neuron]
    deposits: Sequence[Deposit]
    state: State
    ledger: Ledger = field(init=False)
    epochs: dict[int, int] = field(default_factory=dict)
    counting: bool = False
    next_epoch_block: dict[int, int] = field(default_factory=dict)
    epoch_index: dict[int, int] = field(default_factory=dict)
    _entered: int = 0
    _issuance_rao: int = 0

    def __post_init__(self) -> None:
        """Begin before the first block."""
        self.ledger = Ledger({site.netuid: site.first_block for site in self.sites})
        self._issuance_rao = self._issuance(0)

    def catch_up(self, number: int) -> None:
        """Enter every block up to a number, in order."""
        for block in range(self._entered + 1, number + 1):
            self._enter(block)
        self.state.block = number

    def _enter(self, block: int) -> None:
        block_hash = self.chain.block_hash(BlockNumber(block))
        self.ledger.block(block, self._issuance_rao)
        self._issuance_rao = self._issuance(block)
        self._entered = block
        for site in self.sites:
            if block >= site.first_block:
                self._look(site, block, block_hash)

    def _look(self, site: Site, block: int, block_hash: str) -> None:
        metagraph = self.chain.metagraph(site.netuid, at=block_hash)
        board = self.state.boards.setdefault(site.netuid, Board(site.netuid, site.subnet.kind))
        board.next_epoch_block = self.next_epoch_block[site.netuid] = (
            metagraph.last_epoch_block + metagraph.tempo
        )
        self.epoch_index[site.netuid] = self._number(EPOCH_INDEX + u16(site.netuid), block_hash)
        paid: Mapping[str, int] = {}
        if metagraph.last_epoch_block == block:
            paid = self._epoch(site, block, metagraph)
            board.epoch = self.epochs.get(site.netuid, 0)
        self._draw(board, metagraph, paid)

    def _epoch(self, site: Site, block: int, after: Metagraph) -> Mapping[str, int]:
        before = self.chain.metagraph(site.netuid, at=self.chain.block_hash(BlockNumber(block - 1)))
        staked: dict[str, int] = {}
        for deposit in self.deposits:
            if (deposit.netuid, deposit.block) == (site.netuid, block):
                staked[deposit.hotkey] = staked.get(deposit.hotkey, 0) + deposit.rao
        paid = self.ledger.epoch(site.netuid, holdings(before), holdings(after), staked)
        if self.counting:
            self.epochs[site.netuid] = self.epochs.get(site.netuid, 0) + 1
        self.state.emitted_rao = self.ledger.total_paid_rao
        return paid

    def _draw(self, board: Board, metagraph: Metagraph, paid: Mapping[str, int]) -> None:
        by_hotkey = {neuron.hotkey_address: neuron for neuron in self.neurons}
        for uid, hotkey in enumerate(metagraph.hotkeys):
            neuron = by_hotkey.get(hotkey)
            if neuron is None:
                continue
            row = board.rows.setdefault(uid, Row(uid, neuron.name, neuron.role, neuron.lazy))
            row.incentive = float(metagraph.incentive[uid])
            row.dividends = float(metagraph.dividends[uid])
            row.stake_rao = int(metagraph.alpha_stake_rao[uid])
            row.emission_rao += paid.get(hotkey, 0)

    def _issuance(self, block: int) -> int:
        return self._number(ISSUANCE, self.chain.block_hash(BlockNumber(block)))

    def _number(self, key: bytes, at: str) -> int:
        return int.from_bytes(self.chain.storage(key, at=at) or b"", "little")


def holdings(metagraph: Metagraph) -> dict[str, int]:
    """Return the stake on each hotkey of a subnet, in rao."""
    return {
        str(hotkey): int(rao)
        for hotkey, rao in zip(metagraph.hotkeys, metagraph.alpha_stake_rao, strict=True)
    }
