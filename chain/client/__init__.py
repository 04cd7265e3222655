"""The only door to the chain that miner, validator and CLI use."""
