"""Connections: what is asked is answered, or a typed error comes in time."""

import contextlib
import json
import socket
import threading
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from hashlib import sha1

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meritnet.chain.client import websocket as websocket_module
from meritnet.chain.client.transport import BACKLOG, Inbox, InProcessTransport, result_of
from meritnet.chain.client.websocket import WebSocketTransport, _Link
from meritnet.chain.errors import DeadlineExceeded, RpcError, TransportError, UsageError
from meritnet.chain.node.node import Node
from meritnet.chain.rpc.server import serving
from meritnet.chain.rpc.session import Session


class Scripted:
    """The node's end of a connection, as a function of the request; not a node, so that it can misbehave."""

    def __init__(self, answer: Callable[[dict], object], send: Callable[[str], None]) -> None:
        self.answer, self.send = answer, send

    def receive(self, text: str) -> str | None:
        request = json.loads(text)
        reply = self.answer(request)
        return None if reply is None else json.dumps({"id": request["id"], **reply})  # type: ignore[dict-item]


def scripted(answer: Callable[[dict], object]) -> tuple[InProcessTransport, Callable[[object], None]]:
    held: list[Scripted] = []

    def factory(send: Callable[[str], None]) -> Scripted:
        held.append(Scripted(answer, send))
        return held[0]

    transport = InProcessTransport(factory)

    def notify(result: object, subscription: str = "s") -> None:
        held[0].send(json.dumps({"method": "n", "params": {"subscription": subscription, "result": result}}))

    return transport, notify


@pytest.fixture(scope="module")
def quiet_node() -> Iterator[Node]:
    with Node.open() as node:
        yield node


@pytest.fixture
def endpoint(quiet_node: Node) -> Iterator[str]:
    with serving(quiet_node, dev_rpc=True) as address:
        yield address


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_the_same_request_has_the_same_answer_over_both_transports(quiet_node: Node, endpoint: str) -> None:
    near, far = InProcessTransport(lambda send: Session(quiet_node, send)), WebSocketTransport(endpoint)
    for method in ("chain_getBlockHash", "system_chain", "state_getMetadata"):
        assert near.request(method) == far.request(method)
    near.close()
    far.close()


def test_an_error_of_the_node_is_typed(endpoint: str) -> None:
    transport = WebSocketTransport(endpoint)
    with pytest.raises(RpcError) as caught:
        transport.request("no_such_method")
    assert caught.value.code == -32601
    transport.close()


@pytest.mark.parametrize("reply", [{"error": "text"}, {"error": {"message": "m", "code": 7, "data": [1]}}])
def test_errors_of_any_shape_are_rpc_errors(reply: dict) -> None:
    transport, _ = scripted(lambda request: reply)
    with pytest.raises(RpcError):
        transport.request("x")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
)


@given(JSON, JSON, JSON)
def test_a_node_can_send_anything_without_a_crash(whole: object, identifier: object, content: object) -> None:
    link = object.__new__(_Link)
    link.inbox, link._lock, link._waiting = Inbox(), threading.Lock(), {}
    for message in (whole, {"id": identifier, "result": content}, {"method": identifier, "params": content}):
        link._dispatch(json.dumps(message).encode())
    with contextlib.suppress(RpcError):
        result_of({"error": content})


def test_no_answer_in_process_is_an_error() -> None:
    transport, _ = scripted(lambda request: None)
    with pytest.raises(TransportError, match="did not answer"):
        transport.request("x")


def test_nobody_listening_is_one_line_with_a_hint_at_once() -> None:
    started = time.monotonic()
    with pytest.raises(TransportError, match="cannot reach the chain at") as caught:
        WebSocketTransport(f"ws://127.0.0.1:{free_port()}")
    assert time.monotonic() - started < 2
    assert "meritnet chain start" in caught.value.hint


@pytest.mark.parametrize(
    "address", ["http://127.0.0.1:9944", "127.0.0.1:9944", "", "ws://", "ws://x:port", "ws://[x"]
)
def test_an_address_that_is_no_websocket_is_a_usage_error(address: str) -> None:
    with pytest.raises(UsageError, match="no WebSocket address"):
        WebSocketTransport(address)


