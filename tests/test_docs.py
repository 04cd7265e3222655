"""The documentation says what the code does: its code runs, its pages exist, its links lead somewhere."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from meritnet.subnets.testing import CHECKS, rule

ROOT = Path(__file__).resolve().parent.parent
PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *(ROOT / "subnets").rglob("README.md")]


BLOCK = re.compile(r"```(\w*)\n(.*?)```", re.DOTALL)
TEMPLATE = ROOT / "src/meritnet/cli/template/sums"
COMMAND_S = 120


def blocks_of(page: str) -> list[tuple[str, str]]:
    """Language and text of every block of a page, in order."""
    return [(found[1], found[2]) for found in BLOCK.finditer((ROOT / "docs" / page).read_text())]


def file_of(block: str) -> tuple[str, str]:
    """The file that a block of code shows, by its first line; and its text."""
    first, _, text = block.partition("\n")
    assert first.startswith("# "), f"a block of code must name its file: {first}"
    return first.removeprefix("# "), text


def test_the_page_on_writing_a_subnet_shows_the_template_s_code() -> None:
    shown = dict(file_of(text) for language, text in blocks_of("write-a-subnet.md") if language == "python")
    for path in TEMPLATE.glob("*.py"):
        assert shown[f"sums/sums/{path.name}"] == path.read_text().replace(
            "meritnet.cli.template.sums", "sums"
        )


def test_the_page_on_writing_a_subnet_names_every_rule() -> None:
    page = (ROOT / "docs/write-a-subnet.md").read_text()
    assert re.findall(r"^\| `([^`]+)` \|", page, re.MULTILINE) == [rule(one) for one in CHECKS]


@pytest.mark.slow
def test_the_page_on_writing_a_subnet_runs_from_top_to_bottom(fresh_environment: Any, tmp_path: Path) -> None:
    """Commands run in order in an empty directory; a file that is shown is there, or is written as shown."""
    desk = tmp_path / "desk"
    desk.mkdir()
    here = desk
    for language, text in blocks_of("write-a-subnet.md"):
        if language == "sh":
            here = run_all(text, here, fresh_environment.variables)
            continue
        name, shown = file_of(text)
        file = desk / name
        if not file.exists():
            file.write_text(shown)
        assert shown in file.read_text(), name


def run_all(commands: str, here: Path, variables: dict[str, str]) -> Path:
    """Run a block's commands in a directory, all of which must succeed; the directory they end in."""
    done = subprocess.run(
        ["bash", "-euc", f"{commands}\npwd"],
        cwd=here,
        env=variables,
        capture_output=True,
        text=True,
        timeout=COMMAND_S,
        check=False,
    )
    assert done.returncode == 0, f"{commands}{done.stdout}{done.stderr}"
    return Path(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_inside_the_repository_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text()):
        if "://" not in target:
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_every_promise_names_a_test_that_exists() -> None:
    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", (ROOT / "docs/promises.md").read_text())
    assert len(named) > 10
    for file, test in named:
        assert re.search(rf"^def {test}\(", (ROOT / file).read_text(), re.MULTILINE), f"{file}::{test}"


def test_every_built_in_kind_says_what_it_measures() -> None:
    from meritnet.subnets.registry import BUILT_IN

    for kind in BUILT_IN:
        assert len((ROOT / "subnets" / kind / "README.md").read_text()) > 500, kind
