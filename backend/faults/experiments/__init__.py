"""Experiments that measure the promises of docs/reliability.md: `python -m faults.experiments --help`."""
