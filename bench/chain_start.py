"""How long a chain takes to start: from a fresh process to genesis, with and without the compiled module.

Rival: the bare interpreter in the same minutes. Medians in seconds. ``cold`` compiles the runtime,
``cached`` finds it compiled; ``reopen`` is a chain of 200 blocks on disk.
"""

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

RUNS = 5
PYTHON = sys.executable
OPEN = "import sys; from pathlib import Path; from meritnet.chain.node.node import Node\n"
IN_MEMORY = OPEN + "Node.open().close()"
ON_DISK = OPEN + "Node.open(base_path=Path(sys.argv[1])).close()"
MAKE = OPEN + "n = Node.open(base_path=Path(sys.argv[1])); n.advance(200); n.close()"


def taken_s(code: str, *arguments: str, cache: str | None = None) -> float:
    """Wall time of a fresh interpreter that runs ``code``; ``cache`` is its cache directory."""
    environment = None if cache is None else {"XDG_CACHE_HOME": cache, "PATH": "/usr/bin:/bin"}
    begun = time.perf_counter()
    subprocess.run([PYTHON, "-c", code, *arguments], check=True, env=environment, timeout=120)
    return time.perf_counter() - begun


def main() -> None:
    """Print the figures."""
    bare = statistics.median(taken_s("pass") for _ in range(RUNS))
    print(f"bare interpreter   {bare:6.3f} s")
    with tempfile.TemporaryDirectory() as folder:
        cold = [taken_s(IN_MEMORY, cache=str(Path(folder) / str(run))) for run in range(3)]
        chain = str(Path(folder) / "chain")
        taken_s(MAKE, chain)
        rows = {
            "cold": statistics.median(cold),
            "cached": statistics.median(taken_s(IN_MEMORY) for _ in range(RUNS)),
            "new on disk": statistics.median(taken_s(ON_DISK, f"{chain}-{run}") for run in range(RUNS)),
            "reopen 200 blocks": statistics.median(taken_s(ON_DISK, chain) for _ in range(RUNS)),
        }
    for label, took in rows.items():
        print(f"{label:18} {took:6.3f} s   {took / bare:5.1f} x the bare interpreter")


if __name__ == "__main__":
    main()
