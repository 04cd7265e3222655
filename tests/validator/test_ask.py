"""Whatever a miner does, asking it gives a signed answer or a reason, in time and within bounds."""

import asyncio
import gzip
import os
import time
from collections.abc import Callable
from hashlib import sha256
from typing import Any

import pytest

from meritnet.chain.client.metagraph import Axon
from meritnet.chain.keys import KeyPair
from meritnet.chain.types import BlockNumber
from meritnet.subnets.artifacts import content_id_of
from meritnet.subnets.base import ArtifactRef, Task
from meritnet.subnets.receipts import Exchange
from meritnet.subnets.wire import check_response
from meritnet.validator.ask import Failure, Target

Street = Callable[..., None]
TASK = Task("/task", b"question", deadline_s=5.0, max_answer_bytes=1000)


async def echo(body: bytes) -> bytes:
    return body[::-1]


def test_an_answer_comes_with_both_signatures(on_street: Street) -> None:
    async def scenario(street: Any) -> None:
        target, _ = await street.miner(3, echo)
        got = await street.asker.ask(target, TASK)
        assert isinstance(got, Exchange)
        assert (got.response_body, got.response.responder) == (b"noitseuq", target.hotkey)
        assert got.request.receiver == target.hotkey
        assert 0 < got.elapsed_s < 5

    on_street(scenario)


def test_asking_twice_in_one_tick_of_the_clock_is_no_replay(on_street: Street) -> None:
    now = time.time_ns()

    async def scenario(street: Any) -> None:
        target, _ = await street.miner(3, echo)
        assert [type(await street.asker.ask(target, TASK)) for _ in range(3)] == [Exchange] * 3

    on_street(scenario, clock_ns=lambda: now)


@pytest.mark.parametrize(
    ("say", "why"),
    [
        (b"", "no connection: "),
        (b"SSH-2.0-OpenSSH\r\n\r\n", "no connection: "),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", "the response is not signed"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n", "larger than 1,000 bytes"),
        (b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n", "not signed"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort", "no connection: "),
        (b"HTTP/1.1 200 OK\r\nX: " + b"y" * 20_000 + b"\r\n\r\n", "no connection: "),
        (
            b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%b"
            % (len(gzip.compress(b"0" * 500_000)), gzip.compress(b"0" * 500_000)),
            "the response is not signed",
        ),
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Meritnet-Version: 1\r\nX-Meritnet-Crypto: sr25519\r\n"
            b"X-Meritnet-Hotkey: 5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY\r\n"
            b"X-Meritnet-Signature: 0x" + b"00" * 64 + b"\r\n\r\nok",
            "was asked",
        ),
    ],
)
def test_what_no_honest_miner_says_is_a_failure_with_a_reason(
    on_street: Street, say: bytes, why: str
) -> None:
    async def scenario(street: Any) -> None:
        got = await street.asker.ask(await street.hostile(1, say), TASK)
        assert isinstance(got, Failure)
        assert why in got.why

    on_street(scenario)


def test_an_endless_answer_is_cut_at_its_bound(on_street: Street) -> None:
    async def scenario(street: Any) -> None:
        target = await street.hostile(1, b"HTTP/1.1 200 OK\r\n\r\n", endless=b"x" * 4096)
        assert await street.asker.ask(target, TASK) == Failure("the answer is larger than 1,000 bytes")

    on_street(scenario)


