"""What a machine has to give, within the limits of its control groups."""

import os
from pathlib import Path

from meritnet.subnets.models import machine

GIB = 2**30
MEMINFO = "MemTotal:       32000000 kB\nMemFree:          100000 kB\nMemAvailable:   20971520 kB\n"


def root(tmp_path: Path, groups: str, files: dict[str, object]) -> Path:
    """A root with the given control groups."""
    written = {"proc/meminfo": MEMINFO, "proc/self/cgroup": groups} | files
    for name, text in written.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(f"{text}\n")
    return tmp_path


def test_without_limits_it_is_what_the_kernel_can_give(tmp_path: Path) -> None:
    files = {"sys/fs/cgroup/memory.max": "max", "sys/fs/cgroup/memory.current": GIB}
    assert machine.free_memory(root(tmp_path, "0::/", files)) == 20 * GIB


def test_a_limit_counts_less_what_is_used_and_cannot_be_dropped(tmp_path: Path) -> None:
    group = "sys/fs/cgroup/outer/inner"
    files = {
        f"{group}/memory.max": 4 * GIB,
        f"{group}/memory.current": 3 * GIB,
        f"{group}/memory.stat": f"anon 5\ninactive_file {GIB}\n",
    }
    assert machine.free_memory(root(tmp_path, "0::/outer/inner", files)) == 2 * GIB


def test_the_tightest_of_all_groups_above_decides(tmp_path: Path) -> None:
    files = {
        "sys/fs/cgroup/outer/inner/memory.max": "max",
        "sys/fs/cgroup/outer/inner/memory.current": GIB,
        "sys/fs/cgroup/outer/memory.max": 2 * GIB,
        "sys/fs/cgroup/outer/memory.current": GIB,
    }
    assert machine.free_memory(root(tmp_path, "0::/outer/inner", files)) == GIB


def test_version_1_and_a_group_beyond_its_limit(tmp_path: Path) -> None:
    group = "sys/fs/cgroup/memory/box"
    files: dict[str, object] = {
        f"{group}/memory.limit_in_bytes": GIB,
        f"{group}/memory.usage_in_bytes": 2 * GIB,
        "sys/fs/cgroup/memory/memory.limit_in_bytes": 2**63 - 4096,
        "sys/fs/cgroup/memory/memory.usage_in_bytes": 9 * GIB,
    }
    assert machine.free_memory(root(tmp_path, "5:cpu,memory:/box\n1:name=systemd:/", files)) == 0


def test_where_nothing_is_known_it_is_the_whole_memory(tmp_path: Path) -> None:
    whole = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    assert machine.free_memory(tmp_path) == whole
    assert 0 < machine.own_memory() < whole
    assert 0 < machine.free_memory() <= whole


def test_disk_of_a_folder_that_is_not_there_yet(tmp_path: Path) -> None:
    assert machine.free_disk(tmp_path / "not" / "yet") > 0
