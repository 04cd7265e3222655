"""No secret in what a miner says: its logs, figures, traces, answers to others, errors, records."""

import asyncio
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from meritnet.chain.errors import MeritnetError
from meritnet.chain.keys import DEVELOPMENT_PHRASE, KeyPair
from meritnet.cli.logs import log_to_stderr
from meritnet.miner.clients import Clients, read_clients
from meritnet.subnets.otel import traces_to
from meritnet.subnets.tracing import OFF

Scenario = Callable[..., None]
KEY = "an-api-key-that-nobody-may-read"
CHAT = "my aunt is ill with a rare fever"
PAIRS = [KeyPair.from_uri(uri) for uri in ("//Alice", "//Bob", "//Eve", "//Dave")]
SECRETS = [
    KEY,
    CHAT,
    *DEVELOPMENT_PHRASE.split()[:3],
    *(pair.secret.hex() for pair in PAIRS),
    *(pair.secret.hex()[:32] for pair in PAIRS),
    *(repr(pair.secret)[2:-1] for pair in PAIRS),
]


@pytest.fixture(params=["as the command line logs", "as a library is by default"])
def logs(request: pytest.FixtureRequest) -> Iterator[None]:
    if request.param == "as the command line logs":
        log_to_stderr()
    yield
    structlog.reset_defaults()


def clean(text: str) -> None:
    for number, secret in enumerate(SECRETS):
        assert secret not in text, f"secret {number}"


async def ask_in_every_way(on: Any) -> list[str]:
    """Right, wrong, broken; the replies, headers and all."""
    bearer = {"Authorization": f"Bearer {KEY}"}
    chat = "/v1/chat/completions"
    replies = [
        await on.ask("/echo"),
        await on.ask("/echo", pair=KeyPair.from_uri("//Eve")),
        await on.ask("/broken"),
        await on.ask("/broken", CHAT.encode()),
        await on.ask("/json", CHAT.encode()),
        await on.send("POST", "/echo", CHAT.encode(), {}),
        await on.send("POST", chat, CHAT.encode(), bearer),
        await on.send("POST", f"/{CHAT.replace(' ', '_')}", CHAT.encode(), bearer | {"traceparent": KEY}),
        await on.send("POST", "/broken", b"hello", {**on.sign("/broken").headers, **bearer}),
        await on.send("POST", "/echo", b"hello", bearer),
        await on.send("POST", chat, b"{}", bearer),
        await on.send("POST", chat, b"{", bearer),
        await on.send("POST", chat, b"{}", {"Authorization": f"Bearer {KEY}x"}),
        await on.send("POST", chat, b"{}", {"Authorization": KEY}),
        await on.send("POST", f"{chat}?key={KEY}", b"{}", {}),
        await on.send("GET", "/v1/models", None, bearer),
        await on.send("GET", "/metrics", None, bearer),
        await on.send("GET", "/ready", None, bearer),
        await on.send("GET", "/health", None, bearer),
    ]
    reader, writer = await asyncio.open_connection("127.0.0.1", on.server.port)
    writer.write(f"POST {chat} HTTP/1.1\r\nAuthorization: Bearer {KEY}\r\nno header\r\n\r\n".encode())
    replies.append(await reader.read())
    writer.close()
    return [repr(reply) for reply in replies]


@pytest.mark.parametrize("traced", [False, True])
def test_no_secret_is_said(
    bench: Scenario,
    logs: None,
    traced: bool,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    spans = InMemorySpanExporter()
    traces = traces_to(SimpleSpanProcessor(spans)) if traced else OFF

    async def scenario(on: Any) -> None:
        for reply in await ask_in_every_way(on):
            clean(reply)
        for thing in (on.server, on.role, on.store, on.admission, vars(on.server), vars(on.server._chat)):
            clean(repr(thing))

    bench(scenario, chat=True, clients=Clients({"me": KEY}), traces=traces)
    traces.close()
    assert bool(spans.get_finished_spans()) == traced
    for span in spans.get_finished_spans():
        clean(span.to_json())
    out, err = capfd.readouterr()
    assert "request failed" in out + err
    clean(out + err)
    clean(caplog.text)


def test_no_error_about_keys_shows_one(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    for text in (f"{KEY}\n", f"me {KEY}\n", f"me:{KEY}\nme:{KEY}\n", f"{KEY}!:{KEY}\n", f"me:{KEY} {KEY}\n"):
        path.write_text(text)
        path.chmod(0o600)
        with pytest.raises(MeritnetError) as error:
            read_clients(path)
        clean(f"{error.value!r} {error.value} {error.value.hint}")
