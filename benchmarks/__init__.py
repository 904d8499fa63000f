"""Measurements and contact sheets that anyone can repeat: `python -m benchmarks.NAME --help`."""