def test_silence_ends_at_the_deadline(on_street: Street) -> None:
    async def scenario(street: Any) -> None:
        target = await street.hostile(1, b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n", then_wait=True)
        short = Task("/task", b"", deadline_s=0.1, max_answer_bytes=10)
        assert await street.asker.ask(target, short) == Failure("no answer within 0.1 s")

    on_street(scenario)


def test_a_refusal_is_passed_on_in_the_miner_s_words(on_street: Street) -> None:
    async def scenario(street: Any) -> None:
        target, _ = await street.miner(1, echo, admits=KeyPair.from_uri("//Bob"))
        got = await street.asker.ask(target, TASK)
        assert isinstance(got, Failure)
        assert got.why.startswith("refused with 403: ")
        assert got.why.endswith("is not registered on this subnet")

        forward = Target(1, KeyPair.from_uri("//other").address, target.axon)
        got = await street.asker.ask(forward, TASK)
        assert isinstance(got, Failure)  # somebody else's server at that address
        assert "the response is not signed" in got.why

    on_street(scenario)


@pytest.mark.parametrize(("off_s", "why"), [(-60, "60.0 s old"), (3600, "3600.0 s ahead")])
def test_a_clock_that_is_off_is_told_by_the_miner(on_street: Street, off_s: int, why: str) -> None:
    async def scenario(street: Any) -> None:
        target, _ = await street.miner(1, echo)
        short = Task("/task", b"", deadline_s=5.0, max_answer_bytes=10)  # shorter than the refusal
        got = await street.asker.ask(target, short)
        assert isinstance(got, Failure)
        assert got.says_stale
        assert got.why.startswith(f"refused with 401: the request is {why}")

    on_street(scenario, clock_ns=lambda: time.time_ns() + off_s * 10**9)


def test_a_clock_that_was_ahead_and_is_set_right_is_believed_at_once(on_street: Street) -> None:
    ahead_s = iter([3600, 0, 0])

    async def scenario(street: Any) -> None:
        target, _ = await street.miner(1, echo)
        assert isinstance(await street.asker.ask(target, TASK), Failure)
        assert isinstance(await street.asker.ask(target, TASK), Exchange)
        assert isinstance(await street.asker.ask(target, TASK), Exchange)

    on_street(scenario, clock_ns=lambda: time.time_ns() + next(ahead_s) * 10**9)


@pytest.mark.parametrize(
    "ip", ["127.0.0.1", "10.1.2.3", "192.168.0.1", "169.254.169.254", "::1", "0.0.0.0", "fd00::1"]
)
def test_addresses_that_are_not_public_are_left_alone(on_street: Street, ip: str) -> None:
    async def scenario(street: Any) -> None:
        target = Target(1, KeyPair.from_uri("//Bob").address, Axon(ip, 80, BlockNumber(1), 1, 4))
        assert await street.asker.ask(target, TASK) == Failure(f"{ip} is no public address")

    on_street(scenario, allow_private=False)


def test_who_announced_no_address_is_not_asked(on_street: Street) -> None:
    async def scenario(street: Any) -> None:
        target = Target(1, KeyPair.from_uri("//Bob").address, Axon("0.0.0.0", 0, BlockNumber(0), 0, 0))
        assert await street.asker.ask(target, TASK) == Failure("the miner has announced no address")

    on_street(scenario)


def test_a_file_is_fetched_once_and_verified_on_the_way(on_street: Street) -> None:
    async def scenario(street: Any) -> None:
        target, role = await street.miner(2, echo)
        data = os.urandom(300_000)
        wanted = ArtifactRef(role.artifacts.put(data), 400_000)
        got = await street.asker.fetch(target, wanted)
        assert got.read_bytes() == data
        silent = await street.hostile(2, b"")
        assert await street.asker.fetch(silent, wanted) == got  # it is here already

        missing = await street.asker.fetch(target, ArtifactRef(content_id_of(b"other"), 10))
        assert missing == Failure("refused with 404: no such artifact")

    on_street(scenario)


def test_a_file_that_is_too_large_or_another_leaves_nothing_behind(on_street: Street) -> None:
    async def scenario(street: Any) -> None:
        target, role = await street.miner(2, echo)
        large = role.artifacts.put(b"x" * 5000)
        got = await street.asker.fetch(target, ArtifactRef(large, 4999))
        assert got == Failure("artifact is larger than 4,999 bytes")

        swapped = role.artifacts.put(b"the right one")
        (role.artifacts.directory / swapped).write_bytes(b"the wrong one")
        got = await street.asker.fetch(target, ArtifactRef(swapped, 5000))
        assert isinstance(got, Failure)
        assert sha256(b"the wrong one").hexdigest()[:12] in got.why
        assert list((street.directory / "fetched").iterdir()) == []

    on_street(scenario)


def test_one_connection_serves_a_miner_again_and_again(on_street: Street) -> None:
    connections: list[object] = []

    async def keep_alive(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(writer)
        try:
            while True:
                await reader.readuntil(b"\r\n\r\n")
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        except asyncio.IncompleteReadError:
            writer.close()

    async def scenario(street: Any) -> None:
        server = await asyncio.start_server(keep_alive, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        target = Target(1, KeyPair.from_uri("//Bob").address, Axon("127.0.0.1", port, BlockNumber(1), 1, 4))
        for _ in range(5):
            got = await street.asker.ask(target, Task("/task", b"", 5.0, 10))
            assert "not signed" in got.why
        server.close()
        assert len(connections) == 1

    on_street(scenario)


def test_a_refusal_that_was_signed_is_kept_as_evidence(on_street: Street) -> None:
    async def scenario(street: Any) -> None:
        target, _ = await street.miner(1, echo, admits=KeyPair.from_uri("//Bob"))
        got = await street.asker.ask(target, TASK)
        assert isinstance(got, Failure)
        assert got.request is not None
        assert got.response is not None
        check_response(got.request, got.response)
        assert (got.response.status, sha256(got.response_body).hexdigest()) == (403, got.response.body_sha256)
        silent = await street.asker.ask(await street.hostile(2, b""), TASK)
        assert isinstance(silent, Failure)
        assert (silent.request is not None, silent.response) == (True, None)

    on_street(scenario)
