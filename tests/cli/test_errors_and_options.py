"""What a mistake looks like, where values come from, and what is never asked."""

import io
import json
import os
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import structlog

from meritnet.cli import options
from meritnet.cli.app import COMMANDS, load
from meritnet.cli.logs import log_to_stderr

NOWHERE = "ws://127.0.0.1:1"


def processes(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "meritnet", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=os.environ | environment,
    )


def test_an_error_is_one_line_with_what_to_do(meritnet: Any) -> None:
    found = meritnet("chain", "status", "--endpoint", NOWHERE)
    assert (found.code, found.out) == (1, "")
    assert found.err.count("\n") == 1
    assert found.err.startswith(f"error: cannot reach the chain at {NOWHERE}")
    assert "hint: start one with `meritnet chain start`" in found.err


def test_with_json_the_error_is_the_object(meritnet: Any) -> None:
    found = meritnet("chain", "status", "--endpoint", NOWHERE, "--json")
    assert (found.code, found.err) == (1, "")
    assert found.json["kind"] == "TransportError"
    assert "meritnet chain start" in found.json["hint"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["wallt"], "No such command 'wallt'. Did you mean 'wallet'?"),
        (["wallet", "shw", "x"], "Did you mean 'show'?"),
        (["wallet", "show"], "Missing argument"),
        (["chain", "advance", "many"], "Invalid value"),
        (["stake", "list", "--nonsense"], "No such option"),
        (["subnet", "show", "-1"], "No such option"),
        (["stake", "list"], "no wallet is named"),
        (["stake", "add", "1", "--wallet", "//Alice"], "missing: --netuid N"),
        (["wallet", "transfer", "//Alice", "//Bob", "1.5.5"], "no amount of TAO"),
        (["wallet", "balance", "//Alice", "--endpoint", "ws://example.org"], "development key"),
        (["chain", "status", "--endpoint", "example.org"], "no WebSocket address"),
        (["chain", "start", "--tmp", "--base-path", "x"], "exclude each other"),
        (["chain", "start", "--tmp", "--seal", "never"], "no way of sealing"),
    ],
    ids=" ".join,
)
def test_a_wrong_question_is_exit_code_2_and_one_line(
    meritnet: Any, arguments: list[str], words: str
) -> None:
    found = meritnet(*arguments)
    assert found.code == 2
    assert words in found.err
    assert found.err.count("\n") == 1
    assert meritnet(*arguments, "--json").json["error"]


def test_a_fault_of_ours_is_a_line_and_a_file_with_the_trace(
    meritnet: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)

    def broken(_: object) -> str:
        raise ZeroDivisionError("nobody foresaw this")

    monkeypatch.setattr("meritnet.cli.chain.connect", broken)
    found = meritnet("chain", "status")
    assert found.code == 1
    assert found.err.count("\n") == 1
    (trace,) = tmp_path.glob("meritnet-*.txt")
    assert str(trace) in found.err
    assert "ZeroDivisionError" in trace.read_text()


