"""The Substrate chain: runtime, host, development node, RPC and client."""
