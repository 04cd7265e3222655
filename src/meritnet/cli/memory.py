"""Memory that is free goes back to the system.

glibc learns from large blocks: once one of 10 MB was freed, it keeps the next ones in its arenas, of which
every thread has its own. A node that was sent a few large requests would stay larger for good.
"""

from __future__ import annotations

import ctypes
import os

LARGE_BYTES = 1 << 20
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
"""``mallopt``'s numbers of what it sets."""


def give_back_large_blocks() -> bool:
    """Let every block from a megabyte be mapped by itself, and unmapped when it is freed.

    Whether the C library can; only glibc needs it.
    """
    if os.name != "posix":
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    return all(mallopt(what, LARGE_BYTES) == 1 for what in (_MMAP_THRESHOLD, _TRIM_THRESHOLD))
