"""Count retired words in code and documents; more than 2 per 1,000 lines of any part fail the check."""

import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
PARTS: Final = {
    "src": ("backend/src", "backend/devtools", "backend/alembic", "backend/scripts", "uvw"),
    "tests": ("backend/tests", "backend/system_tests"),
    "faults": ("backend/faults",),
    "benchmarks": ("backend/benchmarks",),
    "docs": ("docs", "README.md", "CLAUDE.md", "backend/CLAUDE.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"),
}
MAX_PER_1000_LINES: Final = 2.0
RETIRED: Final = re.compile(
    r"(?<![A-Za-z])("
    r"what|whatever|who|whoever|whosever|whom|tell|tells|telling|told|mend|mends|mended|mending|lend|lends|lent"
    r"|lending|lender|goodbye|meanwhile|anew|beside|of ours|so many|answer|answers|answered|answering|refuse|refuses"
    r"|refused|refusing|refusal|refusals|kept|shown|given|said|look|looks|looked|looking|ask|asks|asked|asking"
    r"|house|houses|floor|floors|doors|crowd|weather|mood|moods|grief|deeds"
    r")(?![A-Za-z])",
    re.IGNORECASE,
)
ALLOWED: Final = re.compile(r"import .*\bgiven\b|@given\(|Riverside House|\"House\"|\bgiven, (settings|strategies)\b")
"""Hypothesis's decorator, and the name of a hotel."""


def count(part: tuple[str, ...]) -> tuple[Counter[str], int]:
    """The retired words and the number of lines in the tracked text files of a part."""
    listed = subprocess.run(  # noqa: S603  only constants of this file
        ["git", "ls-files", "-co", "--exclude-standard", "--", *part],  # noqa: S607  git is found in PATH
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    words: Counter[str] = Counter()
    lines = 0
    for name in listed.stdout.splitlines():
        path = ROOT / name
        if name.endswith(("check_prose.py", ".json")) or not path.is_file():
            continue
        for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
            lines += 1
            if not ALLOWED.search(line):
                words.update(word.lower() for word in RETIRED.findall(line))
    return words, lines


def main() -> int:
    """Print the density of every part; the exit code is 1 if one is above the limit."""
    failed = False
    for name, part in PARTS.items():
        words, lines = count(part)
        density = 1000 * words.total() / max(lines, 1)
        failed |= density > MAX_PER_1000_LINES
        sys.stdout.write(f"{name}: {words.total()} in {lines:,} lines, {density:.1f} per 1,000\n")
        if density > MAX_PER_1000_LINES:
            sys.stdout.write("  " + ", ".join(f"{word} {number}" for word, number in words.most_common(15)) + "\n")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