def test_ctrl_c_is_130(meritnet: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(_: object) -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr("meritnet.cli.chain.connect", interrupted)
    assert meritnet("chain", "status").code == 130


def test_flag_beats_environment_beats_config_beats_default(
    monkeypatch: pytest.MonkeyPatch, meritnet: Any, tmp_path: Path
) -> None:
    def asked(*arguments: str) -> str:
        options.config.cache_clear()
        return str(meritnet("chain", "status", "--json", *arguments).json["error"])

    assert options.DEFAULT_ENDPOINT == "ws://127.0.0.1:9944"
    file = tmp_path / "config.toml"
    file.write_text('endpoint = "ws://127.0.0.1:3"\n')
    monkeypatch.setenv("MERITNET_CONFIG", str(file))
    assert "127.0.0.1:3" in asked()
    monkeypatch.setenv("MERITNET_ENDPOINT", "ws://127.0.0.1:2")
    assert "127.0.0.1:2" in asked()
    assert "127.0.0.1:1" in asked("--endpoint", NOWHERE)


@pytest.mark.parametrize(("text", "words"), [("colour = 1", "colour"), ("x = [", "no TOML")])
def test_a_config_file_that_makes_no_sense_is_named(
    monkeypatch: pytest.MonkeyPatch, meritnet: Any, tmp_path: Path, text: str, words: str
) -> None:
    file = tmp_path / "config.toml"
    file.write_text(text)
    monkeypatch.setenv("MERITNET_CONFIG", str(file))
    found = meritnet("chain", "status")
    assert found.code == 2
    assert words in found.err
    assert str(file) in found.err


@pytest.mark.parametrize("name", COMMANDS)
def test_the_table_says_what_the_command_says(name: str) -> None:
    command = load(name)
    assert command.help
    if hasattr(command, "commands"):
        assert command.help == COMMANDS[name].summary
        for inner in command.commands.values():
            assert inner.help, f"meritnet {name} {inner.name} has no help"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_takes_json_and_every_option_has_help(name: str) -> None:
    command = load(name)
    for inner in getattr(command, "commands", {name: command}).values():
        flags = {flag for parameter in inner.params for flag in parameter.opts}
        assert "--json" in flags, f"meritnet {name} {inner.name}"
        for parameter in inner.params:
            assert getattr(parameter, "help", ""), f"meritnet {name} {inner.name}: {parameter.name}"
            assert "password" not in parameter.opts


def test_on_a_terminal_what_is_missing_is_asked_for_and_told_for_next_time(
    meritnet: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr("sys.stdin", Terminal("7\n"))
    found = meritnet("stake", "add", "1", "--wallet", "//Alice", "--endpoint", NOWHERE)
    assert "the subnet's number (--netuid N)" in found.err
    assert "next time: --netuid 7" in found.err
    assert "cannot reach" in found.err
    monkeypatch.setattr("sys.stdin", Terminal("seven\n"))
    found = meritnet("stake", "add", "1", "--wallet", "//Alice", "--endpoint", NOWHERE)
    assert found.code == 2
    assert "'seven' is no value for --netuid N" in found.err


@pytest.mark.parametrize("noun", [[], ["chain"], ["wallets"]])
def test_a_noun_without_a_verb_answers_with_its_help(meritnet: Any, noun: list[str]) -> None:
    found = meritnet(*noun)
    assert (found.code, found.out) == (2, "")
    assert found.err.startswith("Usage: meritnet")
    assert ("--install-completion" in found.err) == (not noun)


def test_the_first_page_groups_the_commands(meritnet: Any) -> None:
    found = meritnet("--help")
    assert found.code == 0
    for panel in {entry.panel for entry in COMMANDS.values()}:
        assert f"\n{panel}:\n" in found.out
    for name, entry in COMMANDS.items():
        assert f"  {name} " in found.out
        assert entry.summary in found.out


def test_plurals_are_accepted(meritnet: Any) -> None:
    assert meritnet("wallets", "list").code == 0


def test_help_loads_nothing_heavy_and_is_fast() -> None:
    heavy = (
        "torch",
        "transformers",
        "aiohttp",
        "substrateinterface",
        "scalecodec",
        "numpy",
        "wasmtime",
        "pydantic",
    )
    code = (
        "import sys; from meritnet.cli.app import run; code = run(['--help']);"
        f"loaded = [name for name in {heavy} if name in sys.modules];"
        "sys.exit(f'loaded {loaded}' if loaded else code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "Run the whole loop" in done.stdout


def test_a_real_process_reports_an_error_and_its_exit_code() -> None:
    found = processes("chain", "status", "--endpoint", NOWHERE)
    assert found.returncode == 1
    assert found.stderr.startswith("error: cannot reach")
    assert found.stdout == ""


def test_output_in_a_pipe_has_no_escapes_and_whole_lines() -> None:
    found = processes("doctor", "--endpoint", NOWHERE, COLUMNS="20")
    assert "\x1b" not in found.stdout + found.stderr
    assert "chain" in found.stdout
    assert "…" not in found.stdout


def test_a_reader_that_goes_away_is_no_error() -> None:
    command = f"{sys.executable} -m meritnet doctor --endpoint {NOWHERE} | true; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=60, check=False)
    assert "Traceback" not in done.stderr
    assert "BrokenPipe" not in done.stderr


@pytest.mark.slow
def test_help_takes_a_third_of_a_second() -> None:
    processes("--help")
    times = []
    for _ in range(5):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        processes("--help")
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        times.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    print(f"help: {min(times):.2f} s of processor time")
    assert min(times) < 0.3


def test_log_lines_go_to_the_standard_error_of_the_moment(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as before, io.StringIO() as closed_later:
        before.setattr(sys, "stderr", closed_later)
        log_to_stderr()
    structlog.get_logger("validator").warning("trouble", doing="step")
    found = capsys.readouterr()
    assert json.loads(found.err)["event"] == "trouble"
    assert found.out == ""
