"""psql on any of the service's databases, with whichever psql is at hand."""

import shutil
import signal
import subprocess
from pathlib import Path

from app.db.urls import libpq_url
from devtools.postgres.account import EmbeddedPostgresError, bundled_programs


class PsqlError(Exception):
    """There is no psql. The message is one sentence."""


def run_psql(url: str, *, bin_dir: Path | None) -> int:
    """Run psql until it is left; its exit code. Raises PsqlError if there is none."""
    program = _psql(bin_dir)
    handler = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        return subprocess.run([program, libpq_url(url)], check=False).returncode  # noqa: S603  a program of PostgreSQL's
    finally:
        signal.signal(signal.SIGINT, handler)


def _psql(bin_dir: Path | None) -> str:
    if bin_dir is not None:
        return str(bin_dir / "psql")
    if found := shutil.which("psql"):
        return found
    try:
        return str(bundled_programs() / "psql")
    except EmbeddedPostgresError:
        raise PsqlError("There is no psql: install it, or name its folder in APP_POSTGRES_BIN_DIR.") from None
