"""Fixtures of the benchmarks' own tests."""

from tests.conftest import server, settings

__all__ = ["server", "settings"]
