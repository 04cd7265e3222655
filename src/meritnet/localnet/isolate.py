"""The neurons of a local network, each in a process of its own."""
