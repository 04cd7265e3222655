"""The pool's rules, on transactions of an imaginary runtime: tags are nonces of accounts."""

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meritnet.chain.node.block import blake2_256
from meritnet.chain.node.pool import BAN_BLOCKS, Limits, Pool
from meritnet.chain.node.validity import (
    ALREADY_IMPORTED,
    BANNED,
    DROPPED,
    FUTURE,
    INVALID,
    INVALID_TRANSACTION,
    PRIORITY_TOO_LOW,
    STALE,
    UNKNOWN,
    UNKNOWN_VALIDITY,
    Fault,
    PoolRefusal,
    Valid,
    decode_applied,
    decode_validity,
)
from meritnet.chain.scale import sized

FOREVER = 2**64 - 1
BLOCK = bytes(32)


@dataclass
class Bench:
    """A pool, and what it reported."""

    limits: Limits | None = None
    statuses: list[tuple[bytes, str, bytes | None]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.pool = Pool(lambda *status: self.statuses.append(status), self.limits)

    def submit(
        self,
        name: str,
        nonce: int = 0,
        *,
        priority: int = 1,
        first: int = 0,
        life: int = FOREVER,
        at: int = 1,
    ) -> bytes:
        """A transaction of account ``name[0]``; the account's nonce on the chain is ``first``."""
        account = name[:1].encode()
        requires = (account + (nonce - 1).to_bytes(2),) if nonce > first else ()
        verdict = Valid(priority, requires, (account + nonce.to_bytes(2),), life, True)
        return self.pool.submit(sized(name.encode()), at, lambda _: verdict)

    def refuse(self, name: str, fault: Fault, at: int = 1) -> PoolRefusal:
        with pytest.raises(PoolRefusal) as refusal:
            self.pool.submit(sized(name.encode()), at, lambda _: fault)
        return refusal.value

    def of(self, extrinsic_hash: bytes) -> list[str]:
        return [status for known, status, _ in self.statuses if known == extrinsic_hash]

    def order(self) -> list[str]:
        return [extrinsic[1:].decode() for extrinsic in self.pool.ready()]


def test_higher_priority_goes_first_then_shorter_life_then_earlier_arrival() -> None:
    bench = Bench()
    for name, priority, life in (("a", 1, FOREVER), ("b", 5, FOREVER), ("c", 1, 10), ("d", 1, FOREVER)):
        bench.submit(name, priority=priority, life=life)
    assert bench.order() == ["b", "c", "a", "d"]


def test_nonces_of_one_account_stay_in_order_whatever_they_pay() -> None:
    bench = Bench()
    for nonce in range(4):
        bench.submit(f"a{nonce}", nonce, priority=nonce)
    bench.submit("b", priority=2)
    assert bench.order() == ["b", "a0", "a1", "a2", "a3"]


def test_a_gap_waits_in_the_future_queue_until_it_is_closed() -> None:
    bench = Bench()
    late = bench.submit("a1", 1)
    assert bench.of(late) == ["future"]
    assert bench.order() == []
    bench.submit("a0", 0)
    assert bench.of(late) == ["future", "ready", "broadcast"]
    assert bench.order() == ["a0", "a1"]


def test_a_long_line_that_waited_for_one_gap_becomes_ready_at_once() -> None:
    bench = Bench()
    for nonce in range(800, 0, -1):
        bench.submit(f"a{nonce}", nonce)
    assert bench.order() == []
    bench.submit("a0", 0)
    assert bench.order() == [f"a{nonce}" for nonce in range(801)]


def test_inclusion_provides_what_the_next_one_requires() -> None:
    bench = Bench()
    first, second, fourth = bench.submit("a0", 0), bench.submit("a1", 1), bench.submit("a3", 3)
    bench.pool.settle([first], BLOCK, 2)
    assert bench.of(first) == ["ready", "broadcast", "inBlock"]
    assert bench.order() == ["a1"]
    bench.submit("a2", 2, first=1)
    assert bench.order() == ["a1", "a2", "a3"]
    assert {second, fourth} <= {known for known, *_ in bench.statuses}


def test_a_dearer_one_takes_the_place_of_another_with_the_same_nonce() -> None:
    bench = Bench()
    old = bench.submit("a-cheap", 0, priority=1)
    follower = bench.submit("a1", 1)
    new = bench.submit("a-dear", 0, priority=2)
    assert bench.statuses[-3:-2] == [(old, "usurped", new)]
    assert bench.order() == ["a-dear", "a1"]
    assert bench.of(follower) == ["ready", "broadcast"]


def test_an_equally_dear_one_does_not() -> None:
    bench = Bench()
    bench.submit("a-first", 0, priority=7)
    with pytest.raises(PoolRefusal) as refusal:
        bench.submit("a-second", 0, priority=7)
    assert (refusal.value.code, refusal.value.title) == (PRIORITY_TOO_LOW, "Priority is too low: (7 vs 7)")
    assert bench.order() == ["a-first"]


def test_the_same_bytes_are_imported_once() -> None:
    bench = Bench()
    extrinsic_hash = bench.submit("a")
    with pytest.raises(PoolRefusal) as refusal:
        bench.submit("a")
    assert refusal.value.code == ALREADY_IMPORTED
    assert refusal.value.data == "0x" + extrinsic_hash.hex()


def test_an_invalid_one_is_refused_with_its_reason_and_banned_for_a_while() -> None:
    bench = Bench()
    refusal = bench.refuse("a", Fault(True, STALE, INVALID[STALE]))
    assert (refusal.code, refusal.title, refusal.data) == (
        INVALID_TRANSACTION,
        "Invalid Transaction",
        "Transaction is outdated",
    )
    with pytest.raises(PoolRefusal) as banned:
        bench.submit("a", at=BAN_BLOCKS)
    assert banned.value.code == BANNED
    assert bench.submit("a", at=1 + BAN_BLOCKS)


def test_what_may_become_valid_is_not_banned() -> None:
    bench = Bench()
    bench.refuse("a", Fault(True, FUTURE, INVALID[FUTURE]))
    assert bench.refuse("a", Fault(False, 0, UNKNOWN[0])).code == UNKNOWN_VALIDITY
    assert bench.submit("a")


def test_a_mortal_one_ends_with_its_last_block() -> None:
    bench = Bench()
    mortal, follower = bench.submit("a0", life=3, at=10), bench.submit("a1", 1, at=10)
    bench.pool.settle([], BLOCK, 12)
    assert bench.order() == ["a0", "a1"]
    bench.pool.settle([], BLOCK, 13)
    assert bench.of(mortal)[-1] == bench.of(follower)[-1] == "invalid"
    assert len(bench.pool) == 0


def test_a_rejected_one_takes_its_followers_along_and_is_banned() -> None:
    bench = Bench()
    hashes = [bench.submit(f"a{nonce}", nonce) for nonce in range(3)]
    bench.submit("b")
    bench.pool.reject(hashes[0], 5)
    assert bench.order() == ["b"]
    assert [bench.of(known)[-1] for known in hashes] == ["invalid"] * 3
    with pytest.raises(PoolRefusal, match="banned"):
        bench.submit("a0", at=6)


def test_a_full_pool_lets_the_worst_go() -> None:
    bench = Bench(Limits(ready=2))
    worst = bench.submit("a", priority=1)
    bench.submit("b", priority=3)
    bench.submit("c", priority=2)
    assert bench.of(worst)[-1] == "dropped"
    with pytest.raises(PoolRefusal) as refusal:
        bench.submit("d", priority=1)
    assert refusal.value.code == DROPPED
    assert bench.order() == ["b", "c"]


@pytest.mark.parametrize("limits", [Limits(ready_bytes=9), Limits(future=2)])
def test_bytes_and_future_ones_are_limited_too(limits: Limits) -> None:
    bench = Bench(limits)
    gap = 0 if limits.future > 2 else 1
    for account in "abc":
        bench.submit(f"{account}-x", gap, priority=ord(account))
    with pytest.raises(PoolRefusal):
        bench.submit("0-x", gap, priority=1)
    assert len(bench.pool) <= 3


def test_a_snapshot_brings_everything_back() -> None:
    bench = Bench()
    bench.submit("a0")
    bench.submit("b1", 1)
    kept = bench.pool.snapshot()
    bench.pool.settle([blake2_256(sized(b"a0"))], BLOCK, 2)
    bench.submit("c")
    bench.pool.restore(kept)
    assert bench.order() == ["a0"]
    bench.submit("b0")
    assert bench.order() == ["a0", "b0", "b1"]


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 5), st.integers(0, 3)), max_size=40))
def test_an_order_always_respects_nonces_and_loses_nobody(wanted: list[tuple[str, int, int]]) -> None:
    bench = Bench(Limits(ready=8, future=4))
    for serial, (account, nonce, priority) in enumerate(wanted):
        try:
            bench.submit(f"{account}{serial}", nonce, priority=priority)
        except PoolRefusal:
            continue
    order = list(bench.pool.in_order())
    assert len(order) <= 8
    seen: set[bytes] = set()
    for waiting in order:
        assert waiting.requires <= seen
        assert not seen & set(waiting.provides)
        seen |= set(waiting.provides)
    last = {known: status for known, status, _ in bench.statuses}
    assert {waiting.hash for waiting in order} == {
        known for known, status in last.items() if status == "broadcast"
    }


def test_the_runtimes_verdicts_are_read() -> None:
    valid = bytes.fromhex("00" + "0700000000000000" + "00" + "04" + "0c616263" + "4000000000000000" + "01")
    assert decode_validity(valid) == Valid(7, (), (b"abc",), 64, True)
    assert decode_validity(bytes.fromhex("01000723")) == Fault(True, 7, "Custom error: 35")
    assert decode_validity(bytes.fromhex("010102ff")) == Fault(False, 2, "Custom error: 255")
    applied = decode_applied(bytes.fromhex("010006"))
    assert applied is not None
    assert applied.exhausts_the_block
    assert decode_applied(bytes.fromhex("0000")) is None
    assert decode_applied(bytes.fromhex("000103070200000000")) is None, "a failed call is in the block, too"
