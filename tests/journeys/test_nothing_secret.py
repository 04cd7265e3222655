"""Journey: a miner and a validator at work, watched in every way there is; no secret is in anything they say.

Wallets are made from phrases, chat comes with an API key, weights are committed, traces are written out. What
both say on both streams, on their pages and to the status commands is searched for what nobody may read.
"""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.journey

KEY = "an-api-key-that-nobody-may-read"
CHAT = "my aunt is ill with a rare fever"
CHATS = "/v1/chat/completions"
WAIT_S = 120.0


class Watched:
    """A service whose streams are kept in files: what is traced is too much for a pipe that nobody reads."""

    def __init__(self, journey: Any, name: str, *arguments: str) -> None:
        self.out, self.err = journey.folder / f"{name}.out", journey.folder / f"{name}.err"
        with self.out.open("wb") as out, self.err.open("wb") as err:
            environment = {**journey.environment, "OTEL_TRACES_EXPORTER": "console"}
            environment["OTEL_BSP_SCHEDULE_DELAY"] = "200"
            command = [sys.executable, "-m", "meritnet", *arguments]
            process = subprocess.Popen(command, stdout=out, stderr=err, env=environment, text=True)
        journey.processes.append(process)
        self._process = process

    def until(self, words: str) -> None:
        """Waits until something is said on either stream."""
        deadline = time.monotonic() + WAIT_S
        while words not in self.said:
            assert self._process.poll() is None, self.said
            assert time.monotonic() < deadline, f"{words}: {self.said[-2000:]}"
            time.sleep(0.05)

    @property
    def said(self) -> str:
        return self.out.read_text() + self.err.read_text()

    @property
    def lines(self) -> list[dict[str, Any]]:
        """The lines of the log; spans between them take several lines each."""
        return [json.loads(line) for line in self.err.read_text().splitlines() if '"event": ' in line]

    @property
    def spans(self) -> list[dict[str, Any]]:
        """The spans that have been written out."""
        text = "\n".join(line for line in self.err.read_text().splitlines() if '"event": ' not in line)
        found, decoder = [], json.JSONDecoder()
        while text.strip():
            span, end = decoder.raw_decode(text.strip())
            found.append(span)
            text = text.strip()[end:]
        return found


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def http(port: int, method: str, path: str, body: bytes = b"", **headers: str) -> str:
    """A whole reply as text: status, headers, body."""
    connection = HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request(method, path, body, {name.replace("_", "-"): text for name, text in headers.items()})
    reply = connection.getresponse()
    text = f"{reply.status} {reply.getheaders()} {reply.read().decode(errors='replace')}"
    connection.close()
    return text


def chat(port: int, content: str, key: str = KEY, **other: Any) -> str:
    messages = [{"role": "user", "content": content}]
    body = json.dumps({"model": "tiny", "messages": messages, "max_tokens": 4, **other}).encode()
    return http(port, "POST", CHATS, body, Authorization=f"Bearer {key}")


def in_every_way(port: int) -> Iterator[str]:
    """Right and wrong requests with a key and a chat; the replies."""
    yield chat(port, CHAT)
    yield chat(port, CHAT, stream=True)
    yield chat(port, CHAT, key=KEY + "x")
    yield chat(port, CHAT, temperature=CHAT)
    yield chat(port, CHAT, **{CHAT: CHAT})
    yield chat(port, CHAT, messages=[{"role": CHAT, "content": CHAT}])
    yield http(port, "POST", CHATS, f'{{"messages": "{CHAT}'.encode(), Authorization=f"Bearer {KEY}")
    yield http(port, "POST", f"{CHATS}?key={KEY}", CHAT.encode(), Authorization=KEY)
    yield http(port, "POST", f"/{KEY}", CHAT.encode())
    yield http(port, "POST", "/text_generation", CHAT.encode(), X_Bittensor_Signature=KEY)
    yield http(port, "POST", "/text_generation", CHAT.encode(), Content_Encoding=KEY, traceparent=KEY)


def secrets_of(phrase: str, file: Path) -> Iterator[str]:
    """A key's phrase, also in parts, and what else its file keeps to itself."""
    words = phrase.split()
    yield from (" ".join(words[start : start + 3]) for start in range(len(words) - 2))
    kept = json.loads(file.read_text())
    for name in ("privateKey", "secretSeed"):
        if name in kept:
            yield kept[name].removeprefix("0x")
            yield kept[name].removeprefix("0x")[:32]


