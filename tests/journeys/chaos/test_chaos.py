"""Journey: a local network on which everything goes wrong, one thing after the other; honest work stays paid.

    MERITNET_CHAOS_SEED=7 python -m pytest tests/journeys/chaos -m journey

runs the faults of seed 7 again; without it those of seed 1. What is promised, and what three seeds measured,
stands in docs/promises.md.
"""

import json
import os
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from chaos.chronicle import WAIT_S, Chronicle
from chaos.hostile import TRAFFIC, Aim, Tally, descriptors_are_enough, under
from chaos.localnet import LAZY, Localnet, localnet
from chaos.outages import OUTAGES
from chaos.schedule import VALIDATORS, Fault, schedule
from chaos.spender import Spender
from chaos.watch import Footprint, Peak, check_state, footprints, grown

from meritnet.chain.client import Chain
from meritnet.chain.client.stake import transfer
from meritnet.chain.keys import KeyPair

pytestmark = [
    pytest.mark.journey,
    pytest.mark.skipif(sys.platform != "linux", reason="reads /proc and listens on all of 127.0.0.0/8"),
]

SEED = int(os.environ.get("MERITNET_CHAOS_SEED", "1"))
TEMPO = 20
RECOVERY_BLOCKS = 3 * TEMPO
STEPS = 3
"""Of each validator under hostile traffic; the first one began before it, or may have."""
FUNDS_RAO = 1_000 * 10**9


