"""One loaded model for everybody in a process. Importing this loads no torch."""

import atexit
import threading
from typing import TYPE_CHECKING

from meritnet.subnets.base import EngineSource, Report, ignore
from meritnet.subnets.models.loading import Loading, as_loading

if TYPE_CHECKING:
    from meritnet.subnets.models.engine import Engine


def shared_engine(wanted: Loading | str | None = None, report: Report = ignore) -> EngineSource:
    """Return a source that loads the model at its first call, once; other threads wait for it.

    What is only named is loaded by the defaults; None is the default model.
    The source raises ModelUnavailable.
    """
    lock = threading.Lock()
    loaded: list[Engine] = []

    def source() -> "Engine":
        with lock:
            if not loaded:
                from meritnet.subnets.models.engine import Engine

                loaded.append(Engine.load(as_loading(wanted), report))
                # A thread that is inside torch when the interpreter goes aborts the whole process.
                atexit.register(loaded[0].close)
            return loaded[0]

    return source
