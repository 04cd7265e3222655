"""The executable specification: every protocol rule as numpy and integers."""
