"""Setting up the chain's side of a local network: subnets, registrations, stake."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from meritnet.chain.client.client import Chain
from meritnet.chain.client.neurons import burned_register
from meritnet.chain.client.stake import add_stake, transfer
from meritnet.chain.client.subnets import register_subnet, set_hyperparameter, set_identity, start_subnet
from meritnet.chain.types import RAO_PER_TAO
from meritnet.localnet.plan import Neuron
from meritnet.subnets.base import Subnet

STAKE_RAO = 1_000 * RAO_PER_TAO
"""Each validator's stake in each subnet."""
FUNDS_RAO = 10_000 * RAO_PER_TAO
"""What a neuron beyond the development accounts is given."""
SUBMITTERS = 8


@dataclass(frozen=True)
class Site:
    """One subnet of the local network; `first_block` is the first whose emission it gets."""

    netuid: int
    subnet: Subnet
    first_block: int


@dataclass(frozen=True)
class Deposit:
    """Stake that an extrinsic put on a hotkey in a block."""

    netuid: int
    block: int
    hotkey: str
    rao: int


def found(chain: Chain, owner: Neuron, subnet: Subnet) -> Site:
    """Register a subnet, set its kind's hyperparameters, name it by its kind, start its emission.

    The owner is the chain's sudo key, so that what only root may set is set too.
    """
    netuid, _ = register_subnet(chain, owner.coldkey, owner.hotkey_address)
    for name, value in subnet.hyperparameters.items():
        set_hyperparameter(chain, owner.coldkey, netuid, name, value, as_root=True)
    set_identity(chain, owner.coldkey, netuid, subnet.kind, subnet.summary)
    started = start_subnet(chain, owner.coldkey, netuid)
    return Site(netuid, subnet, started.block_number + 1)


def fund(chain: Chain, banker: Neuron, neurons: Sequence[Neuron]) -> None:
    """Give every neuron whose account is empty enough to register and stake."""
    for neuron in neurons:
        address = neuron.coldkey.address
        if chain.balance(address) < FUNDS_RAO // 2:
            transfer(chain, banker.coldkey, address, FUNDS_RAO)


def enlist(chain: Chain, sites: Sequence[Site], neurons: Sequence[Neuron]) -> list[Deposit]:
    """Register every neuron in every subnet and stake for its validators, several accounts at a time."""

    def join(neuron: Neuron) -> list[Deposit]:
        deposits = []
        for site in sites:
            burned_register(chain, site.netuid, neuron.coldkey, neuron.hotkey_address)
            if neuron.role == "validator":
                receipt = add_stake(chain, neuron.coldkey, neuron.hotkey_address, site.netuid, STAKE_RAO)
                deposits.append(Deposit(site.netuid, receipt.block_number, neuron.hotkey_address, STAKE_RAO))
        return deposits

    with ThreadPoolExecutor(SUBMITTERS) as submitters:
        return [deposit for deposits in submitters.map(join, neurons) for deposit in deposits]
