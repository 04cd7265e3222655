"""Whose word about an address counts, and under which name an address is counted."""

from collections.abc import Callable
from typing import Any

import pytest
from multidict import CIMultiDict

from meritnet.chain.errors import UsageError
from meritnet.miner.addresses import Proxies, counted
from meritnet.miner.admission import Policy
from meritnet.miner.allowances import Allowances

Scenario = Callable[..., None]


class Request:
    """As much of a request as counts here."""

    def __init__(self, remote: str | None, *forwarded: str) -> None:
        self.remote = remote
        self.headers = CIMultiDict([("X-Forwarded-For", line) for line in forwarded])


@pytest.mark.parametrize(
    ("trusted", "remote", "forwarded", "client"),
    [
        ((), "10.0.0.1", ("8.8.8.8",), "10.0.0.1"),
        (("10.0.0.0/8",), "10.0.0.1", (), "10.0.0.1"),
        (("10.0.0.0/8",), "10.0.0.1", ("8.8.8.8",), "8.8.8.8"),
        (("10.0.0.0/8",), "10.0.0.1", ("1.1.1.1, 8.8.8.8, 10.0.0.7",), "8.8.8.8"),
        (("10.0.0.0/8",), "10.0.0.1", ("1.1.1.1", "8.8.8.8"), "8.8.8.8"),
        (("10.0.0.0/8",), "10.0.0.1", ("10.0.0.2",), "10.0.0.2"),
        (("10.0.0.0/8",), "9.9.9.9", ("8.8.8.8",), "9.9.9.9"),
        (("10.0.0.1",), "10.0.0.1", ("8.8.8.8, nonsense",), "10.0.0.1"),
        (("::1",), "::1", ("2001:db8::7",), "2001:db8::/64"),
        (("127.0.0.1",), "::ffff:127.0.0.1", ("8.8.8.8",), "8.8.8.8"),
        (("127.0.0.1",), None, ("8.8.8.8",), ""),
    ],
)
def test_a_forwarded_address_counts_from_our_own_proxies_only(
    trusted: tuple[str, ...], remote: str | None, forwarded: tuple[str, ...], client: str
) -> None:
    request: Any = Request(remote, *forwarded)
    assert Proxies(trusted).client(request) == client


def test_neighbours_of_ipv6_are_counted_as_one() -> None:
    assert counted("2001:db8::1") == counted("2001:db8::ffff:2") == "2001:db8::/64"
    assert counted("fe80::1%eth0") == "fe80::/64"
    assert counted("192.0.2.1") != counted("192.0.2.2")


def test_what_is_no_network_is_one_line() -> None:
    with pytest.raises(UsageError, match="no network of proxies"):
        Proxies(["example.org"])


def test_an_address_that_sends_too_much_gets_429_whoever_it_says_it_is(bench: Scenario) -> None:
    async def scenario(on: Any) -> None:
        statuses = [(await on.send("POST", "/echo", b"", {})).status for _ in range(3)]
        assert statuses == [401, 401, 429]
        reply = await on.ask("/echo")
        assert (reply.status, reply.error) == (429, "at most 0.5 requests a second from one address")
        assert reply.header("Retry-After") in ("1", "2")
        assert (await on.send("GET", "/health", None, {})).status == 200
        forged = await on.send("POST", "/echo", b"", {"X-Forwarded-For": "8.8.8.8"})
        assert forged.status == 429

    bench(scenario, policy=Policy(address_requests_per_s=0.5, address_burst=2))


def test_behind_a_proxy_of_ours_each_client_has_its_own_allowance(bench: Scenario) -> None:
    async def scenario(on: Any) -> None:
        async def come(address: str) -> int:
            return int((await on.send("POST", "/echo", b"", {"X-Forwarded-For": address})).status)

        assert [await come("8.8.8.8"), await come("8.8.8.8"), await come("9.9.9.9")] == [401, 429, 401]

    policy = Policy(address_requests_per_s=0.5, address_burst=1)
    bench(scenario, policy=policy, proxies=Proxies(["127.0.0.1"]))


def test_allowances_are_bounded_and_forget_the_oldest() -> None:
    allowances = Allowances(1.0, 1, lambda: 0.0, most_keys=2)
    assert [bool(allowances.spend(key)) for key in ("a", "b", "a", "c", "a", "b")] == [
        *(False, False, True, False),
        *(True, False),
    ]
    assert len(allowances) == 2
