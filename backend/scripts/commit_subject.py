"""Reject a commit whose subject is not a conventional one: `feat: …`, `fix(importer): …`, `perf!: …`."""

import os
import re
import sys
from pathlib import Path
from typing import Final

_SUBJECT: Final = re.compile(r"(build|chore|ci|docs|feat|fix|perf|refactor|style|test)(\([\w-]+\))?!?: \S.*")
_MAX_LENGTH: Final = 100


def main(message_file: str) -> int:
    """The exit code: 0 if the first line of the file holds a conventional subject."""
    message = (Path(os.environ.get("INIT_CWD", ".")) / message_file).read_text(encoding="utf-8")
    subject = message.partition("\n")[0]
    if _SUBJECT.fullmatch(subject) and len(subject) <= _MAX_LENGTH:
        return 0
    sys.stderr.write(f"The subject must look like `feat: list deals` and have at most {_MAX_LENGTH} characters.\n")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
