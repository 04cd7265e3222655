"""The miner: serve a subnet's model and be paid for it."""
