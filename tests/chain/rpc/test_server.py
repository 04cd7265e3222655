"""The node on a socket: HTTP and WebSocket on one port, and what is kept out."""

import asyncio
import http.client
import json
import socket
import sys
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from typing import Any
from urllib.parse import urlsplit

import pytest
import websocket

from meritnet.chain.errors import HostError, TransportError, UsageError
from meritnet.chain.node.node import Node
from meritnet.chain.rpc import server as server_module
from meritnet.chain.rpc.server import Limits, serve, serving

REQUEST = {"jsonrpc": "2.0", "id": 1, "method": "system_name", "params": []}


@pytest.fixture
def endpoint(node: Node) -> Iterator[str]:
    with serving(node, dev_rpc=True) as served:
        yield served


def http_request(
    endpoint: str, method: str, path: str, body: str | None = None, headers: dict[str, str] | None = None
) -> tuple[int, str]:
    connection = http.client.HTTPConnection(urlsplit(endpoint).netloc, timeout=10)
    with closing(connection):
        connection.request(method, path, body, headers or {})
        response = connection.getresponse()
        return response.status, response.read().decode()


@contextmanager
def connected(endpoint: str, **options: Any) -> Iterator[websocket.WebSocket]:
    made = websocket.create_connection(endpoint, timeout=10, **options)
    try:
        yield made
    finally:
        made.close()
        made.shutdown()


def soon(holds: Callable[[], bool]) -> bool:
    """Whether something that happens by itself has happened within ten seconds."""
    deadline = time.monotonic() + 10
    while not holds() and time.monotonic() < deadline:
        threading.Event().wait(0.005)
    return holds()


def ask(connection: websocket.WebSocket, method: str, *params: object) -> dict[str, Any]:
    connection.send(json.dumps(REQUEST | {"method": method, "params": list(params)}))
    answer: dict[str, Any] = json.loads(connection.recv())
    return answer


def test_http_and_websocket_answer_on_one_port(endpoint: str, node: Node) -> None:
    status, text = http_request(endpoint, "POST", "/", json.dumps(REQUEST))
    assert (status, json.loads(text)["result"]) == (200, "Meritnet")
    status, text = http_request(endpoint, "POST", "/", json.dumps([REQUEST, REQUEST]))
    assert len(json.loads(text)) == 2
    with connected(endpoint) as connection:
        assert ask(connection, "system_name")["result"] == "Meritnet"
        connection.send_binary(json.dumps(REQUEST).encode())
        assert json.loads(connection.recv())["result"] == "Meritnet"
    assert json.loads(http_request(endpoint, "GET", "/health")[1]) == {"status": "ok", "head": 0}
    assert http_request(endpoint, "GET", "/")[0] == 405
    assert http_request(endpoint, "GET", "/else")[0] == 404
    subscribe = json.dumps(REQUEST | {"method": "chain_subscribeNewHeads"})
    assert "need a WebSocket" in http_request(endpoint, "POST", "/", subscribe)[1]


def test_the_answer_that_names_a_subscription_comes_before_its_notifications(
    endpoint: str, node: Node
) -> None:
    with connected(endpoint) as connection:
        for _ in range(20):
            subscription = ask(connection, "chain_subscribeNewHeads")["result"]
            first = json.loads(connection.recv())
            assert first["params"]["subscription"] == subscription
            assert ask(connection, "chain_unsubscribeNewHeads", subscription)["result"] is True


def test_blocks_made_elsewhere_are_told(endpoint: str, node: Node, transfer) -> None:
    with connected(endpoint) as listener, connected(endpoint) as sender:
        ask(listener, "chain_subscribeFinalizedHeads")
        listener.recv()
        assert ask(sender, "author_submitExtrinsic", transfer().hex())["result"]
        block = ask(sender, "dev_newBlock", {"count": 1})["result"]
        told = json.loads(listener.recv())["params"]["result"]
        assert (told["number"], "0x" + node.head.hash.hex()) == ("0x1", block)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "localhost:9944"}, 200),
        ({"Host": "[::1]:9944"}, 200),
        ({"Host": "evil.example"}, 403),
        ({"Host": "192.168.1.7:9944"}, 403),
        ({"Origin": "http://localhost:3000"}, 200),
        ({"Origin": "https://polkadot.js.org"}, 200),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "https://localhost.evil.example"}, 403),
        ({"Origin": "null"}, 403),
    ],
)
def test_pages_of_other_sites_are_kept_out(endpoint: str, headers: dict[str, str], status: int) -> None:
    assert http_request(endpoint, "POST", "/", json.dumps(REQUEST), headers)[0] == status