def failures(journey: Any, miner: tuple[str, ...]) -> Iterator[str]:
    """What commands say that cannot work because of a secret."""
    for text, mode in ((f"me:{KEY}", 0o644), (f"{KEY}", 0o600), (f"me {KEY}:{KEY}", 0o600)):
        keys = journey.folder / "bad-keys"
        keys.write_text(text)
        keys.chmod(mode)
        done = journey.command("miner", "run", *miner, "--api-keys", str(keys), "--port", "0")
        assert done.returncode == 2
        yield done.stdout + done.stderr
    hotkey = journey.folder / "wallets/broken/hotkeys/default"
    hotkey.parent.mkdir(parents=True)
    hotkey.write_text(next(journey.folder.glob("wallets/me/hotkeys/default")).read_text()[:-20])
    done = journey.command("miner", "run", *miner[:2], "--wallet", "broken", "--port", "0")
    assert done.returncode == 1
    yield done.stdout + done.stderr


def read(journey: Any, pattern: str) -> Iterator[str]:
    """The files of that pattern below the journey's folder."""
    yield from (path.read_text() for path in journey.folder.rglob(pattern))


def test_no_secret_is_in_anything_that_is_said(journey: Any, tiny: str) -> None:
    journey.environment["MERITNET_MODEL"] = tiny
    secret = [KEY, CHAT]
    for name, tao in (("me", "500"), ("judge", "3000")):
        made = journey.ask("wallet", "create", name, "--no-password")
        folder = journey.folder / "wallets" / name
        secret += secrets_of(made["hotkey_phrase"], folder / "hotkeys" / "default")
        secret += secrets_of(made["coldkey_phrase"], folder / "coldkey")
        journey.ask("wallet", "transfer", "//Alice", name, tao, "--yes")
    netuid = journey.subnet("text_generation")
    miner, validator = ("--netuid", netuid, "--wallet", "me"), ("--netuid", netuid, "--wallet", "judge")
    uid = journey.ask("miner", "register", *miner, "--yes")["uid"]
    journey.ask("validator", "register", *validator, "--yes")
    journey.ask("stake", "add", "1000", *validator, "--yes")
    keys = journey.folder / "keys"
    keys.write_text(f"laptop:{KEY}\n")
    keys.chmod(0o600)

    port, figures = free_port(), free_port()
    serving = Watched(journey, "miner", "miner", "run", *miner, "--port", str(port), "--api-keys", str(keys))
    serving.until("is announced at")
    journey.to_next_epoch(netuid)  # from now on the validator holds a permit
    asking = Watched(
        journey, "validator", "validator", "run", *validator, "--steps", "1", "--metrics-port", str(figures)
    )
    replies = list(in_every_way(port))
    asking.until("committed in epoch")

    # Before the reveal: what the commit hides is known to its file alone.
    (book,) = journey.folder.rglob("commits.json")
    (commit,) = json.loads(book.read_text())
    secret += [commit["secret"], str(commit["salt"])[1:-1]]
    secret += [b"".join(value.to_bytes(2, "little") for value in commit["salt"]).hex()]
    pages = [http(port, "GET", path) for path in ("/metrics", "/health", "/ready")]
    pages += [http(figures, "GET", path) for path in ("/metrics", "/health", "/ready")]
    told = journey.ask("validator", "status", *validator, "--metrics-port", str(figures))
    assert [one["weight"] for one in told["miners"]] == [0.0]
    pages += [
        json.dumps(told),
        json.dumps(journey.ask("miner", "status", "--url", f"http://127.0.0.1:{port}")),
    ]
    asking.until('"name": "commit"')
    serving.until('"name": "chat"')

    said = [serving.said, asking.said, *pages, *failures(journey, miner)]
    assert "weights" not in "".join(json.dumps(line) for line in asking.lines if line["event"] == "Committed")
    for number, one in enumerate(secret):
        assert len(one) >= 10
        assert not [text[:200] for text in said if one.lower() in text.lower()], f"secret {number}"
    answers = [json.loads(reply[reply.index('{"') :]) for reply in replies[:1]]
    for text in (answer["choices"][0]["message"]["content"] for answer in answers):
        assert len(text) < 8 or text not in serving.said + asking.said
    assert KEY not in "".join(replies)
    assert [int(reply[:3]) for reply in replies] == [200, 200, 401, 400, 400, 400, 400, 401, 404, 401, 401]

    # The same words lead from one log to the other, to the receipt and to the trace.
    (scored,) = (line for line in asking.lines if line["event"] == "Scored")
    (served,) = (line for line in serving.lines if line.get("request_id") == scored["request_id"])
    assert (scored["uid"], served["status"], served["path"]) == (uid, 200, "/text_generation")
    (receipt,) = (text for text in read(journey, "bundles/*.json") if scored["request_id"] in text)
    assert f'"nonce_ns":{scored["request_id"]}' in receipt.replace(" ", "")
    marked = [
        span
        for span in (*asking.spans, *serving.spans)
        if span["attributes"].get("meritnet.request_id") == scored["request_id"]
    ]
    assert {span["kind"] for span in marked} == {"SpanKind.INTERNAL", "SpanKind.CLIENT", "SpanKind.SERVER"}
    assert len({span["context"]["trace_id"] for span in marked}) == 1
    assert os.environ.get("OTEL_TRACES_EXPORTER") is None
