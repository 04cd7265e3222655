"""What starting the command costs: `meritnet --help`, and one read from a running node.

Rival of both: the bare interpreter in the same minutes. Prints the median of several runs in seconds and
the ratio.
"""

import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

RUNS = 7
PYTHON = sys.executable
MERITNET = [PYTHON, "-m", "meritnet"]


def median_s(command: list[str]) -> float:
    """Return the median wall time of a command over several runs, in seconds."""
    times = []
    for _ in range(RUNS):
        begun = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True, timeout=60)
        times.append(time.perf_counter() - begun)
    return statistics.median(times)


def free_port() -> int:
    """Return a port of loopback that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def main() -> None:
    """Print the figures."""
    bare = median_s([PYTHON, "-c", "pass"])
    print(f"bare interpreter         {bare:6.3f} s")
    for label, arguments in (("meritnet --help", ["--help"]), ("meritnet chain --help", ["chain", "--help"])):
        took = median_s([*MERITNET, *arguments])
        print(f"{label:24} {took:6.3f} s   {took / bare:5.1f} x the bare interpreter")
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        start = [
            "chain",
            "start",
            "--base-path",
            str(Path(folder) / "chain"),
            "--seal",
            "instant",
            "--rpc-port",
            str(port),
        ]
        node = subprocess.Popen([*MERITNET, *start], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            while socket.socket().connect_ex(("127.0.0.1", port)):
                if time.perf_counter() - started > 60:
                    sys.exit("the node did not start within 60 s")
                time.sleep(0.01)
            print(f"chain start to open port {time.perf_counter() - started:6.3f} s")
            took = median_s([*MERITNET, "subnet", "list", "--endpoint", f"ws://127.0.0.1:{port}"])
            print(f"{'meritnet subnet list':24} {took:6.3f} s   {took / bare:5.1f} x the bare interpreter")
        finally:
            node.terminate()
            node.wait(30)


if __name__ == "__main__":
    main()
