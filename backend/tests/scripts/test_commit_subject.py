"""The check of commit subjects."""

import subprocess
import sys
from pathlib import Path

import pytest

from app.config import BACKEND


@pytest.mark.parametrize(
    ("subject", "is_accepted"),
    [
        ("feat: list deals", True),
        ("fix(importer)!: reject empty files", True),
        ("feat: " + "x" * 94, True),
        ("feat: " + "x" * 95, False),
        ("refactor(importer): " + "x" * 80, True),
        ("refactor(importer): " + "x" * 81, False),
        ("list deals", False),
        ("feat: ", False),
        ("", False),
    ],
)
def test_subject_is_conventional_and_has_at_most_100_characters(
    tmp_path: Path, subject: str, *, is_accepted: bool
) -> None:
    message = tmp_path / "message"
    message.write_text(f"{subject}\n\nbody\n")
    command = [sys.executable, "scripts/commit_subject.py", str(message)]
    done = subprocess.run(command, cwd=BACKEND, capture_output=True, text=True, check=False)
    assert (done.returncode == 0) == is_accepted
    assert ("at most 100 characters" in done.stderr) == (not is_accepted)
