"""How neurons speak: HTTP requests signed by ``btauth/1``, and responses that the miner signs in turn.

The request half is Bittensor's ``btauth/1``, header for header. Eight lines, joined by newlines, are
signed by the sender's hotkey:

    btauth/1 · scheme · METHOD · target as sent · sha256(body) hex · nonce in ns · sender · receiver or "-"

The response half is ours. Eight lines are signed by the miner's hotkey:

    meritnet-response/1 · scheme · status · sha256(response body) hex · sha256(request lines) hex · nonce ·
    sender of the request · responder

so that whoever holds both messages holds evidence: this miner, asked exactly this, answered exactly that.

Nothing here keeps state or reads a clock; ``meritnet.miner.auth`` adds freshness and replay on top.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from hashlib import sha256

from meritnet.chain.errors import AuthError, InvalidKey
from meritnet.chain.keys import KeyPair, Scheme, ss58_decode, ss58_encode, verify

VERSION = "1"
HEADER_VERSION = "X-Bittensor-Version"
HEADER_HOTKEY = "X-Bittensor-Hotkey"
HEADER_RECEIVER = "X-Bittensor-Receiver"
HEADER_NONCE = "X-Bittensor-Nonce"
HEADER_CRYPTO = "X-Bittensor-Crypto"
HEADER_SIGNATURE = "X-Bittensor-Signature"

RESPONSE_VERSION = "X-Meritnet-Version"
RESPONSE_HOTKEY = "X-Meritnet-Hotkey"
RESPONSE_CRYPTO = "X-Meritnet-Crypto"
RESPONSE_SIGNATURE = "X-Meritnet-Signature"

MAX_AGE_NS = 10 * 10**9
"""A request older than this is stale; one of exactly this age is not."""
MAX_SKEW_NS = 2 * 10**9
"""A request from further in the future than this is refused; exactly this far is accepted."""

_SCHEMES: dict[str, Scheme] = {"sr25519": "sr25519", "ed25519": "ed25519"}
_NONCE = re.compile(r"0|[1-9][0-9]{0,19}")
_SIGNATURE = re.compile(r"0x[0-9a-fA-F]{128}")
_NOBODY = "-"


class MalformedAuth(AuthError):
    """A header of ``btauth/1`` is missing, doubled, or not of its form."""


class WrongReceiver(AuthError):
    """The request was signed for somebody else, or for nobody."""


class StaleRequest(AuthError):
    """The request's time is too far from this machine's."""


class BadSignature(AuthError):
    """The signature is not the sender's over this message under the scheme that it declares."""


class ReplayedRequest(AuthError):
    """This sender has used this nonce already."""


class BadResponse(AuthError):
    """A response that its miner did not sign, or signed for something else."""


@dataclass(frozen=True)
class SignedRequest:
    """The claim that a request's headers make, parsed but not believed yet."""

    scheme: Scheme
    method: str
    target: str
    body_sha256: str
    nonce_ns: int
    sender: str
    receiver: str | None
    signature: bytes

    @property
    def id(self) -> str:
        """Its name in the logs and traces of both sides: no sender uses a nonce twice."""
        return str(self.nonce_ns)

    @cached_property
    def payload(self) -> bytes:
        """The eight lines that the sender signs."""
        lines = (
            f"btauth/{VERSION}",
            self.scheme,
            self.method,
            self.target,
            self.body_sha256,
            str(self.nonce_ns),
            self.sender,
            self.receiver or _NOBODY,
        )
        return "\n".join(lines).encode()

    def with_body(self, body_sha256: str) -> SignedRequest:
        """The same claim about another body."""
        # Written out: `dataclasses.replace` takes twice as long, once for each request that is served.
        return SignedRequest(
            self.scheme,
            self.method,
            self.target,
            body_sha256,
            self.nonce_ns,
            self.sender,
            self.receiver,
            self.signature,
        )

    @property
    def headers(self) -> dict[str, str]:
        """The headers to send; the scheme goes unsaid when it is sr25519, the receiver when there is none."""
        headers = {
            HEADER_VERSION: VERSION,
            HEADER_HOTKEY: self.sender,
            HEADER_NONCE: str(self.nonce_ns),
            HEADER_SIGNATURE: "0x" + self.signature.hex(),
        }
        if self.scheme != "sr25519":
            headers[HEADER_CRYPTO] = self.scheme
        if self.receiver is not None:
            headers[HEADER_RECEIVER] = self.receiver
        return headers