class Run:
    """One run: the network, what it has been through, and the checks."""

    def __init__(self, net: Localnet, chain: Chain, spender: Spender) -> None:
        self.net = net
        self.chain = chain
        self.spender = spender
        self.chronicle = Chronicle(chain, net.netuid)
        self.validators = [net.neurons[name].hotkey_address for name in VALIDATORS]
        self.before: dict[str, Footprint] = {}
        self.lives: Counter[str] = Counter(list(net.services))

    def warm_up(self) -> None:
        """Until everybody has been paid for work; what the processes take then is what they may take."""
        first = self.chronicle.first
        self.chronicle.wait(lambda: self._paid_since(first) is not None, lambda: "paid for the first time")
        self.before = footprints(self.net)

    def suffer(self, fault: Fault) -> dict[str, Any]:
        """One fault, and what must hold after it; what was measured."""
        began_s = time.monotonic()
        if fault.kind in OUTAGES:
            self.lives[fault.victim] += fault.kind == "kill"
            OUTAGES[fault.kind](self.net, fault)
            found = self._recovery(self.chronicle.catch_up())
        elif fault.kind == "idle connections" and not descriptors_are_enough():
            found = {"left out": "this process may not open as many descriptors"}
        else:
            found = self._under(fault)
        self._check()
        return {"fault": str(fault), **found, "seconds": round(time.monotonic() - began_s, 1)}

    def finish(self) -> dict[str, Any]:
        """What must hold of the whole run; its counts."""
        self.chronicle.catch_up()
        self.chronicle.check_nonce(self.spender.account)
        self.chronicle.check_commits(self.validators)
        included = self.chronicle.times_included()
        lost = [sent for sent in self.spender.acknowledged if included[sent] != 1]
        assert not lost, f"acknowledged, but not on the chain once: {lost}"
        epochs = self.chronicle.epochs()
        paid = {name: sum(page.paid_rao[uid] for page in epochs) for name, uid in self.net.uids.items()}
        assert paid[LAZY] == 0, f"the lazy miner was paid {paid[LAZY]} rao"
        return {
            "blocks": self.chronicle.head - self.chronicle.first,
            "epochs": len(epochs),
            "paid_tao": {name: round(rao / 1e9, 3) for name, rao in paid.items()},
            "transfers": {"acknowledged": len(self.spender.acknowledged), **self.spender.failures},
            "answers": dict(self._answers(dict.fromkeys(VALIDATORS, 0))),
            "before": {name: str(taken) for name, taken in self.before.items()},
            "after": {name: str(taken) for name, taken in footprints(self.net).items()},
        }

    def _recovery(self, end: int) -> dict[str, Any]:
        """From a fault's end until an epoch paid for work done after it: at most three tempos (I5). By then
        every validator has had a right answer of every honest miner, too."""
        since = self._said()
        self.chronicle.wait(
            lambda: self._paid_since(end) is not None or self.chronicle.head > end + RECOVERY_BLOCKS,
            lambda: "paid again",
        )
        paid = self._paid_since(end)
        late = f"the fault ended in block {end}, work done after it was paid in block {paid}"
        assert paid is not None, late
        assert paid <= end + RECOVERY_BLOCKS, late
        right = {
            (name, line["uid"])
            for name in VALIDATORS
            for line in self._scored(name, since[name])
            if line["value"] == 1.0
        }
        missing = {(name, uid) for name in VALIDATORS for uid in self.net.honest} - right
        assert not missing, f"no right answer since the fault: {missing}"
        return {"blocks": paid - end}

    def _under(self, fault: Fault) -> dict[str, Any]:
        """Hostile traffic, for as long as the validators take a few steps: all honest work counts, and a
        newcomer is served by the chain."""
        with under(TRAFFIC[fault.kind], self._aims(fault.victim), fault.seed) as tally:
            assert tally.in_force.wait(WAIT_S), "the traffic did not come into force"
            since = self._said()
            with Chain.connect(self.net.endpoint) as newcomer:
                newcomer.head()
            peak = Peak({name: self.net.services[name] for name in (fault.victim, "chain")})
            self.chronicle.wait(
                lambda: (
                    peak.look() and all(len(self._steps(name, since[name])) >= STEPS for name in VALIDATORS)
                ),
                lambda: f"{STEPS} steps",
            )
            ends = {name: self._steps(name, since[name]) for name in VALIDATORS}
        answers = self._answers({name: each[0] for name, each in ends.items()}, ends)
        assert set(answers) == {"right"}, f"honest answers got lost: {answers}"
        assert not tally.served, f"strangers were served: {tally.served[:3]}"
        return {"honest answers": answers["right"], **_told(tally), "at most": peak.told()}

    def _aims(self, miner: str) -> list[Aim]:
        command = self.net.services[miner].command
        port = int(command[command.index("--port") + 1])
        chain_port = int(self.net.endpoint.rpartition(":")[2])
        hotkey = self.net.neurons[miner].hotkey_address
        return [Aim(miner, port, "/sums", hotkey), Aim("chain", chain_port, "/")]

    def _said(self) -> dict[str, int]:
        """How many lines each validator has said so far."""
        return {name: len(self.net.services[name].lines()) for name in VALIDATORS}

    def _steps(self, name: str, since: int) -> list[int]:
        """Where in its output a validator's steps end."""
        lines = self.net.services[name].lines()
        return [at for at in range(since, len(lines)) if lines[at].get("event") == "Stepped"]

    def _scored(self, name: str, since: int, until: int | None = None) -> list[dict[str, Any]]:
        """A validator's scores of honest miners, within its output."""
        lines = self.net.services[name].lines()[since:until]
        return [line for line in lines if line.get("event") == "Scored" and line["uid"] in self.net.honest]

    def _answers(self, since: dict[str, int], ends: dict[str, list[int]] | None = None) -> Counter[str]:
        """Answers of honest miners: right, or why not."""
        found: Counter[str] = Counter()
        for name in VALIDATORS:
            for line in self._scored(name, since[name], ends[name][-1] if ends else None):
                found["right" if line["value"] == 1.0 else line["why"].partition(":")[0]] += 1
        return found

    def _check(self) -> None:
        """I1 to I4, and that all processes live and are as small as they were."""
        self.chronicle.wait(
            lambda: not grown(self.before, footprints(self.net)),
            lambda: f"as small as before: {grown(self.before, footprints(self.net))}",
        )
        lives = {name: service.lives for name, service in self.net.services.items()}
        assert lives == dict(self.lives)
        assert all(service.is_alive for service in self.net.services.values())
        self.chronicle.check_that_nothing_moved()
        check_state(self.chain, self.net.netuid)

    def _paid_since(self, block: int) -> int | None:
        return self.chronicle.paid_again(block, self.validators, self.net.honest)


def _told(tally: Tally) -> dict[str, Any]:
    return {"sent": tally.sent, "answers": dict(tally.answers)}


def test_honest_work_is_paid_whatever_goes_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    alice, account = KeyPair.from_uri("//Alice"), KeyPair.from_uri("//Spender")
    began_s = time.monotonic()

    def tell(what: object) -> None:
        with capsys.disabled():
            print(what if isinstance(what, str) else json.dumps(what), flush=True)

    tell(f"\nchaos with MERITNET_CHAOS_SEED={SEED}")
    with localnet(tmp_path) as net, Chain.connect(net.endpoint) as chain:
        transfer(chain, alice, account.address, FUNDS_RAO)
        with Spender(net.endpoint, account, alice.address) as spender:
            run = Run(net, chain, spender)
            run.warm_up()
            for fault in schedule(SEED):
                tell(str(fault))
                tell(run.suffer(fault))
        tell(run.finish() | {"seed": SEED, "seconds": round(time.monotonic() - began_s)})
