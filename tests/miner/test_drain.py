"""SIGTERM, as a supervisor sends it: what is being answered is answered, then the process ends."""

import asyncio
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

from meritnet.cli.neurons import live


def test_sigterm_finishes_what_is_being_answered(serving_at: Callable[..., Any], tmp_path: Path) -> None:
    statuses: list[int] = []

    async def life(stop: asyncio.Event) -> None:
        async with asyncio.timeout(20), serving_at(tmp_path) as on:
            asked = asyncio.create_task(on.ask("/slow"))
            await on.until(lambda: on.admission.running)
            os.kill(os.getpid(), signal.SIGTERM)
            await stop.wait()
            stopped = asyncio.create_task(on.server.stop())
            await asyncio.sleep(0)
            on.role.release.set()
            await stopped
            statuses.append((await asked).status)

    live(life)
    assert statuses == [200]
