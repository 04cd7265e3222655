"""The documentation says what the code does: its code runs, its pages exist, its links lead somewhere."""

import asyncio
import re
import types
from pathlib import Path

import pytest

from meritnet.subnets.base import Answer, InvalidRequest, MinerContext, Score, ValidatorContext

ROOT = Path(__file__).resolve().parent.parent
PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *(ROOT / "subnets").rglob("README.md")]


@pytest.fixture(scope="module")
def sums() -> types.ModuleType:
    page = (ROOT / "docs/write-a-subnet.md").read_text()
    blocks = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    assert len(blocks) == 1
    module = types.ModuleType("sums")
    exec(compile(blocks[0], "docs/write-a-subnet.md", "exec"), module.__dict__)
    return module


def no_engine() -> object:
    raise AssertionError("sums needs no model")


def exchange(sums: types.ModuleType, tmp_path: Path, *, lazy: bool) -> Score:
    miner = sums.subnet.miner(MinerContext(no_engine, tmp_path, "5Miner", lazy=lazy))  # type: ignore[arg-type]
    validator = sums.subnet.validator(ValidatorContext(no_engine, tmp_path, "5Validator"))  # type: ignore[arg-type]

    async def step() -> Score:
        task = validator.task(b"\x01" * 32, 7)
        answer = Answer(await miner.routes[task.path].handler(task.body), elapsed_s=0.0)
        score: Score = await validator.score(task, answer, {})
        return score

    return asyncio.run(step())


def test_the_written_subnet_pays_the_honest_and_not_the_lazy(sums: types.ModuleType, tmp_path: Path) -> None:
    assert exchange(sums, tmp_path, lazy=False).value == 1.0
    assert exchange(sums, tmp_path, lazy=True).value == 0.0


def test_the_written_subnet_refuses_what_it_does_not_understand(
    sums: types.ModuleType, tmp_path: Path
) -> None:
    miner = sums.subnet.miner(MinerContext(no_engine, tmp_path, "5Miner"))  # type: ignore[arg-type]
    with pytest.raises(InvalidRequest, match="whole numbers"):
        asyncio.run(miner.routes["/sums"].handler(b'["a"]'))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_inside_the_repository_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text()):
        if "://" not in target:
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_every_built_in_kind_says_what_it_measures() -> None:
    from meritnet.subnets.registry import BUILT_IN

    for kind in BUILT_IN:
        assert len((ROOT / "subnets" / kind / "README.md").read_text()) > 500, kind
