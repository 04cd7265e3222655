"""The files below docs/deploy parse, say what the documentation says, and use options that exist."""

import configparser
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from meritnet.cli import miner
from meritnet.miner.addresses import Proxies
from meritnet.miner.listener import Limits

DEPLOY = Path(__file__).resolve().parents[2] / "docs/deploy"
UNIT, COMPOSE, CADDY = "meritnet-miner.service", "compose.yaml", "Caddyfile"


def unit() -> configparser.ConfigParser:
    found = configparser.ConfigParser(interpolation=None)
    found.optionxform = str  # type: ignore[assignment,method-assign]
    found.read_string((DEPLOY / UNIT).read_text().replace("\\\n", " "))
    return found


def compose() -> Any:
    return yaml.safe_load((DEPLOY / COMPOSE).read_text())


def parsed(words: list[str]) -> dict[str, Any]:
    """The parameters of a `meritnet miner …` command line, as the command itself reads them."""
    program, group, name, *arguments = words
    assert (Path(program).name, group) == ("meritnet", "miner")
    commands: Any = typer.main.get_command(miner.app)
    params: dict[str, Any] = commands.commands[name].make_context(name, arguments).params
    return params


COMMANDS = {
    "unit": lambda: shlex.split(unit()["Service"]["ExecStart"]),
    "compose": lambda: compose()["services"]["miner"]["command"],
}


@pytest.mark.parametrize("which", COMMANDS)
def test_the_miner_s_command_line_is_one_that_it_takes(which: str) -> None:
    given = parsed(COMMANDS[which]())
    assert (given["netuid"], given["wallet"], given["port"]) == (1, "me", 8091)
    assert given["external_ip"]
    assert given["api_keys"]
    assert Proxies(given["trusted_proxy"]).trusts("127.0.0.1")


def test_both_say_the_same() -> None:
    unit_given, compose_given = (parsed(words()) for words in COMMANDS.values())
    places = {"wallet_path", "api_keys", "data_dir"}
    assert {k: v for k, v in unit_given.items() if k not in places} == (
        {k: v for k, v in compose_given.items() if k not in places}
    )


def test_a_stop_waits_for_the_drain() -> None:
    service = unit()["Service"]
    assert service["KillSignal"] == compose()["services"]["miner"]["stop_signal"] == "SIGTERM"
    grace = compose()["services"]["miner"]["stop_grace_period"]
    assert float(service["TimeoutStopSec"]) == float(grace.removesuffix("s")) >= 2 * Limits().drain_s


def test_enough_descriptors_are_allowed() -> None:
    most = compose()["services"]["miner"]["ulimits"]["nofile"]
    assert most == int(unit()["Service"]["LimitNOFILE"]) >= 2 * Limits().connections


def test_the_health_check_is_a_command_that_exists() -> None:
    kind, *words = compose()["services"]["miner"]["healthcheck"]["test"]
    assert kind == "CMD"
    assert parsed(words)["as_json"] is True


def test_the_proxy_passes_on_what_people_use_and_nothing_else() -> None:
    text = re.sub(r"#.*", "", (DEPLOY / CADDY).read_text())
    bare = re.sub(r"\{http[^}]*\}", "", text)
    assert bare.count("{") == bare.count("}")
    assert re.findall(r"handle (\S+) \{", bare) == ["/v1/*", "/health"]
    assert set(re.findall(r"reverse_proxy (\S+)", bare)) == {"127.0.0.1:8091"}
    assert compose()["services"]["proxy"]["volumes"][0].startswith(f"./{CADDY}:")


def test_no_secret_lies_in_the_files() -> None:
    for name in (UNIT, COMPOSE, CADDY):
        assert not re.search(r"\b[0-9a-f]{32,}\b|[Bb]earer|mnemonic", (DEPLOY / name).read_text())
