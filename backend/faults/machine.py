"""The machine and the versions that a figure was measured with."""

import os
import platform
import re
import shutil
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import Final

from devtools.postgres.account import bundled_programs
from faults.processes import BACKEND

_LIBRARIES: Final = ("fastapi", "starlette", "uvicorn", "sqlalchemy", "asyncpg", "pydantic")
_CPU_MODEL: Final = re.compile(r"^model name\s*:\s*(.+)$", re.MULTILINE)


def describe_machine() -> str:
    """Versions, the git revision if there is one, and the processor."""
    facts = {
        "Python": platform.python_version(),
        "PostgreSQL": _get_output(str(bundled_programs() / "postgres"), "--version").split()[-1],
        **{name: version(name) for name in _LIBRARIES},
        "revision": _get_revision(),
        "cores": f"{os.cpu_count()} ({_get_cpu_model()})",
    }
    return ", ".join(f"{name} {value}" for name, value in facts.items())


def _get_revision() -> str:
    git = shutil.which("git")
    if git is None or not (revision := _get_output(git, "rev-parse", "--short", "HEAD")):
        return "unknown"
    return f"{revision} with local changes" if _get_output(git, "status", "--porcelain") else revision


def _get_output(*command: str) -> str:
    """The standard output; empty if the command fails."""
    run = subprocess.run(command, cwd=BACKEND, capture_output=True, text=True, check=False)  # noqa: S603  git, postgres
    return run.stdout.strip() if run.returncode == 0 else ""


def _get_cpu_model() -> str:
    try:
        model = _CPU_MODEL.search(Path("/proc/cpuinfo").read_text())
    except OSError:
        return platform.machine()
    return model[1] if model else platform.machine()
