"""Journey: somebody registers a subnet of their own from the command line."""

from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.journey


def test_a_new_wallet_registers_starts_and_tunes_a_subnet(journey: Any, tmp_path: Path) -> None:
    password = tmp_path / "password"
    password.write_text("a long enough password\n")
    password.chmod(0o600)
    secret = ("--password-file", str(password))
    created = journey.ask("wallet", "create", "me", *secret)
    key = tmp_path / "wallets/me/coldkey"
    assert key.read_bytes().startswith(b"$NACL")
    assert key.stat().st_mode & 0o777 == 0o600

    poor = journey.command(
        "subnet", "register", "--kind", "text_generation", "--wallet", "me", "--yes", *secret
    )
    assert poor.returncode == 1
    assert len(poor.stderr.strip().splitlines()) == 1, poor.stderr

    journey.ask("wallet", "transfer", "//Alice", "me", "500", "--yes")
    registered = journey.ask(
        "subnet", "register", "--kind", "text_generation", "--wallet", "me", "--yes", *secret
    )
    netuid = str(registered["netuid"])
    journey.ask("subnet", "start", netuid, "--wallet", "me", "--yes", *secret)
    journey.ask("subnet", "set", netuid, "immunity_period", "50", "--wallet", "me", *secret)

    shown = journey.ask("subnet", "show", netuid)
    listed = {str(subnet["netuid"]): subnet for subnet in journey.ask("subnet", "list")}
    assert listed[netuid]["name"] == "text_generation"
    assert listed[netuid]["is_started"] is True
    assert shown["hyperparameters"]["immunity_period"] == 50
    assert listed[netuid]["owner_coldkey"] == created["coldkey"]


def test_bad_input_ends_with_one_line_and_changes_nothing(journey: Any) -> None:
    before = journey.ask("chain", "status")["block"]
    asked_wrongly = [
        ("subnet", "register", "--kind", "nonsense", "--wallet", "//Alice", "--yes"),
        ("subnet", "set", "1", "no_such_parameter", "1", "--wallet", "//Alice", "--yes"),
        ("wallet", "balance", "5Nonsense"),
        ("chain", "start", "--seal", "sometimes"),
    ]
    for arguments in asked_wrongly:
        done = journey.command(*arguments)
        assert done.returncode in (1, 2), (arguments, done.stdout, done.stderr)
        assert len(done.stderr.strip().splitlines()) == 1, (arguments, done.stderr)
        assert "Traceback" not in done.stderr
    assert journey.ask("chain", "status")["block"] == before