def test_a_server_that_says_nothing_meets_the_deadline() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        with pytest.raises(TransportError):
            WebSocketTransport(f"ws://127.0.0.1:{port}", timeout_s=0.2)


@pytest.fixture
def quick_keepalive(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("meritnet.chain.client.websocket.KEEPALIVE_S", 0.05)


@pytest.mark.usefixtures("quick_keepalive")
def test_a_quiet_node_that_answers_pings_stays_connected(endpoint: str) -> None:
    transport = WebSocketTransport(endpoint)
    link = transport._link
    assert link is not None
    heads = transport.subscribe("chain_subscribeNewHeads", (), "chain_unsubscribeNewHeads")
    heads.next(5)
    with pytest.raises(DeadlineExceeded):
        heads.next(0.4)
    assert transport._link is link
    assert not link.broken
    transport.close()


def answer_handshake(connection: socket.socket) -> None:
    """The server's half of opening a WebSocket."""
    request = connection.recv(4096).decode()
    key = request.split("Sec-WebSocket-Key: ")[1].split("\r\n")[0]
    token = sha1((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()
    answer = "HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "
    connection.sendall(f"{answer}{b64encode(token).decode()}\r\n\r\n".encode())


def handshake_then_silence(server: socket.socket) -> None:
    """A peer that takes the connection and then neither speaks nor closes, as a cable pulled out."""
    connection, _ = server.accept()
    with connection:
        answer_handshake(connection)
        while connection.recv(4096):
            pass


@pytest.mark.usefixtures("quick_keepalive")
def test_a_half_open_connection_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        peer = threading.Thread(target=handshake_then_silence, args=(server,))
        peer.start()
        transport = WebSocketTransport(f"ws://127.0.0.1:{server.getsockname()[1]}")
        link = transport._link
        assert link is not None
        with pytest.raises(TransportError):
            link.exchange(1, "{}", 10)
        assert link.broken
        transport.close()
        peer.join(5)


def silence_then_an_answer(server: socket.socket) -> None:
    """The first connection is dead, the second one is not answered, the third one works."""
    dead, _ = server.accept()
    answer_handshake(dead)
    mute, _ = server.accept()
    with dead, mute:
        connection, _ = server.accept()
        with connection:
            answer_handshake(connection)
            assert connection.recv(4096)
            text = b'{"jsonrpc": "2.0", "id": 1, "result": "there"}'
            connection.sendall(bytes([0x81, len(text)]) + text)
            while connection.recv(4096):
                pass


@pytest.mark.usefixtures("quick_keepalive")
def test_a_request_on_a_dead_link_comes_through_on_a_new_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(websocket_module, "HANDSHAKE_S", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as server:
        peer = threading.Thread(target=silence_then_an_answer, args=(server,))
        peer.start()
        transport = WebSocketTransport(f"ws://127.0.0.1:{server.getsockname()[1]}")
        assert transport.request("system_chain", timeout_s=30) == "there"
        transport.close()
        peer.join(5)


def test_a_link_is_found_dead_before_a_request_has_met_its_deadline() -> None:
    assert 2 * websocket_module.KEEPALIVE_S + websocket_module.HANDSHAKE_S < 10


def test_a_submission_under_way_is_not_sent_again_when_the_link_breaks() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        peer = threading.Thread(target=handshake_then_silence, args=(server,))
        peer.start()
        transport = WebSocketTransport(f"ws://127.0.0.1:{server.getsockname()[1]}")
        assert transport._link is not None
        threading.Timer(0.05, transport._link.close).start()
        with pytest.raises(TransportError, match="broke"):
            transport.request("author_submitExtrinsic", ["0x00"], 10)
        transport.close()
        peer.join(5)


def test_an_answer_that_does_not_come_meets_the_deadline(quiet_node: Node, endpoint: str) -> None:
    transport = WebSocketTransport(endpoint)
    with quiet_node._lock, pytest.raises(DeadlineExceeded, match="did not answer state_getMetadata"):
        transport.request("state_getMetadata", timeout_s=0.2)
    assert transport.request("system_chain") == "Meritnet local"
    transport.close()


def test_a_connection_comes_back_after_the_node_did(quiet_node: Node) -> None:
    port = free_port()
    with serving(quiet_node, port=port):
        transport = WebSocketTransport(f"ws://127.0.0.1:{port}")
        heads = transport.subscribe("chain_subscribeNewHeads", (), "chain_unsubscribeNewHeads")
        heads.next(5)
    with pytest.raises(TransportError, match="broke"):
        heads.next(5)
    heads.close()
    with pytest.raises(TransportError, match="cannot reach"):
        transport.request("system_chain", timeout_s=0.2)
    with serving(quiet_node, port=port):
        assert transport.request("system_chain") == "Meritnet local"
    transport.close()


def test_requests_of_many_threads_keep_their_answers(quiet_node: Node, endpoint: str) -> None:
    transport = WebSocketTransport(endpoint)
    genesis = transport.request("chain_getBlockHash", [0])
    wrong: list[object] = []

    def ask() -> None:
        for _ in range(20):
            answers = transport.request("chain_getBlockHash", [0]), transport.request("system_name")
            if answers != (genesis, "Meritnet"):
                wrong.append(answers)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    transport.close()


def test_after_close_nothing_is_asked(endpoint: str) -> None:
    transport = WebSocketTransport(endpoint)
    transport.close()
    with pytest.raises(TransportError, match="closed"):
        transport.request("system_chain")
    near, _ = scripted(lambda request: {"result": 1})
    near.close()
    with pytest.raises(TransportError, match="closed"):
        near.request("system_chain")


def test_a_notification_before_its_subscription_is_known_is_kept() -> None:
    transport, notify = scripted(lambda request: notify("early") or {"result": "s"})
    with transport.subscribe("a", (), "b") as found:
        notify("later")
        assert [found.next(1), found.next(1)] == ["early", "later"]
        with pytest.raises(DeadlineExceeded):
            found.next(0)


def test_a_reader_that_lags_loses_the_oldest_not_the_newest() -> None:
    transport, notify = scripted(lambda request: {"result": "s"})
    found = transport.subscribe("a", (), "b")
    for number in range(BACKLOG + 10):
        notify(number)
    assert [found.next(0) for _ in range(BACKLOG)] == list(range(10, BACKLOG + 10))


def test_notifications_that_nobody_asked_for_are_bounded() -> None:
    transport, notify = scripted(lambda request: {"result": "s"})
    for number in range(1_000):
        notify(number, subscription=f"other-{number}")
    assert len(transport._inbox._early) == 64


def test_closing_tells_the_node_once() -> None:
    asked: list[str] = []
    transport, _ = scripted(lambda request: asked.append(request["method"]) or {"result": "s"})
    found = transport.subscribe("a", (), "b")
    found.close()
    found.close()
    assert asked == ["a", "b"]


def test_a_node_that_will_not_unsubscribe_is_no_error() -> None:
    transport, _ = scripted(lambda request: {"result": "s"} if request["method"] == "a" else {"error": "no"})
    with transport.subscribe("a", (), "b"):
        pass


def test_a_peer_that_always_hangs_up_meets_the_deadline_at_a_walking_pace() -> None:
    accepted = []

    def hang_up(server: socket.socket) -> None:
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            accepted.append(1)
            answer_handshake(connection)
            connection.close()

    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=hang_up, args=(server,), daemon=True).start()
        transport = WebSocketTransport(f"ws://127.0.0.1:{server.getsockname()[1]}")
        with pytest.raises(TransportError):
            transport.request("system_chain", timeout_s=0.5)
        transport.close()
        server.shutdown(socket.SHUT_RDWR)
    assert len(accepted) < 30


def test_an_open_subscription_hears_of_the_end() -> None:
    transport, _ = scripted(lambda request: {"result": "s"})
    found = transport.subscribe("a", (), "b")
    transport.close()
    with pytest.raises(TransportError, match="closed"):
        found.next(1)
