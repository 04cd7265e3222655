"""A whole network on this machine: chain, miners and validators over loopback, and what each was paid."""
