"""docs/cli.md is made from the commands, so it cannot say anything else."""

import subprocess
import sys
from pathlib import Path

from meritnet.cli.app import COMMANDS
from meritnet.cli.reference import page

PAGE = Path(__file__).resolve().parents[2] / "docs" / "cli.md"


def test_the_page_is_fresh() -> None:
    assert PAGE.read_text() == page(), "python -m meritnet.cli.reference > docs/cli.md"


def test_the_page_has_every_command() -> None:
    for name in COMMANDS:
        assert f"\n## {name}\n" in page()
    assert "### wallet transfer" in page()
    assert "`meritnet wallet transfer FROM TO AMOUNT [OPTIONS]`" in page()


def test_a_stale_page_is_told(tmp_path: Path) -> None:
    stale = tmp_path / "cli.md"
    stale.write_text("old")
    command = [sys.executable, "-m", "meritnet.cli.reference", "--check", str(stale)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "is stale" in done.stderr
