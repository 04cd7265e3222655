"""One loaded model for everybody."""

import subprocess
import sys
from pathlib import Path

import pytest

from meritnet.subnets.models.shared import shared_engine
from meritnet.subnets.models.tiny import save_tiny

PROGRAM = """
import asyncio, sys
from meritnet.subnets.models.sampling import Sampling
from meritnet.subnets.models.shared import shared_engine

async def main():
    engine = shared_engine(sys.argv[1])()
    asyncio.ensure_future(engine.generate([1, 2, 3], Sampling(bytes(32), 0.8, 4000)))
    await asyncio.sleep(0.05)

asyncio.run(main())
print("ended")
"""


def test_it_is_loaded_once(tmp_path: Path) -> None:
    source = shared_engine(str(save_tiny(tmp_path / "tiny")))
    assert source() is source()
    source().close()


@pytest.mark.slow
def test_a_process_that_ends_in_the_middle_of_an_answer_ends_cleanly(tmp_path: Path) -> None:
    folder = save_tiny(tmp_path / "tiny")
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(folder)], capture_output=True, text=True, timeout=120, check=False
    )
    assert (done.returncode, done.stdout.strip()) == (0, "ended"), done.stderr[-2000:]
