"""Run quality gates, by name or all but `quick` and `system`; the exit code is that of the first gate that fails."""

import subprocess
import sys
from typing import Final

_GATES: Final = {
    "lint": ("ruff", "check", ".", "../uvw"),
    "format": ("ruff", "format", "--check", ".", "../uvw"),
    "prose": ("python", "scripts/check_prose.py"),
    "layers": ("lint-imports",),
    "types": ("mypy",),
    "quick": ("pytest", "-q", "-m", "not slow"),
    "system": ("pytest", "system_tests"),
    "tests": ("pytest", "tests", "benchmarks/tests", "devtools/tests", "faults/tests", "--cov"),
}
_DEFAULT: Final = ("lint", "format", "prose", "layers", "types", "tests")
"""`tests` includes `quick`; `system` needs Debian's nginx-light and redis-server."""


def main() -> int:
    for name in sys.argv[1:] or _DEFAULT:
        command = _GATES.get(name)
        if command is None:
            sys.stderr.write(f"There is no gate {name!r}; the gates are {', '.join(_GATES)}.\n")
            return 2
        sys.stdout.write(f"\n$ {' '.join(command)}\n")
        sys.stdout.flush()
        if code := subprocess.run(command, check=False).returncode:  # noqa: S603  a fixed table of programs
            return code
    return 0


if __name__ == "__main__":
    sys.exit(main())
