"""The adapter that a miner offers: the file in the store, and beside it a line that says which one it is."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from meritnet.subnets.artifacts import ArtifactStore

RECORD = "adapter.json"


@dataclass(frozen=True)
class Published:
    """An adapter on offer."""

    content_id: str
    size_bytes: int
    steps: int
    model: str
    """Name of the base model that it fits."""


class Shelf:
    """Holds one adapter at a time in a miner's directory; survives restarts."""

    def __init__(self, data_dir: Path) -> None:
        self._record = data_dir / RECORD
        self.store = ArtifactStore(data_dir / "artifacts")

    def publish(self, adapter: bytes, steps: int, model: str) -> Published:
        """Put a new adapter on offer; the record is replaced as a whole."""
        published = Published(self.store.put(adapter), len(adapter), steps, model)
        draft = self._record.with_suffix(".new")
        draft.write_text(json.dumps(asdict(published)) + "\n")
        draft.replace(self._record)
        return published

    def on_offer(self, model: str) -> Published | None:
        """Give the adapter published before, if it is for this model and its file is still there."""
        try:
            published = Published(**json.loads(self._record.read_text()))
        except (FileNotFoundError, ValueError, TypeError):  # never published, or written by another version
            return None
        return published if published.model == model and published.content_id in self.store else None
