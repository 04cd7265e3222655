"""The executable specification: every protocol rule as numpy and integers.

One function a rule, named for the rule; the Rust crates `chain/primitives/{yuma,economy}` say the same
under the same file names, bit for bit.
"""

from meritnet.consensus.commit import RevealWindow, commit_hash, reveal_window
from meritnet.consensus.conviction import Lock
from meritnet.consensus.emission import (
    Distribution,
    Pots,
    block_emission,
    distribute,
    split_block,
    split_by_price,
)
from meritnet.consensus.epoch import epoch
from meritnet.consensus.outlook import Outlook, Treasury, outlook
from meritnet.consensus.params import LOCAL, MAINNET, Params
from meritnet.consensus.pool import Pool, Refusal, Trade, buy, sell
from meritnet.consensus.share_pool import SharePool
from meritnet.consensus.shares import emission_shares, split_by_shares
from meritnet.consensus.state import EpochInput, EpochOutput, Row

__all__ = [
    "LOCAL",
    "MAINNET",
    "Distribution",
    "EpochInput",
    "EpochOutput",
    "Lock",
    "Outlook",
    "Params",
    "Pool",
    "Pots",
    "Refusal",
    "RevealWindow",
    "Row",
    "SharePool",
    "Trade",
    "Treasury",
    "block_emission",
    "buy",
    "commit_hash",
    "distribute",
    "emission_shares",
    "epoch",
    "outlook",
    "reveal_window",
    "sell",
    "split_block",
    "split_by_price",
    "split_by_shares",
]