@dataclass(frozen=True)
class SignedResponse:
    """What a miner vouches for when it answers a request."""

    scheme: Scheme
    status: int
    body_sha256: str
    request_sha256: str
    nonce_ns: int
    sender: str
    responder: str
    signature: bytes

    @property
    def payload(self) -> bytes:
        """The eight lines that the miner signs."""
        lines = (
            "meritnet-response/1",
            self.scheme,
            str(self.status),
            self.body_sha256,
            self.request_sha256,
            str(self.nonce_ns),
            self.sender,
            self.responder,
        )
        return "\n".join(lines).encode()

    @property
    def headers(self) -> dict[str, str]:
        """The response's headers."""
        return {
            RESPONSE_VERSION: VERSION,
            RESPONSE_HOTKEY: self.responder,
            RESPONSE_CRYPTO: self.scheme,
            RESPONSE_SIGNATURE: "0x" + self.signature.hex(),
        }


def sign_request(
    pair: KeyPair, method: str, target: str, body: bytes, receiver: str | None, nonce_ns: int
) -> SignedRequest:
    """A request as its sender signs it; ``target`` is path and query exactly as they go over the wire."""
    unsigned = SignedRequest(
        pair.scheme, method.upper(), target, _digest(body), nonce_ns, _address_of(pair.public), receiver, b""
    )
    return replace(unsigned, signature=pair.sign(unsigned.payload))


def parse_request(
    method: str, target: str, headers: Iterable[tuple[str, str]], body_sha256: str
) -> SignedRequest:
    """The claim in a request's headers, by shape alone. Raises ``MalformedAuth``, which names the header."""
    found = _single(headers, _REQUEST_HEADERS)
    if _required(found, HEADER_VERSION) != VERSION:
        raise MalformedAuth(f"{HEADER_VERSION} must be {VERSION}")
    sender = _address(_required(found, HEADER_HOTKEY), HEADER_HOTKEY)
    nonce = _required(found, HEADER_NONCE)
    if not _NONCE.fullmatch(nonce) or int(nonce) >= 2**64:
        raise MalformedAuth(f"{HEADER_NONCE} must be a time in nanoseconds")
    receiver = found.get(HEADER_RECEIVER.lower())
    return SignedRequest(
        _scheme(found.get(HEADER_CRYPTO.lower(), "sr25519"), HEADER_CRYPTO),
        method.upper(),
        target,
        body_sha256,
        int(nonce),
        sender,
        None if receiver is None else _address(receiver, HEADER_RECEIVER),
        _signature(_required(found, HEADER_SIGNATURE), HEADER_SIGNATURE),
    )


def check_receiver(request: SignedRequest, receiver: str) -> None:
    """Raises ``WrongReceiver`` unless the request was signed for this address."""
    if request.receiver != receiver:
        meant = "nobody" if request.receiver is None else request.receiver
        raise WrongReceiver(f"the request is for {meant}, this is {receiver}")


def check_freshness(request: SignedRequest, now_ns: int) -> None:
    """Raises ``StaleRequest`` when the nonce is more than 10 s old or more than 2 s ahead."""
    age_ns = now_ns - request.nonce_ns
    if age_ns > MAX_AGE_NS:
        raise StaleRequest(
            f"the request is {age_ns / 1e9:.1f} s old, at most {MAX_AGE_NS // 10**9} s are allowed"
        )
    if -age_ns > MAX_SKEW_NS:
        raise StaleRequest(
            f"the request is {-age_ns / 1e9:.1f} s ahead, at most {MAX_SKEW_NS // 10**9} s are allowed",
            "set this machine's clock, or the sender's",
        )


def check_signature(request: SignedRequest) -> None:
    """Raises ``BadSignature`` unless the sender signed these lines; only the declared scheme is tried."""
    if not verify(public_key(request.sender), request.payload, request.signature, request.scheme):
        raise BadSignature(f"the signature is not {request.sender}'s over this request")


