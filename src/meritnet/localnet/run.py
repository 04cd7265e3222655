"""A local network from its first block to its last: what `meritnet up` runs."""

import asyncio
import tempfile
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

from meritnet.chain.client.client import Chain
from meritnet.localnet import station
from meritnet.localnet.clock import Clock
from meritnet.localnet.crew import Crew
from meritnet.localnet.network import Deposit, Site, enlist, found, fund
from meritnet.localnet.observer import Observer
from meritnet.localnet.plan import Neuron, Plan, cast
from meritnet.localnet.summary import Summary
from meritnet.localnet.view import State
from meritnet.subnets.registry import subnet

LOOK_AGAIN_S = 0.05


@dataclass
class Run:
    """One local network; `changed` is called whenever there is something new to look at."""

    plan: Plan
    state: State
    changed: Callable[[], None] = lambda: None
    stop: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self) -> Summary:
        """Bring everything up, let the epochs pass, take everything down, and sum up.

        Raises MeritnetError where something cannot be had: a port, the model, a subnet kind.
        """
        neurons = cast(self.plan)
        kinds = [subnet(kind) for kind in self.plan.kinds]
        async with AsyncExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="meritnet-up-")))
            place = await (station.apart if self.plan.isolate else station.here)(self.plan.rpc_port)
            stack.push_async_callback(place.close)
            self._tell(f"chain at {place.endpoint}")
            self.state.endpoint = place.endpoint
            chain = await asyncio.to_thread(Chain.connect, place.endpoint)
            stack.callback(chain.close)
            crew = Crew(self.plan, chain, place.endpoint, neurons, folder, self.state, self.changed)
            ...
