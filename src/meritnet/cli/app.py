"""The ``meritnet`` command."""


def main() -> None:
    """Run the command line."""
