"""What Grace can turn, one lever a file; each is found by its entry point in `pyproject.toml`."""
