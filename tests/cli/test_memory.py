"""What was large and is free is the system's again, also after the C library has seen larger."""

import subprocess
import sys

import pytest

GROWN_MIB = """
import os, sys
from meritnet.cli.memory import give_back_large_blocks

def resident_mib():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE") / 2**20

if not give_back_large_blocks():
    sys.exit(3)
before = resident_mib()
large = bytearray(20 << 20)
del large
held = [bytearray(15 << 20) for _ in range(4)]
pin = bytes(100_000)  # above them, so that nothing below could be trimmed
held.clear()
print(resident_mib() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_large_blocks_are_given_back() -> None:
    done = subprocess.run(
        [sys.executable, "-c", GROWN_MIB], capture_output=True, text=True, timeout=60, check=False
    )
    if done.returncode == 3:
        pytest.skip("this C library has no mallopt")
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) < 10
