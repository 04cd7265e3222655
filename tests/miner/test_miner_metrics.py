"""Figures with conventional names, a status made of them, and one line of log a request."""

import asyncio
import json
import re
import time
from collections.abc import Callable
from typing import Any

import pytest
import structlog
from prometheus_client.parser import text_string_to_metric_families

from meritnet.chain.errors import MeritnetError, UsageError
from meritnet.chain.keys import KeyPair
from meritnet.cli.app import run
from meritnet.miner import journal
from meritnet.miner.health import Standing
from meritnet.miner.status import read_status

Scenario = Callable[..., None]
UNITS = ("_seconds", "_ratio", "_tao", "_info", "_bytes")
COUNTED = ("requests_waiting", "requests_in_progress", "connections", "ready", "uid", "block_height")


def stand(on: Any) -> None:
    """The miner is registered, announced and earns."""
    on.health.role_started = on.health.registered = on.health.announced = True
    on.health.chain_seen_at_s = time.monotonic()
    on.health.standing = Standing(3, 1200, 0.25, 5 * 10**8, 7 * 10**9)


def test_names_and_units_are_conventional(bench: Scenario) -> None:
    async def scenario(on: Any) -> None:
        await on.ask("/echo")
        await on.send("POST", "/echo", b"", {})
        page = (await on.send("GET", "/metrics", None, {})).body.decode()
        families = {family.name: family for family in text_string_to_metric_families(page)}
        assert all(re.fullmatch(r"meritnet_miner_[a-z_]+", name) for name in families)
        for name, family in families.items():
            assert family.documentation
            if family.type == "counter":
                assert all(s.name.endswith(("_total", "_created")) for s in family.samples)
            elif family.type == "gauge" and not name.endswith("_created"):
                assert name.endswith(UNITS) or name.removeprefix("meritnet_miner_") in COUNTED, name
        refusals = families["meritnet_miner_refusals"].samples
        assert ({"reason": "MalformedAuth"}, 1.0) in [(s.labels, s.value) for s in refusals]

    bench(scenario)


def test_labels_are_a_closed_set_whatever_strangers_ask_for(bench: Scenario) -> None:
    async def scenario(on: Any) -> None:
        for number in range(50):
            await on.send("POST", f"/{number}", b"", {})
            await on.send("GET", f"/v1/{number}", None, {})
        page = (await on.send("GET", "/metrics", None, {})).body.decode()
        paths = set(re.findall(r'path="([^"]*)"', page))
        assert paths <= {"other", "/v1", "/metrics"}

    bench(scenario)


def test_a_crowd_of_hotkeys_adds_no_series(bench: Scenario) -> None:
    async def scenario(on: Any) -> None:
        async def page() -> str:
            return str((await on.send("GET", "/metrics", None, {})).body.decode())

        await on.ask("/echo", pair=KeyPair.from_uri("//stranger0"))
        await page()
        before = (await page()).count("\n")
        crowd = [KeyPair.from_uri(f"//stranger{number}") for number in range(1, 20)]
        for pair in crowd:
            await on.ask("/echo", pair=pair)
        after = await page()
        assert after.count("\n") == before
        assert not [pair for pair in crowd if pair.address in after]

    bench(scenario)


