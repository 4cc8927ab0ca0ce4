"""What the figures were measured on."""

import os
import platform
import re
import shutil
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import Final

from app.config import BACKEND
from devtools.postgres.account import bundled_programs

_LIBRARIES: Final = ("fastapi", "uvicorn", "asyncpg")
_PROCESSOR: Final = re.compile(r"^model name\s*:\s*(.+)$", re.MULTILINE)


def described() -> dict[str, str]:
    """Versions, the revision of the project if it is known, and the machine."""
    return {
        "Python": platform.python_version(),
        "PostgreSQL": _said(str(bundled_programs() / "postgres"), "--version").split()[-1],
        **{name: version(name) for name in _LIBRARIES},
        "revision": _revision(),
        "cores": f"{os.cpu_count()} ({_processor()})",
    }


def _revision() -> str:
    git = shutil.which("git")
    if git is None or not (found := _said(git, "rev-parse", "--short", "HEAD")):
        return "unknown"
    return f"{found} and changes" if _said(git, "status", "--porcelain") else found


def _said(*command: str) -> str:
    """What a command writes; nothing if it fails."""
    run = subprocess.run(command, cwd=BACKEND, capture_output=True, text=True, check=False)  # noqa: S603  ours
    return run.stdout.strip() if run.returncode == 0 else ""


def _processor() -> str:
    try:
        found = _PROCESSOR.search(Path("/proc/cpuinfo").read_text())
    except OSError:
        return platform.machine()
    return found[1] if found else platform.machine()
