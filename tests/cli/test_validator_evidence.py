"""`meritnet validator audit`, `why` and `status` where there is little to show, and what is never shown."""

import json
import sys
import types
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import structlog

from meritnet.cli.validator import logged
from meritnet.subnets import registry
from meritnet.subnets.base import ValidatorContext
from meritnet.validator.archive import Archive
from meritnet.validator.bundle import StepBundle
from meritnet.validator.events import Scored
from meritnet.validator.provenance import Origin, origin
from meritnet.validator.sampling import step_seed
from meritnet.validator.view import Block

VALIDATOR = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY"


def empty_step(kind: str) -> StepBundle:
    """A step in which nobody could be asked."""
    block = Block(7, "0x" + "42" * 32)
    seed = step_seed(block.hash, 1, VALIDATOR, 0).hex()
    origin = Origin("0x00", 1, VALIDATOR, kind, {}, "0.1.0", "")
    return StepBundle(origin, "", block, 3, 0, seed, (), 4, 0.2, ())


class Chess:
    """A kind whose validator is never asked for anything here."""

    def validator(self, context: ValidatorContext) -> Any:
        return self


@pytest.fixture
def chess(monkeypatch: pytest.MonkeyPatch) -> str:
    module = types.ModuleType("chess_kind")
    module.subnet = Chess()  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "chess_kind", module)
    monkeypatch.setitem(registry.BUILT_IN, "chess", "chess_kind")
    return "chess"


def test_an_audit_s_exit_code_is_its_verdict(meritnet: Any, tmp_path: Path, chess: str) -> None:
    archive = Archive(tmp_path / "bundles")
    path = archive.path(
        archive.put(replace(empty_step(chess), origin=origin("0x00", 1, VALIDATOR, chess, Chess())))
    )
    assert meritnet("validator", "audit", str(path), "--json").json["holds"]
    path = archive.path(archive.put(empty_step(chess)))
    other = meritnet("validator", "audit", str(path), "--json")  # it was scored by no parameters at all
    verdicts = {one["about"]: one["verdict"] for one in other.json["findings"]}
    assert (other.code, other.json["holds"]) == (1, False)
    assert verdicts == {
        "file": "holds",
        "seed": "holds",
        "sample": "holds",
        "order": "holds",
        "parameters": "differs",
        "alpha": "holds",
    }
    told = meritnet("validator", "audit", str(path))
    assert "here VALIDATOR are others" in told.out
    assert told.out.endswith("1 of 6 do not hold\n")
    path.write_bytes(path.read_bytes().replace(b'"most":4', b'"most":5'))
    changed = meritnet("validator", "audit", str(path))
    assert (changed.code, "it was changed, or renamed" in changed.out) == (1, True)


def test_what_cannot_be_audited_is_one_line(meritnet: Any, tmp_path: Path) -> None:
    missing = meritnet("validator", "audit", str(tmp_path / "none.json"))
    assert (missing.code, missing.err.count("\n")) == (2, 1)
    assert "there is no file" in missing.err
    archive = Archive(tmp_path / "bundles")
    nameless = meritnet("validator", "audit", str(archive.path(archive.put(empty_step("")))))
    assert (nameless.code, "does not tell the subnet's kind" in nameless.err) == (2, True)
    unknown = meritnet("validator", "audit", str(archive.path(archive.put(empty_step("go")))))
    assert (unknown.code, "unknown subnet kind 'go'" in unknown.err) == (2, True)


@pytest.mark.usefixtures("local_chain")
def test_before_the_first_step_there_is_little_to_say(meritnet: Any, tmp_path: Path) -> None:
    assert meritnet("subnet", "register", "--name", "mine", "--wallet", "//Alice", "--yes").code == 0
    about = ("--netuid", "1", "--wallet", "//Bob", "--data-dir", str(tmp_path / "state"))
    shown = meritnet("validator", "status", *about)
    assert shown.code == 0, shown.err
    assert "not registered" in shown.out
    assert shown.out.endswith("no miner has been scored yet\n")
    found = meritnet("validator", "status", *about, "--json").json
    assert (found["uid"], found["miners"], found["is_running"], found["figures"]) == (None, [], False, {})
    told = meritnet("validator", "why", "--uid", "0", *about)
    assert (told.code, "this validator has not asked it yet" in told.out) == (0, True)
    silent = meritnet("validator", "status", *about, "--metrics-port", "1")
    assert (silent.code, "nothing shows figures on 127.0.0.1:1" in silent.err) == (1, True)


def test_a_log_line_names_the_request_as_the_miner_does(capsys: pytest.CaptureFixture[str]) -> None:
    structlog.configure(processors=[structlog.processors.JSONRenderer()])
    logged(Scored(1, VALIDATOR, 4, 1.0, "right", 1.0, 0.7, {"of": 3}, request_id="1764100000000000001"))
    line = json.loads(capsys.readouterr().out)
    assert (line["event"], line["request_id"], line["uid"]) == ("Scored", "1764100000000000001", 4)