def test_a_miner_s_status_is_read_from_its_pages(bench: Scenario, capsys: pytest.CaptureFixture[str]) -> None:
    async def scenario(on: Any) -> None:
        first = await asyncio.to_thread(read_status, on.url)
        assert (first.ready, first.uid, len(first.missing)) == (False, None, 4)
        stand(on)
        await on.ask("/echo")
        await on.ask("/echo", pair=KeyPair.from_uri("//Eve"))
        found = await asyncio.to_thread(read_status, on.url)
        assert (found.ready, found.uid, found.block, found.incentive) == (True, 3, 1200, 0.25)
        assert (found.stake_tao, found.epoch_emission_tao) == (7.0, 0.5)
        (echo,) = [path for path in found.paths if path.path == "/echo"]
        assert (echo.requests, echo.refused) == (2, 1)
        assert 0 < echo.mean_s < 1
        assert found.refusals == {"forbidden": 1}

        with structlog.testing.capture_logs():
            capsys.readouterr()
            assert await asyncio.to_thread(run, ["miner", "status", "--url", on.url, "--json"]) == 0
            assert json.loads(capsys.readouterr().out)["uid"] == 3
            assert await asyncio.to_thread(run, ["miner", "status", "--url", on.url]) == 0
            shown = capsys.readouterr().out
        assert "uid 3 · block 1200 · incentive 0.250 · stake 7.000 τ" in shown
        assert "1 forbidden" in shown
        assert "/echo" in shown

    bench(scenario)


def test_no_miner_is_one_line(bench: Scenario, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(UsageError, match="is no URL of a miner"):
        read_status("file:///etc/passwd")
    with pytest.raises(MeritnetError, match=r"no miner answers at http://127\.0\.0\.1:1: "):
        read_status("http://127.0.0.1:1")
    for arguments in (["--url", "http://127.0.0.1:1"], ["--url", "http://127.0.0.1:1", "--watch"]):
        assert run(["miner", "status", *arguments]) == 1
        out, err = capsys.readouterr()
        assert (out + err).count("\n") == 1
        assert "Traceback" not in err


def test_each_request_is_one_line_under_the_id_that_the_caller_was_told(bench: Scenario) -> None:
    async def scenario(on: Any) -> None:
        with structlog.testing.capture_logs() as lines:
            served = await on.ask("/echo")
            refused = await on.send("POST", "/echo", b"", {"X-Request-Id": "chosen-by-a-stranger"})
        assert [line["request_id"] for line in lines] == [
            served.header("X-Request-Id"),
            refused.header("X-Request-Id"),
        ]
        assert {"event": "request", "path": "/echo", "status": 200, "address": "127.0.0.1"}.items() <= (
            lines[0].items()
        )
        assert lines[0]["caller"].startswith("5Grw")
        # A signed request has the id by which its sender knows it; a refused one too, though nobody is named.
        known = on.sign("/echo")
        with structlog.testing.capture_logs() as lines_of_it:
            replayed = [await on.send("POST", "/echo", b"hello", known.headers) for _ in range(2)]
        assert [reply.header("X-Request-Id") for reply in replayed] == [known.id, known.id]
        assert [(line["request_id"], line["status"], line.get("caller")) for line in lines_of_it] == [
            (known.id, 200, known.sender),
            (known.id, 401, None),
        ]
        assert (lines[1]["status"], lines[1]["reason"]) == (401, "MalformedAuth")
        assert lines[1]["message"] == "X-Bittensor-Version is missing"

    bench(scenario)


@pytest.mark.parametrize("nonce", ["", "17", "0" * 12, "1" * 21, "1" * 4000, "1234567x", "-12345678"])
def test_what_is_no_nonce_is_no_id(bench: Scenario, nonce: str) -> None:
    async def scenario(on: Any) -> None:
        reply = await on.send("POST", "/echo", b"", {"X-Bittensor-Nonce": nonce})
        assert re.fullmatch("[0-9a-f]{16}", reply.header("X-Request-Id") or "")

    bench(scenario)


def test_lines_are_bounded_and_the_next_one_says_how_many_are_missing(
    bench: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal, "LINES_AT_ONCE", 2)
    monkeypatch.setattr(journal, "LINES_PER_S", 1e-9)

    async def scenario(on: Any) -> None:
        with structlog.testing.capture_logs() as lines:
            for _ in range(5):
                await on.ask("/echo")
            assert len(lines) == 2
            on.server._journal._lines = journal.Allowances(1, 1, time.monotonic)
            await on.ask("/echo")
            assert lines[2]["lines_left_out"] == 3

    bench(scenario)
