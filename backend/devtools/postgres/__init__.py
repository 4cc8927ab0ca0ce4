"""Embedded PostgreSQL for development: the processes that use one data directory share a server."""

from devtools.postgres.account import EmbeddedPostgresError, bundled_programs
from devtools.postgres.address import ServerAddress
from devtools.postgres.embedded import EmbeddedPostgres
from devtools.postgres.server import StopMode

__all__ = ["EmbeddedPostgres", "EmbeddedPostgresError", "ServerAddress", "StopMode", "bundled_programs"]
