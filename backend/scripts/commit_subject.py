"""Reject a commit whose subject is not a conventional one: `feat: …`, `fix(importer): …`, `perf!: …`."""

import os
import re
import sys
from pathlib import Path
from typing import Final

_SUBJECT: Final = re.compile(r"(build|chore|ci|docs|feat|fix|perf|refactor|style|test)(\([\w-]+\))?!?: \S.{0,90}")


def main(message_file: str) -> int:
    """The exit code: 0 if the first line of the file holds a conventional subject."""
    subject = (Path(os.environ.get("INIT_CWD", ".")) / message_file).read_text(encoding="utf-8").splitlines()[0]
    if _SUBJECT.fullmatch(subject):
        return 0
    sys.stderr.write("The subject must read like `feat: list deals` and have at most 100 characters.\n")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