def test_a_browser_may_ask_before_it_posts(endpoint: str) -> None:
    for origin, status in (("https://polkadot.js.org", 204), ("https://evil.example", 403)):
        assert http_request(endpoint, "OPTIONS", "/", None, {"Origin": origin})[0] == status


def test_the_check_holds_for_websockets(endpoint: str) -> None:
    upgrade = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
        "Origin": "https://evil.example",
    }
    assert http_request(endpoint, "GET", "/", None, upgrade)[0] == 403


def test_dev_methods_are_not_for_pages_from_elsewhere(endpoint: str) -> None:
    request = json.dumps(REQUEST | {"method": "dev_newBlock"})
    for origin, found in (("https://polkadot.js.org", False), ("http://127.0.0.1:3000", True)):
        answer = json.loads(http_request(endpoint, "POST", "/", request, {"Origin": origin})[1])
        assert ("result" in answer) is found


def test_dev_methods_are_for_loopback_and_off_unless_asked_for(node: Node) -> None:
    with pytest.raises(UsageError, match=r"loopback only, not for 0\.0\.0\.0"):
        asyncio.run(serve(node, "0.0.0.0", 0, dev_rpc=True))
    with serving(node) as endpoint:
        request = json.dumps(REQUEST | {"method": "dev_newBlock"})
        assert json.loads(http_request(endpoint, "POST", "/", request)[1])["error"]["code"] == -32601


def test_a_taken_port_is_one_clear_error(endpoint: str, node: Node) -> None:
    port = int(urlsplit(endpoint).port or 0)
    with pytest.raises(TransportError, match=f"cannot listen on 127.0.0.1:{port}: .*in use") as refusal:
        asyncio.run(serve(node, port=port))
    assert refusal.value.hint


