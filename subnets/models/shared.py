"""One loaded model for everybody in a process. Importing this loads no torch."""

import atexit
import threading
from typing import TYPE_CHECKING

from meritnet.subnets.base import EngineSource, Report, ignore

if TYPE_CHECKING:
    from meritnet.subnets.models.engine import Engine


def shared_engine(model: str | None = None, report: Report = ignore) -> EngineSource:
    """Return a source that loads the model at its first call, once; other threads wait for it.

    `model` is a name, a folder or a hub id, the default model if None. The source raises ModelUnavailable.
    """
    lock = threading.Lock()
    loaded: list[Engine] = []

    def source() -> "Engine":
        with lock:
            if not loaded:
                from meritnet.subnets.models.engine import Engine

                loaded.append(Engine.load(model, report) if model else Engine.load(report=report))
                # A thread that is inside torch when the interpreter goes aborts the whole process.
                atexit.register(loaded[0].close)
            return loaded[0]

    return source
