"""Journey: somebody has an idea for a subnet. From `subnet new` to its first payout, all by commands.

The package is written, tested and installed as a person would; then a chain, two miners and a validator of
the new subnet run as processes of their own.
"""

import json
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.journey


def test_a_newcomer_s_subnet_pays_its_first_miners(
    journey: Any, fresh_environment: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    began_s = time.monotonic()
    took_s: dict[str, float] = {}

    def done(what: str) -> None:
        took_s[what] = round(time.monotonic() - began_s - sum(took_s.values()), 1)

    written = journey.ask("subnet", "new", "guess", "--in", str(tmp_path))
    package = tmp_path / "guess"
    assert str(package / "guess/validator.py") in written["files"]
    for command in ("pytest -q", "pip install -q -e ."):
        here = {"cwd": package, "env": fresh_environment.variables}
        subprocess.run(["/bin/sh", "-c", command], **here, check=True, timeout=120)
        done(command)
    journey.python = fresh_environment.python

    netuid = journey.subnet("guess")
    uids = {}
    for wallet in ("//Charlie", "//Dave"):
        member = ("--netuid", netuid, "--wallet", wallet)
        uids[wallet] = journey.ask("miner", "register", *member, "--yes")["uid"]
    validator = ("--netuid", netuid, "--wallet", "//Bob")
    own = journey.ask("validator", "register", *validator, "--yes")["uid"]
    journey.ask("stake", "add", "1000", *validator, "--yes")
    done("register")

    for wallet, lazy in (("//Charlie", ()), ("//Dave", ("--lazy",))):
        journey.service("miner", "run", "--netuid", netuid, "--wallet", wallet, "--port", "0", *lazy)
        journey.event("Announced")
    journey.to_next_epoch(netuid)  # from now on the validator holds a permit
    done("miners")

    journey.service("validator", "run", *validator, "--steps", "1")
    journey.event("Committed")
    journey.to_next_epoch(netuid)
    assert journey.event("Revealed")["weights"] == {str(uids["//Charlie"]): 1.0}
    epoch_block = journey.to_next_epoch(netuid)
    paid = journey.event("Paid")
    while paid["block"] < epoch_block:
        paid = journey.event("Paid")
    done("first payout")

    assert paid["paid_rao"] == paid["predicted_rao"] > 0
    graph = journey.ask("subnet", "metagraph", netuid)
    honest, lazy_one = uids["//Charlie"], uids["//Dave"]
    assert graph["incentive_u16"][honest] == 65_535
    assert graph["incentive_u16"][lazy_one] == 0
    assert graph["emission_rao"][honest] > 0
    assert graph["emission_rao"][own] > 0
    with capsys.disabled():
        print(f"\nnewcomer: {sum(took_s.values()):.0f} s to the first payout, {json.dumps(took_s)}")