def sign_response(pair: KeyPair, request: SignedRequest, status: int, body_sha256: str) -> SignedResponse:
    """What the miner sends beside its answer to a verified request."""
    unsigned = SignedResponse(
        pair.scheme,
        status,
        body_sha256,
        _digest(request.payload),
        request.nonce_ns,
        request.sender,
        _address_of(pair.public),
        b"",
    )
    return replace(unsigned, signature=pair.sign(unsigned.payload))


def read_response(
    request: SignedRequest, status: int, headers: Iterable[tuple[str, str]], body_sha256: str
) -> SignedResponse:
    """The response to our own request. Raises ``BadResponse`` if the one asked did not sign just this."""
    try:
        found = _single(headers, _RESPONSE_HEADERS)
        if _required(found, RESPONSE_VERSION) != VERSION:
            raise MalformedAuth(f"{RESPONSE_VERSION} must be {VERSION}")
        response = SignedResponse(
            _scheme(_required(found, RESPONSE_CRYPTO), RESPONSE_CRYPTO),
            status,
            body_sha256,
            _digest(request.payload),
            request.nonce_ns,
            request.sender,
            _address(_required(found, RESPONSE_HOTKEY), RESPONSE_HOTKEY),
            _signature(_required(found, RESPONSE_SIGNATURE), RESPONSE_SIGNATURE),
        )
    except MalformedAuth as error:
        raise BadResponse(f"the response is not signed: {error}") from error
    check_response(request, response)
    return response


def check_response(request: SignedRequest, response: SignedResponse) -> None:
    """Raises ``BadResponse`` unless the one asked signed this response to this request."""
    if request.receiver is not None and response.responder != request.receiver:
        raise BadResponse(f"{response.responder} answered, {request.receiver} was asked")
    same = (_digest(request.payload), request.nonce_ns, request.sender)
    if (response.request_sha256, response.nonce_ns, response.sender) != same:
        raise BadResponse("the response is to another request")
    if not verify(public_key(response.responder), response.payload, response.signature, response.scheme):
        raise BadResponse(f"the signature is not {response.responder}'s over this response")


_REQUEST_HEADERS = frozenset(
    name.lower()
    for name in (
        HEADER_VERSION,
        HEADER_HOTKEY,
        HEADER_RECEIVER,
        HEADER_NONCE,
        HEADER_CRYPTO,
        HEADER_SIGNATURE,
    )
)
_RESPONSE_HEADERS = frozenset(
    name.lower() for name in (RESPONSE_VERSION, RESPONSE_HOTKEY, RESPONSE_CRYPTO, RESPONSE_SIGNATURE)
)


def _single(headers: Iterable[tuple[str, str]], names: frozenset[str]) -> dict[str, str]:
    """Our headers by lower-case name. A doubled one is refused: two readers could believe two values."""
    found: dict[str, str] = {}
    for name, value in headers:
        key = name.lower()
        if key in names:
            if key in found:
                raise MalformedAuth(f"{name} is given twice")
            found[key] = value
    return found


def _required(found: Mapping[str, str], name: str) -> str:
    value = found.get(name.lower())
    if value is None:
        raise MalformedAuth(f"{name} is missing")
    return value


def _scheme(text: str, name: str) -> Scheme:
    scheme = _SCHEMES.get(text)
    if scheme is None:
        raise MalformedAuth(f"{name} must be sr25519 or ed25519")
    return scheme


def _signature(text: str, name: str) -> bytes:
    if not _SIGNATURE.fullmatch(text):
        raise MalformedAuth(f"{name} must be 0x and 128 hex digits")
    return bytes.fromhex(text[2:])


def _address(text: str, name: str) -> str:
    try:
        public_key(text)
    except InvalidKey as error:
        raise MalformedAuth(f"{name}: {error}") from error
    return text


@lru_cache(maxsize=4096)
def public_key(address: str) -> bytes:
    """The 32 bytes of an address, remembered: decoding costs as much as verifying."""
    return ss58_decode(address)


@lru_cache(maxsize=64)
def _address_of(public: bytes) -> str:
    return ss58_encode(public)


def _digest(data: bytes) -> str:
    return sha256(data).hexdigest()
