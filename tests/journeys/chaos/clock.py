"""Runs ``meritnet`` with a wall clock that somebody else may set, as a broken time service would.

    python clock.py FILE miner run …

``FILE`` holds the seconds by which this process's clock is ahead; it is read at every look at the clock.
Monotonic time goes on as it is.
"""

import os
import runpy
import sys
import time

OFFSET = os.open(sys.argv[1], os.O_RDONLY)
_true_time, _true_time_ns = time.time, time.time_ns


def offset_s() -> int:
    return int(os.pread(OFFSET, 32, 0))


time.time = lambda: _true_time() + offset_s()
time.time_ns = lambda: _true_time_ns() + offset_s() * 10**9

sys.argv = ["meritnet", *sys.argv[2:]]
sys.path[0] = ""
runpy.run_module("meritnet", run_name="__main__", alter_sys=True)