def test_an_oversized_request_is_refused_and_the_node_goes_on(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_module, "Limits", lambda: Limits(request_bytes=10_000, body_timeout_s=0.2))
    with serving(node) as endpoint:
        assert http_request(endpoint, "POST", "/", "x" * 20_000)[0] == 413
        with connected(endpoint) as connection:
            connection.send("x" * 20_000)
            opcode, _ = connection.recv_data()
            assert opcode == websocket.ABNF.OPCODE_CLOSE
        assert http_request(endpoint, "POST", "/", b"\xff\xfe".decode("latin1"))[0] in (200, 400)
        slow = socket.create_connection(("127.0.0.1", int(urlsplit(endpoint).port or 0)), timeout=10)
        with closing(slow):
            slow.sendall(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nabc")
            assert b"408" in slow.recv(1000)
        assert http_request(endpoint, "POST", "/", json.dumps(REQUEST))[0] == 200


def test_connections_are_counted(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_module, "Limits", lambda: Limits(connections=2))
    with serving(node) as endpoint:
        with connected(endpoint), connected(endpoint):
            assert http_request(endpoint, "POST", "/", json.dumps(REQUEST))[0] == 503
        assert soon(lambda: http_request(endpoint, "POST", "/", json.dumps(REQUEST))[0] == 200)


def dialled(endpoint: str) -> socket.socket:
    return socket.create_connection(("127.0.0.1", int(urlsplit(endpoint).port or 0)), timeout=10)


def is_cut(connection: socket.socket) -> bool:
    try:
        return connection.recv(1) == b""
    except ConnectionResetError:
        return True


def test_whoever_says_nothing_makes_room(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_module, "Limits", lambda: Limits(sockets=4))
    with serving(node) as endpoint, connected(endpoint) as talker, ExitStack() as opened:
        silent = []
        for _ in range(8):
            silent.append(opened.enter_context(dialled(endpoint)))
            ask(talker, "system_name")  # by its answer the server has taken the new one in
        silent[-1].sendall(b"POST / HTTP/1.1\r\nX-Half-A: ")
        assert http_request(endpoint, "POST", "/", json.dumps(REQUEST))[0] == 200
        assert is_cut(silent[0]), "the first to be silent is the first to go"
        assert ask(talker, "system_name")["result"] == "Meritnet", "who has spoken stays"


@pytest.mark.skipif(sys.platform != "linux", reason="connects from other addresses of 127.0.0.0/8")
def test_room_is_made_by_the_address_that_has_the_most(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_module, "Limits", lambda: Limits(sockets=4))
    with serving(node) as endpoint, connected(endpoint) as talker, ExitStack() as opened:
        place = ("127.0.0.1", int(urlsplit(endpoint).port or 0))
        silent = []
        for address in ("127.0.0.2", "127.0.0.3", "127.0.0.3", "127.0.0.3"):
            made = socket.create_connection(place, timeout=10, source_address=(address, 0))
            silent.append(opened.enter_context(made))
            ask(talker, "system_name")
        assert is_cut(silent[1])
        silent[0].sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert silent[0].recv(100).startswith(b"HTTP/1.1 200"), "who has few keeps them"


def test_where_all_are_busy_one_more_is_cut(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_module, "Limits", lambda: Limits(sockets=2))
    with serving(node) as endpoint, connected(endpoint), connected(endpoint), dialled(endpoint) as third:
        assert is_cut(third)


def test_a_connection_that_stays_silent_is_closed(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_module, "Limits", lambda: Limits(silence_s=0.1))
    with serving(node) as endpoint, dialled(endpoint) as silent:
        assert silent.recv(1) == b""


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd"])
def test_a_request_is_not_unpacked(endpoint: str, coding: str) -> None:
    """A body of 10 MB may hide 10 GB."""
    packed = zlib.compress(json.dumps(REQUEST).encode()).decode("latin1")
    status, text = http_request(endpoint, "POST", "/", packed, {"Content-Encoding": coding})
    assert (status, text) == (415, "send the request as it is, without Content-Encoding\n")


@pytest.mark.parametrize(
    "broken",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: a; charset=b\r\nContent-Length: 2\r\n\r\n{}",
    ],
)
def test_what_is_no_request_is_refused_and_fills_no_log(
    endpoint: str, broken: bytes, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    with dialled(endpoint) as stranger:
        stranger.sendall(broken)
        assert b" 400 " in stranger.recv(1000).splitlines()[0]
    assert http_request(endpoint, "POST", "/", json.dumps(REQUEST))[0] == 200
    assert capfd.readouterr().err == ""
    assert caplog.text == ""


def test_a_client_that_does_not_read_is_dropped(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_module, "Limits", lambda: Limits(unread_bytes=100_000))
    with serving(node, dev_rpc=True) as endpoint:
        before = len(node._listeners)
        lazy = websocket.create_connection(
            endpoint, timeout=10, sockopt=[(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)]
        )
        for _ in range(3):
            ask(lazy, "state_subscribeStorage")
        for round_ in range(50):
            node.set_storage({b"big": bytes([round_]) * 200_000})
        assert soon(lambda: len(node._listeners) == before), "the slow client is gone, with its subscriptions"
        lazy.shutdown()


def test_a_node_that_failed_says_so(endpoint: str, node: Node) -> None:
    node.failure = HostError("the runtime trapped")
    try:
        status, text = http_request(endpoint, "GET", "/health")
        assert (status, json.loads(text)["error"]) == (503, "the runtime trapped")
    finally:
        node.failure = None


def test_closing_says_goodbye(node: Node) -> None:
    with serving(node) as endpoint:
        connection = websocket.create_connection(endpoint, timeout=10)
        ask(connection, "chain_subscribeNewHeads")
        connection.recv()
    opcode, _ = connection.recv_data()
    assert opcode == websocket.ABNF.OPCODE_CLOSE
    connection.shutdown()
    assert node._listeners == []
