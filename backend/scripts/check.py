"""Every quality gate, in the order in which they are quick to fail; the exit code of the first that does."""

import subprocess
import sys
from typing import Final

_GATES: Final = (
    ("ruff", "check", ".", "../uvw"),
    ("ruff", "format", "--check", ".", "../uvw"),
    ("lint-imports",),
    ("mypy",),
    ("pytest", "--cov"),
)


def main() -> int:
    """Run the gates that the arguments name by program, or all of them."""
    wanted = set(sys.argv[1:])
    for gate in _GATES:
        if wanted and gate[0] not in wanted:
            continue
        sys.stdout.write(f"\n$ {' '.join(gate)}\n")
        sys.stdout.flush()
        if code := subprocess.run(gate, check=False).returncode:  # noqa: S603  a fixed table of programs
            return code
    return 0


if __name__ == "__main__":
    sys.exit(main())
