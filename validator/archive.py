"""The bundles of one validator on disk: whole or not there, and never more than there is room for."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path

from meritnet.validator.bundle import (
    Bundle,
    InvalidBundle,
    StepBundle,
    WeightsBundle,
    decoded,
    encoded,
    name_of,
)
from meritnet.validator.durable import FRESH, write_bytes

MOST_BYTES = 512 * 2**20
MOST_FILES = 4096
SUFFIX = ".json"


class Archive:
    """A directory of bundles and of the proofs that belong to them.

    Beyond either bound the files written longest ago go first, whatever they are; the newest stays.
    """

    def __init__(
        self, directory: Path, *, most_bytes: int = MOST_BYTES, most_files: int = MOST_FILES
    ) -> None:
        self.directory = directory
        self._most_bytes = most_bytes
        self._most_files = most_files

    def path(self, name: str) -> Path:
        """Where the bundle of this name is, or would be."""
        return self.directory / (name + SUFFIX)

    def put(self, bundle: Bundle) -> str:
        """Keeps a bundle and returns its name; when this returns it survives a loss of power."""
        data = encoded(bundle)
        name = name_of(data)
        self.write(self.path(name), data)
        return name

    def write(self, path: Path, data: bytes) -> None:
        """Puts a file whole into the directory and makes room for it."""
        write_bytes(path, data)
        self._trim(path)

    def get(self, name: str) -> Bundle:
        """The bundle of this name. Raises ``InvalidBundle`` when it is gone, or not what its name says."""
        return opened(self.path(name))

    def back(self, name: str) -> Iterator[tuple[str, StepBundle]]:
        """The steps from this one back, the newest first; ends where they are no longer kept."""
        while name and self.path(name).exists():
            found = self.get(name)
            if not isinstance(found, StepBundle):
                raise InvalidBundle(f"{name} is no step")
            yield name, found
            name = found.previous

    def newest_weights(self, hidden: Collection[str] = ()) -> tuple[str, WeightsBundle] | None:
        """The row of weights that was written last, if one is kept; none of those named ``hidden``."""
        paths = [path for path in self._files() if "." not in path.stem and path.stem not in hidden]
        for path in sorted(paths, key=_age, reverse=True):
            found = opened(path)
            if isinstance(found, WeightsBundle):
                return path.stem, found
        return None

    def _files(self) -> list[Path]:
        return list(self.directory.glob("*" + SUFFIX))

    def _trim(self, newest: Path) -> None:
        for torn in self.directory.glob("*" + FRESH):  # what a crash left on its way
            torn.unlink(missing_ok=True)
        files = sorted(self._files(), key=_age)
        sizes = {path: path.stat().st_size for path in files}
        count, total = len(files), sum(sizes.values())
        for path in files:
            if count <= self._most_files and total <= self._most_bytes:
                return
            if path != newest:
                path.unlink(missing_ok=True)
                count, total = count - 1, total - sizes[path]


def opened(path: Path) -> Bundle:
    """The bundle in a file that is named by it. Raises ``InvalidBundle``."""
    try:
        if path.stat().st_size > MOST_BYTES:
            raise InvalidBundle(f"{path.name} is larger than any bundle")
        data = path.read_bytes()
    except OSError as error:
        raise InvalidBundle(f"{path} cannot be read: {error.strerror}") from error
    if path.stem != name_of(data):
        raise InvalidBundle(
            f"{path.name} is not what its name says: it was changed, or renamed",
            f"these bytes would be called {name_of(data)}{SUFFIX}",
        )
    return decoded(data)


def _age(path: Path) -> tuple[int, str]:
    return path.stat().st_mtime_ns, path.name
