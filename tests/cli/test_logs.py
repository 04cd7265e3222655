"""A line of the log: its form, its weight, its bounds."""

import asyncio
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from meritnet.chain.errors import UsageError
from meritnet.cli.app import run
from meritnet.cli.logs import MOST_LETTERS, LogFormat, LogLevel, bounded, log_to_stderr, observed
from meritnet.cli.validator import logged
from meritnet.subnets.base import Answer, InvalidAnswer, Score, Task
from meritnet.validator import events
from meritnet.validator.judgement import judgement

MEGABYTE = 2**20
HOTKEY = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY"
LINE_BYTES = 16 * 1024
"""What the longest line takes: a few values of two bytes or an escape for each letter."""

Lines = Callable[[], list[str]]


@pytest.fixture
def lines(capsys: pytest.CaptureFixture[str]) -> Iterator[Lines]:
    yield lambda: capsys.readouterr().err.splitlines()
    structlog.reset_defaults()


def say(**values: Any) -> None:
    structlog.get_logger("test").info("said", **values)


def test_lines_are_json_off_a_terminal_and_text_where_asked(lines: Lines) -> None:
    log_to_stderr()
    say(uid=4)
    (line,) = map(json.loads, lines())
    assert (line["event"], line["level"], line["uid"]) == ("said", "info", 4)
    assert line["timestamp"].endswith("Z")
    log_to_stderr(form=LogFormat.TEXT)
    say(uid=4)
    (text,) = lines()
    assert "uid=4" in text
    assert "\x1b" not in text


def test_what_is_lighter_than_asked_is_not_said(lines: Lines) -> None:
    log_to_stderr(LogLevel.WARNING)
    say()
    structlog.get_logger("test").warning("trouble")
    assert [json.loads(line)["event"] for line in lines()] == ["trouble"]


def test_a_megabyte_from_a_miner_is_a_short_line(lines: Lines) -> None:
    log_to_stderr()
    logged(events.Scored(1, HOTKEY, 4, 0.0, "x" * MEGABYTE, 0.0, None, {"said": "y" * MEGABYTE}, "17"))
    logged(events.Trouble(1, HOTKEY, "commit", "z" * MEGABYTE))
    logged(events.Revealed(1, HOTKEY, 3, dict.fromkeys(range(100_000), 0.5)))
    scored, trouble, revealed = (json.loads(line) for line in lines())
    assert len(scored["why"]) <= MOST_LETTERS + 3
    assert (scored["why"][0], scored["why"][-1], scored["request_id"]) == ("x", "x", "17")
    assert scored["evidence"].startswith('{"said": "yyy')
    assert trouble["message"].endswith("z")
    assert all(len(json.dumps(line)) < LINE_BYTES for line in (scored, trouble, revealed))


@given(st.dictionaries(st.text(max_size=5), st.recursive(st.text() | st.integers() | st.none(), st.lists)))
def test_no_value_breaks_a_line(values: Mapping[str, Any]) -> None:
    line = bounded(None, "info", {name: ["\x1b\u2028", value] * 50 for name, value in values.items()})
    assert all(len(str(value)) <= MOST_LETTERS + 3 for value in line.values())


def test_a_stranger_s_words_do_not_steer_a_terminal(lines: Lines) -> None:
    log_to_stderr(form=LogFormat.TEXT)
    say(why="red \x1b[31m and \x1b]0;title\x07 bell")
    assert "\x1b" not in "".join(lines())


class Chatty:
    """Judges with a reason as long as the answer."""

    def task(self, seed: bytes, uid: int) -> Task:
        return Task("/", b"", 1.0, 1)

    def artifacts(self, task: Task, answer: Answer) -> list[Any]:
        return []

    async def score(self, task: Task, answer: Answer, artifacts: Mapping[str, Path]) -> Score:
        if answer.body.startswith(b"bad"):
            raise InvalidAnswer(answer.body.decode())
        return Score(1.0, answer.body.decode())


@pytest.mark.parametrize("start", ["bad", "good"])
def test_a_reason_is_one_short_line_before_it_goes_anywhere(start: str) -> None:
    async def fetch(wanted: Any) -> Any: ...

    answer = Answer((start + "\n\x1b[2J" + "x" * MEGABYTE).encode(), 0.1)
    found = asyncio.run(judgement(Chatty(), Task("/", b"", 1.0, 1), answer, fetch))
    assert found.score.why.startswith(f"{start}  [2Jxxx")
    assert len(found.score.why) == 500
    assert found.score.why.isprintable()


def test_a_line_within_a_trace_names_it(lines: Lines, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "60000")
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", "console")
    with observed("meritnet-miner", None) as traces:
        say()
        with traces.span("one"):
            say()
    outside, inside, *span = lines()
    assert "trace_id" not in json.loads(outside)
    assert json.loads("".join(span))["context"]["trace_id"] == "0x" + json.loads(inside)["trace_id"]


def test_logs_are_set_before_traces_fail(lines: Lines) -> None:
    with pytest.raises(UsageError, match="no URL of a collector"), observed("meritnet-miner", "nowhere"):
        pass
    say()
    assert json.loads(lines()[0])["event"] == "said"


@pytest.mark.parametrize(
    ("option", "value", "says"),
    [("--log-level", "loud", "--log-level"), ("--log-format", "xml", "--log-format")],
)
def test_what_is_no_level_or_format_is_a_usage_error(
    option: str, value: str, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for role in ("miner", "validator"):
        assert run([role, "run", "--netuid", "1", "--wallet", "//Dave", option, value]) == 2
        err = capsys.readouterr().err
        assert says in err
        assert err.count("\n") == 1


def test_traces_without_a_url_are_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    for role in ("miner", "validator"):
        assert run([role, "run", "--netuid", "1", "--wallet", "//Dave", "--traces", "nowhere"]) == 2
        assert "'nowhere' is no URL of a collector" in capsys.readouterr().err
