"""docs/attacks.md has the shape, the commands and the words that the code writes."""

import re
from pathlib import Path

import pytest

from meritnet.chain.errors import MeritnetError
from meritnet.lab import apathy, bonds, cabal, copier, dust, evict, flash, report, retention, sybil
from meritnet.lab.plots import draw
from meritnet.lab.retention import Setting
from meritnet.lab.study import Line, Picture, Study, Table, each, mean, processors

PAGE = Path(__file__).resolve().parents[2] / "docs" / "attacks.md"


def small() -> dict[str, Study]:
    """Every experiment with hardly anything in it."""
    return {
        "retention": retention.run(retention.Options((Setting(),), 32_767, 16, 4, 3, 3, 1)),
        "cabal": cabal.run(cabal.Options(stakes=(0.3,), epochs=1, repeats=1)),
        "copier": copier.run(
            copier.Options((0.1,), copier.Options.ages, epochs=2, burn_in=21, miners=4, repeats=1)
        ),
        "sybil": sybil.run(sybil.Options(copies=(1,), validators=(1,), epochs=1, repeats=1)),
        "flash": flash.run(flash.Options(epochs=1, repeats=1)),
        "apathy": apathy.run(apathy.Options(silent=(0,), epochs=1, repeats=1)),
        "bonds": bonds.run(bonds.Options(debut=1, epochs=2, repeats=1)),
        "evict": evict.run(evict.Options(ranks=(1,), paces=(1,), repeats=1)),
        "dust": dust.run(dust.Options(sizes=((2, 4),), epochs=1, repeats=1)),
    }


def headings(text: str) -> list[str]:
    """All but the tables' rows: headings, commands, sentences, titles and columns of tables."""
    lines = text.splitlines()
    rules = {number for number, line in enumerate(lines) if line.startswith("| -")}
    titles = {number - 1 for number in rules}
    figures = {number for number, line in enumerate(lines) if line.startswith("|")} - rules - titles
    return [line for number, line in enumerate(lines) if number not in figures]


def test_the_page_is_what_the_code_writes() -> None:
    stated = re.search(r"with seed (\d+) and (\d+) repeats", PAGE.read_text())
    assert stated is not None
    options = report.Options(int(stated[1]), int(stated[2]))
    assert list(report.SECTIONS) == list(small())
    written = report.page(small(), options)
    assert headings(written) == headings(PAGE.read_text())
    for name in report.SECTIONS:
        assert f"`{report.command(name, options)}`" in PAGE.read_text()


def test_the_page_goes_where_it_can(tmp_path: Path) -> None:
    report.write("text", tmp_path / "page.md")
    assert (tmp_path / "page.md").read_text() == "text"
    with pytest.raises(MeritnetError, match="cannot write"):
        report.write("text", tmp_path / "none" / "page.md")


def test_a_table_becomes_markdown() -> None:
    table = Table("Title", ("name", "figure>"), (("a", "1"),))
    assert report.markdown(table) == "Title:\n\n| name | figure |\n| --- | ---: |\n| a | 1 |\n"


def test_a_picture_is_a_png(tmp_path: Path) -> None:
    picture = Picture("title", "x", "y", (Line("a", (0.0, 1.0), (1.0, 2.0)),), level=1.0)
    draw(picture, tmp_path / "a.png")
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    with pytest.raises(MeritnetError, match="cannot write"):
        draw(picture, tmp_path / "none" / "a.png")


def test_work_is_spread_and_stays_in_order() -> None:
    assert each(abs, [-1, 2, -3], jobs=1) == each(abs, [-1, 2, -3], jobs=2) == [1, 2, 3]
    assert mean([]) == 0
    assert processors() >= 1
