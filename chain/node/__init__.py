"""A development node around the host."""
