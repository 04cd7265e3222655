"""Bundles: named by their bytes, canonical, bounded on disk; and the salt that binds one to a commit."""

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from meritnet.chain.keys import KeyPair
from meritnet.consensus.commit import commit_hash
from meritnet.subnets.base import Task
from meritnet.subnets.receipts import Receipt
from meritnet.validator.archive import Archive, opened
from meritnet.validator.binding import InvalidProof, Proof, bound_salt, proof_path, read_proof
from meritnet.validator.bundle import (
    Entry,
    InvalidBundle,
    StepBundle,
    WeightsBundle,
    decoded,
    encoded,
    name_of,
)
from meritnet.validator.provenance import Origin
from meritnet.validator.scores import Average, moved
from meritnet.validator.view import Block

ORIGIN = Origin("0x00", 1, "5V", "quiz", {"LIMIT": 0.1}, "0.1.0", "")
AFTER = moved(None, "5M", 0.1, 7, "half")


def step_bundle(previous: str = "", number: int = 0) -> StepBundle:
    receipt = Receipt(3, "5M", Task("/q", b"\x00q", 5.0, 10), 0.1, "half", {"gap": 1e-17, "of": [1, None]})
    entries = (Entry(receipt, None, AFTER), Entry(receipt, AFTER, AFTER))
    candidates = ((3, "5M"), (4, "5N"))
    return StepBundle(ORIGIN, previous, Block(7, "0x42"), 2, number, "ab", candidates, 1, 0.2, entries)


def weights_bundle(previous: str = "") -> WeightsBundle:
    averages = ((3, AFTER),)
    return WeightsBundle(
        ORIGIN, previous, Block(9, "0x43"), 2, ("5V", "5M"), 0, 1, averages, (1,), (65_535,), 0
    )


@pytest.mark.parametrize("bundle", [step_bundle(), weights_bundle("cd" * 32)])
def test_a_bundle_reads_back_as_it_was(bundle: StepBundle | WeightsBundle) -> None:
    data = encoded(bundle)
    assert decoded(data) == bundle
    assert data == json.dumps(json.loads(data), sort_keys=True, separators=(",", ":")).encode()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff",
        b"[]",
        b"null",
        b'{"format": "meritnet-bundle/2"}',
        b"{" * 100_000,
        encoded(step_bundle()) + b"\n",
    ],
)
def test_other_bytes_are_no_bundle(data: bytes) -> None:
    with pytest.raises(InvalidBundle):
        decoded(data)


def test_no_byte_can_be_changed_under_the_same_name(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    path = archive.path(archive.put(step_bundle()))
    data = path.read_bytes()
    assert path.stem == name_of(data)
    for place in range(len(data)):
        path.write_bytes(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
        with pytest.raises(InvalidBundle, match="not what its name says"):
            opened(path)


def test_steps_are_followed_back_as_far_as_they_are_kept(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    names = [""]
    for number in range(4):
        names.append(archive.put(step_bundle(names[-1], number)))
    weights = archive.put(weights_bundle(names[-1]))
    assert [name for name, _ in archive.back(names[-1])] == names[:0:-1]
    assert archive.newest_weights() == (weights, weights_bundle(names[-1]))
    archive.path(names[2]).unlink()
    assert [step.step for _, step in archive.back(names[-1])] == [3, 2]
    with pytest.raises(InvalidBundle, match="is no step"):
        list(archive.back(weights))


def test_the_oldest_go_first_and_the_newest_stays(tmp_path: Path) -> None:
    archive = Archive(tmp_path, most_files=3)
    names = []
    for number in range(5):
        names.append(archive.put(step_bundle(number=number)))
        os.utime(archive.path(names[-1]), ns=(number, number))
    assert {path.stem for path in tmp_path.iterdir()} == set(names[2:])
    one = len(encoded(step_bundle()))
    small = Archive(tmp_path, most_bytes=one // 2)
    last = small.put(step_bundle(number=9))
    assert [path.stem for path in tmp_path.iterdir()] == [last]


def test_what_a_crash_left_on_its_way_goes_with_the_next(tmp_path: Path) -> None:
    (tmp_path / "torn.json.new").write_bytes(b"{")
    archive = Archive(tmp_path)
    name = archive.put(step_bundle())
    assert [path.stem for path in tmp_path.iterdir()] == [name]
    assert archive.path(name).stat().st_mode & 0o777 == 0o600


def test_the_salt_binds_and_hides() -> None:
    secret, bundle = bytes(range(32)), "ab" * 32
    salt = bound_salt(secret, bundle)
    assert len(salt) == 16
    assert all(0 <= value < 2**16 for value in salt)
    assert salt == bound_salt(secret, bundle)
    assert salt != bound_salt(secret, "ac" + "ab" * 31)
    assert salt != bound_salt(bytes(32), bundle)


def test_a_proof_falls_with_any_change(tmp_path: Path) -> None:
    pair, secret, bundle = KeyPair.from_uri("//Bob"), "07" * 32, "ab" * 32
    salt = bound_salt(bytes.fromhex(secret), bundle)
    digest = commit_hash(pair.public, 7, (3,), (65_535,), salt, 1).hex()
    proof = Proof(7, pair.address, 5, 90, digest, (3,), (65_535,), 1, secret, bundle)
    proof.check()
    changes = (
        {"netuid": 8},
        {"validator": KeyPair.from_uri("//Eve").address},
        {"uids": (4,)},
        {"uids": (70_000,)},
        {"values": (65_534,)},
        {"version_key": 2},
        {"secret": "08" * 32},
        {"secret": "no hex"},
        {"bundle": "ac" * 32},
    )
    for change in changes:
        with pytest.raises(InvalidProof):
            replace(proof, **change).check()  # type: ignore[arg-type]
    path = proof_path(tmp_path / f"{bundle}.json")
    assert read_proof(path) is None
    path.write_text(json.dumps(proof.fields()))
    assert read_proof(path) == proof
    path.write_text("[]")
    with pytest.raises(InvalidProof):
        read_proof(path)


def test_averages_of_two_lives_are_the_same_numbers() -> None:
    """What an audit computes again must be equal, not near."""
    average: Average | None = None
    for number in range(50):
        average = moved(average, "h", (number * 0.37) % 1, number, "")
        entry = replace(step_bundle().entries[0], after=average)
        (again, *_) = decoded(encoded(replace(step_bundle(), entries=(entry,)))).entries  # type: ignore[union-attr]
        assert again.after == average
