"""Language models that both miner and validator run."""

import os

# Read once, when torch loads its thread pool. The default is to spin while waiting for another thread; where
# others work on the same two cores, that made every forward pass three times dearer (docs/log.md).
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
