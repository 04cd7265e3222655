"""``meritnet lab verify`` on a tiny model: tables, a page, a picture, an object; what is asked wrongly."""

from pathlib import Path
from typing import Any

import pytest

from meritnet.lab.verify import cost, equality
from meritnet.subnets.models.tiny import save_tiny


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny(tmp_path_factory.mktemp("verify") / "tiny")


def test_the_command_prints_tables_and_writes_the_page(
    meritnet: Any, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cost, "LENGTHS", (8,))
    monkeypatch.setattr(equality, "PROMPTS", 1)
    monkeypatch.setattr(equality, "TOKENS", 2)
    small = ("--model", str(folder), "--prompts", "2", "--tokens", "8")
    made = meritnet(
        "lab", "verify", *small, "--page", str(tmp_path / "v.md"), "--png", str(tmp_path / "v.png")
    )
    assert (made.code, made.err) == (0, "")
    assert "Alarms of projection" in made.out
    assert "# The verification ladder" in (tmp_path / "v.md").read_text()
    assert (tmp_path / "v.png").read_bytes().startswith(b"\x89PNG")
    as_json = meritnet("lab", "verify", *small, "--json").json
    assert (as_json["seed"], as_json["prompts"], as_json["model"]) == (0, 2, "tiny")
    assert as_json["alarms"]["rates"]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("--prompts", "1"), 2),
        (("--tokens", "257"), 2),
        (("--false-alarms", "0"), 2),
        (("--false-alarms", "nan"), 2),
        (("--page", "none/verification.md"), 2),
        (("--png", "none/verification.png"), 2),
        (("--model", "/nowhere/at/all"), 1),
    ],
    ids=str,
)
def test_what_makes_no_sense_is_one_line(meritnet: Any, arguments: tuple[str, ...], code: int) -> None:
    made = meritnet("lab", "verify", *arguments)
    assert (made.code, made.out) == (code, "")
    assert made.err.startswith("error: ")
    assert made.err.count("\n") == 1
