"""Fixtures of the benchmarks' tests."""

from tests.conftest import own_url, server, settings

__all__ = ["own_url", "server", "settings"]
