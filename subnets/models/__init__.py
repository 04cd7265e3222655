"""Language models that both miner and validator run."""
