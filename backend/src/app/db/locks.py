"""The numbers of PostgreSQL's advisory locks that more than one part of the service uses. They are arbitrary."""

from typing import Final

MIGRATION_LOCK: Final = int.from_bytes(b"migrate")
"""One session migrates at a time."""
IMPORT_LOCK: Final = int.from_bytes(b"deals")
"""One session imports at a time, and none while another one migrates."""
