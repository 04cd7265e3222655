"""Files by content id: whole or not at all, bounded, never outside the store."""

import os
from pathlib import Path

import pytest

from meritnet.subnets.artifacts import ArtifactError, ArtifactStore, content_id_of, read_verified

# SHA-256 of "abc", FIPS 180-4 appendix B.1.
ABC = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


@pytest.fixture
def store(tmp_path: Path) -> ArtifactStore:
    return ArtifactStore(tmp_path / "store")


def test_what_is_put_in_comes_out_under_its_hash(store: ArtifactStore) -> None:
    assert store.put(b"abc") == ABC
    assert store.put(b"abc") == ABC
    assert b"".join(store.stream(ABC)) == b"abc"
    assert read_verified(store.path(ABC), ABC, 3) == b"abc"


def test_a_file_with_another_hash_never_appears(store: ArtifactStore) -> None:
    with pytest.raises(ArtifactError, match="content has id"), store.receiving(ABC, 100) as sink:
        sink.write(b"abd")
    assert ABC not in store
    assert list(store.directory.iterdir()) == []


def test_a_broken_transfer_leaves_nothing(store: ArtifactStore) -> None:
    def broken() -> None:
        with store.receiving(ABC, 100) as sink:
            sink.write(b"ab")
            raise ConnectionError

    with pytest.raises(ConnectionError):
        broken()
    assert list(store.directory.iterdir()) == []


def test_a_transfer_stops_at_its_bound(store: ArtifactStore) -> None:
    with pytest.raises(ArtifactError, match="larger than 2 bytes"), store.receiving(ABC, 2) as sink:
        sink.write(b"abc")
    assert ABC not in store


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "", "a" * 63, "A" * 64, "g" * 64, ABC + "\n", ABC + "/x"]
)
def test_only_content_ids_are_names(store: ArtifactStore, name: str) -> None:
    assert name not in store
    with pytest.raises(ArtifactError):
        store.path(name)
    with pytest.raises(ArtifactError), store.receiving(name, 10):
        pass


def test_a_full_store_forgets_the_least_recently_used(tmp_path: Path) -> None:
    store = ArtifactStore(tmp_path, max_store_bytes=250)
    first, second = store.put(b"1" * 100), store.put(b"2" * 100)
    os.utime(tmp_path / first, (2, 2))
    os.utime(tmp_path / second, (1, 1))
    third = store.put(b"3" * 100)
    assert first in store
    assert second not in store
    assert third in store


def test_a_file_that_changed_on_disk_is_not_used(store: ArtifactStore) -> None:
    path = store.path(store.put(b"abc"))
    path.write_bytes(b"abd")
    with pytest.raises(ArtifactError, match="does not match"):
        read_verified(path, ABC, 10)
    path.write_bytes(b"abcabcabcabc")
    with pytest.raises(ArtifactError, match="larger than 10"):
        read_verified(path, content_id_of(b"abcabcabcabc"), 10)
