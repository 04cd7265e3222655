"""The runtime's WASM executed in this process; no clock, no randomness, no sockets."""
