"""The command line; it holds no logic that a Python user lacks."""
