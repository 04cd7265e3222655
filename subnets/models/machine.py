"""What this machine has to give: memory within its limits, disk, GPUs. Importing this loads no torch."""

import os
import resource
import shutil
import sys
from pathlib import Path, PurePosixPath

KIB = 2**10
_MAX_LIMIT_BYTES = 2**60
"""Version 1 of control groups writes "no limit" as a number beyond this."""


def free_memory(root: Path = Path("/")) -> int:
    """Bytes that this process may still take: what the machine has free, and what its control groups allow.

    Pages of files that the kernel can drop count as free. `root` is where proc and sys lie.
    """
    fields = _fields(root / "proc/meminfo")
    if "MemAvailable" not in fields:  # no Linux: the whole memory is the best that is known
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return max(0, min([fields["MemAvailable"] * KIB, *_allowances(root)]))


def own_memory() -> int:
    """Bytes of memory that this process holds."""
    statm = Path("/proc/self/statm")
    if statm.is_file():
        return int(statm.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * KIB


def free_disk(folder: Path) -> int:
    """Bytes free where a folder is, or will be."""
    there = next(place for place in (folder.absolute(), *folder.absolute().parents) if place.exists())
    return shutil.disk_usage(there).free


def _allowances(root: Path) -> list[int]:
    """What each control group above this process leaves it, versions 1 and 2."""
    try:
        lines = (root / "proc/self/cgroup").read_text().splitlines()
    except OSError:
        return []
    found = []
    for line in lines:
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if controllers == "":
            places, names = root / "sys/fs/cgroup", ("memory.max", "memory.current", "inactive_file")
        elif "memory" in controllers.split(","):
            places = root / "sys/fs/cgroup/memory"
            names = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
        else:
            continue
        inner = PurePosixPath(path.strip().lstrip("/"))
        for group in (inner, *inner.parents):
            found += _allowance(places / group, *names)
    return found


def _allowance(group: Path, limit: str, used: str, droppable: str) -> list[int]:
    try:
        most, now = int((group / limit).read_text()), int((group / used).read_text())
    except (OSError, ValueError):  # no such group in this namespace, or its limit is "max"
        return []
    return [] if most >= _MAX_LIMIT_BYTES else [most - now + _fields(group / "memory.stat").get(droppable, 0)]


def _fields(file: Path) -> dict[str, int]:
    """Lines of a name and a number."""
    try:
        words = [line.replace(":", " ").split() for line in file.read_text().splitlines()]
    except OSError:
        return {}
    return {line[0]: int(line[1]) for line in words if len(line) > 1 and line[1].isdigit()}
