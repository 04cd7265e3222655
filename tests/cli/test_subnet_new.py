"""``meritnet subnet new``: what it writes works (that the documentation shows it is in test_docs)."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from meritnet.cli.template.sums import subnet
from meritnet.testing import check_subnet


def test_a_new_subnet_is_written_under_its_name(meritnet: Any, tmp_path: Path) -> None:
    made = meritnet("subnet", "new", "dry_wit", "--in", str(tmp_path), "--json").json
    files = {Path(path).relative_to(tmp_path).as_posix() for path in made["files"]}
    assert files == {
        "dry_wit/pyproject.toml",
        "dry_wit/README.md",
        "dry_wit/dry_wit/__init__.py",
        "dry_wit/dry_wit/messages.py",
        "dry_wit/dry_wit/miner.py",
        "dry_wit/dry_wit/validator.py",
        "dry_wit/tests/test_dry_wit.py",
    }
    for path in made["files"]:
        text = Path(path).read_text()
        assert "sums" not in text.lower()
        assert "template" not in text
    assert "class DryWitMiner" in (tmp_path / "dry_wit/dry_wit/miner.py").read_text()
    assert 'dry_wit = "dry_wit:subnet"' in (tmp_path / "dry_wit/pyproject.toml").read_text()


@pytest.mark.parametrize(
    "name",
    [
        "",
        "Haiku",
        "9lives",
        "a-b",
        "../x",
        "é",
        "x" * 60,
        "json",
        "class",
        "fine_tuning",
        "meritnet",
        "tests",
    ],
)
def test_a_name_that_no_new_package_can_have_is_refused(meritnet: Any, tmp_path: Path, name: str) -> None:
    found = meritnet("subnet", "new", name, "--in", str(tmp_path))
    assert found.code == 2
    assert not list(tmp_path.glob("*/pyproject.toml"))


def test_nothing_is_overwritten(meritnet: Any, tmp_path: Path) -> None:
    (tmp_path / "haiku").mkdir()
    found = meritnet("subnet", "new", "haiku", "--in", str(tmp_path))
    assert found.code == 2
    assert "exists already" in found.err
    assert not list((tmp_path / "haiku").iterdir())


def test_the_scoring_that_is_written_keeps_the_rules(tmp_path: Path) -> None:
    check_subnet(subnet, tmp_path)


@pytest.mark.slow
def test_its_own_tests_pass_and_the_chain_knows_the_kind(meritnet: Any, tmp_path: Path) -> None:
    meritnet("subnet", "new", "haiku", "--in", str(tmp_path))
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    done = subprocess.run(
        command,
        cwd=tmp_path / "haiku",
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env=os.environ,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "5 passed" in done.stdout
