"""btauth/1 against numbers of the public client, and the response half against itself."""

import json
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import meritnet.chain
from meritnet.chain.keys import KeyPair
from meritnet.subnets import wire

ORACLE: dict[str, Any] = json.loads(
    (Path(meritnet.chain.__path__[0]) / "vectors/oracle/btauth.json").read_text()
)
ALICE = KeyPair.from_uri("//Alice")
BOB = KeyPair.from_uri("//Bob")
BODY = b'{"prompt": "hello"}'
NOW = 1_752_076_800_000_000_000


def signed(
    pair: KeyPair = ALICE, body: bytes = BODY, receiver: str | None = BOB.address
) -> wire.SignedRequest:
    return wire.sign_request(pair, "POST", "/generate?stream=false", body, receiver, NOW)


def parsed(request: wire.SignedRequest, **changed: str | None) -> wire.SignedRequest:
    """The request as it is read from its headers, some of them changed (underscores are dashes, None
    drops)."""
    headers: dict[str, str] = dict(request.headers)
    for name, value in changed.items():
        headers.pop(name.replace("_", "-"), None)
        if value is not None:
            headers[name.replace("_", "-")] = value
    return wire.parse_request(request.method, request.target, headers.items(), request.body_sha256)


@pytest.mark.parametrize("row", ORACLE["sign"], ids=lambda row: f"{row['signer']} {row['target']}")
def test_a_request_is_signed_as_the_public_client_signs_it(row: dict[str, Any]) -> None:
    uri, scheme = row["signer"].split()
    pair = KeyPair.from_uri(uri, scheme)
    ours = wire.sign_request(
        pair, row["method"], row["target"], bytes.fromhex(row["body_hex"]), row["receiver"], row["nonce"]
    )
    assert ours.payload == row["payload"].encode()
    assert sha256(ours.payload).hexdigest() == row["payload_sha256"]
    if row["signature_deterministic"]:
        assert ours.headers == row["headers"]
    else:
        assert {**ours.headers, wire.HEADER_SIGNATURE: ""} == {**row["headers"], wire.HEADER_SIGNATURE: ""}
    theirs = wire.parse_request(
        row["method"],
        row["target"],
        row["headers"].items(),
        sha256(bytes.fromhex(row["body_hex"])).hexdigest(),
    )
    wire.check_signature(theirs)


def test_a_request_comes_out_of_its_headers_as_it_went_in() -> None:
    request = signed()
    assert parsed(request) == request
    wire.check_receiver(request, BOB.address)
    wire.check_signature(request)


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"X_Bittensor_Version": "2"}, "X-Bittensor-Version must be 1"),
        ({"X_Bittensor_Version": None}, "X-Bittensor-Version is missing"),
        ({"X_Bittensor_Hotkey": None}, "X-Bittensor-Hotkey is missing"),
        ({"X_Bittensor_Hotkey": ALICE.address[:-1] + "Z"}, "X-Bittensor-Hotkey: "),
        ({"X_Bittensor_Nonce": None}, "X-Bittensor-Nonce is missing"),
        ({"X_Bittensor_Nonce": "-1"}, "time in nanoseconds"),
        ({"X_Bittensor_Nonce": "1e18"}, "time in nanoseconds"),
        ({"X_Bittensor_Nonce": str(2**64)}, "time in nanoseconds"),
        ({"X_Bittensor_Nonce": "9" * 5000}, "time in nanoseconds"),
        ({"X_Bittensor_Signature": None}, "X-Bittensor-Signature is missing"),
        ({"X_Bittensor_Signature": "0x" + "00" * 63}, "128 hex digits"),
        ({"X_Bittensor_Signature": "00" * 64}, "128 hex digits"),
        ({"X_Bittensor_Crypto": "rsa"}, "sr25519 or ed25519"),
        ({"X_Bittensor_Receiver": "nobody"}, "X-Bittensor-Receiver: "),
        ({"x_bittensor_nonce": "1"}, "given twice"),
    ],
)
def test_a_header_of_another_shape_is_named(changed: dict[str, str | None], says: str) -> None:
    with pytest.raises(wire.MalformedAuth, match=says):
        parsed(signed(), **changed)


def test_header_names_may_be_lower_case() -> None:
    headers = [(name.lower(), value) for name, value in signed().headers.items()]
    wire.check_signature(wire.parse_request("post", "/generate?stream=false", headers, signed().body_sha256))


def test_what_was_signed_cannot_be_changed() -> None:
    request = signed()
    for other in (
        replace(request, body_sha256=sha256(b"other").hexdigest()),
        replace(request, target=request.target + "&x=1"),
        replace(request, method="GET"),
        replace(request, nonce_ns=request.nonce_ns + 1),
        replace(request, sender=BOB.address),
        replace(request, receiver=None),
        replace(request, scheme="ed25519"),
    ):
        with pytest.raises(wire.BadSignature):
            wire.check_signature(other)


def test_a_request_for_another_or_for_nobody_is_not_ours() -> None:
    with pytest.raises(wire.WrongReceiver, match="is for nobody"):
        wire.check_receiver(signed(receiver=None), BOB.address)
    with pytest.raises(wire.WrongReceiver, match=ALICE.address):
        wire.check_receiver(signed(receiver=ALICE.address), BOB.address)


def test_the_window_of_freshness_includes_its_edges() -> None:
    wire.check_freshness(signed(), NOW + 10 * 10**9)
    wire.check_freshness(signed(), NOW - 2 * 10**9)
    with pytest.raises(wire.StaleRequest, match="old"):
        wire.check_freshness(signed(), NOW + 10 * 10**9 + 1)
    with pytest.raises(wire.StaleRequest, match="ahead"):
        wire.check_freshness(signed(), NOW - 2 * 10**9 - 1)


@pytest.mark.parametrize("scheme", ["sr25519", "ed25519"])
def test_a_response_is_bound_to_its_request(scheme: str) -> None:
    miner = KeyPair.from_uri("//Bob", "ed25519" if scheme == "ed25519" else "sr25519")
    request = signed(receiver=miner.address)
    digest = sha256(b"answer").hexdigest()
    response = wire.sign_response(miner, request, 200, digest)
    assert wire.read_response(request, 200, response.headers.items(), digest) == response

    for asked, status, body in (
        (request, 503, digest),
        (request, 200, sha256(b"another").hexdigest()),
        (signed(body=b"another question", receiver=miner.address), 200, digest),
    ):
        with pytest.raises(wire.BadResponse, match="signature is not"):
            wire.read_response(asked, status, response.headers.items(), body)


def test_a_response_of_somebody_else_or_of_nobody_is_refused() -> None:
    digest = sha256(b"answer").hexdigest()
    by_alice = wire.sign_response(ALICE, signed(), 200, digest)
    with pytest.raises(wire.BadResponse, match="was asked"):
        wire.read_response(signed(), 200, by_alice.headers.items(), digest)
    with pytest.raises(wire.BadResponse, match="is not signed"):
        wire.read_response(signed(), 200, {}.items(), digest)
    with pytest.raises(wire.BadResponse, match="to another request"):
        wire.check_response(signed(body=b"other"), wire.sign_response(BOB, signed(), 200, digest))


@given(st.lists(st.tuples(st.sampled_from(sorted(signed().headers)), st.text(max_size=140)), max_size=8))
def test_no_headers_at_all_can_do_worse_than_be_refused(headers: list[tuple[str, str]]) -> None:
    try:
        request = wire.parse_request("POST", "/", headers, signed().body_sha256)
    except wire.MalformedAuth:
        return
    with pytest.raises(wire.BadSignature):
        wire.check_signature(request)
