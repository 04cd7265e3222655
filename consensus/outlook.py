"""What the chain will pay at a subnet's next epoch, if nobody does anything until then."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from meritnet.consensus.emission import (
    OWNER_CUT,
    Distribution,
    Pots,
    block_emission,
    distribute,
    split_block,
    split_by_price,
)
from meritnet.consensus.epoch import epoch
from meritnet.consensus.params import Params
from meritnet.consensus.state import EpochInput, EpochOutput


@dataclass(frozen=True)
class Treasury:
    """Where a subnet's next pay comes from, as of one block."""

    block: int
    """The block up to which everything here has happened."""
    issuance: int
    """TAO issued so far, in rao."""
    prices: Sequence[int]
    """Prices of all emitting subnets, ascending by netuid, in any one unit."""
    position: int | None
    """Where the subnet stands among them; None if it does not emit."""
    pots: Pots
    """What the subnet has yet to pay."""
    owner_cut: int = OWNER_CUT
    """The owner's part of the subnet's emission, of 65,535."""
    carry_dust: bool = False
    """Whether the dust of all floors waits for the next epoch instead of going to the owner."""


@dataclass(frozen=True)
class Outlook:
    """What an epoch in this block would store and pay."""

    block: int
    output: EpochOutput
    distribution: Distribution


def accrue(treasury: Treasury, until_block: int) -> Treasury:
    """The treasury once the emission of every block up to and including `until_block` is in."""
    issuance, pots = treasury.issuance, treasury.pots
    for _ in range(treasury.block, until_block):
        minted = block_emission(issuance) if treasury.prices else 0
        issuance += minted
        if treasury.position is not None:
            share = split_by_price(minted, treasury.prices)[treasury.position]
            pots += split_block(share, treasury.owner_cut)
    return replace(treasury, block=max(treasury.block, until_block), issuance=issuance, pots=pots)


def outlook(state: EpochInput, params: Params, treasury: Treasury, takes: Sequence[int]) -> Outlook:
    """The epoch at `state.block`, run on the pots as they will be then.

    `state.emission` is not read: it follows from the treasury. `takes` are the delegate takes of the
    uids' hotkeys, of 65,535. Right to the rao as long as stake, weights, commits and hyperparameters
    stay as given and no registration or subnet comes or goes.
    """
    pots = accrue(treasury, state.block).pots
    output = epoch(replace(state, emission=pots.epoch_emission), params)
    paid = distribute(pots, output.server_emission, output.validator_emission, takes, treasury.carry_dust)
    return Outlook(state.block, output, paid)
