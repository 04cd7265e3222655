"""Empty blocks a second, in memory and on disk, and with each block executed a second time.

No rival runs in the same process, so the figures are absolute; beside them stands what this machine does in
the same minutes (BLAKE2b of 1 KiB, a second), because its speed changes. Chopsticks 1.1.0 was measured at 4
to 6 blocks a second on such a machine with a smaller runtime.
"""

import statistics
import tempfile
import time
from collections.abc import Callable
from hashlib import blake2b
from pathlib import Path

from meritnet.chain.node.node import Node

BLOCKS = 150
PASSES = 5


def per_second(count: int, work: Callable[[], object]) -> float:
    """Median rate of several passes of ``count`` things that ``work`` does."""
    rates = []
    for _ in range(PASSES):
        begun = time.perf_counter()
        work()
        rates.append(count / (time.perf_counter() - begun))
    return statistics.median(rates)


def replayed(node: Node) -> None:
    """Execute the newest blocks again."""
    for number in range(node.head.number - BLOCKS + 1, node.head.number + 1):
        node.replay(number)


def main() -> None:
    """Print the figures."""
    kilobyte = bytes(1024)
    speed = per_second(20_000, lambda: [blake2b(kilobyte).digest() for _ in range(20_000)])
    print(f"this machine        {speed / 1e3:8.0f} thousand BLAKE2b of 1 KiB a second")
    with (
        tempfile.TemporaryDirectory() as folder,
        Node.open() as node,
        Node.open(base_path=Path(folder)) as kept,
    ):
        print(
            f"empty, in memory    {per_second(BLOCKS, lambda: node.advance(BLOCKS)):8.0f} blocks/s (absolute)"
        )
        print(
            f"empty, on disk      {per_second(BLOCKS, lambda: kept.advance(BLOCKS)):8.0f} blocks/s (absolute)"
        )
        print(f"executed again      {per_second(BLOCKS, lambda: replayed(node)):8.0f} blocks/s (absolute)")


if __name__ == "__main__":
    main()
