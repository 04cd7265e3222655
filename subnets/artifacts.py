"""Files named by what is in them: content id = SHA-256 of the whole content, in lower-case hex.

A file in the store is complete and was verified when it came in: it is written to a temporary name, hashed on
the way, and renamed only if the hash is the one that was asked for. Sizes are bounded before any read.
"""

import hashlib
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from meritnet.chain.errors import MeritnetError

MAX_ARTIFACT_BYTES = 64 * 2**20
MAX_STORE_BYTES = 512 * 2**20
CHUNK_BYTES = 1 << 16

_CONTENT_ID = re.compile(r"[0-9a-f]{64}")


class ArtifactError(MeritnetError):
    """A file is missing, too large, or not what its content id says."""


def content_id_of(data: bytes) -> str:
    """Content id of bytes in memory."""
    return hashlib.sha256(data).hexdigest()


def is_content_id(text: str) -> bool:
    """Say whether `text` has the form of a content id, and so is safe as a file name."""
    return _CONTENT_ID.fullmatch(text) is not None


class Sink:
    """Takes a file in pieces, hashes it on the way, refuses to grow beyond its bound."""

    def __init__(self, descriptor: int, max_bytes: int) -> None:
        self._descriptor = descriptor
        self._max_bytes = max_bytes
        self._hash = hashlib.sha256()
        self.size_bytes = 0

    @property
    def content_id(self) -> str:
        """Content id of what has been written so far."""
        return self._hash.hexdigest()

    def write(self, chunk: bytes) -> None:
        """Append a piece. Raises ArtifactError once the bound is passed."""
        self.size_bytes += len(chunk)
        if self.size_bytes > self._max_bytes:
            raise ArtifactError(f"artifact is larger than {self._max_bytes:,} bytes")
        self._hash.update(chunk)
        view = memoryview(chunk)
        while view:
            view = view[os.write(self._descriptor, view) :]


class ArtifactStore:
    """A directory of verified files; the least recently used go when it grows beyond `max_store_bytes`."""

    def __init__(self, directory: Path, *, max_store_bytes: int = MAX_STORE_BYTES) -> None:
        self.directory = directory
        self.max_store_bytes = max_store_bytes
        directory.mkdir(parents=True, exist_ok=True)

    def __contains__(self, content_id: str) -> bool:
        return is_content_id(content_id) and (self.directory / content_id).is_file()

    def put(self, data: bytes) -> str:
        """Store bytes and return their content id. Raises ArtifactError if they are too many."""
        content_id = content_id_of(data)
        if content_id not in self:
            with self.receiving(content_id, MAX_ARTIFACT_BYTES) as sink:
                sink.write(data)
        return content_id

    def path(self, content_id: str) -> Path:
        """File of a content id, marked as just used. Raises ArtifactError if it is not here."""
        if content_id not in self:
            raise ArtifactError("no such artifact")
        path = self.directory / content_id
        os.utime(path)
        return path

    @contextmanager
    def receiving(self, content_id: str, max_bytes: int) -> Iterator[Sink]:
        """Give a sink; at the end of the block the file is verified and appears whole, or not at all.

        Raises ArtifactError for a malformed id, too many bytes, or content that has another id.
        """
        if not is_content_id(content_id):
            raise ArtifactError("a content id is 64 lower-case hex digits")
        descriptor, name = tempfile.mkstemp(prefix=".incoming-", dir=self.directory)
        try:
            sink = Sink(descriptor, max_bytes)
            yield sink
            if sink.content_id != content_id:
                raise ArtifactError(f"content has id {sink.content_id[:12]}…, not {content_id[:12]}…")
            os.fsync(descriptor)
            Path(name).replace(self.directory / content_id)
        finally:
            os.close(descriptor)
            Path(name).unlink(missing_ok=True)
        self._trim(keep=content_id)

    def stream(self, content_id: str) -> Iterator[bytes]:
        """Yield a file in pieces. Raises ArtifactError if it is not here."""
        path = self.path(content_id)
        with path.open("rb") as file:
            while chunk := file.read(CHUNK_BYTES):
                yield chunk

    def _trim(self, keep: str) -> None:
        """Delete the least recently used files until the store fits."""
        found = [(path.stat(), path) for path in self.directory.iterdir() if is_content_id(path.name)]
        excess = sum(status.st_size for status, _ in found) - self.max_store_bytes
        for status, path in sorted(found, key=lambda pair: pair[0].st_mtime_ns):
            if excess <= 0:
                return
            if path.name != keep:
                path.unlink(missing_ok=True)
                excess -= status.st_size


def read_verified(path: Path, content_id: str, max_bytes: int) -> bytes:
    """Read a file whole, checking size and content id before the bytes are used. Raises ArtifactError."""
    with path.open("rb") as file:
        data = file.read(max_bytes + 1)
    if len(data) > max_bytes:
        raise ArtifactError(f"artifact is larger than {max_bytes:,} bytes")
    if content_id_of(data) != content_id:
        raise ArtifactError("artifact does not match its content id")
    return data
