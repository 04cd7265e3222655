"""What ties a commit on the chain to the bundles that it came from, without a word of them being public.

A commit is a hash over weights and salt. Here the salt is itself a hash: BLAKE2b-256 of a secret of 32 random
bytes and the name of the weights' bundle. Until the reveal nobody can guess it; afterwards whoever is given
secret and bundle can see that the bundle, and every step that it names, was there before the commit. Making
two bundles that fit one commit means to find a collision of BLAKE2b-256.
"""

from __future__ import annotations

import struct
from dataclasses import asdict, dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Any

from meritnet.chain.errors import MeritnetError
from meritnet.consensus.commit import commit_hash
from meritnet.subnets.wire import public_key
from meritnet.validator.durable import read_json

SECRET_BYTES = 32
SALT_VALUES = 16
"""Salt as the chain takes it: u16, little-endian, 32 bytes together."""
PROOF_SUFFIX = ".proof.json"


class InvalidProof(MeritnetError):
    """A proof that does not fit its bundle, or is none."""


def bound_salt(secret: bytes, bundle: str) -> tuple[int, ...]:
    """The salt that binds the bundle of this name, as hard to guess as the secret."""
    digest = blake2b(secret + bytes.fromhex(bundle), digest_size=32, person=b"meritnet-salt").digest()
    return struct.unpack(f"<{SALT_VALUES}H", digest)


@dataclass(frozen=True)
class Proof:
    """A revealed commit with the secret of its salt; written once the reveal is on the chain."""

    netuid: int
    validator: str
    epoch: int
    block: int
    """The block that took the commit in."""
    commit_hash: str
    uids: tuple[int, ...]
    values: tuple[int, ...]
    version_key: int
    secret: str = field(repr=False)
    bundle: str

    def check(self) -> None:
        """Raises ``InvalidProof`` unless the committed hash is that of these weights and this bundle."""
        try:
            salt = bound_salt(bytes.fromhex(self.secret), self.bundle)
            key = public_key(self.validator)
            found = commit_hash(key, self.netuid, self.uids, self.values, salt, self.version_key).hex()
        except (ValueError, OverflowError) as error:
            raise InvalidProof(f"no proof: {error}") from error
        if found != self.commit_hash:
            raise InvalidProof("the committed hash is not that of this bundle, secret and weights")

    def fields(self) -> dict[str, Any]:
        """The proof as JSON values."""
        return asdict(self)


def proof_path(bundle: Path) -> Path:
    """The proof beside a bundle's file."""
    return bundle.with_name(bundle.stem + PROOF_SUFFIX)


def read_proof(path: Path) -> Proof | None:
    """The proof in a file, ``None`` without one. Raises ``InvalidProof``."""
    fields = read_json(path)
    if fields is None:
        return None
    try:
        return Proof(**{**fields, "uids": tuple(fields["uids"]), "values": tuple(fields["values"])})
    except (TypeError, KeyError, AttributeError) as error:
        raise InvalidProof(f"{path.name} is no proof: {error}") from error
