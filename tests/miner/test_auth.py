"""The verification table of the public client, and a replay store that forgets nothing too early."""

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import meritnet.chain
from meritnet.chain.keys import KeyPair
from meritnet.miner import auth
from meritnet.miner.auth import ReplayStore, ReplayStoreFull, Verifier
from meritnet.subnets import wire

ORACLE: dict[str, Any] = json.loads(
    (Path(meritnet.chain.__path__[0]) / "vectors/oracle/btauth.json").read_text()
)
SECOND = 10**9
NOW = 1_752_076_800 * SECOND
ALICE = KeyPair.from_uri("//Alice", "ed25519")
BOB = KeyPair.from_uri("//Bob")
BODY = b'{"prompt": "hello"}'
KEY = b"\x01" * 32

# What each row of the table does to a valid request.
ROWS: dict[str, dict[str, Any]] = {
    "valid": {},
    "valid then same again: first": {},
    "valid then same again: second": {"twice": True},
    "other body": {"body": b"other"},
    "method case differs only": {"method": "post"},
    "added query": {"target": "/generate?stream=true"},
    "receiver header dropped": {"headers": {"X-Bittensor-Receiver": None}},
    "version 2": {"headers": {"X-Bittensor-Version": "2"}},
    "no hotkey": {"headers": {"X-Bittensor-Hotkey": None}},
    "no nonce": {"headers": {"X-Bittensor-Nonce": None}},
    "no signature": {"headers": {"X-Bittensor-Signature": None}},
    "signature short": {"headers": {"X-Bittensor-Signature": "0x" + "00" * 63}},
    "crypto unknown": {"headers": {"X-Bittensor-Crypto": "ecdsa"}},
    "age exactly 10 s": {"now": NOW + 10 * SECOND},
    "future exactly 2 s": {"now": NOW - 2 * SECOND},
    "header names lower case": {"lower": True},
}


def test_every_row_of_the_table_is_here() -> None:
    assert [row["case"] for row in ORACLE["verify"]] == list(ROWS)


@pytest.mark.parametrize("row", ORACLE["verify"], ids=lambda row: str(row["case"]))
def test_the_table_of_the_public_client(row: dict[str, str]) -> None:
    case = ROWS[row["case"]]
    request = wire.sign_request(ALICE, "POST", "/generate", BODY, BOB.address, NOW)
    headers = {**request.headers, **case.get("headers", {})}
    pairs = [(k.lower() if case.get("lower") else k, v) for k, v in headers.items() if v is not None]
    verifier = Verifier(BOB.address, ReplayStore(None, NOW), lambda: int(case.get("now", NOW)))
    outcome = "ok"
    try:
        for _ in range(2 if case.get("twice") else 1):
            claim = verifier.claim(case.get("method", "POST"), case.get("target", "/generate"), pairs)
            verifier.believe(claim, sha256(case.get("body", BODY)).hexdigest())
    except wire.AuthError as error:
        outcome = type(error).__name__
    assert outcome == row["result"]


def test_a_refused_request_leaves_no_trace() -> None:
    store = ReplayStore(None, NOW)
    verifier = Verifier(BOB.address, store, lambda: NOW)
    request = wire.sign_request(ALICE, "POST", "/", BODY, BOB.address, NOW)
    claim = verifier.claim("POST", "/", request.headers.items())
    with pytest.raises(wire.BadSignature):
        verifier.believe(claim, "0" * 64)
    assert len(store) == 0
    assert verifier.believe(claim, request.body_sha256) == request


def test_a_nonce_is_remembered_through_a_restart_and_forgotten_after_the_retention(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "nonces"
    store = ReplayStore(path, NOW)
    assert store.remember(KEY, 1, NOW)
    assert not store.remember(KEY, 1, NOW)
    assert store.remember(KEY, 2, NOW + SECOND)
    # No close: the process was killed.
    again = ReplayStore(path, NOW + 60 * SECOND)
    assert not again.remember(KEY, 1, NOW + 60 * SECOND)
    assert again.remember(KEY, 1, NOW + 60 * SECOND + 1)
    assert not again.remember(KEY, 2, NOW + 61 * SECOND)
    assert path.stat().st_mode & 0o777 == 0o600
    store.close()
    again.close()


def test_a_record_torn_by_a_crash_is_dropped(tmp_path: Path) -> None:
    path = tmp_path / "nonces"
    store = ReplayStore(path, NOW)
    store.remember(KEY, 1, NOW)
    store.remember(KEY, 2, NOW)
    store.close()
    path.write_bytes(path.read_bytes()[:-5])
    again = ReplayStore(path, NOW)
    assert not again.remember(KEY, 1, NOW)
    assert again.remember(KEY, 2, NOW)
    again.close()


def test_the_file_stays_as_small_as_the_memory(tmp_path: Path) -> None:
    path = tmp_path / "nonces"
    store = ReplayStore(path, NOW, retention_ns=SECOND)
    for number in range(5000):
        store.remember(KEY, number, NOW + number * SECOND // 10)
    assert len(store) == 11
    assert path.stat().st_size <= 48 * (2 * 11 + 1025)
    store.close()


def test_a_full_store_refuses_rather_than_forgets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(auth, "CAPACITY", 2)
    store = ReplayStore(None, NOW)
    assert store.remember(KEY, 1, NOW)
    assert store.remember(KEY, 2, NOW)
    with pytest.raises(ReplayStoreFull):
        store.remember(KEY, 3, NOW)
    assert not store.remember(KEY, 1, NOW)
    assert store.remember(KEY, 3, NOW + 61 * SECOND)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 90)), max_size=60))
def test_the_store_agrees_with_a_plain_history(steps: list[tuple[int, int]]) -> None:
    store = ReplayStore(None, 0)
    accepted: list[tuple[int, int]] = []
    now = 0
    for nonce, wait_s in steps:
        now += wait_s * SECOND
        fresh = all(seen != nonce or at + auth.RETENTION_NS < now for seen, at in accepted)
        assert store.remember(KEY, nonce, now) == fresh
        if fresh:
            accepted.append((nonce, now))
